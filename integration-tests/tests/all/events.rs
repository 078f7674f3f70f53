//! What the world is told, as users and operators read it.

use std::collections::BTreeSet;

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::support::{
    advance, assert_refused, call, operator, record, set_example_prices, user, with,
};

on_both_databases!(
    an_event_looks_as_documented,
    a_month_of_a_user_is_told_in_order,
    users_read_their_own_events_and_no_others,
    a_model_without_a_price_is_told_of,
    a_follower_goes_on_where_it_stopped,
    odd_requests_are_refused_by_name,
);

const EVENTS: &str = "/v1/billing/events";
const OF_ALL: &str = "/v1/billing/events?user_id=-";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let admin = operator(&server).await;
    (server, admin)
}

async fn post(rest: &Rest, path: &str, body: &Value) -> Value {
    let answer = rest.post(path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

async fn events(rest: &Rest, path: &str) -> Vec<Value> {
    let answer = rest.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()["events"].as_array().unwrap().clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.collect()
}

async fn an_event_looks_as_documented(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let coupon = json!({"code": "SAVE50", "type": "percentage", "value": 50});
    post(&admin, "/v1/billing/coupons", &coupon).await;
    let apply = json!({"coupon_code": "SAVE50", "user_id": "alice"});
    post(&admin, "/v1/billing/coupons/apply", &apply).await;
    let listed = admin.get("/v1/billing/events?user_id=alice").await;
    let body = listed.json();
    let event = &body["events"][0];
    let data = &event["data"];
    let ids = [&event["id"], &data["id"], &data["coupon_id"]];
    let [id, redemption, coupon] = ids.map(|id| id.as_str().unwrap());
    assert!(id.starts_with("evt-") && !id.contains('.'), "{id}");
    let expected = format!(
        r#"{{"events":[{{"id":"{id}","type":"coupon.applied","timestamp":"2024-11-15T10:30:00Z","version":1,"user_id":"alice","sequence":1,"data":{{"id":"{redemption}","user_id":"alice","coupon_id":"{coupon}","coupon":{{"code":"SAVE50","type":"percentage","value":50}},"discount_amount":0.00,"taken_at_apply":0.00,"billing_month":"2024-11","created_at":"2024-11-15T10:30:00Z"}},"position":1,"fault":"","deliveries":[]}}],"next_page_token":""}}"#
    );
    assert_eq!(listed.body, expected);
    let one = admin.get(&format!("{EVENTS}/{id}")).await;
    assert_eq!(one.json(), *event);
}

/// Subscribes, records, redeems and is invoiced, pays, and is given a part back.
async fn live_through_a_month(server: &TestServer, admin: &Rest) {
    set_example_prices(admin).await;
    let plan = json!({"user_id": "alice", "plan_id": "plan-basic"});
    post(admin, "/v1/billing/subscription", &plan).await;
    let usage = with(call("call-1", "gpt-4", 90_000, 0), "user_id", "alice");
    record(admin, &usage).await;
    let plan = json!({"user_id": "alice", "plan_id": "plan-pro"});
    post(admin, "/v1/billing/subscription/change-plan", &plan).await;
    advance(server, "2024-12-16T00:00:00Z").await;
    let month = json!({"user_id": "alice", "billing_month": "2024-11"});
    let invoice = post(admin, "/v1/billing/invoices/generate", &month).await;
    let path = format!("/v1/billing/invoices/{}", invoice["id"].as_str().unwrap());
    let note = json!({"user_id": "alice", "amount": 1, "reason": "sorry"});
    post(admin, &format!("{path}/credit-notes"), &note).await;
    let paid = json!({"user_id": "alice", "payment_method": "bank transfer"});
    post(admin, &format!("{path}/mark-paid"), &paid).await;
    let cancel = json!({"user_id": "alice", "at_period_end": false});
    post(admin, "/v1/billing/subscription/cancel", &cancel).await;
}

async fn a_month_of_a_user_is_told_in_order(backend: Backend) {
    let (server, admin) = start(backend).await;
    live_through_a_month(&server, &admin).await;
    let told = events(&admin, "/v1/billing/events?user_id=alice").await;
    assert_eq!(
        types(&told),
        [
            "subscription.created",
            "usage.quota_warning",
            "subscription.changed",
            "subscription.renewed",
            "invoice.issued",
            "credit_note.created",
            "invoice.paid",
            "subscription.cancelled",
        ]
    );
    let data = |index: usize| &told[index]["data"];
    assert_eq!(data(0)["plan_id"], "plan-basic");
    assert_eq!(data(1)["tokens_remaining"], 10_000);
    assert_eq!(data(2)["plan_id"], "plan-pro");
    assert_eq!(data(3)["current_period_start"], "2024-12-15T10:30:00Z");
    assert_eq!(data(4)["status"], "issued");
    assert_eq!(data(4)["items"], json!([]));
    assert_eq!(data(4)["rounding_difference"], json!(0.0));
    assert_eq!(data(5)["invoice_id"], data(4)["id"]);
    assert_eq!(data(6)["status"], "paid");
    assert_eq!(data(7)["status"], "cancelled");
    let shared = events(&admin, OF_ALL).await;
    let shared: Vec<_> = shared
        .into_iter()
        .filter(|of| of["user_id"].is_null())
        .collect();
    let names: BTreeSet<_> = types(&shared).into_iter().collect();
    assert_eq!(names, BTreeSet::from(["price.changed"]));
    assert_eq!(shared[0]["data"]["model_id"], "gpt-4");
}

async fn users_read_their_own_events_and_no_others(backend: Backend) {
    let (server, admin) = start(backend).await;
    let (alice, bob) = (user(&server, "alice").await, user(&server, "bob").await);
    for rest in [&alice, &bob] {
        post(
            rest,
            "/v1/billing/subscription",
            &json!({"plan_id": "plan-basic"}),
        )
        .await;
    }
    let told = events(&alice, EVENTS).await;
    assert_eq!(types(&told), ["subscription.created"]);
    assert_eq!(told[0]["user_id"], "alice");
    let path = format!("{EVENTS}/{}", told[0]["id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.status, 200);
    assert_refused(&bob.get(&path).await, 404, "EVENT_NOT_FOUND", &[]);
    assert_refused(&bob.get(OF_ALL).await, 403, "OTHER_USER", &[]);
    let others = format!("{EVENTS}?user_id=alice");
    assert_refused(&bob.get(&others).await, 403, "OTHER_USER", &[]);
    post(&admin, "/v1/billing/plans/plan-pro/deactivate", &json!({})).await;
    let shared = events(&admin, &format!("{OF_ALL}&type=plan.changed")).await;
    let path = format!("{EVENTS}/{}", shared[0]["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.json()["data"]["is_active"], false);
    assert_refused(&alice.get(&path).await, 404, "EVENT_NOT_FOUND", &[]);
}

async fn a_model_without_a_price_is_told_of(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let usage = with(call("call-1", "gpt-9", 10, 0), "provider", "acme");
    for _ in 0..3 {
        let answer = admin.post("/v1/billing/usage", &usage.to_string()).await;
        assert_refused(&answer, 404, "MODEL_NOT_FOUND", &[]);
    }
    let batch = json!({"records": [usage]});
    post(&admin, "/v1/billing/usage/batch", &batch).await;
    // It is written beside the refusal, which does not wait for it.
    let mut told = Vec::new();
    while told.is_empty() {
        told = events(&admin, OF_ALL).await;
    }
    assert_eq!(types(&told), ["usage.unpriced"]);
    assert_eq!(
        told[0]["data"],
        json!({"model_id": "gpt-9", "provider": "acme"})
    );
}

async fn a_follower_goes_on_where_it_stopped(backend: Backend) {
    let (_server, admin) = start(backend).await;
    for number in 0..5 {
        let plan = json!({"user_id": format!("user-{number}"), "plan_id": "plan-basic"});
        post(&admin, "/v1/billing/subscription", &plan).await;
    }
    let (mut seen, mut position) = (Vec::new(), 0);
    loop {
        let path = format!("{OF_ALL}&page_size=2&after_position={position}");
        let page = events(&admin, &path).await;
        let Some(last) = page.last() else { break };
        position = last["position"].as_i64().unwrap();
        seen.extend(
            page.iter()
                .map(|event| event["user_id"].as_str().unwrap().to_owned()),
        );
    }
    let expected: Vec<_> = (0..5).map(|number| format!("user-{number}")).collect();
    assert_eq!(seen, expected);
    let plan = json!({"user_id": "late", "plan_id": "plan-basic"});
    post(&admin, "/v1/billing/subscription", &plan).await;
    let rest = events(&admin, &format!("{OF_ALL}&after_position={position}")).await;
    assert_eq!(rest[0]["user_id"], "late");
}

async fn odd_requests_are_refused_by_name(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let cases = [
        ("?type=invoice", "type"),
        ("?after_position=-1", "after_position"),
        ("?page_token=x", "page_token"),
        ("?page_size=-1", "page_size"),
        ("?after=yesterday", "after"),
    ];
    for (query, field) in cases {
        let answer = admin.get(&format!("{EVENTS}{query}")).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &[field]);
    }
    let answer = admin.get(&format!("{EVENTS}/evt-1")).await;
    assert_refused(&answer, 404, "EVENT_NOT_FOUND", &[]);
}
