//! Python's grpcio, with messages built at run time.

use std::path::Path;

use integration_tests::{Backend, TestServer, on_both_databases, tools};
use serde_json::{Value, json};
use tokio::process::Command;

use super::SERVICES;
use crate::support::EVERYTHING;

on_both_databases!(a_program_in_python_records_and_reads_usage);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/client.py");

/// What the script saw.
async fn run_client(python: &Path, server: &TestServer) -> Value {
    let mut command = Command::new(python);
    command.args(["-I", SCRIPT, &server.addr().to_string()]);
    command.env("TOKEN", server.token("operator", EVERYTHING).await);
    let output = command.output().await.expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

async fn a_program_in_python_records_and_reads_usage(backend: Backend) {
    let Some(python) = tools::python() else {
        return;
    };
    let server = TestServer::start(backend).await;
    let seen = run_client(python, &server).await;

    assert_eq!(seen["services"], json!(SERVICES));
    assert_recorded_once(&seen);
    assert_streamed(&seen);
    assert_refused(&seen);
}

fn assert_recorded_once(seen: &Value) {
    let record = &seen["first"]["record"];
    assert_eq!(seen["first"]["duplicate"], false);
    assert_eq!(record["final_cost"]["value"], "0.06");
    assert_eq!(record["total_tokens"], "1500");
    assert_eq!(seen["second"], json!({"record": record, "duplicate": true}));
    assert_eq!(&seen["read"], record);
}

fn assert_streamed(seen: &Value) {
    let results = seen["streamed"].as_array().expect("results were seen");
    assert_eq!(results.len(), 100);
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result["request_id"], format!("stream-{n}"));
        assert_eq!(result["outcome"], "USAGE_OUTCOME_RECORDED");
    }
    assert_eq!(seen["stats"]["current_month_tokens"], "151500");
    assert_eq!(seen["stats"]["total_cost"]["value"], "6.06");
}

fn assert_refused(seen: &Value) {
    let refused = &seen["refused"];
    let info = &refused["details"]["google.rpc.ErrorInfo"];
    assert_eq!(refused["code"], "INVALID_ARGUMENT");
    assert_eq!(info["reason"], "INVALID_FIELD");
    assert_eq!(info["domain"], "billing.v1");
    let violations = &refused["details"]["google.rpc.BadRequest"]["field_violations"];
    let fields = violations.as_array().expect("violations are listed").iter();
    let mut fields: Vec<_> = fields.map(|v| v["field"].as_str()).collect();
    fields.sort_unstable();
    let expected = ["model", "prompt_tokens", "request_id"].map(Some);
    assert_eq!(fields, expected);

    let without = &seen["without_token"];
    let info = &without["details"]["google.rpc.ErrorInfo"];
    assert_eq!(without["code"], "UNAUTHENTICATED");
    assert_eq!(info["reason"], "TOKEN_MISSING");
}
