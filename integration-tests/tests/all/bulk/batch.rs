//! Batches, over gRPC and REST.

use billing_client::Usage;
use billing_proto::v1::{
    RecordUsageBatchRequest, RecordUsageRequest, UsageOutcome,
    usage_service_client::UsageServiceClient,
};
use integration_tests::{Backend, TestServer, on_both_databases, server::bearer};
use serde_json::{Value, json};
use tonic::Code;

use super::{assert_all, rejection};
use crate::{
    load::{self, MODEL, assert_counted_once, calls},
    support::{self, call, refusal},
};

on_both_databases!(
    every_record_of_a_batch_has_its_own_result,
    a_batch_sent_again_charges_nothing,
    a_batch_over_rest_answers_each_record,
    a_record_that_cannot_be_read_is_rejected_alone,
);

/// What is wrong with a record, and how it is answered.
struct Bad(Usage, UsageOutcome, &'static str, &'static str);

fn bad(earlier: &load::Call) -> Vec<Bad> {
    let usage = |id: &str| Usage::new("user-0", id, MODEL).prompt_tokens(1);
    let rejected = |usage, code, field| Bad(usage, UsageOutcome::Rejected, code, field);
    let far = "2026-11-10T12:05:01Z".parse().unwrap();
    let changed = earlier.usage().prompt_tokens(999_999);
    vec![
        rejected(usage(""), "INVALID_FIELD", "request_id"),
        rejected(
            Usage::new("\n", "bad-user", MODEL),
            "INVALID_FIELD",
            "user_id",
        ),
        rejected(Usage::new("user-0", "bad-1", ""), "INVALID_FIELD", "model"),
        rejected(
            Usage::new("user-0", "bad-2", "gpt-99"),
            "MODEL_NOT_FOUND",
            "",
        ),
        rejected(
            usage("bad-3").prompt_tokens(-1),
            "INVALID_FIELD",
            "prompt_tokens",
        ),
        rejected(
            usage("bad-4").total_tokens(2),
            "INVALID_FIELD",
            "total_tokens",
        ),
        rejected(
            usage("bad-5").created_at(far),
            "INVALID_FIELD",
            "created_at",
        ),
        rejected(changed, "USAGE_CONFLICT", ""),
        Bad(earlier.usage(), UsageOutcome::Duplicate, "", ""),
    ]
}

async fn every_record_of_a_batch_has_its_own_result(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let mut all = calls("call", 9_989, 6);
    // Recorded before the batch, and twice more in it.
    let earlier = all.remove(0);
    client.record_usage(earlier.usage()).await.unwrap();
    // In the batch itself, the first of two is recorded and the second is compared with it.
    let within = all[0].clone();
    let mut usages: Vec<_> = all.iter().map(load::Call::usage).collect();
    let bad: Vec<_> = bad(&earlier)
        .into_iter()
        .chain([
            Bad(within.usage(), UsageOutcome::Duplicate, "", ""),
            Bad(
                within.usage().completion_tokens(7_777),
                UsageOutcome::Rejected,
                "USAGE_CONFLICT",
                "",
            ),
        ])
        .enumerate()
        .map(|(number, bad)| (900 * (number + 1), bad))
        .collect();
    for (position, Bad(usage, ..)) in &bad {
        usages.insert(*position, usage.clone());
    }
    usages.push(Usage::new("user-0", "bad-last", "gpt-99"));
    assert_eq!(usages.len(), 10_000);

    let mut answer = client.record_usage_batch(usages).await.unwrap();

    let counts = (answer.recorded, answer.duplicates, answer.rejected);
    assert_eq!(counts, (9_988, 2, 10));
    let last = answer.results.pop().unwrap();
    assert_eq!(rejection(last.problem.as_ref()), ("MODEL_NOT_FOUND", ""));
    for (position, Bad(usage, outcome, code, field)) in bad.iter().rev() {
        let result = answer.results.remove(*position);
        assert_eq!(result.request_id, usage.request_id());
        assert_eq!(result.outcome(), *outcome, "{result:?}");
        assert_eq!(
            rejection(result.problem.as_ref()),
            (*code, *field),
            "{result:?}"
        );
        let taken = *outcome != UsageOutcome::Rejected;
        assert_eq!(result.record_id.is_empty(), !taken, "{result:?}");
        assert_eq!(result.final_cost.is_some(), taken, "{result:?}");
    }
    assert_all(&all, &answer.results, UsageOutcome::Recorded);
    all.push(earlier);
    assert_counted_once(&client, &all).await;
}

async fn a_batch_sent_again_charges_nothing(backend: Backend) {
    let server = load::server(backend).start().await;
    let client = load::client(&server).await;
    load::set_price(&client).await;
    let calls = calls("call", 1_000, 3);
    let usages: Vec<_> = calls.iter().map(load::Call::usage).collect();
    // At the same time, and then once more.
    let (one, other) = tokio::join!(
        client.record_usage_batch(usages.clone()),
        client.record_usage_batch(usages.clone()),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.recorded + other.recorded, 1_000);
    assert_eq!(one.duplicates + other.duplicates, 1_000);
    let third = client.record_usage_batch(usages).await.unwrap();
    assert_all(&calls, &third.results, UsageOutcome::Duplicate);
    assert_counted_once(&client, &calls).await;
}

async fn a_batch_over_rest_answers_each_record(backend: Backend) {
    let server = TestServer::start(backend).await;
    let rest = support::operator(&server).await;
    support::set_example_prices(&rest).await;
    let records = json!({"records": [
        call("one", "gpt-4", 100, 50),
        call("two", "gpt-99", 100, 50),
        call("one", "gpt-4", 100, 50),
    ]});
    let answer = rest
        .post("/v1/billing/usage/batch", &records.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(support::digits(&answer, "final_cost"), "0.006");
    let body = answer.json();
    assert_eq!(
        [&body["recorded"], &body["duplicates"], &body["rejected"]],
        [&json!(1), &json!(1), &json!(1)]
    );
    let results = body["results"].as_array().unwrap();
    let seen: Vec<_> = results
        .iter()
        .map(|r| (&r["request_id"], &r["outcome"], &r["problem"]["code"]))
        .collect();
    let expected = [
        (json!("one"), json!("recorded"), Value::Null),
        (json!("two"), json!("rejected"), json!("MODEL_NOT_FOUND")),
        (json!("one"), json!("duplicate"), Value::Null),
    ];
    let expected: Vec<_> = expected.iter().map(|(a, b, c)| (a, b, c)).collect();
    assert_eq!(seen, expected);
    assert_eq!(results[0]["record_id"], results[2]["record_id"]);

    let refused = rest
        .post("/v1/billing/usage/batch", r#"{"records":[]}"#)
        .await;
    support::assert_refused(&refused, 400, "INVALID_FIELD", &["records"]);
}

async fn a_record_that_cannot_be_read_is_rejected_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let rest = support::operator(&server).await;
    support::set_example_prices(&rest).await;
    let fraction = support::with(call("two", "gpt-4", 1, 1), "prompt_tokens", 1.5);
    let unknown = support::with(call("three", "gpt-4", 1, 1), "colour", "red");
    let records = json!({"records": [
        call("one", "gpt-4", 100, 50), fraction, unknown, 5, call("four", "gpt-4", 100, 50),
    ]});
    let answer = rest
        .post("/v1/billing/usage/batch", &records.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let counts = ["recorded", "duplicates", "rejected"].map(|count| body[count].as_i64());
    assert_eq!(counts, [Some(2), Some(0), Some(3)]);
    let results = body["results"].as_array().unwrap().iter();
    let seen = results.map(|result| {
        let problem = &result["problem"];
        json!([
            result["request_id"],
            result["outcome"],
            problem["code"],
            problem["field"]
        ])
    });
    let expected = json!([
        ["one", "recorded", null, null],
        ["two", "rejected", "INVALID_FIELD", "prompt_tokens"],
        ["three", "rejected", "UNKNOWN_FIELD", "colour"],
        ["", "rejected", "INVALID_FIELD", ""],
        ["four", "recorded", null, null],
    ]);
    assert_eq!(Value::from(seen.collect::<Vec<_>>()), expected);

    let refused = rest.post("/v1/billing/usage/batch", "[]").await;
    support::assert_refused(&refused, 400, "INVALID_JSON", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_no_or_too_many_records_are_refused() {
    let server = TestServer::start(Backend::Sqlite).await;
    let token = bearer(&server.token("operator", "usage:write").await);
    let mut service = UsageServiceClient::with_interceptor(server.channel().await, token);
    for count in [0, 10_001] {
        let records = vec![RecordUsageRequest::default(); count];
        let request = RecordUsageBatchRequest { records };
        let status = service.record_usage_batch(request).await.unwrap_err();
        let (code, reason, fields) = refusal(&status);
        assert_eq!(
            (code, reason.as_str(), fields),
            (
                Code::InvalidArgument,
                "INVALID_FIELD",
                vec!["records".into()]
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_streams_need_the_scope_to_write_usage() {
    let server = TestServer::start(Backend::Sqlite).await;
    for (token, expected) in [
        (server.token("alice", "").await, Code::PermissionDenied),
        (String::new(), Code::Unauthenticated),
    ] {
        let mut client = billing_client::BillingClient::builder(server.url());
        if !token.is_empty() {
            client = client.token(token);
        }
        let client = client.connect().await.unwrap();
        let batch = client
            .record_usage_batch(vec![Usage::new("alice", "1", MODEL)])
            .await;
        assert_eq!(batch.unwrap_err().code(), Some(expected));
        let stream = client.stream_usage().await;
        assert_eq!(stream.unwrap_err().code(), Some(expected));
    }
}
