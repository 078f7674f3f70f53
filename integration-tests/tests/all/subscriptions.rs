//! Making, changing and ending subscriptions.

use billing_proto::v1::{SubscribeRequest, subscription_service_client::SubscriptionServiceClient};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    server::{Answer, Rest, bearer},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    advance, assert_refused, call, operator, record, refusal, set_price, user, walk,
};

on_both_databases!(
    a_subscription_looks_as_documented,
    a_plan_is_changed_cancelled_and_resumed,
    what_cannot_be_subscribed_to_is_refused_by_its_own_code,
    a_user_has_one_trial,
    a_subscription_that_does_not_renew_expires,
    every_violation_is_named_at_once,
    users_keep_to_their_own_subscription,
    only_an_operator_grants_trials_and_past_starts,
    subscriptions_are_listed_newest_first_page_by_page,
    a_quota_that_runs_out_is_warned_of,
);

const SUBSCRIPTION: &str = "/v1/billing/subscription";
const SUBSCRIPTIONS: &str = "/v1/billing/subscriptions";
const CHANGE: &str = "/v1/billing/subscription/change-plan";
const CANCEL: &str = "/v1/billing/subscription/cancel";
const RESUME: &str = "/v1/billing/subscription/resume";
const WARNING: &str = "/v1/billing/quota-warning";
const BASIC: &str = r#"{"plan_id":"plan-basic"}"#;
const ENTERPRISE: &str = r#"{"plan_id":"plan-enterprise"}"#;
const NOT_ALLOWED: &str = "SUBSCRIPTION_MOVE_NOT_ALLOWED";

/// A server and a client of `alice`, who has no scope.
async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let alice = user(&server, "alice").await;
    (server, alice)
}

/// Posts what must succeed.
async fn post(rest: &Rest, path: &str, body: &str) -> Value {
    let answer = rest.post(path, body).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
    answer.json()
}

/// Asserts that a body is as expected, where `sub-ID` stands for one id.
#[track_caller]
fn assert_body(answer: &Answer, expected: &str) {
    let (_, rest) = answer.body.split_once("\"sub-").expect("an id is there");
    let (id, _) = rest.split_once('"').expect("the id ends");
    let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(hex, "sub-{id}");
    let body = answer.body.replace(id, "ID");
    assert_eq!((answer.status, body.as_str()), (200, expected));
}

async fn a_subscription_looks_as_documented(backend: Backend) {
    let (server, alice) = start(backend).await;
    let live = r#"{"id":"sub-ID","user_id":"alice","plan_id":"plan-pro","status":"active","billing_cycle":"monthly","current_period_start":"2024-11-15T10:30:00Z","current_period_end":"2024-12-15T10:30:00Z","tokens_used":0,"auto_renew":true,"next_billing_date":"2024-12-15T10:30:00Z","cancelled_at":null,"created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-15T10:30:00Z","next_plan_id":"","window_start":"2024-11-15T10:30:00Z","window_end":"2024-12-15T10:30:00Z","tokens_quota":1000000,"tokens_remaining":1000000,"next_billing_cycle":null}"#;
    let made = alice.post(SUBSCRIPTION, r#"{"plan_id":"plan-pro"}"#).await;
    assert_body(&made, live);
    assert_eq!(alice.get(SUBSCRIPTION).await, made);

    advance(&server, "2024-11-20T00:00:00Z").await;
    let over = r#"{"id":"sub-ID","user_id":"alice","plan_id":"plan-pro","status":"cancelled","billing_cycle":"monthly","current_period_start":"2024-11-15T10:30:00Z","current_period_end":"2024-11-20T00:00:00Z","tokens_used":0,"auto_renew":false,"next_billing_date":null,"cancelled_at":"2024-11-20T00:00:00Z","created_at":"2024-11-15T10:30:00Z","updated_at":"2024-11-20T00:00:00Z","next_plan_id":"","window_start":null,"window_end":null,"tokens_quota":0,"tokens_remaining":0,"next_billing_cycle":null}"#;
    assert_body(&alice.post(CANCEL, "{}").await, over);
    let listed = format!(r#"{{"subscriptions":[{over}],"next_page_token":""}}"#);
    assert_body(&alice.get(SUBSCRIPTIONS).await, &listed);
}

async fn a_plan_is_changed_cancelled_and_resumed(backend: Backend) {
    let (_server, alice) = start(backend).await;
    let at_end = r#"{"at_period_end":true}"#;
    // What is done, and then: refused by a code, or plan, next plan, status, renewal.
    let refused = |code| Err((400, code));
    let basic = |status, renews| Ok(["plan-basic", "", status, renews]);
    let enterprise = |next, renews| Ok(["plan-enterprise", next, "active", renews]);
    let not_found = || Err((404, "SUBSCRIPTION_NOT_FOUND"));
    for (path, body, expected) in [
        (CHANGE, BASIC, not_found()),
        (CANCEL, "{}", not_found()),
        (CANCEL, at_end, not_found()),
        (RESUME, "{}", not_found()),
        (SUBSCRIPTION, BASIC, basic("active", "true")),
        (CHANGE, BASIC, refused(NOT_ALLOWED)),
        (CHANGE, ENTERPRISE, enterprise("", "true")),
        (CHANGE, BASIC, enterprise("plan-basic", "true")),
        (CHANGE, ENTERPRISE, enterprise("", "true")),
        (CHANGE, ENTERPRISE, refused(NOT_ALLOWED)),
        (RESUME, "{}", refused(NOT_ALLOWED)),
        (CHANGE, BASIC, enterprise("plan-basic", "true")),
        (CANCEL, at_end, enterprise("plan-basic", "false")),
        (CANCEL, at_end, refused(NOT_ALLOWED)),
        (CHANGE, BASIC, refused(NOT_ALLOWED)),
        (SUBSCRIPTION, BASIC, Err((409, "SUBSCRIPTION_EXISTS"))),
        (RESUME, "{}", enterprise("plan-basic", "true")),
        (RESUME, "{}", refused(NOT_ALLOWED)),
        (
            CANCEL,
            "{}",
            Ok(["plan-enterprise", "", "cancelled", "false"]),
        ),
        (CANCEL, "{}", not_found()),
        (SUBSCRIPTION, BASIC, basic("active", "true")),
    ] {
        let before = alice.get(SUBSCRIPTIONS).await;
        let answer = alice.post(path, body).await;
        match expected {
            Ok(expected) => {
                let state = answer.json();
                let seen = ["plan_id", "next_plan_id", "status"].map(|key| state[key].as_str());
                let renews = state["auto_renew"].to_string();
                let [plan, next, status, expected_renews] = expected;
                assert_eq!(seen, [plan, next, status].map(Some), "{path} {state}");
                assert_eq!(renews, expected_renews, "{path} {state}");
                assert_eq!(state["next_billing_date"].is_null(), renews == "false");
            }
            Err((status, code)) => {
                assert_refused(&answer, status, code, &[]);
                assert_eq!(alice.get(SUBSCRIPTIONS).await, before, "{path}");
            }
        }
    }
}

async fn what_cannot_be_subscribed_to_is_refused_by_its_own_code(backend: Backend) {
    let (server, alice) = start(backend).await;
    let admin = operator(&server).await;
    post(&alice, SUBSCRIPTION, BASIC).await;
    post(&alice, CANCEL, "{}").await;
    let before = alice.get(SUBSCRIPTIONS).await;
    let order =
        |plan: &str, start: &str| json!({"user_id": "alice", "plan_id": plan, "start_time": start});
    for (order, status, code, fields) in [
        (
            json!({"user_id": "alice", "plan_id": "plan-none"}),
            404,
            "PLAN_NOT_FOUND",
            vec![],
        ),
        (
            order("plan-basic", "2024-11-15T10:30:00.000001Z"),
            400,
            "INVALID_FIELD",
            vec!["start_time"],
        ),
        (
            order("plan-basic", "2024-11-15T10:29:59.999999Z"),
            400,
            "INVALID_FIELD",
            vec!["start_time"],
        ),
    ] {
        let answer = admin.post(SUBSCRIPTION, &order.to_string()).await;
        assert_refused(&answer, status, code, &fields);
    }
    let missing = alice.get(SUBSCRIPTION).await;
    assert_refused(&missing, 404, "SUBSCRIPTION_NOT_FOUND", &[]);
    assert_eq!(alice.get(SUBSCRIPTIONS).await, before);
    post(&alice, SUBSCRIPTION, BASIC).await;
    let unknown = alice.post(CHANGE, r#"{"plan_id":"plan-none"}"#).await;
    assert_refused(&unknown, 404, "PLAN_NOT_FOUND", &[]);

    post(&admin, "/v1/billing/plans/plan-enterprise/deactivate", "{}").await;
    let bob = user(&server, "bob").await;
    for (rest, path) in [(&bob, SUBSCRIPTION), (&alice, CHANGE)] {
        assert_refused(
            &rest.post(path, ENTERPRISE).await,
            400,
            "PLAN_INACTIVE",
            &[],
        );
    }
}

async fn a_user_has_one_trial(backend: Backend) {
    let (server, alice) = start(backend).await;
    let admin = operator(&server).await;
    let trial = |user| {
        let order = json!({"user_id": user, "plan_id": "plan-pro", "trial_days": 14});
        order.to_string()
    };
    let first = post(&admin, SUBSCRIPTION, &trial("alice")).await;
    assert_eq!(first["status"], "trialing");
    assert_eq!(first["current_period_end"], "2024-11-29T10:30:00Z");
    assert_eq!(first["next_billing_date"], "2024-11-29T10:30:00Z");
    assert_eq!(first["tokens_quota"], 1_000_000);

    post(&alice, CANCEL, "{}").await;
    let again = admin.post(SUBSCRIPTION, &trial("alice")).await;
    assert_refused(&again, 400, NOT_ALLOWED, &[]);
    assert_eq!(
        post(&alice, SUBSCRIPTION, BASIC).await["status"],
        "active",
        "a trial is no duty"
    );

    post(&admin, SUBSCRIPTION, &trial("bob")).await;
    advance(&server, "2024-11-29T10:30:00Z").await;
    let after = user(&server, "bob").await.get(SUBSCRIPTION).await.json();
    assert_eq!(after["status"], "active");
    assert_eq!(after["current_period_start"], "2024-11-29T10:30:00Z");
    assert_eq!(after["current_period_end"], "2024-12-29T10:30:00Z");
}

async fn a_subscription_that_does_not_renew_expires(backend: Backend) {
    let (server, alice) = start(backend).await;
    let once = r#"{"plan_id":"plan-basic","billing_cycle":"yearly","auto_renew":false}"#;
    let made = post(&alice, SUBSCRIPTION, once).await;
    assert_eq!(made["billing_cycle"], "yearly");
    assert_eq!(made["current_period_end"], "2025-11-15T10:30:00Z");
    assert_eq!(made["window_end"], "2024-12-15T10:30:00Z");
    assert_eq!(made["next_billing_date"], Value::Null);
    advance(&server, "2025-11-15T10:29:59.999999Z").await;
    let last = alice.get(SUBSCRIPTION).await.json();
    assert_eq!(last["window_start"], "2025-10-15T10:30:00Z");
    advance(&server, "2025-11-15T10:30:00Z").await;
    let over = alice.get(SUBSCRIPTION).await;
    assert_refused(&over, 404, "SUBSCRIPTION_NOT_FOUND", &[]);
    let listed = &alice.get(SUBSCRIPTIONS).await.json()["subscriptions"];
    assert_eq!(listed[0]["status"], "expired");
    assert_eq!(listed[0]["current_period_end"], "2025-11-15T10:30:00Z");
}

async fn every_violation_is_named_at_once(backend: Backend) {
    let (server, _) = start(backend).await;
    let admin = operator(&server).await;
    let all = json!({
        "user_id": " ", "plan_id": "", "trial_days": 366, "start_time": "1999-12-31T23:59:59Z",
    });
    let fields = ["user_id", "plan_id", "trial_days", "start_time"];
    let both = &fields[..2];
    let page = &["page_size", "page_token", "user_id"][..];
    let answer = |path, body: Value| {
        let admin = &admin;
        async move { admin.post(path, &body.to_string()).await }
    };
    for (answer, fields) in [
        (answer(SUBSCRIPTION, all).await, &fields[..]),
        (
            answer(SUBSCRIPTION, json!({"plan_id": "p", "trial_days": -1})).await,
            &["trial_days"],
        ),
        (answer(CHANGE, json!({"user_id": "a\n"})).await, both),
        (answer(CANCEL, json!({"user_id": " "})).await, &["user_id"]),
        (answer(RESUME, json!({"user_id": " "})).await, &["user_id"]),
        (
            admin.get(&format!("{SUBSCRIPTION}?user_id=%20")).await,
            &["user_id"],
        ),
        (
            admin.get(&format!("{WARNING}?user_id=%20")).await,
            &["user_id"],
        ),
        (
            admin
                .get(&format!(
                    "{SUBSCRIPTIONS}?user_id=%20&page_size=-1&page_token=x"
                ))
                .await,
            page,
        ),
    ] {
        assert_refused(&answer, 400, "INVALID_FIELD", fields);
    }

    let token = server.token("operator", "admin").await;
    let channel = server.channel().await;
    let mut grpc = SubscriptionServiceClient::with_interceptor(channel, bearer(&token));
    let unknown = SubscribeRequest {
        billing_cycle: 7,
        trial_days: i32::MAX,
        ..SubscribeRequest::default()
    };
    let status = grpc.subscribe(unknown).await.unwrap_err();
    let fields = ["plan_id", "billing_cycle", "trial_days"].map(String::from);
    let expected = (
        Code::InvalidArgument,
        "INVALID_FIELD".to_owned(),
        fields.to_vec(),
    );
    assert_eq!(refusal(&status), expected);
}

async fn users_keep_to_their_own_subscription(backend: Backend) {
    let (server, alice) = start(backend).await;
    post(&alice, SUBSCRIPTION, BASIC).await;
    let gateway = server.rest(&server.token("gateway", "usage:write").await);
    let nobody = server.rest("");
    let of_alice = r#"{"user_id":"alice","plan_id":"plan-pro"}"#;
    let no_plan = r#"{"user_id":"alice"}"#;
    let before = alice.get(SUBSCRIPTION).await;
    for other in [&user(&server, "bob").await, &gateway, &nobody] {
        let (status, code) = match std::ptr::eq(other, &nobody) {
            true => (401, "TOKEN_MISSING"),
            false => (403, "OTHER_USER"),
        };
        for path in [SUBSCRIPTION, SUBSCRIPTIONS, WARNING] {
            let answer = other.get(&format!("{path}?user_id=alice")).await;
            assert_refused(&answer, status, code, &[]);
        }
        for (path, body) in [
            (SUBSCRIPTION, of_alice),
            (CHANGE, of_alice),
            (CANCEL, no_plan),
            (RESUME, no_plan),
        ] {
            assert_refused(&other.post(path, body).await, status, code, &[]);
        }
    }
    assert_eq!(alice.get(SUBSCRIPTION).await, before);

    let admin = operator(&server).await;
    assert_eq!(
        admin.get(&format!("{SUBSCRIPTION}?user_id=alice")).await,
        before
    );
    let upgraded = post(&admin, CHANGE, of_alice).await;
    assert_eq!(upgraded["user_id"], "alice");
    assert_eq!(alice.get(SUBSCRIPTION).await.json(), upgraded);
    post(&admin, CANCEL, no_plan).await;
    assert_eq!(alice.get(SUBSCRIPTION).await.status, 404);
}

async fn only_an_operator_grants_trials_and_past_starts(backend: Backend) {
    let (server, alice) = start(backend).await;
    for extra in [
        r#""trial_days":1"#,
        r#""start_time":"2024-11-01T00:00:00Z""#,
    ] {
        let body = format!(r#"{{"plan_id":"plan-basic",{extra}}}"#);
        let answer = alice.post(SUBSCRIPTION, &body).await;
        assert_refused(&answer, 403, "SCOPE_MISSING", &[]);
    }
    let past =
        r#"{"user_id":"alice","plan_id":"plan-basic","start_time":"2024-09-30T12:00:00.0000009Z"}"#;
    let made = post(&operator(&server).await, SUBSCRIPTION, past).await;
    assert_eq!(made["current_period_start"], "2024-10-30T12:00:00Z");
    assert_eq!(made["current_period_end"], "2024-11-30T12:00:00Z");
    assert_eq!(made["created_at"], "2024-11-15T10:30:00Z");
}

async fn subscriptions_are_listed_newest_first_page_by_page(backend: Backend) {
    let (server, alice) = start(backend).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let subscription = post(&alice, SUBSCRIPTION, BASIC).await;
        made.insert(0, subscription["id"].clone());
        post(&alice, CANCEL, "{}").await;
    }
    for (size, pages) in [(0, vec![5]), (1, vec![1; 5]), (2, vec![2, 2, 1])] {
        let path = format!("{SUBSCRIPTIONS}?page_size={size}");
        let (listed, sizes) = walk(&alice, &path, "subscriptions").await;
        let ids: Vec<_> = listed.iter().map(|entry| entry["id"].clone()).collect();
        assert_eq!((ids, sizes), (made.clone(), pages), "{size}");
    }
    let first = alice.get(&format!("{SUBSCRIPTIONS}?page_size=1")).await;
    let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
    let bob = user(&server, "bob").await;
    for foreign in [
        bob.get(&format!("{SUBSCRIPTIONS}?page_token={token}"))
            .await,
        alice
            .get(&format!(
                "/v1/billing/coupons/redemptions?page_token={token}"
            ))
            .await,
    ] {
        assert_refused(&foreign, 400, "INVALID_FIELD", &["page_token"]);
    }
}

async fn a_quota_that_runs_out_is_warned_of(backend: Backend) {
    let (server, alice) = start(backend).await;
    let admin = operator(&server).await;
    set_price(&admin, "m", "1", "1").await;
    let sufficient = r#"{"quota_warning":false,"message":"Your quota is sufficient."}"#;
    record(&admin, &call("before", "m", 1_000_000, 0)).await;
    assert_eq!(alice.get(WARNING).await.body, sufficient, "without a plan");
    post(&alice, SUBSCRIPTION, BASIC).await;
    for (request, tokens, expected) in [
        ("a", 79_999, sufficient),
        (
            "b",
            1,
            r#"{"quota_warning":true,"message":"Your quota is almost used up: 20000 tokens are left."}"#,
        ),
        (
            "c",
            20_001,
            r#"{"quota_warning":true,"message":"Your quota is used up."}"#,
        ),
    ] {
        record(&admin, &call(request, "m", tokens, 0)).await;
        let answer = alice.get(WARNING).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    }
    advance(&server, "2024-12-15T10:30:00Z").await;
    assert_eq!(alice.get(WARNING).await.body, sufficient, "a new window");
}
