//! Invoices as a file for bookkeepers.

use billing_client::{BillingClient, v1::ExportInvoicesRequest};
use futures_util::TryStreamExt;
use integration_tests::{Backend, TestServer, on_both_databases, server::Rest};
use reqwest::Method;
use serde_json::json;

use crate::support::{EVERYTHING, advance, assert_refused, call, record, start, user, with};

on_both_databases!(invoices_are_exported_one_line_each);

const EXPORT: &str = "/v1/billing/invoices/export";
/// The column of the id.
const ID: usize = 16;
const HEADER: &str = "invoice_number,user_id,billing_month,status,issued_at,due_date,amount,\
    discount_amount,tax_rate,tax_amount,final_amount,credit_applied,amount_due,paid_at,\
    payment_method,transaction_id,id,document_number,exemption,buyer_name,buyer_country,\
    buyer_tax_id,cancellation_number\r\n";

/// The lines of a file behind its header, without the ids in them.
#[track_caller]
fn lines(file: &str) -> Vec<String> {
    let lines = file.strip_prefix(HEADER).expect("a file has a header");
    let without_id = |line: &str| {
        let mut fields: Vec<_> = line.split(',').collect();
        assert!(fields.remove(ID).starts_with("inv-"), "{line}");
        fields.join(",")
    };
    lines.lines().map(without_id).collect()
}

async fn by_grpc(server: &TestServer, request: ExportInvoicesRequest) -> String {
    let token = server.token("operator", EVERYTHING).await;
    let client = BillingClient::builder(server.url()).token(token);
    let client = client.connect().await.expect("the server answers");
    let parts = client.export_invoices(request).await.expect("it exports");
    let parts = parts.map_ok(|part| part.chunk);
    let parts: Vec<_> = parts.try_collect().await.expect("it ends well");
    parts.concat()
}

/// Invoices of two users in November, of which one is paid.
async fn november(server: &TestServer, rest: &Rest) {
    for name in ["alice", "=bob"] {
        let usage = with(call("call", "gpt-4", 100_000, 0), "user_id", name);
        record(rest, &usage).await;
    }
    let taxed = rest.put("/v1/billing/accounts/alice/tax", r#"{"tax_rate":0.1}"#);
    assert_eq!(taxed.await.status, 200);
    let settings = r#"{"billing_name":"=Alice","billing_country":"de","tax_id":"-1"}"#;
    let named = rest.put("/v1/billing/settings?user_id=alice", settings);
    assert_eq!(named.await.status, 200);
    let exempt = rest.put("/v1/billing/accounts/=bob/tax", r#"{"exempt":true}"#);
    assert_eq!(exempt.await.status, 200);
    advance(server, "2024-12-01T00:00:00Z").await;
    for name in ["alice", "=bob"] {
        let body = json!({"user_id": name, "billing_month": "2024-11"});
        let (path, body) = ("/v1/billing/invoices/generate", body.to_string());
        let invoice = rest.post(path, &body).await.json();
        if name == "alice" {
            let id = invoice["id"].as_str().expect("an invoice has an id");
            let body = json!({"user_id": name, "payment_method": "@bank"});
            let path = format!("/v1/billing/invoices/{id}/mark-paid");
            assert_eq!(rest.post(&path, &body.to_string()).await.status, 200);
        }
    }
}

async fn invoices_are_exported_one_line_each(backend: Backend) {
    let (server, rest) = start(backend).await;
    november(&server, &rest).await;
    let alice = "INV-alice-2024-11,alice,2024-11,paid,2024-12-01T00:00:00Z,2024-12-31T00:00:00Z,\
        3.00,0.00,0.1,0.30,3.30,0.00,0.00,2024-12-01T00:00:00Z,'@bank,,INV-2024-000001,,'=Alice,DE,'-1,";
    let bob = "INV-=bob-2024-11,'=bob,2024-11,issued,2024-12-01T00:00:00Z,2024-12-31T00:00:00Z,\
        3.00,0.00,0,0.00,3.00,0.00,3.00,,,,INV-2024-000002,exempt,,,,";
    let response = rest.request(Method::GET, EXPORT).send().await;
    let response = response.expect("the server answers");
    assert_eq!(
        response.headers()["content-type"],
        "text/csv; charset=utf-8"
    );
    let all = response.text().await.expect("the file is text");
    assert_eq!(lines(&all), [alice, bob]);
    assert_eq!(rest.get(&format!("{EXPORT}?user_id=-")).await.body, all);
    let request = ExportInvoicesRequest::default();
    assert_eq!(by_grpc(&server, request).await, all);
    for (narrow, expected) in [
        ("unpaid=true", &[bob][..]),
        ("status=paid", &[alice]),
        ("user_id=alice", &[alice]),
        ("billing_month=2024-11", &[alice, bob]),
        ("billing_month=2024-10", &[]),
    ] {
        let file = rest.get(&format!("{EXPORT}?{narrow}")).await;
        assert_eq!(file.status, 200, "{narrow}");
        assert_eq!(lines(&file.body), expected, "{narrow}");
    }
    // Users have theirs; what is refused is told as JSON.
    let mine = user(&server, "alice").await;
    assert_eq!(lines(&mine.get(EXPORT).await.body), [alice]);
    let others = mine.get(&format!("{EXPORT}?user_id=-")).await;
    assert_refused(&others, 403, "OTHER_USER", &[]);
    let wrong = rest.get(&format!("{EXPORT}?billing_month=x")).await;
    assert_refused(&wrong, 400, "INVALID_FIELD", &["billing_month"]);
}
