//! Events as webhook endpoints get them.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use integration_tests::{
    Backend, TestServer, on_both_databases,
    receiver::{Received, Receiver},
    server::Rest,
};
use serde_json::{Value, json};

use crate::support::{advance, assert_refused, operator, user};

on_both_databases!(
    an_endpoint_gets_signed_events_that_it_wants,
    an_event_that_is_refused_comes_again_with_the_same_bytes,
    an_endpoint_that_is_gone_is_disabled_and_gets_what_waited,
    an_endpoint_that_hangs_is_in_nobodys_way,
    a_test_goes_to_one_endpoint_alone,
    an_event_is_delivered_again_when_an_operator_says_so,
    users_see_no_deliveries,
);

const ENDPOINTS: &str = "/v1/billing/webhook-endpoints";
const SUBSCRIPTION: &str = "/v1/billing/subscription";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend)
        .clock("2024-11-15T10:30:00Z")
        .env("BILLING_WEBHOOK_ALLOW_HTTP", "true")
        .env("BILLING_WEBHOOK_ALLOW_CIDR", "127.0.0.0/8");
    let server = server.start().await;
    let admin = operator(&server).await;
    (server, admin)
}

async fn post(rest: &Rest, path: &str, body: &Value) -> Value {
    let answer = rest.post(path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// An endpoint at a receiver, which gets these types; its id and secret.
async fn endpoint(admin: &Rest, receiver: &Receiver, types: &[&str]) -> (String, String) {
    let wanted = json!({"url": receiver.url(), "event_types": types});
    let made = post(admin, ENDPOINTS, &wanted).await;
    let id = made["endpoint"]["id"].as_str().unwrap().to_owned();
    (id, made["secret"].as_str().unwrap().to_owned())
}

async fn subscribe(admin: &Rest, user_id: &str) {
    let plan = json!({"user_id": user_id, "plan_id": "plan-basic"});
    post(admin, SUBSCRIPTION, &plan).await;
}

/// The only event of a user, as an operator reads it: with its deliveries.
async fn event_of(admin: &Rest, user_id: &str) -> Value {
    let path = format!("/v1/billing/events?user_id={user_id}");
    let listed = admin.get(&path).await.json();
    let id = listed["events"][0]["id"].as_str().unwrap();
    admin.get(&format!("/v1/billing/events/{id}")).await.json()
}

/// Reads an event until its first delivery is as it should be.
async fn delivered(admin: &Rest, user_id: &str, status: &str, attempts: usize) -> Value {
    loop {
        let event = event_of(admin, user_id).await;
        let delivery = event["deliveries"][0].clone();
        let made = delivery["attempts"].as_array().map_or(0, Vec::len);
        if delivery["status"] == status && made == attempts {
            return event;
        }
    }
}

fn assert_signed(received: &Received, secret: &str) {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, at) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    let signed = format!("{id}.{at}.{}", received.body);
    let expected = format!(
        "v1,{}",
        STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
    );
    assert_eq!(received.header("webhook-signature"), expected);
}

async fn an_endpoint_gets_signed_events_that_it_wants(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let receiver = Receiver::start().await;
    let (id, secret) = endpoint(&admin, &receiver, &["subscription.created"]).await;
    post(
        &admin,
        "/v1/billing/coupons",
        &json!({"code": "A", "type": "fixed", "value": 1}),
    )
    .await;
    let apply = json!({"coupon_code": "A", "user_id": "alice"});
    post(&admin, "/v1/billing/coupons/apply", &apply).await;
    subscribe(&admin, "bob").await;
    let received = &receiver.arrived(1).await[0];
    assert_signed(received, &secret);
    assert_eq!(received.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body["type"], "subscription.created");
    assert_eq!(body["user_id"], "bob");
    assert_eq!(body["id"], received.header("webhook-id"));
    let event = delivered(&admin, "bob", "delivered", 1).await;
    assert_eq!(event["data"], body["data"]);
    let delivery = &event["deliveries"][0];
    assert_eq!(delivery["outlet"], id);
    assert_eq!(delivery["attempts"][0]["status_code"], 204);
    assert_eq!(event_of(&admin, "alice").await["deliveries"], json!([]));
    assert_eq!(receiver.received().len(), 1);
}

async fn an_event_that_is_refused_comes_again_with_the_same_bytes(backend: Backend) {
    let (server, admin) = start(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&admin, &receiver, &["subscription.created"]).await;
    receiver.answer(&[500, 302]);
    subscribe(&admin, "alice").await;
    let event = delivered(&admin, "alice", "pending", 1).await;
    let attempt = &event["deliveries"][0]["attempts"][0];
    assert_eq!(attempt["status_code"], 500);
    assert_eq!(attempt["answer"], "answered 500 Internal Server Error");
    advance(&server, "2024-11-15T10:30:10Z").await;
    delivered(&admin, "alice", "pending", 2).await;
    advance(&server, "2024-11-15T10:40:00Z").await;
    delivered(&admin, "alice", "delivered", 3).await;
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    for again in &received[1..] {
        assert_eq!(again.body, received[0].body);
        assert_eq!(again.header("webhook-id"), received[0].header("webhook-id"));
    }
    let listed = admin.get(ENDPOINTS).await.json();
    let endpoint = &listed["endpoints"][0];
    assert_eq!(endpoint["id"], id);
    assert_eq!(endpoint["failures_in_row"], 0);
    assert_eq!(endpoint["last_success_at"], "2024-11-15T10:40:00Z");
}

async fn an_endpoint_that_is_gone_is_disabled_and_gets_what_waited(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&admin, &receiver, &["subscription.created"]).await;
    receiver.answer(&[410]);
    subscribe(&admin, "alice").await;
    delivered(&admin, "alice", "paused", 1).await;
    let listed = admin.get(ENDPOINTS).await.json();
    assert_eq!(listed["endpoints"][0]["enabled"], false);
    assert_eq!(listed["endpoints"][0]["disabled_reason"], "gone");
    let told = admin
        .get("/v1/billing/events?user_id=-&type=webhook_endpoint.disabled")
        .await;
    assert_eq!(told.json()["events"][0]["data"]["id"], id);
    subscribe(&admin, "bob").await;
    delivered(&admin, "bob", "paused", 0).await;
    let enable = json!({"enabled": true});
    let path = format!("{ENDPOINTS}/{id}");
    assert_eq!(admin.patch(&path, &enable.to_string()).await.status, 200);
    receiver.arrived(3).await;
    delivered(&admin, "alice", "delivered", 2).await;
    delivered(&admin, "bob", "delivered", 1).await;
}

async fn an_endpoint_that_hangs_is_in_nobodys_way(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let (stuck, receiver) = (Receiver::start().await, Receiver::start().await);
    stuck.hang();
    endpoint(&admin, &stuck, &[]).await;
    endpoint(&admin, &receiver, &["subscription.created"]).await;
    for number in 0..15 {
        subscribe(&admin, &format!("user-{number}")).await;
    }
    assert_eq!(receiver.arrived(15).await.len(), 15);
    stuck.arrived(10).await;
}

async fn a_test_goes_to_one_endpoint_alone(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let (id, secret) = endpoint(&admin, &one, &["invoice.paid"]).await;
    endpoint(&admin, &other, &[]).await;
    post(&admin, &format!("{ENDPOINTS}/{id}/test"), &json!({})).await;
    let received = &one.arrived(1).await[0];
    assert_signed(received, &secret);
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body["type"], "webhook_endpoint.test");
    assert_eq!(body["data"]["id"], id);
    assert!(!received.body.contains("whsec_"), "{}", received.body);
    subscribe(&admin, "alice").await;
    let first = &other.arrived(1).await[0];
    assert!(
        first.body.contains("subscription.created"),
        "{}",
        first.body
    );
    let unknown = format!("{ENDPOINTS}/whe-{}/test", "0".repeat(32));
    let refused = admin.post(&unknown, "{}").await;
    assert_refused(&refused, 404, "WEBHOOK_ENDPOINT_NOT_FOUND", &[]);
}

async fn an_event_is_delivered_again_when_an_operator_says_so(backend: Backend) {
    let (_server, admin) = start(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&admin, &receiver, &["subscription.created"]).await;
    subscribe(&admin, "alice").await;
    let event = delivered(&admin, "alice", "delivered", 1).await;
    let path = format!(
        "/v1/billing/events/{}/redeliver",
        event["id"].as_str().unwrap()
    );
    let again = post(&admin, &path, &json!({"outlet": id})).await;
    assert_eq!(again, json!({"deliveries": 1}));
    let received = receiver.arrived(2).await;
    assert_eq!(received[0].body, received[1].body);
    delivered(&admin, "alice", "delivered", 2).await;
    let none = post(&admin, &path, &json!({"outlet": "mail"})).await;
    assert_eq!(none, json!({"deliveries": 0}));
    let refused = admin.post(&path, r#"{"outlet":"pigeon"}"#).await;
    assert_refused(&refused, 400, "INVALID_FIELD", &["outlet"]);
    let since = json!({"since": "2024-11-01T00:00:00Z"});
    let recovered = post(&admin, &format!("{ENDPOINTS}/{id}/recover"), &since).await;
    assert_eq!(recovered, json!({"deliveries": 0}));
}

async fn users_see_no_deliveries(backend: Backend) {
    let (server, admin) = start(backend).await;
    let alice = user(&server, "alice").await;
    let receiver = Receiver::start().await;
    endpoint(&admin, &receiver, &[]).await;
    subscribe(&admin, "alice").await;
    let event = delivered(&admin, "alice", "delivered", 1).await;
    let path = format!("/v1/billing/events/{}", event["id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.json()["deliveries"], json!([]));
    let filtered = "/v1/billing/events?delivery_status=delivered";
    assert_refused(&alice.get(filtered).await, 403, "SCOPE_MISSING", &[]);
    let all = "/v1/billing/events?user_id=-&delivery_status=delivered";
    assert_eq!(
        admin.get(all).await.json()["events"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let redeliver = alice.post(&format!("{path}/redeliver"), "{}").await;
    assert_refused(&redeliver, 403, "SCOPE_MISSING", &[]);
}
