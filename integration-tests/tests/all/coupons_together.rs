//! Several coupons of one user, some of which get back what a void reverses.

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};

use crate::support::{advance, call, digits, operator, record, set_price};

on_both_databases!(
    a_coupon_that_gets_value_back_takes_it_from_a_younger_one_and_not_from_the_user,
    the_fee_is_no_purchase_before_it_is_invoiced,
);

/// A server in October 2024, with a model of 1 USD per 1,000 tokens.
async fn october(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock("2024-10-10T12:00:00Z");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_price(&rest, "m", "1", "1").await;
    (server, rest)
}

async fn create(rest: &Rest, code: &str, value: i64, least: i64) {
    let coupon = format!(
        r#"{{"code":"{code}","type":"fixed","value":{value},"min_purchase_amount":{least}}}"#
    );
    let answer = rest.post("/v1/billing/coupons", &coupon).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The code of the refusal, or "OK".
async fn apply(rest: &Rest, code: &str) -> String {
    let request = format!(r#"{{"coupon_code":"{code}","user_id":"alice"}}"#);
    let answer = rest.post("/v1/billing/coupons/apply", &request).await;
    let code = answer.json()["code"].as_str().map(str::to_owned);
    code.unwrap_or_else(|| "OK".to_owned())
}

/// Records a call that costs so many USD: its discount and what is left to pay.
async fn spend(rest: &Rest, request: &str, usd: i64) -> (String, [String; 2]) {
    let answer = record(rest, &call(request, "m", usd * 1_000, 0)).await;
    let id = answer.json()["record"]["id"].as_str().unwrap().to_owned();
    let parts = ["discount_amount", "final_cost"];
    (id, parts.map(|part| digits(&answer, part).to_owned()))
}

async fn a_coupon_that_gets_value_back_takes_it_from_a_younger_one_and_not_from_the_user(
    backend: Backend,
) {
    let (server, rest) = october(backend).await;
    create(&rest, "OLDER", 10, 0).await;
    create(&rest, "YOUNGER", 100, 0).await;
    assert_eq!(apply(&rest, "OLDER").await, "OK");
    let (october, parts) = spend(&rest, "a", 6).await;
    assert_eq!(parts, ["6.00", "0.00"]);

    // October is not invoiced yet.
    advance(&server, "2024-11-01T12:00:00Z").await;
    assert_eq!(apply(&rest, "YOUNGER").await, "OK");
    let (_, parts) = spend(&rest, "b", 10).await;
    assert_eq!(parts, ["10.00", "0.00"]);

    let path = format!("/v1/billing/usage/{october}/void");
    let void = rest.post(&path, r#"{"user_id":"alice"}"#).await;
    assert_eq!(digits(&void, "discount_amount"), "-6.00", "{}", void.body);
    // Of November's 11.00 the older now takes 10.00, so that the younger gives up 5.00.
    let (_, parts) = spend(&rest, "c", 1).await;
    assert_eq!(parts, ["1.00", "0.00"]);
    let redeemed = rest
        .get("/v1/billing/coupons/redemptions?user_id=alice")
        .await;
    let redeemed = redeemed.json();
    let saved = |index: usize| redeemed["redemptions"][index]["discount_amount"].to_string();
    assert_eq!([saved(0), saved(1)], ["1.0", "10.0"]);
}

async fn the_fee_is_no_purchase_before_it_is_invoiced(backend: Backend) {
    let (_server, rest) = october(backend).await;
    create(&rest, "FROM-2", 1, 2).await;
    spend(&rest, "a", 1).await;
    let order = r#"{"user_id":"alice","plan_id":"plan-pro"}"#;
    let subscription = rest.post("/v1/billing/subscription", order).await;
    assert_eq!(subscription.status, 200, "{}", subscription.body);
    assert_eq!(apply(&rest, "FROM-2").await, "COUPON_MINIMUM_NOT_REACHED");
}
