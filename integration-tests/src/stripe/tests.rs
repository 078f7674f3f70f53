//! The fake is as strict as it says.

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::*;

mod params;

const NOW: i64 = 1_700_000_000;
/// The beginning of an intent.
const INTENT: &str = "amount=1000&currency=usd";

/// A call as any client could make it.
struct Caller {
    fake: FakeStripe,
    client: Client,
}

impl Caller {
    async fn new() -> Self {
        let fake = FakeStripe::start(NOW).await;
        let client = Client::builder().retry(reqwest::retry::never());
        let client = client.build().expect("there is a client");
        Self { fake, client }
    }

    fn signed(request: RequestBuilder) -> RequestBuilder {
        request
            .bearer_auth(SECRET_KEY)
            .header("stripe-version", API_VERSION)
    }

    fn form(&self, path: &str, form: &str) -> RequestBuilder {
        self.client
            .post(format!("{}/v1/{path}", self.fake.api_base()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    async fn send(request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.expect("the fake answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the answer is JSON"))
    }

    async fn post(&self, path: &str, form: &str) -> (u16, Value) {
        Self::send(Self::signed(self.form(path, form))).await
    }

    async fn post_with_key(&self, path: &str, form: &str, key: &str) -> (u16, Value) {
        let request = Self::signed(self.form(path, form));
        Self::send(request.header("idempotency-key", key)).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/v1/{path}", self.fake.api_base());
        Self::send(Self::signed(self.client.get(url))).await
    }

    /// A refusal's status, its code and the parameter.
    async fn refused(&self, path: &str, form: &str) -> (u16, Value, Value) {
        let (status, body) = self.post(path, form).await;
        let member = |name: &str| body["error"][name].clone();
        (status, member("code"), member("param"))
    }
}

#[tokio::test]
async fn a_call_needs_the_key() {
    let caller = Caller::new().await;
    let call = || {
        caller
            .form("customers", "")
            .header("stripe-version", API_VERSION)
    };
    assert_eq!(Caller::send(call()).await.0, 401);
    assert_eq!(
        Caller::send(call().bearer_auth("sk_test_other")).await.0,
        401
    );
    assert_eq!(caller.post("customers", "").await.0, 200);
}

#[tokio::test]
async fn a_call_needs_the_version() {
    let caller = Caller::new().await;
    let none = caller.form("customers", "").bearer_auth(SECRET_KEY);
    assert_eq!(Caller::send(none).await.0, 400);
    let old = caller.form("customers", "").bearer_auth(SECRET_KEY);
    let old = old.header("stripe-version", "2020-08-27");
    assert_eq!(Caller::send(old).await.0, 400);
}

#[tokio::test]
async fn an_address_that_is_not_there_is_not_found() {
    let caller = Caller::new().await;
    assert_eq!(caller.get("nothing").await.0, 404);
    assert_eq!(caller.post("payment_intents/pi_1/capture", "").await.0, 404);
    assert_eq!(caller.get("payment_intents/pi_1").await.0, 404);
}

#[tokio::test]
async fn what_was_not_valid_leaves_no_trace_at_its_key() {
    let caller = Caller::new().await;
    let unknown = caller
        .post_with_key("payment_intents", "unknown=1", "k")
        .await;
    assert_eq!(unknown.0, 400);
    let (status, _) = caller.post_with_key("payment_intents", INTENT, "k").await;
    assert_eq!(status, 200);
    let other = caller
        .post_with_key("payment_intents", "unknown=1", "k")
        .await;
    assert_eq!(other.1["error"]["type"], "idempotency_error");
}

#[tokio::test]
async fn a_refusal_of_the_endpoint_is_replayed() {
    let caller = Caller::new().await;
    let small = "amount=10&currency=usd";
    let first = caller.post_with_key("payment_intents", small, "k").await;
    let again = Caller::signed(caller.form("payment_intents", small));
    let again = again.header("idempotency-key", "k").send().await;
    let again = again.expect("the fake answers");
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.expect("it is JSON"), first.1);
}

#[tokio::test]
async fn calls_without_a_key_are_calls_of_their_own() {
    let caller = Caller::new().await;
    caller.post("payment_intents", INTENT).await;
    caller.post("payment_intents", INTENT).await;
    assert_eq!(caller.fake.intents().len(), 2);
}

#[tokio::test]
async fn an_intent_without_a_method_is_not_confirmed() {
    let caller = Caller::new().await;
    let (_, intent) = caller.post("payment_intents", INTENT).await;
    assert_eq!(intent["status"], "requires_payment_method");
    let path = format!(
        "payment_intents/{}/confirm",
        intent["id"].as_str().expect("an id")
    );
    assert_eq!(caller.post(&path, "").await.0, 400);
}
