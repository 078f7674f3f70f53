//! Reversing records.

use integration_tests::{Backend, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::support::{assert_refused, call, digits, record, start, user, with};

on_both_databases!(
    a_void_is_a_correction_that_reverses_the_record,
    a_record_is_voided_once,
    only_operators_void,
    every_violation_is_named_at_once,
);

const STATS: &str = "/v1/billing/stats?user_id=alice";
const REASON: &str = r#"{"user_id":"alice","reason":"sent twice"}"#;

/// Records a call and answers the record.
async fn recorded(rest: &Rest, call: &Value) -> Value {
    record(rest, call).await.json()["record"].clone()
}

fn path(record: &Value) -> String {
    format!("/v1/billing/usage/{}", record["id"].as_str().unwrap())
}

fn void(record: &Value) -> String {
    format!("{}/void", path(record))
}

async fn a_void_is_a_correction_that_reverses_the_record(backend: Backend) {
    let (_server, rest) = start(backend).await;
    record(&rest, &call("kept", "gpt-4", 1_000, 0)).await;
    let before = rest.get(STATS).await;
    let original = recorded(&rest, &call("gone", "gpt-4", 1_000, 500)).await;

    let answer = rest.post(&void(&original), REASON).await;
    let correction = answer.json();
    assert_eq!(digits(&answer, "cost_usd"), "-0.06");
    assert_eq!(digits(&answer, "final_cost"), "-0.06");
    for (field, expected) in [
        ("status", json!("correction")),
        ("corrects_id", original["id"].clone()),
        ("user_id", json!("alice")),
        ("model", json!("gpt-4")),
        ("prompt_tokens", json!(-1_000)),
        ("completion_tokens", json!(-500)),
        ("total_tokens", json!(-1_500)),
        ("billing_month", json!("2024-11")),
        ("invoice_month", json!("2024-11")),
        ("void_reason", json!("")),
    ] {
        assert_eq!(correction[field], expected, "{field}");
    }
    assert_eq!(rest.get(STATS).await, before);

    let voided = with(original.clone(), "status", "voided");
    let voided = with(voided, "void_reason", "sent twice");
    for (record, expected) in [(&original, &voided), (&correction, &correction)] {
        let read = rest.get(&format!("{}?user_id=alice", path(record))).await;
        assert_eq!(&read.json(), expected);
    }
    let listed = rest.get("/v1/billing/usage?user_id=alice").await.json();
    assert_eq!(listed["records"].as_array().map(Vec::len), Some(3));
    // The request id stays taken: a late repeat is still the same call.
    let again = record(&rest, &call("gone", "gpt-4", 1_000, 500)).await;
    assert_eq!(digits(&again, "duplicate"), "true");
    assert_eq!(rest.get(STATS).await, before);
}

async fn a_record_is_voided_once(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let original = recorded(&rest, &call("a", "gpt-4", 1_000, 500)).await;
    let own = with(call("own", "gpt-4", 1, 0), "user_id", "operator");
    let own = recorded(&rest, &own).await;
    for (id, status, code) in [
        ("/v1/billing/usage/rec-none/void", 404, "USAGE_NOT_FOUND"),
        // Of another user.
        (&void(&own), 404, "USAGE_NOT_FOUND"),
    ] {
        assert_refused(&rest.post(id, REASON).await, status, code, &[]);
    }
    let correction = rest.post(&void(&original), REASON).await.json();
    let after = rest.get(STATS).await;
    for record in [&original, &correction] {
        let answer = rest.post(&void(record), REASON).await;
        assert_refused(&answer, 400, "USAGE_ALREADY_VOIDED", &[]);
    }
    assert_eq!(rest.get(STATS).await, after);
    // Without a user it is the token's subject; a reason may be left out.
    let answer = rest.post(&void(&own), "{}").await;
    assert_eq!(digits(&answer, "user_id"), "\"operator\"");
}

async fn only_operators_void(backend: Backend) {
    let (server, rest) = start(backend).await;
    let original = recorded(&rest, &call("a", "gpt-4", 1_000, 500)).await;
    let gateway = server.rest(&server.token("alice", "usage:write").await);
    for (caller, status, code) in [
        (server.rest(""), 401, "TOKEN_MISSING"),
        (user(&server, "alice").await, 403, "SCOPE_MISSING"),
        (gateway, 403, "SCOPE_MISSING"),
    ] {
        for body in [REASON, "{}"] {
            let answer = caller.post(&void(&original), body).await;
            assert_refused(&answer, status, code, &[]);
        }
    }
    let kept = rest
        .get(&format!("{}?user_id=alice", path(&original)))
        .await;
    assert_eq!(kept.json(), original);
}

async fn every_violation_is_named_at_once(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let original = recorded(&rest, &call("a", "gpt-4", 1_000, 500)).await;
    let of_alice = void(&original);
    for (path, user, reason, fields) in [
        (
            "/v1/billing/usage/%20/void",
            " ",
            "x".repeat(501),
            vec!["user_id", "id", "reason"],
        ),
        (&of_alice, "alice", "é".repeat(501), vec!["reason"]),
        (&of_alice, "alice", "two\nlines".to_owned(), vec!["reason"]),
        (&of_alice, "alice", "a\0".to_owned(), vec!["reason"]),
    ] {
        let body = json!({"user_id": user, "reason": reason});
        let answer = rest.post(path, &body.to_string()).await;
        assert_refused(&answer, 400, "INVALID_FIELD", &fields);
    }
    let longest = json!({"user_id": "alice", "reason": "é".repeat(500)});
    let answer = rest.post(&of_alice, &longest.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
