//! The fake is as strict as it says.

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_700_000_000;
/// The beginning of an intent.
const INTENT: &str = "amount=1000&currency=usd";

/// Calls that are refused: where, with what, by which code, and for which parameter.
const WRONG: [(&str, &str, &str, &str); 15] = [
    ("customers", "user=1", "parameter_unknown", "user"),
    (
        "payment_intents",
        "amount=1000",
        "parameter_missing",
        "currency",
    ),
    (
        "payment_intents",
        "currency=usd",
        "parameter_missing",
        "amount",
    ),
    (
        "payment_intents",
        "amount=1.5&currency=usd",
        "parameter_invalid_integer",
        "amount",
    ),
    (
        "payment_intents",
        "amount=1000&currency=eur",
        "parameter_invalid",
        "currency",
    ),
    (
        "payment_intents",
        "amount=49&currency=usd",
        "amount_too_small",
        "amount",
    ),
    (
        "payment_intents",
        "amount=100000000&currency=usd",
        "amount_too_large",
        "amount",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&customer=cus_0",
        "resource_missing",
        "customer",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&customer=",
        "parameter_invalid_empty",
        "customer",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&confirm=yes",
        "parameter_invalid",
        "confirm",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&expand[]=review",
        "parameter_invalid",
        "expand",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&expand[]=data.latest_charge",
        "parameter_invalid",
        "expand",
    ),
    (
        "payment_intents",
        "amount=50&currency=usd&off_session=true",
        "parameter_unknown",
        "off_session",
    ),
    (
        "refunds",
        "amount=50",
        "parameter_missing",
        "payment_intent",
    ),
    (
        "refunds",
        "payment_intent=pi_0",
        "resource_missing",
        "payment_intent",
    ),
];

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
    let version = ("stripe-version", API_VERSION);
    let nobody = caller.form("customers", "").header(version.0, version.1);
    assert_eq!(Caller::send(nobody).await.0, 401);
    let other = caller.form("customers", "").header(version.0, version.1);
    assert_eq!(
        Caller::send(other.bearer_auth("sk_test_other")).await.0,
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
async fn parameters_are_checked() {
    let caller = Caller::new().await;
    for (path, form, code, param) in WRONG {
        let refused = caller.refused(path, form).await;
        assert_eq!(refused, (400, json!(code), json!(param)), "{path} {form}");
    }
    assert!(caller.fake.intents().is_empty());
}

#[tokio::test]
async fn only_forms_are_read() {
    let caller = Caller::new().await;
    let url = format!("{}/v1/customers", caller.fake.api_base());
    let json = Caller::signed(caller.client.post(url).json(&json!({"name": "a"})));
    assert_eq!(Caller::send(json).await.0, 400);
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
async fn a_method_that_may_redirect_needs_a_return_url() {
    let caller = Caller::new().await;
    let (_, customer) = caller.post("customers", "").await;
    let customer = customer["id"].as_str().expect("it has an id");
    let method = caller.fake.add_method(customer, Behaviour::Pays);
    let form = format!(
        "{INTENT}&customer={customer}&payment_method={method}&automatic_payment_methods[enabled]=true"
    );
    let (_, intent) = caller.post("payment_intents", &form).await;
    let path = format!(
        "payment_intents/{}/confirm",
        intent["id"].as_str().expect("an id")
    );
    let refused = caller.refused(&path, "").await;
    assert_eq!(
        refused,
        (400, json!("parameter_missing"), json!("return_url"))
    );
    let (status, intent) = caller.post(&path, "return_url=https://example.com").await;
    assert_eq!((status, &intent["status"]), (200, &json!("succeeded")));
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

#[tokio::test]
async fn lists_have_pages() {
    let caller = Caller::new().await;
    let paid: Vec<String> = (0..12)
        .map(|_| caller.fake.pay_elsewhere(100, "usd"))
        .collect();
    let (_, page) = caller.get("payment_intents").await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(page["data"][0]["id"], json!(paid[11]));
    assert_eq!(page["has_more"], true);
    let (_, page) = caller
        .get(&format!("payment_intents?starting_after={}", paid[2]))
        .await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["has_more"], false);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "starting_after=pi_0",
        "page=2",
    ] {
        let (status, _) = caller.get(&format!("payment_intents?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}
