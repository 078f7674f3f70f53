//! What the tests over the wire share.

use billing_proto::v1::{
    AdvanceClockRequest, GetStatsRequest, SetModelPriceRequest,
    debug_service_client::DebugServiceClient,
};
use integration_tests::{
    Backend, TestServer,
    server::{Answer, Rest, bearer},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What an operator's token allows.
pub(crate) const EVERYTHING: &str = "usage:write admin";

/// A client that may do everything.
pub(crate) async fn operator(server: &TestServer) -> Rest {
    server.rest(&server.token("operator", EVERYTHING).await)
}

/// A client of a user without any scope.
pub(crate) async fn user(server: &TestServer, name: &str) -> Rest {
    server.rest(&server.token(name, "").await)
}

/// Sets the price of a model, in USD per 1,000 tokens.
pub(crate) async fn set_price(rest: &Rest, model: &str, prompt: &str, completion: &str) {
    let price = format!(
        r#"{{"model_id":"{model}","prompt_price_per_k":{prompt},"completion_price_per_k":{completion}}}"#
    );
    let answer = rest.post("/v1/billing/prices", &price).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Sets the price of a model, in USD per 1,000 tokens, through a client.
pub(crate) fn price(model: &str, prompt: Decimal, completion: Decimal) -> SetModelPriceRequest {
    SetModelPriceRequest {
        model_id: model.to_owned(),
        prompt_price_per_k: Some(prompt.into()),
        completion_price_per_k: Some(completion.into()),
        ..SetModelPriceRequest::default()
    }
}

/// Asks for a user's figures through a client.
pub(crate) fn figures(user: &str) -> GetStatsRequest {
    GetStatsRequest {
        user_id: user.to_owned(),
    }
}

/// The two models that the contract's examples use.
pub(crate) async fn set_example_prices(rest: &Rest) {
    set_price(rest, "gpt-4", "0.03", "0.06").await;
    set_price(rest, "gpt-3.5-turbo", "0.0015", "0.002").await;
}

/// A server in the middle of the contract's month with the prices of its examples, and a client
/// that may do everything.
pub(crate) async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-11-15T10:30:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    (server, rest)
}

/// One model call of `alice`, to which a test adds what it is about.
pub(crate) fn call(request: &str, model: &str, prompt: i64, completion: i64) -> Value {
    json!({
        "user_id": "alice", "request_id": request, "model": model,
        "prompt_tokens": prompt, "completion_tokens": completion,
    })
}

/// `value` with one more field, or another value for one.
pub(crate) fn with(mut value: Value, field: &str, set: impl Into<Value>) -> Value {
    value[field] = set.into();
    value
}

/// Records a call, which must succeed.
pub(crate) async fn record(rest: &Rest, call: &Value) -> Answer {
    let answer = rest.post("/v1/billing/usage", &call.to_string()).await;
    assert_eq!(answer.status, 200, "{call}: {}", answer.body);
    answer
}

/// The exact digits (or the quoted text) of the first field of this name.
pub(crate) fn digits<'a>(answer: &'a Answer, field: &str) -> &'a str {
    let key = format!("\"{field}\":");
    let (_, rest) = answer.body.split_once(&key).expect("the field is there");
    rest.split([',', '}']).next().expect("a value follows")
}

/// The entries of all pages of a list, and how many each page had. `path` has a query.
pub(crate) async fn walk(rest: &Rest, path: &str, entries: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut listed, mut sizes, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = rest.get(&format!("{path}&page_token={token}")).await.json();
        let found = page[entries].as_array().expect("a page has entries");
        sizes.push(found.len());
        listed.extend(found.iter().cloned());
        match page["next_page_token"].as_str() {
            Some("") | None => return (listed, sizes),
            Some(next) => next.clone_into(&mut token),
        }
    }
}

/// Moves the test clock to an RFC 3339 time.
pub(crate) async fn advance(server: &TestServer, to: &str) {
    let token = server.token("operator", "admin").await;
    let mut debug = DebugServiceClient::with_interceptor(server.channel().await, bearer(&token));
    let to = Some(to.parse().expect("the time is RFC 3339"));
    debug
        .advance_clock(AdvanceClockRequest { to })
        .await
        .expect("the clock moves");
}

/// Asserts that REST refused with this status and code, and named exactly these fields.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str, fields: &[&str]) {
    let body = answer.json();
    let sentence = body["error"].as_str().expect("the error is a sentence");
    assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{body}");
    let details = body["details"].as_array().expect("the details are a list");
    let named: Vec<_> = details
        .iter()
        .map(|d| d["field"].as_str().expect("a detail names its field"))
        .collect();
    let seen = (answer.status, body["code"].as_str(), named);
    assert_eq!(seen, (status, Some(code), fields.to_vec()), "{body}");
}

/// The code, reason and fields of a refused gRPC call.
#[track_caller]
pub(crate) fn refusal(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "billing.v1");
    let fields = details.bad_request().map(|bad| {
        let violations = bad.field_violations.iter();
        violations.map(|v| v.field.clone()).collect()
    });
    (
        status.code(),
        info.reason.clone(),
        fields.unwrap_or_default(),
    )
}
