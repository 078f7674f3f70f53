//! The command line that people debug with.

pub(super) mod program;

use integration_tests::{Backend, TestServer, on_both_databases};
use serde_json::{Value, json};

use self::program::Grpcurl;
use super::SERVICES;
use crate::support::{operator, set_example_prices, with};

on_both_databases!(calls_through_reflection_record_once_and_are_counted);

const USAGE: &str = "billing.v1.UsageService";
const STATS: &str = "billing.v1.StatsService/GetStats";
const HEALTH: &str = "grpc.health.v1.Health/Check";

fn call(request: &str) -> Value {
    json!({"user_id": "alice", "request_id": request, "model": "gpt-4", "prompt_tokens": 1000})
}

async fn calls_through_reflection_record_once_and_are_counted(backend: Backend) {
    let server = TestServer::start(backend).await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    set_example_prices(&operator(&server).await).await;

    let record = format!("{USAGE}/RecordUsage");
    let first = grpcurl.call(&record, &call("one")).await;
    assert_eq!(first["record"]["finalCost"]["value"], "0.03");
    assert_eq!(first["duplicate"], Value::Null, "defaults are not printed");
    let second = grpcurl.call(&record, &call("one")).await;
    assert_eq!(second, with(first, "duplicate", true));

    assert_streams(&grpcurl).await;
    assert_records_batches(&grpcurl).await;

    let stats = grpcurl.call(STATS, &json!({"user_id": "alice"})).await;
    assert_eq!(stats["currentMonthTokens"], "3000");
    assert_eq!(stats["totalCost"]["value"], "0.09");
}

/// Two messages on standard input, of which the second is refused.
async fn assert_streams(grpcurl: &Grpcurl) {
    let input = format!("{}\n{}", call("two"), with(call("three"), "model", "none"));
    let stream = format!("{USAGE}/StreamUsage");
    let printed = grpcurl.print(&["-d", "@"], &[&stream], &input).await;
    let mut seen = Vec::new();
    for answer in serde_json::Deserializer::from_str(&printed).into_iter::<Value>() {
        let answer = answer.expect("each answer is JSON");
        for result in answer["results"].as_array().expect("results are listed") {
            let code = result["problem"]["code"].as_str().unwrap_or_default();
            let [id, outcome] = ["requestId", "outcome"].map(|key| result[key].as_str());
            seen.push(format!("{} {} {code}", id.unwrap(), outcome.unwrap()));
        }
    }
    let expected = [
        "two USAGE_OUTCOME_RECORDED ",
        "three USAGE_OUTCOME_REJECTED MODEL_NOT_FOUND",
    ];
    assert_eq!(seen, expected);
}

async fn assert_records_batches(grpcurl: &Grpcurl) {
    let batch = json!({"records": [call("two"), call("four"), call("")]});
    let answer = grpcurl
        .call(&format!("{USAGE}/RecordUsageBatch"), &batch)
        .await;
    let counts = ["recorded", "duplicates", "rejected"].map(|key| answer[key].as_str());
    assert_eq!(counts, [Some("1"); 3]);
    assert_eq!(answer["results"][2]["problem"]["field"], "request_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn list_shows_exactly_what_is_served() {
    let server = TestServer::start(Backend::Sqlite).await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    let listed = grpcurl.print(&[], &["list"], "").await;
    assert_eq!(listed.lines().collect::<Vec<_>>(), SERVICES);
    for service in listed.lines().filter(|name| name.starts_with("billing.")) {
        let health = grpcurl.call(HEALTH, &json!({"service": service})).await;
        assert_eq!(health["status"], "SERVING", "{service}");
    }
    let methods = grpcurl.print(&[], &["list", USAGE], "").await;
    let expected = [
        "CalculateCost",
        "GetUsageRecord",
        "ListUsageRecords",
        "RecordUsage",
        "RecordUsageBatch",
        "StreamUsage",
        "VoidUsage",
    ];
    let expected = expected.map(|method| format!("{USAGE}.{method}"));
    assert_eq!(methods.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_clock_is_listed_and_moved() {
    let server = TestServer::builder(Backend::Sqlite).clock("2024-11-01T00:00:00Z");
    let server = server.start().await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    let listed = grpcurl.print(&[], &["list"], "").await;
    let debug = listed.lines().filter(|name| !SERVICES.contains(name));
    assert_eq!(debug.collect::<Vec<_>>(), ["billing.v1.DebugService"]);
    let advance = json!({"to": "2024-11-02T00:00:00Z"});
    let method = "billing.v1.DebugService/AdvanceClock";
    grpcurl.call(method, &advance).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_shows_comments_types_and_rest_paths() {
    let server = TestServer::start(Backend::Sqlite).await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    for (symbol, shown) in [
        (
            "billing.v1.UsageService.RecordUsage",
            [
                "// Records one model call. Answers only after the record is durably committed.",
                "rpc RecordUsage ( .billing.v1.RecordUsageRequest ) \
                 returns ( .billing.v1.RecordUsageResponse )",
                r#"option (.google.api.http) = { post: "/v1/billing/usage", body: "*" };"#,
            ],
        ),
        (
            "billing.v1.RecordUsageRequest",
            [
                "// The model that was called, as its price names it.",
                "string model = 3 [(.google.api.field_behavior) = REQUIRED];",
                ".google.protobuf.Timestamp created_at = 11;",
            ],
        ),
    ] {
        let described = grpcurl.print(&[], &["describe", symbol], "").await;
        for line in shown {
            assert!(described.contains(line), "no {line:?} in {described}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_shows_its_reason_and_every_field() {
    let server = TestServer::start(Backend::Sqlite).await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    let method = format!("{USAGE}/RecordUsage");
    let bad = with(call(""), "prompt_tokens", -1);
    let error = grpcurl.refused(&method, &bad).await;
    assert_eq!(error["code"], 3);
    assert_eq!(error["details"][0]["reason"], "INVALID_FIELD");
    let violations = &error["details"][1]["fieldViolations"];
    let violations = violations.as_array().expect("the fields are listed");
    let mut fields: Vec<_> = violations.iter().map(|v| v["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, [Some("prompt_tokens"), Some("request_id")]);

    // As people see it.
    let data = bad.to_string();
    let output = grpcurl.run(&["-d", &data], &[&method], "").await;
    let said = String::from_utf8_lossy(&output.stderr);
    for shown in ["InvalidArgument", "INVALID_FIELD", "prompt_tokens"] {
        assert!(said.contains(shown), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_even_the_list_is_refused() {
    let server = TestServer::start(Backend::Sqlite).await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    let output = grpcurl.without_token().run(&[], &["list"], "").await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("code = Unauthenticated"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn public_reflection_lets_anyone_read_plans_and_health_but_no_account() {
    let server = TestServer::builder(Backend::Sqlite).env("BILLING_REFLECTION_PUBLIC", "true");
    let server = server.start().await;
    let Some(grpcurl) = Grpcurl::of(&server).await else {
        return;
    };
    let anyone = grpcurl.without_token();
    let health = anyone.call(HEALTH, &json!({})).await;
    assert_eq!(health, json!({"status": "SERVING"}));
    let plans = "billing.v1.PlanService/ListPlans";
    let plans = anyone.call(plans, &json!({})).await;
    assert_eq!(plans["plans"].as_array().map(Vec::len), Some(3));
    let error = anyone.refused(STATS, &json!({})).await;
    assert_eq!(error["code"], 16);
    assert_eq!(error["details"][0]["reason"], "TOKEN_MISSING");
}
