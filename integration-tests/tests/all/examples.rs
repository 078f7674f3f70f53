//! The contract's worked examples, and which month and price a record gets.

use integration_tests::{Backend, TestServer, on_both_databases, postgres::connect, server::Rest};

use crate::support::{
    advance, assert_refused, call, digits, operator, record, set_example_prices, set_price, with,
};

on_both_databases!(
    usage_without_a_plan_owes_its_exact_list_price,
    the_guides_amounts_are_exact,
    a_record_belongs_to_the_month_that_contains_it,
    the_running_month_follows_the_clock,
    a_record_a_little_ahead_is_rated_as_of_now,
);

/// Contract, chapter 13: time, model, prompt and completion tokens of the four records.
const RECORDS: [(&str, &str, i64, i64); 4] = [
    ("2024-11-03T12:00:00Z", "gpt-4", 300_000, 100_000),
    ("2024-11-09T12:00:00Z", "gpt-3.5-turbo", 350_333, 150_000),
    ("2024-11-20T12:00:00Z", "gpt-4", 120_000, 30_000),
    ("2024-11-25T12:00:00Z", "gpt-3.5-turbo", 60_000, 40_000),
];
const STATS: &str = "/v1/billing/stats?user_id=alice";

async fn server_at(backend: Backend, clock: &str) -> (TestServer, Rest) {
    let server = TestServer::builder(backend).clock(clock).start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    (server, rest)
}

/// Records the four and checks what each costs and owes.
async fn record_all(rest: &Rest, rate: &str, owed: [&str; 4]) {
    let listed = ["15.00", "0.8254995", "5.40", "0.17"];
    for (index, (at, model, prompt, completion)) in RECORDS.into_iter().enumerate() {
        let usage = call(&format!("R{}", index + 1), model, prompt, completion);
        let usage = with(usage, "created_at", at);
        let answer = record(rest, &usage).await;
        assert_eq!(digits(&answer, "cost_usd"), listed[index]);
        assert_eq!(digits(&answer, "discount_rate"), rate);
        assert_eq!(digits(&answer, "final_cost"), owed[index]);
        assert_eq!(digits(&answer, "billing_month"), "\"2024-11\"");
        assert_eq!(digits(&answer, "invoice_month"), "\"2024-11\"");
    }
}

async fn usage_without_a_plan_owes_its_exact_list_price(backend: Backend) {
    let (_server, rest) = server_at(backend, "2024-11-30T12:00:00Z").await;
    record_all(&rest, "1", ["15.00", "0.8254995", "5.40", "0.17"]).await;
    let stats = rest.get(STATS).await;
    assert_eq!(
        stats.body,
        r#"{"current_month_cost":21.3954995,"current_month_tokens":1150333,"subscription_plan":"","tokens_quota":0,"tokens_used":0,"tokens_remaining":0,"total_cost":21.3954995}"#
    );
    let report = rest.get("/v1/billing/reports/monthly?month=2024-11").await;
    assert_eq!(
        report.body,
        r#"{"month":"2024-11","total_revenue":21.3954995,"total_tokens":1150333,"record_count":4,"avg_cost_per_record":5.348875,"fees":0.00,"invoiced":0.00,"tax":0.00,"credited":0.00,"collected":0.00,"topups":0.00,"refunds":0.00,"lost_disputes":0.00,"provider_fees":0.00,"outstanding":0.00,"unapplied_credit":0.00,"prepaid_tokens":0.00,"recurring_revenue":0.00,"active_users":1}"#
    );
}

/// The rate is written behind the server's back, for no call sets it yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_discount_rate_applies_to_the_list_price() {
    let (server, rest) = server_at(Backend::Postgres, "2024-11-30T12:00:00Z").await;
    let insert = "INSERT INTO accounts (user_id, discount_rate, created_at, updated_at)
        VALUES ('alice', 0.9, now(), now())";
    let database = connect(server.database_url()).await;
    database.batch_execute(insert).await.unwrap();

    record_all(&rest, "0.9", ["13.50", "0.74294955", "4.86", "0.153"]).await;
    let stats = rest.get(STATS).await;
    assert_eq!(digits(&stats, "current_month_cost"), "19.25594955");
    assert_eq!(digits(&stats, "total_cost"), "19.25594955");
    let question = r#"{"user_id":"alice","model":"gpt-4","prompt_tokens":300000}"#;
    let cost = rest.post("/v1/billing/cost", question).await;
    assert_eq!(digits(&cost, "final_cost"), "8.10");
}

async fn the_guides_amounts_are_exact(backend: Backend) {
    let (_server, rest) = server_at(backend, "2024-11-15T12:00:00Z").await;
    let answer = record(&rest, &call("a", "gpt-4", 500_000, 0)).await;
    assert_eq!(digits(&answer, "final_cost"), "15.00");
    let answer = record(&rest, &call("b", "gpt-3.5-turbo", 750_000, 0)).await;
    assert_eq!(digits(&answer, "final_cost"), "1.125");
    let stats = rest.get(STATS).await;
    assert_eq!(digits(&stats, "current_month_cost"), "16.125");
    assert_eq!(digits(&stats, "current_month_tokens"), "1250000");
}

async fn a_record_belongs_to_the_month_that_contains_it(backend: Backend) {
    let (_server, rest) = server_at(backend, "2024-11-15T12:00:00Z").await;
    for (at, month, tokens) in [
        ("2024-10-31T23:59:59.999999Z", "2024-10", 1_000),
        // Below the microsecond time is cut off, never rounded into the next month.
        ("2024-10-31T23:59:59.9999999Z", "2024-10", 2_000),
        ("2024-11-01T00:00:00Z", "2024-11", 4_000),
        ("2024-11-01T01:30:00+02:00", "2024-10", 8_000),
    ] {
        let usage = with(call(at, "gpt-4", tokens, 0), "created_at", at);
        let answer = record(&rest, &usage).await;
        assert_eq!(answer.json()["record"]["billing_month"], month, "{at}");
        assert_eq!(answer.json()["record"]["invoice_month"], month, "{at}");
    }
    for (month, tokens, revenue) in [
        ("2024-09", "0", "0.00"),
        ("2024-10", "11000", "0.33"),
        ("2024-11", "4000", "0.12"),
    ] {
        let path = format!("/v1/billing/reports/monthly?month={month}");
        let report = rest.get(&path).await;
        assert_eq!(digits(&report, "total_tokens"), tokens, "{month}");
        assert_eq!(digits(&report, "total_revenue"), revenue, "{month}");
    }
}

async fn the_running_month_follows_the_clock(backend: Backend) {
    let (server, rest) = server_at(backend, "2024-10-31T23:59:59.999999Z").await;
    let month = |body: String, expected: [&str; 3]| {
        let [month, tokens, total] = expected;
        let start = format!(r#"{{"current_month_cost":{month},"current_month_tokens":{tokens},"#);
        assert!(body.starts_with(&start), "{body}");
        assert!(
            body.ends_with(&format!("\"total_cost\":{total}}}")),
            "{body}"
        );
    };
    record(&rest, &call("a", "gpt-4", 500_000, 0)).await;
    month(rest.get(STATS).await.body, ["15.00", "500000", "15.00"]);

    advance(&server, "2024-11-01T00:00:00Z").await;
    month(rest.get(STATS).await.body, ["0.00", "0", "15.00"]);

    let late = with(
        call("b", "gpt-4", 1_000, 0),
        "created_at",
        "2024-10-05T00:00:00Z",
    );
    let late = record(&rest, &late).await;
    assert_eq!(digits(&late, "billing_month"), "\"2024-10\"");
    month(rest.get(STATS).await.body, ["0.00", "0", "15.03"]);

    let now = record(&rest, &call("c", "gpt-4", 2_000, 0)).await;
    assert_eq!(digits(&now, "billing_month"), "\"2024-11\"");
    month(rest.get(STATS).await.body, ["0.06", "2000", "15.09"]);
}

async fn a_record_a_little_ahead_is_rated_as_of_now(backend: Backend) {
    let (_server, rest) = server_at(backend, "2024-10-31T23:58:00Z").await;
    set_price(&rest, "model", "1", "1").await;
    let dearer = r#"{"model_id":"model","prompt_price_per_k":2,"completion_price_per_k":2,"effective_from":"2024-11-01T00:00:00Z"}"#;
    assert_eq!(rest.post("/v1/billing/prices", dearer).await.status, 200);

    let ahead = with(
        call("a", "model", 1_000, 0),
        "created_at",
        "2024-11-01T00:03:00Z",
    );
    let answer = record(&rest, &ahead).await;
    assert_eq!(digits(&answer, "final_cost"), "1.00");
    assert_eq!(digits(&answer, "billing_month"), "\"2024-10\"");
    assert_eq!(digits(&answer, "created_at"), "\"2024-11-01T00:03:00Z\"");

    let too_far = with(
        call("b", "model", 1, 0),
        "created_at",
        "2024-11-01T00:03:00.000001Z",
    );
    let answer = rest.post("/v1/billing/usage", &too_far.to_string()).await;
    assert_refused(&answer, 400, "INVALID_FIELD", &["created_at"]);
}
