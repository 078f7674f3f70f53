//! Imports and reports from the command line, against a running server.

use std::process::Output;

use integration_tests::{Backend, TestServer, on_both_databases};
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{digits, operator, set_example_prices};

on_both_databases!(
    a_price_list_is_imported_once_with_everything_an_operator_should_know,
    a_changed_price_is_a_new_price_and_the_past_is_refused,
    prices_in_columns_are_imported_exactly,
    usage_in_columns_is_recorded_once_to_the_last_digit,
    usage_in_lines_is_recorded_once_and_every_bad_line_is_told,
    a_trace_is_dealt_and_recorded_once,
    a_file_that_is_corrected_extended_or_saved_again_adds_only_what_is_new,
    a_dry_run_tells_what_an_import_would_and_sends_nothing,
    usage_is_read_from_standard_input,
    more_than_one_call_of_records_goes_through,
    a_server_that_is_gone_ends_an_import_with_1,
    nothing_is_imported_without_a_token_and_a_key,
);

const LITELLM: &str = r#"{
    "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
    "acme/plain": {"litellm_provider": "acme", "mode": "chat",
        "input_cost_per_token": 2.5e-07, "output_cost_per_token": 1e-06,
        "cache_read_input_token_cost": 2.5e-08, "cache_creation_input_token_cost": 3.125e-07,
        "output_cost_per_reasoning_token": 4E-6},
    "acme/noisy": {"litellm_provider": "acme",
        "input_cost_per_token": 1.5000000000000002e-07, "output_cost_per_token": 6e-07},
    "acme/free": {"litellm_provider": "acme",
        "input_cost_per_token": 0, "output_cost_per_token": 0.0},
    "acme/embedding": {"litellm_provider": "acme", "mode": "embedding",
        "input_cost_per_token": 1e-08},
    "acme/long": {"litellm_provider": "acme",
        "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06},
    "acme/tiers": {"litellm_provider": "acme",
        "tiered_pricing": [{"input_cost_per_token": 1e-06, "range": [0, 1000]}]},
    "acme/image": {"litellm_provider": "acme", "output_cost_per_image": 0.04},
    "acme/below zero": {"litellm_provider": "acme",
        "input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06},
    "acme/\u0007bell": {"litellm_provider": "acme",
        "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
}"#;

/// A folder with one file, and the file's path.
fn file(name: &str, contents: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// Exit code, stdout without its last line break, and stderr.
fn said(output: Output) -> (i32, String, String) {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code().unwrap(),
        out.trim_end().to_owned(),
        err,
    )
}

async fn run(server: &TestServer, line: &str, path: &str) -> (i32, String, String) {
    let words = line.split_whitespace();
    let words: Vec<_> = words
        .map(|word| if word == "FILE" { path } else { word })
        .collect();
    said(server.cli(&words).await)
}

/// The pinned line of a usage import; the speed is whatever it is.
fn pinned(recorded: u64, duplicates: u64, rejected: u64, reasons: &str) -> String {
    format!(
        "{{\"recorded\":{recorded},\"duplicates\":{duplicates},\"rejected\":{rejected},\
         \"reasons\":{reasons},\"records_per_second\":"
    )
}

#[track_caller]
fn assert_pinned(printed: &str, expected: &str) {
    let speed = printed.strip_prefix(expected);
    let speed = speed.and_then(|rest| rest.strip_suffix('}'));
    let speed = speed.unwrap_or_else(|| panic!("{printed} is not {expected}n}}"));
    speed.parse::<u64>().unwrap();
}

async fn a_price_list_is_imported_once_with_everything_an_operator_should_know(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_folder, path) = file("prices.json", LITELLM);
    let (code, printed, told) = run(&server, "prices import FILE --json", &path).await;
    assert_eq!(code, 3, "{told}");
    let tail = r#""skipped":{"SAMPLE_SPEC":1,"NO_TOKEN_PRICE":1,"TIERED_PRICE_ONLY":1},"#;
    let mut summary: Value = serde_json::from_str(&printed).unwrap();
    let expected: Value = serde_json::from_str(&format!(
        r#"{{"read":10,"imported":5,"unchanged":0,{tail}"rejected":2,
            "reasons":{{"INVALID_FIELD":2}},"warnings":{{"FREE":["acme/free"],
            "PROMPT_PRICE_ONLY":["acme/embedding"],"ROUNDED":["acme/noisy"],
            "FLAT_BELOW_THRESHOLD":["acme/long"]}}}}"#
    ))
    .unwrap();
    assert_eq!(summary, expected);
    assert!(
        told.contains("acme/below zero: INVALID_FIELD: prompt_price_per_k must not be negative\n"),
        "{told}"
    );
    assert!(
        told.contains("acme/\\u{7}bell: INVALID_FIELD: model_id must not contain control"),
        "{told}"
    );
    assert!(
        told.ends_with("billing-server: 2 rows were rejected\n"),
        "{told}"
    );

    let (code, printed, _) = run(&server, "prices import FILE --json", &path).await;
    assert_eq!(code, 3);
    summary["imported"] = 0.into();
    summary["unchanged"] = 5.into();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), summary);

    let operator = operator(&server).await;
    let price = operator.get("/v1/billing/prices/acme/plain").await;
    let exact = [
        ("provider", "\"acme\""),
        ("prompt_price_per_k", "0.00025"),
        ("completion_price_per_k", "0.001"),
        ("cached_prompt_price_per_k", "0.000025"),
        ("cache_write_price_per_k", "0.0003125"),
        ("reasoning_price_per_k", "0.004"),
        ("effective_from", "\"1970-01-01T00:00:00Z\""),
    ];
    for (field, expected) in exact {
        assert_eq!(digits(&price, field), expected, "{field}");
    }
    let noisy = operator.get("/v1/billing/prices/acme/noisy").await;
    assert_eq!(digits(&noisy, "prompt_price_per_k"), "0.00015");
    let embedding = operator.get("/v1/billing/prices/acme/embedding").await;
    assert_eq!(digits(&embedding, "completion_price_per_k"), "0");
    assert_eq!(
        operator.get("/v1/billing/prices/acme/image").await.status,
        404
    );
}

async fn a_changed_price_is_a_new_price_and_the_past_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let header = "model_id,prompt_price_per_k,completion_price_per_k";
    let (_folder, old) = file("old.csv", &format!("{header}\nm,1,2\n"));
    let (_other, new) = file("new.csv", &format!("{header}\nm,1,3\n"));
    let (code, printed, told) = run(&server, "prices import FILE", &old).await;
    assert_eq!((code, told.as_str()), (0, ""));
    assert_eq!(
        printed,
        "read: 1\nimported: 1\nunchanged: 0\nskipped: 0\nrejected: 0"
    );
    let late = "prices import FILE --effective-from 2024-01-01T00:00:00Z";
    let (code, printed, told) = run(&server, late, &new).await;
    assert_eq!(code, 3);
    assert!(
        printed.ends_with("rejected: 1 (PRICE_IN_PAST 1)"),
        "{printed}"
    );
    assert!(
        told.starts_with("m: PRICE_IN_PAST: effective_from "),
        "{told}"
    );
    let (code, printed, _) = run(&server, "prices import FILE", &new).await;
    assert_eq!(code, 0);
    assert!(printed.contains("imported: 1\nunchanged: 0\n"), "{printed}");
}

async fn prices_in_columns_are_imported_exactly(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_folder, path) = file(
        "prices.csv",
        "model_id,provider,prompt_price_per_k,completion_price_per_k,cached_prompt_price_per_k,\
         cache_write_price_per_k,reasoning_price_per_k\n\
         m,acme,0.000000000001,0.06,,0.5,\n\
         m,acme,1,1,,,\n\
         n,acme,,1,,,\n",
    );
    let (code, printed, told) = run(&server, "prices import FILE", &path).await;
    assert_eq!(code, 3);
    let summary = "read: 3\nimported: 1\nunchanged: 0\nskipped: 0\nrejected: 2 (INVALID_FIELD 2)";
    assert_eq!(printed, summary);
    assert_eq!(
        told,
        "m: INVALID_FIELD: is listed twice\n\
         n: INVALID_FIELD: prompt_price_per_k must not be empty\n\
         billing-server: 2 rows were rejected\n"
    );
    let price = operator(&server).await.get("/v1/billing/prices/m").await;
    assert_eq!(digits(&price, "prompt_price_per_k"), "0.000000000001");
    assert_eq!(digits(&price, "cached_prompt_price_per_k"), "null");
    assert_eq!(digits(&price, "cache_write_price_per_k"), "0.5");
}

async fn usage_in_columns_is_recorded_once_to_the_last_digit(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let (_folder, path) = file(
        "usage.csv",
        "user_id,request_id,model,prompt_tokens,completion_tokens,created_at\n\
         alice,,gpt-4,300000,100000,2024-11-03T10:00:00Z\n\
         alice,r2,gpt-3.5-turbo,350333,150000,2024-11-09T10:00:00Z\n\
         bob,,gpt-4,120000,30000,2024-11-20T10:00:00+02:00\n\
         bob,r4,gpt-5,1,1,2024-11-25T10:00:00Z\n\
         bob,r5,gpt-4,-1,1,2024-11-25T10:00:00Z\n\
         bob,r6,gpt-4,one,1,2024-11-25T10:00:00Z\n",
    );
    let import = "usage import FILE --json";
    let (code, printed, told) = run(&server, import, &path).await;
    let reasons = r#"{"INVALID_FIELD":2,"MODEL_NOT_FOUND":1}"#;
    assert_eq!(code, 3, "{told}");
    assert_pinned(&printed, &pinned(3, 0, 3, reasons));
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("line 5: MODEL_NOT_FOUND: "), "{told}");
    assert!(
        lines[1].starts_with("line 6: INVALID_FIELD: prompt_tokens "),
        "{told}"
    );
    assert!(
        lines[2].starts_with("line 7: INVALID_FIELD: prompt_tokens must be "),
        "{told}"
    );
    assert_eq!(lines[3..], ["billing-server: 3 rows were rejected"]);
    let (_, printed, _) = run(&server, import, &path).await;
    assert_pinned(&printed, &pinned(0, 3, 3, reasons));

    let (code, printed, _) = run(&server, "report --month 2024-11 --json", "").await;
    assert_eq!(code, 0);
    // 15 + 0.8254995 + 5.4
    assert_eq!(
        printed,
        "{\"month\":\"2024-11\",\"total_revenue\":21.2254995,\"total_tokens\":1050333,\
         \"record_count\":3,\"avg_cost_per_record\":7.075167,\"fees\":0.00,\"invoiced\":0.00,\
         \"tax\":0.00,\"credited\":0.00,\"collected\":0.00,\"topups\":0.00,\"refunds\":0.00,\
         \"lost_disputes\":0.00,\"provider_fees\":0.00,\"outstanding\":0.00,\
         \"unapplied_credit\":0.00,\"prepaid_tokens\":0.00,\"recurring_revenue\":0.00,\
         \"active_users\":2}"
    );
    let (code, printed, _) = run(&server, "report --month 2024-10", "").await;
    assert_eq!(code, 0);
    assert!(
        printed.contains("records                                 0\n"),
        "{printed}"
    );
}

async fn usage_in_lines_is_recorded_once_and_every_bad_line_is_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let bad = format!("{}\n", r#"{"user_id":"a","model":"gpt-4","tokens":1}"#);
    let good = r#"{"user_id":"alice","model":"gpt-4","prompt_tokens":1000}"#;
    let lines = format!("{good}\n\n{good}\n{}", bad.repeat(12));
    let (_folder, path) = file("usage.jsonl", &lines);
    let import = "usage import FILE --progress never --json";
    let (code, printed, told) = run(&server, import, &path).await;
    assert_eq!(code, 3);
    assert_pinned(&printed, &pinned(2, 0, 12, r#"{"INVALID_FIELD":12}"#));
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[0].starts_with("line 4: INVALID_FIELD: tokens is not a field"),
        "{told}"
    );
    assert_eq!(lines.len(), 11, "ten lines and the last word: {told}");
    let (_, printed, _) = run(&server, import, &path).await;
    assert_pinned(&printed, &pinned(0, 2, 12, r#"{"INVALID_FIELD":12}"#));

    // The same request id with other content is another matter than a duplicate.
    let id = r#"{"user_id":"bob","request_id":"r","model":"gpt-4","prompt_tokens":"#;
    let (_other, path) = file("usage.jsonl", &format!("{id}1}}\n{id}1}}\n{id}2}}\n"));
    let (code, printed, _) = run(&server, import, &path).await;
    assert_eq!(code, 3);
    assert_pinned(&printed, &pinned(1, 1, 1, r#"{"USAGE_CONFLICT":1}"#));
}

async fn a_trace_is_dealt_and_recorded_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let mut trace = String::from("TIMESTAMP,ContextTokens,GeneratedTokens\r\n");
    let mut expected = Decimal::ZERO;
    let mut tokens = 0;
    for row in 0..60_i64 {
        let (prompt, completion) = (row * 37 + 11, row * 5 + 3);
        let line = format!("2023-11-16 18:15:{row:02}.6805900,{prompt},{completion}\r\n");
        trace.push_str(&line);
        tokens += prompt + completion;
        // 0.0015 and 0.002 USD per 1,000 tokens.
        expected += Decimal::new(prompt * 15 + completion * 20, 7);
    }
    let (_folder, path) = file("trace.csv", &trace);
    let import = "usage import FILE --format azure-trace --users 3 --models gpt-3.5-turbo --json";
    for (recorded, duplicates) in [(60, 0), (0, 60)] {
        let (code, printed, told) = run(&server, import, &path).await;
        assert_eq!((code, told.as_str()), (0, ""));
        assert_pinned(&printed, &pinned(recorded, duplicates, 0, "{}"));
    }
    let operator = operator(&server).await;
    let report = operator
        .get("/v1/billing/reports/monthly?month=2023-11")
        .await;
    let revenue: Decimal = digits(&report, "total_revenue").parse().unwrap();
    assert_eq!(revenue, expected);
    assert_eq!(digits(&report, "total_tokens"), tokens.to_string());
    let mut of_users = Decimal::ZERO;
    for user in ["user-000", "user-001", "user-002"] {
        let stats = operator
            .get(&format!("/v1/billing/stats?user_id={user}"))
            .await;
        let cost: Decimal = digits(&stats, "total_cost").parse().unwrap();
        assert!(cost > Decimal::ZERO, "{user}");
        of_users += cost;
    }
    assert_eq!(of_users, expected);

    let (code, printed, _) = run(&server, &format!("{import} --seed 2"), &path).await;
    assert_eq!(code, 0);
    assert_pinned(&printed, &pinned(60, 0, 0, "{}"));
}

async fn a_file_that_is_corrected_extended_or_saved_again_adds_only_what_is_new(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let header = "user_id,model,prompt_tokens,created_at\n";
    let first = "alice,gpt-4,1000,2024-11-03T10:00:00Z\n";
    let second = "bob,gpt-4,2000,2024-11-03T10:00:00Z\n";
    let corrected = "bob,gpt-4,3000,2024-11-03T10:00:00Z\n";
    let saved_again = "\u{feff}\"model\",\"user_id\",\"created_at\",\"prompt_tokens\"\r\n\
        \"gpt-4\",\"alice\",\"2024-11-03T11:00:00+01:00\",\"1000\"\r\n\
        \"gpt-4\",\"alice\",\"2024-11-03T10:00:00.000Z\",\"1000\"\r\n\
        \"gpt-4\",\"bob\",\"2024-11-03T10:00:00Z\",\"3000\"\r\n";
    // A quote that is never closed spoils its own row only.
    let spoilt = format!("{header}\"alice,gpt-4,1,\n{first}{corrected}{first}");
    for (contents, recorded, duplicates, rejected) in [
        (format!("{header}{first}{second}{first}"), 3, 0, 0),
        (format!("{header}{first}{corrected}{first}"), 1, 2, 0),
        (format!("{header}{corrected}{first}{first}{first}"), 1, 3, 0),
        (saved_again.to_owned(), 0, 3, 0),
        (spoilt, 0, 3, 1),
    ] {
        let (_folder, path) = file("usage.csv", &contents);
        let (_, printed, told) = run(&server, "usage import FILE --json", &path).await;
        let reasons = ["{}", "{\"INVALID_FIELD\":1}"][rejected];
        let expected = pinned(
            recorded,
            duplicates,
            u64::try_from(rejected).unwrap(),
            reasons,
        );
        assert_pinned(&printed, &expected);
        assert_eq!(
            rejected == 1,
            told.contains("line 2: INVALID_FIELD: has a quote")
        );
    }
    // The same rows as JSON lines are the same calls.
    let line = r#"{"user_id":"alice","model":"gpt-4","prompt_tokens":1000,"#;
    let line = format!("\u{feff}{line}\"created_at\":\"2024-11-03T10:00:00Z\"}}\r\n");
    let (_folder, path) = file("usage.jsonl", &line);
    let (_, printed, _) = run(&server, "usage import FILE --json", &path).await;
    assert_pinned(&printed, &pinned(0, 1, 0, "{}"));
}

async fn a_dry_run_tells_what_an_import_would_and_sends_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let (_folder, path) = file(
        "usage.csv",
        "user_id,model,prompt_tokens,request_id\n\
         alice,gpt-4,1000,r1\nalice,gpt-4,-1,r2\nalice,gpt-4,one,r3\n",
    );
    // Nobody has to listen.
    let line = "usage import FILE --dry-run --endpoint http://127.0.0.1:1";
    let (code, printed, told) = run(&server, line, &path).await;
    assert_eq!(
        (code, printed.as_str()),
        (
            3,
            "line 2: {\"user_id\":\"alice\",\"request_id\":\"r1\",\"model\":\"gpt-4\",\
             \"prompt_tokens\":1000}\n\
             nothing was sent\nwould be sent: 1\nrejected: 2 (INVALID_FIELD 2)\n\
             not checked: prices, costs, and what is recorded already"
        )
    );
    assert!(
        told.contains("line 3: INVALID_FIELD: prompt_tokens must be from 0 "),
        "{told}"
    );
    let (_, printed, _) = run(&server, &format!("{line} --json"), &path).await;
    assert_eq!(
        printed,
        "{\"dry_run\":true,\"records\":1,\"rejected\":2,\"reasons\":{\"INVALID_FIELD\":2},\
         \"note\":\"not checked: prices, costs, and what is recorded already\"}"
    );
    let (_, printed, _) = run(&server, "usage import FILE --json", &path).await;
    assert_pinned(&printed, &pinned(1, 0, 2, "{\"INVALID_FIELD\":2}"));
}

async fn usage_is_read_from_standard_input(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let usage = "user_id,model,prompt_tokens\nalice,gpt-4,1000\nalice,gpt-4,1000\n";
    let import = ["usage", "import", "-", "--format", "csv", "--json"];
    for (recorded, duplicates) in [(2, 0), (0, 2)] {
        let (code, printed, told) = said(server.cli_reading(&import, usage).await);
        assert_eq!((code, told.as_str()), (0, ""));
        assert_pinned(&printed, &pinned(recorded, duplicates, 0, "{}"));
    }
    let (code, _, told) = said(server.cli_reading(&import[..3], usage).await);
    assert_eq!(code, 2);
    assert!(told.contains("--format is needed"), "{told}");
}

async fn more_than_one_call_of_records_goes_through(backend: Backend) {
    let server = TestServer::start(backend).await;
    set_example_prices(&operator(&server).await).await;
    let rows: String = (0..3_500)
        .map(|n| format!("user-{},gpt-4,{n}\n", n % 7))
        .collect();
    let (_folder, path) = file("usage.csv", &format!("user_id,model,prompt_tokens\n{rows}"));
    for (line, recorded) in [("--in-flight 2", 3_500), ("--in-flight 64", 0)] {
        let import = format!("usage import FILE --json {line}");
        let (code, printed, told) = run(&server, &import, &path).await;
        assert_eq!((code, told.as_str()), (0, ""));
        assert_pinned(&printed, &pinned(recorded, 3_500 - recorded, 0, "{}"));
    }
    let (_, printed, _) = run(&server, "usage import FILE", &path).await;
    let text = "recorded: 0\nduplicates: 3500\nrejected: 0\nrecords per second: ";
    assert!(printed.starts_with(text), "{printed}");
}

async fn a_server_that_is_gone_ends_an_import_with_1(backend: Backend) {
    let mut server = TestServer::start(backend).await;
    // SQLite servers make their key at the start; it stays.
    server.terminate().await;
    let (_folder, path) = file("usage.csv", "user_id,model\nalice,m\n");
    for line in ["usage import FILE", "report --month 2024-11"] {
        let (code, printed, told) = run(&server, line, &path).await;
        assert_eq!((code, printed.as_str()), (1, ""), "{line}");
        assert!(told.contains(&server.url()), "{told}");
        assert!(told.contains("service unavailable"), "{told}");
    }
}

async fn nothing_is_imported_without_a_token_and_a_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_folder, path) = file("usage.csv", "user_id,model\nalice,m\n");
    let import = "usage import FILE --jwt-key-file missing.key";
    let (code, printed, told) = run(&server, import, &path).await;
    assert_eq!((code, printed.as_str()), (2, ""));
    let start = "billing-server: no token: give --token, or a key file to sign one: ";
    assert!(told.starts_with(start), "{told}");
    assert!(told.contains("missing.key"), "{told}");

    let weak = server.token("alice", "").await;
    let (code, _, told) = run(&server, &format!("usage import FILE --token {weak}"), &path).await;
    assert_eq!(code, 1);
    assert!(told.contains("SCOPE_MISSING"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_or_format_ends_with_2() {
    let server = TestServer::start(Backend::Sqlite).await;
    let (_folder, path) = file("usage.txt", "user_id,model,tokens\n");
    let (_other, json) = file("prices.json", "[]");
    let cases = [
        ("usage import FILE", "--format is needed"),
        ("usage import FILE --format csv", "column tokens is unknown"),
        (
            "usage import FILE --format azure-trace --models m",
            "column user_id is unknown",
        ),
        ("usage import FILE --format azure-trace", "--models"),
        ("usage import missing.csv", "missing.csv: "),
        ("prices import FILE", "--format is needed"),
        (
            "prices import FILE --format csv",
            "column user_id is unknown",
        ),
        ("prices import FILE --format litellm", "is no JSON object"),
        ("report --month 2024-13", "2024-13"),
        ("report --month 2024-11 --endpoint nowhere", "endpoint"),
    ];
    for (line, reason) in cases {
        let (code, printed, told) = run(&server, line, &path).await;
        assert_eq!((code, printed.as_str()), (2, ""), "{line}: {told}");
        assert!(told.contains(reason), "{line}: {told}");
    }
    let (code, _, told) = run(&server, "prices import FILE", &json).await;
    assert_eq!(code, 2, "{told}");
}
