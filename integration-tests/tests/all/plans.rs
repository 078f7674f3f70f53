//! Plans and who may change them.

use billing_proto::v1::{self, plan_service_client::PlanServiceClient};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Rest, bearer},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{advance, assert_refused, operator, refusal, user, with};

on_both_databases!(
    a_plan_looks_as_documented_from_its_creation_to_its_end,
    a_change_leaves_alone_what_it_does_not_name,
    the_same_plan_is_created_once_and_another_is_refused,
    a_faulty_plan_is_refused_and_names_every_field,
    only_operators_change_plans,
    plans_are_kept_over_grpc,
    a_plan_in_use_stays_on_offer_unless_its_subscribers_keep_it,
);

const CLOCK: &str = "2024-11-15T10:30:00Z";
const PLANS: &str = "/v1/billing/plans";
const TEAM: &str = r#"{"id":"plan-team","name":"Team","description":"For teams","monthly_quota":"5000000","monthly_price":299.9,"extra_token_price":0.000120,"support_level":"priority","max_concurrent_req":50,"rate_limit_per_min":600,"display_order":4,"features":["Up to 5M tokens per month","Shared keys"],"usage_pricing":"metered","overage_discount_rate":"0.95"}"#;

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock(CLOCK).start().await;
    let rest = operator(&server).await;
    (server, rest)
}

/// The team's plan as it is sent.
fn team(fee: &str, is_active: bool, updated_at: &str) -> String {
    format!(
        r#"{{"id":"plan-team","name":"Team","monthly_quota":5000000,"monthly_price":{fee},"extra_token_price":0.00012,"features":["Up to 5M tokens per month","Shared keys"],"description":"For teams","support_level":"priority","max_concurrent_req":50,"rate_limit_per_min":600,"is_active":{is_active},"display_order":4,"created_at":"2024-11-15T10:30:00Z","updated_at":"{updated_at}","usage_pricing":"metered","overage_discount_rate":0.95}}"#
    )
}

async fn listed(rest: &Rest, path: &str) -> Vec<String> {
    let plans = rest.get(path).await.json();
    let plans = plans["plans"].as_array().expect("plans are listed").iter();
    plans
        .map(|plan| plan["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn a_plan_looks_as_documented_from_its_creation_to_its_end(backend: Backend) {
    let (server, rest) = start(backend).await;
    let nobody = server.rest("");
    let path = "/v1/billing/plans/plan-team";
    let created = rest.post(PLANS, TEAM).await;
    assert_eq!(
        (created.status, created.body),
        (200, team("299.90", true, CLOCK))
    );
    assert_eq!(nobody.get(path).await.body, team("299.90", true, CLOCK));
    assert_eq!(listed(&nobody, PLANS).await[3], "plan-team");

    let later = "2024-11-15T10:30:01Z";
    advance(&server, later).await;
    let updated = rest.patch(path, r#"{"monthly_price":"300"}"#).await;
    assert_eq!(
        (updated.status, updated.body),
        (200, team("300.00", true, later))
    );

    let last = "2024-11-15T10:30:02Z";
    advance(&server, last).await;
    let end = format!("{path}/deactivate");
    for _ in 0..2 {
        let ended = rest.post(&end, "{}").await;
        assert_eq!(
            (ended.status, ended.body),
            (200, team("300.00", false, last))
        );
    }
    // It can be read, but is not on offer.
    assert_eq!(nobody.get(path).await.body, team("300.00", false, last));
    assert_eq!(listed(&nobody, PLANS).await.len(), 3);
    let all = "/v1/billing/plans?include_inactive=true";
    assert_eq!(listed(&rest, all).await.len(), 4);

    let back = rest.patch(path, r#"{"is_active":true}"#).await;
    assert_eq!(back.body, team("300.00", true, last));
    assert_eq!(listed(&nobody, PLANS).await.len(), 4);
}

async fn a_change_leaves_alone_what_it_does_not_name(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let path = "/v1/billing/plans/plan-pro";
    let mut expected = rest.get(path).await.json();
    for (field, value) in [
        ("name", json!("Professional")),
        ("description", json!("")),
        ("monthly_quota", json!(0)),
        ("monthly_price", json!(0.0)),
        ("extra_token_price", json!(0.0002)),
        ("features", json!(["All of it"])),
        ("support_level", json!("")),
        ("max_concurrent_req", json!(0)),
        ("rate_limit_per_min", json!(1)),
        ("display_order", json!(-1)),
        ("usage_pricing", json!("metered")),
        ("overage_discount_rate", json!(0.5)),
    ] {
        let mut change = json!({"description": null, "features": []});
        change[field] = value.clone();
        let changed = rest.patch(path, &change.to_string()).await.json();
        expected[field] = value;
        expected["updated_at"] = CLOCK.into();
        assert_eq!(changed, expected, "{field}");
        assert_eq!(rest.get(path).await.json(), expected, "{field}");
    }
    assert_eq!(rest.patch(path, "{}").await.json(), expected);
}

async fn the_same_plan_is_created_once_and_another_is_refused(backend: Backend) {
    let (server, rest) = start(backend).await;
    let created = rest.post(PLANS, TEAM).await;
    advance(&server, "2024-11-16T00:00:00Z").await;
    assert_eq!(rest.post(PLANS, TEAM).await, created);
    let other = TEAM.replace("Shared keys", "Own keys");
    assert_refused(&rest.post(PLANS, &other).await, 409, "PLAN_EXISTS", &[]);
    assert_eq!(rest.get("/v1/billing/plans/plan-team").await, created);
    for (path, body) in [
        ("/v1/billing/plans/none", None),
        ("/v1/billing/plans/none", Some(r#"{"name":"x"}"#)),
    ] {
        let answer = match body {
            None => rest.get(path).await,
            Some(body) => rest.patch(path, body).await,
        };
        assert_refused(&answer, 404, "PLAN_NOT_FOUND", &[]);
    }
    let answer = rest.post("/v1/billing/plans/none/deactivate", "{}").await;
    assert_refused(&answer, 404, "PLAN_NOT_FOUND", &[]);
}

/// Values of one field of a plan that are refused by naming it.
const FAULTY: [(&str, &str); 13] = [
    ("name", r#"["", " a", "a ", "a\nb", "a\u0000", 5, []]"#),
    ("description", r#"["a\u0000", 5, {}]"#),
    ("monthly_quota", r#"[-1, 1000000000001, 1.5, "x", true]"#),
    (
        "monthly_price",
        r#"[-0.01, 0.001, 1000000.01, "x", "", true, []]"#,
    ),
    (
        "extra_token_price",
        r#"[-0.1, "0.0000000000001", 10.1, "x", [], "NaN"]"#,
    ),
    ("support_level", r#"["a\tb", 5]"#),
    ("max_concurrent_req", r#"[-1, 2147483648, "x"]"#),
    ("rate_limit_per_min", r#"[-1, 1.5]"#),
    ("display_order", r#"[2147483648, "x"]"#),
    ("features", r#"["x", [""], ["a\nb"], {}]"#),
    ("usage_pricing", r#"["free", 7, true]"#),
    ("overage_discount_rate", r#"[-0.1, 1.1, 0.00001, "x"]"#),
    ("is_active", r#"[false, "true", 1]"#),
];

async fn a_faulty_plan_is_refused_and_names_every_field(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let all = "/v1/billing/plans?include_inactive=true";
    let before = rest.get(all).await;
    let mut faulty: Vec<(&str, Value)> = vec![
        ("name", "x".repeat(101).into()),
        ("description", "é".repeat(501).into()),
        ("support_level", "x".repeat(101).into()),
        ("features", vec!["x"; 51].into()),
        ("features", vec!["x".repeat(201)].into()),
    ];
    for (field, values) in FAULTY {
        let values: Vec<Value> = serde_json::from_str(values).unwrap();
        faulty.extend(values.into_iter().map(|value| (field, value)));
    }
    for (field, value) in faulty {
        let change = json!({field: value}).to_string();
        let answer = rest.patch("/v1/billing/plans/plan-pro", &change).await;
        let named = answer.json()["details"][0]["field"].to_string();
        assert!(
            answer.status == 400 && named.contains(field),
            "{change}: {}",
            answer.body
        );
        if field == "is_active" {
            continue;
        }
        let team = with(serde_json::from_str(TEAM).unwrap(), field, value);
        let answer = rest.post(PLANS, &team.to_string()).await;
        let named = answer.json()["details"][0]["field"].to_string();
        assert!(
            answer.status == 400 && named.contains(field),
            "{team}: {}",
            answer.body
        );
    }
    let answer = rest.post(PLANS, r#"{"id":" ","monthly_quota":-1}"#).await;
    let named = ["id", "name", "monthly_quota"];
    assert_refused(&answer, 400, "INVALID_FIELD", &named);
    let off = rest.patch("/v1/billing/plans/plan-pro", r#"{"is_active":false}"#);
    assert!(off.await.body.contains("DeactivatePlan"));
    let answer = rest.get("/v1/billing/plans/%20").await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["id"]);
    assert_eq!(rest.get(all).await, before);
}

async fn only_operators_change_plans(backend: Backend) {
    let (server, _rest) = start(backend).await;
    let nobody = server.rest("");
    let alice = user(&server, "alice").await;
    let token = server.token("gateway", "usage:write").await;
    let gateway = server.rest(&token);
    for (rest, status, code) in [
        (&nobody, 401, "TOKEN_MISSING"),
        (&alice, 403, "SCOPE_MISSING"),
        (&gateway, 403, "SCOPE_MISSING"),
    ] {
        let pro = "/v1/billing/plans/plan-pro";
        assert_eq!(rest.get(pro).await.status, 200);
        for answer in [
            rest.post(PLANS, "{}").await,
            rest.patch(pro, "{}").await,
            rest.post(&format!("{pro}/deactivate"), "{}").await,
            rest.get("/v1/billing/plans?include_inactive=true").await,
        ] {
            assert_refused(&answer, status, code, &[]);
        }
    }
}

async fn plans_are_kept_over_grpc(backend: Backend) {
    let server = TestServer::builder(backend).clock(CLOCK).start().await;
    let token = server.token("operator", "admin").await;
    let mut plans = PlanServiceClient::with_interceptor(server.channel().await, bearer(&token));
    let create = v1::CreatePlanRequest {
        id: "plan-team".into(),
        name: "Team".into(),
        monthly_quota: 7,
        ..v1::CreatePlanRequest::default()
    };
    let created = plans
        .create_plan(create.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(created.monthly_price.unwrap().value, "0.00");
    assert_eq!(created.overage_discount_rate.unwrap().value, "1");
    assert_eq!(created.usage_pricing, i32::from(v1::UsagePricing::Included));
    let other = v1::CreatePlanRequest {
        monthly_quota: 8,
        ..create
    };
    let status = plans.create_plan(other).await.unwrap_err();
    let expected = (Code::AlreadyExists, "PLAN_EXISTS".to_owned(), vec![]);
    assert_eq!(refusal(&status), expected);

    let update = v1::UpdatePlanRequest {
        id: "plan-team".into(),
        monthly_quota: Some(0),
        ..v1::UpdatePlanRequest::default()
    };
    let updated = plans.update_plan(update).await.unwrap().into_inner();
    assert_eq!((updated.monthly_quota, updated.name.as_str()), (0, "Team"));
    let end = v1::DeactivatePlanRequest {
        id: "plan-team".into(),
        keep_subscribers: false,
    };
    let ended = plans.deactivate_plan(end).await.unwrap().into_inner();
    assert!(!ended.is_active);

    let mut nobody = PlanServiceClient::new(server.channel().await);
    let get = |id: &str| v1::GetPlanRequest { id: id.into() };
    let seen = nobody.get_plan(get("plan-team")).await.unwrap();
    assert_eq!(seen.into_inner(), ended);
    let status = nobody.get_plan(get("none")).await.unwrap_err();
    let expected = (Code::NotFound, "PLAN_NOT_FOUND".to_owned(), vec![]);
    assert_eq!(refusal(&status), expected);
}

async fn a_plan_in_use_stays_on_offer_unless_its_subscribers_keep_it(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let post = async |path: &str, body: Value| {
        let path = format!("/v1/billing{path}");
        rest.post(&path, &body.to_string()).await
    };
    for (user, plan) in [
        ("uses", "plan-pro"),
        ("will", "plan-enterprise"),
        ("used", "plan-pro"),
    ] {
        let order = json!({"user_id": user, "plan_id": plan});
        assert_eq!(post("/subscription", order).await.status, 200);
    }
    let change = json!({"user_id": "will", "plan_id": "plan-pro"});
    let changed = post("/subscription/change-plan", change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let cancelled = post("/subscription/cancel", json!({"user_id": "used"})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);

    for (plan, subscriptions) in [("plan-pro", 2), ("plan-enterprise", 1)] {
        let answer = post(&format!("/plans/{plan}/deactivate"), json!({})).await;
        assert_refused(&answer, 400, "PLAN_IN_USE", &[]);
        let counted = format!("subscriptions: {subscriptions}");
        assert!(answer.body.contains(&counted), "{}", answer.body);
    }
    let end = "/plans/plan-pro/deactivate";
    let ended = post(end, json!({"keep_subscribers": true})).await;
    assert_eq!(ended.json()["is_active"], false);
    assert_eq!(post(end, json!({})).await, ended);
    let late = json!({"user_id": "late", "plan_id": "plan-pro"});
    let answer = post("/subscription", late).await;
    assert_refused(&answer, 400, "PLAN_INACTIVE", &[]);
    let kept = rest.get("/v1/billing/subscription?user_id=uses").await;
    assert_eq!(kept.json()["plan_id"], "plan-pro");
}
