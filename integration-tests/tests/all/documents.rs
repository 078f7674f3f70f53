//! Issued invoices as documents: numbers, parties, exemptions, and series from the shell.

mod crowd;

use std::{fs, path::PathBuf};

use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use serde_json::{Value, json};

use crate::{
    command_line::said,
    support::{assert_refused, call, operator, record, set_example_prices, user, with},
};

on_both_databases!(
    a_document_says_who_issued_it_to_whom_and_why_it_charges_no_tax,
    reverse_charge_needs_a_tax_id_that_stays,
    a_void_invoice_is_cancelled_by_a_document,
    series_are_operators_to_see_and_set,
);

const CLOCK: &str = "2024-11-15T10:30:00Z";
const SERIES: &str = "/v1/billing/document-series";

async fn start(backend: Backend) -> (TestServer, Rest) {
    let server = TestServer::builder(backend)
        .clock(CLOCK)
        .flag("--seller-name", "Oblivious AI")
        .flag("--seller-address", "1 High Street\nOxford")
        .flag("--seller-country", "gb")
        .flag("--seller-tax-id", "GB9")
        .flag("--seller-registration", "Company 7")
        .flag("--seller-footer", "Pay by bank transfer.")
        .flag("--invoice-series", "RE")
        .flag("--credit-note-series", "GS-1");
    let server = server.start().await;
    let rest = operator(&server).await;
    set_example_prices(&rest).await;
    (server, rest)
}

async fn post(rest: &Rest, path: &str, body: &Value) -> Value {
    let path = format!("/v1/billing/{path}");
    let answer = rest.post(&path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// Alice's invoice over 3.00 of usage in October.
async fn issue(rest: &Rest) -> Value {
    let usage = call("october", "gpt-4", 100_000, 0);
    record(rest, &with(usage, "created_at", "2024-10-20T00:00:00Z")).await;
    let month = json!({"user_id": "alice", "billing_month": "2024-10"});
    post(rest, "invoices/generate", &month).await
}

async fn set(rest: &Rest, path: &str, body: &Value) {
    let answer = rest.put(path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
}

const SETTINGS: &str = "/v1/billing/settings";
const TAX: &str = "/v1/billing/accounts/alice/tax";

async fn a_document_says_who_issued_it_to_whom_and_why_it_charges_no_tax(backend: Backend) {
    let (server, rest) = start(backend).await;
    let alice = user(&server, "alice").await;
    let named = json!({
        "billing_name": "Alice GmbH", "billing_address": "2 Street", "billing_country": "de",
        "tax_id": "DE1", "language": "zh",
    });
    set(&alice, SETTINGS, &named).await;
    let exempt = json!({"tax_rate": 0.2, "exemption": "reverse_charge"});
    set(&rest, TAX, &exempt).await;
    let invoice = issue(&rest).await;
    let parties = json!({
        "seller": {
            "name": "Oblivious AI", "address": "1 High Street\nOxford", "country": "GB",
            "tax_id": "GB9", "registration": "Company 7", "footer": "Pay by bank transfer.",
        },
        "buyer": {
            "name": "Alice GmbH", "address": "2 Street", "country": "DE", "tax_id": "DE1",
            "language": "zh",
        },
    });
    assert_eq!(invoice["document_number"], "RE-2024-000001");
    assert_eq!(invoice["parties"], parties);
    assert_eq!(invoice["exemption"], "reverse_charge");
    assert_eq!(invoice["tax_note"], "反向征税：税款由购买方缴纳。");
    assert_eq!(invoice["billing_address"], "2 Street");
    assert_eq!(invoice["service_start"], "2024-10-01T00:00:00Z");
    assert_eq!(invoice["service_end"], "2024-11-01T00:00:00Z");
    assert_eq!(invoice["final_amount"], 3.0);
    let item = &invoice["items"][0];
    assert_eq!(
        (&item["unit"], &item["unit_price_per"]),
        (&json!("token"), &json!(1_000))
    );
    // Whatever is set since, the document stays as it is.
    set(
        &alice,
        SETTINGS,
        &json!({"billing_name": "Another", "language": "en"}),
    )
    .await;
    set(&rest, TAX, &json!({"tax_rate": 0.2})).await;
    let path = format!("/v1/billing/invoices/{}", invoice["id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.json(), invoice);
    let listed = alice.get("/v1/billing/invoices").await.json();
    assert_eq!(listed["invoices"][0]["document_number"], "RE-2024-000001");
    let id = invoice["id"].as_str().unwrap();
    let note = json!({"user_id": "alice", "amount": 1});
    post(&rest, &format!("invoices/{id}/credit-notes"), &note).await;
    let notes = alice.get("/v1/billing/credit-notes").await.json();
    let note = &notes["credit_notes"][0];
    assert_eq!(note["document_number"], "GS-1-2024-000001");
    assert_eq!(note["parties"]["buyer"]["name"], "Another");
    assert_eq!(note["exemption"], "reverse_charge");
}

async fn reverse_charge_needs_a_tax_id_that_stays(backend: Backend) {
    let (server, rest) = start(backend).await;
    let alice = user(&server, "alice").await;
    let reverse = r#"{"exemption":"reverse_charge"}"#;
    let refused = rest.put(TAX, reverse).await;
    assert_refused(&refused, 400, "INVALID_FIELD", &["exemption"]);
    set(&alice, SETTINGS, &json!({"tax_id": "DE1"})).await;
    let account = rest.put(TAX, reverse).await.json();
    assert_eq!(
        (&account["exemption"], &account["tax_exempt"]),
        (&json!("reverse_charge"), &json!(true))
    );
    let cleared = alice.put(SETTINGS, r#"{"tax_id":""}"#).await;
    assert_refused(&cleared, 400, "INVALID_FIELD", &["tax_id"]);
    assert_eq!(alice.get(SETTINGS).await.json()["tax_id"], "DE1");
    let account = rest.put(TAX, r#"{"exempt":true}"#).await.json();
    assert_eq!(account["exemption"], "exempt");
    set(&alice, SETTINGS, &json!({"tax_id": ""})).await;
    let unknown = rest.put(TAX, r#"{"exemption":"nothing"}"#).await;
    assert_eq!(unknown.status, 400, "{}", unknown.body);
}

async fn a_void_invoice_is_cancelled_by_a_document(backend: Backend) {
    let (_server, rest) = start(backend).await;
    let invoice = issue(&rest).await;
    let id = invoice["id"].as_str().unwrap();
    let reason = json!({"user_id": "alice", "reason": "wrong"});
    let void = post(&rest, &format!("invoices/{id}/void"), &reason).await;
    assert_eq!(void["document_number"], "RE-2024-000001");
    assert_eq!(void["cancellation_number"], "GS-1-2024-000001");
    assert_eq!(void["cancelled_at"], CLOCK);
    let month = json!({"user_id": "alice", "billing_month": "2024-10"});
    let again = post(&rest, "invoices/generate", &month).await;
    assert_eq!(again["document_number"], "RE-2024-000002");
    let file = rest.get("/v1/billing/invoices/export").await.body;
    let lines: Vec<_> = file.lines().skip(1).collect();
    assert!(
        lines[0].ends_with(",RE-2024-000001,,,,,GS-1-2024-000001"),
        "{file}"
    );
    assert!(lines[1].ends_with(",RE-2024-000002,,,,,"), "{file}");
}

async fn series_are_operators_to_see_and_set(backend: Backend) {
    let (server, rest) = start(backend).await;
    let alice = user(&server, "alice").await;
    issue(&rest).await;
    let hundred = r#"{"series":"RE","year":2024,"next_number":100}"#;
    assert_refused(&alice.get(SERIES).await, 403, "SCOPE_MISSING", &[]);
    assert_refused(&alice.put(SERIES, hundred).await, 403, "SCOPE_MISSING", &[]);
    let one = r#"{"series":"RE","year":2024,"next_number":2,"last_at":"2024-11-15T10:30:00Z"}"#;
    let listed = rest.get(SERIES).await.body;
    assert_eq!(listed, format!(r#"{{"series":[{one}]}}"#));
    let backwards = r#"{"series":"RE","year":2024,"next_number":1}"#;
    let refused = rest.put(SERIES, backwards).await;
    assert_refused(&refused, 400, "INVALID_FIELD", &["next_number"]);
    let message = "next_number must be from 2, which comes next in RE-2024, to 999999999999";
    assert_eq!(refused.json()["error"], message);
    let unknown = rest.put(SERIES, &hundred.replace("RE", "INV")).await;
    assert_refused(&unknown, 400, "INVALID_FIELD", &["series"]);
    let wrong = r#"{"series":"re","year":1,"next_number":0}"#;
    let fields = ["series", "year", "next_number"];
    assert_refused(
        &rest.put(SERIES, wrong).await,
        400,
        "INVALID_FIELD",
        &fields,
    );
    let set = rest.put(SERIES, hundred).await;
    assert_eq!(
        set.body,
        one.replace(r#""next_number":2"#, r#""next_number":100"#)
    );
    let log = server.log();
    let told = log
        .lines()
        .find(|line| line.contains("a series of documents was set"));
    assert!(told.is_some_and(|line| line.contains("operator")), "{log}");

    let shell = [
        "series", "set", "--series", "RE", "--year", "2024", "--next",
    ];
    let said_of = async |next: &str| {
        let arguments: Vec<_> = shell.into_iter().chain([next]).collect();
        said(server.cli(&arguments).await)
    };
    let (code, out, _) = said_of("200").await;
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "the next number of RE-2024 is 200\n")
    );
    let (code, _, err) = said_of("199").await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("must be from 200, which comes next in RE-2024"),
        "{err}"
    );
    let (code, out, _) = said(server.cli(&["series", "list"]).await);
    let table = "series  last document         year  next number\n\
        RE      2024-11-15T10:30:00Z  2024          200\n";
    assert_eq!((code, out.as_str()), (Some(0), table));
    let (_, out, _) = said(server.cli(&["series", "list", "--json"]).await);
    assert_eq!(out.trim_end(), rest.get(SERIES).await.body);
}

/// Where the files of an embedded database are.
fn home(server: &TestServer) -> PathBuf {
    let path = server.database_url().trim_start_matches("sqlite://");
    PathBuf::from(path).parent().unwrap().to_owned()
}

/// The files of an embedded database.
fn files(server: &TestServer) -> Vec<PathBuf> {
    let all = ["billing.db", "billing.db-wal", "billing.db-shm"];
    let all = all.map(|name| home(server).join(name)).into_iter();
    all.filter(|file| file.exists()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_goes_on_after_what_it_lacks() {
    let (mut server, rest) = start(Backend::Sqlite).await;
    issue(&rest).await;
    server.terminate().await;
    let backup = tempfile::tempdir().unwrap();
    let saved = |file: &PathBuf| backup.path().join(file.file_name().unwrap());
    for file in files(&server) {
        fs::copy(&file, saved(&file)).unwrap();
    }
    server.restart().await;
    let of_bob = |request: &str| {
        let usage = call(request, "gpt-4", 100_000, 0);
        let usage = with(usage, "created_at", "2024-10-20T00:00:00Z");
        with(usage, "user_id", "bob")
    };
    let month = json!({"user_id": "bob", "billing_month": "2024-10"});
    let rest = operator(&server).await;
    record(&rest, &of_bob("lost")).await;
    let lost = post(&rest, "invoices/generate", &month).await;
    assert_eq!(lost["document_number"], "RE-2024-000002");
    server.terminate().await;
    for file in files(&server) {
        fs::remove_file(&file).unwrap();
    }
    for file in fs::read_dir(backup.path()).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, home(&server).join(file.file_name().unwrap())).unwrap();
    }
    server.restart().await;
    let shell = [
        "series", "set", "--series", "RE", "--year", "2024", "--next", "3",
    ];
    assert_eq!(said(server.cli(&shell).await).0, Some(0));
    let rest = operator(&server).await;
    record(&rest, &of_bob("again")).await;
    let next = post(&rest, "invoices/generate", &month).await;
    assert_eq!(next["document_number"], "RE-2024-000003");
}
