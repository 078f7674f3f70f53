//! A month's fees and invoices, and what the business stands at.

use integration_tests::{Backend, on_both_databases, server::Rest};
use serde_json::{Value, json};

use super::start;
use crate::support::{advance, call, digits, record, with};

on_both_databases!(a_month_adds_up_to_its_fees_and_invoices);

const BILLING: &str = "/v1/billing";
/// Figures of payments through providers, of which there are none here.
const NOTHING_PAID: [&str; 5] = [
    "topups",
    "refunds",
    "lost_disputes",
    "provider_fees",
    "prepaid_tokens",
];

async fn post(rest: &Rest, path: &str, body: Value) -> Value {
    let path = format!("{BILLING}/{path}");
    let answer = rest.post(&path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
    answer.json()
}

async fn subscribe(rest: &Rest, user: &str, plan: &str, more: (&str, Value)) {
    let body = json!({"user_id": user, "plan_id": plan});
    post(rest, "subscription", with(body, more.0, more.1)).await;
}

#[track_caller]
fn assert_figures(found: &[(String, String)], expected: &[(&str, &str)]) {
    for (name, figure) in expected {
        let found = found.iter().find(|(found, _)| found == name);
        assert_eq!(
            found.map(|(_, figure)| figure.as_str()),
            Some(*figure),
            "{name}"
        );
    }
}

async fn figures(rest: &Rest, month: &str) -> Vec<(String, String)> {
    let path = format!("{BILLING}/reports/monthly?month={month}");
    let report = rest.get(&path).await;
    assert_eq!(report.status, 200, "{}", report.body);
    let names = report.json();
    let names = names.as_object().expect("a report is an object").keys();
    let figures = names.map(|name| (name.clone(), digits(&report, name).to_owned()));
    let figures: Vec<_> = figures.collect();
    assert_figures(&figures, &NOTHING_PAID.map(|name| (name, "0.00")));
    figures
}

/// 6.00 of usage with tax, two fees and a trial; and a call that was voided.
async fn use_november(rest: &Rest) {
    let tax = format!("{BILLING}/accounts/alice/tax");
    let taxed = rest.put(&tax, r#"{"tax_rate":0.1}"#).await;
    assert_eq!(taxed.status, 200, "{}", taxed.body);
    record(rest, &call("used", "gpt-4", 200_000, 0)).await;
    let usage = with(call("more", "gpt-4", 133_333, 0), "completion_tokens", 0);
    let other = with(usage, "user_id", "erin");
    let voided = record(rest, &other).await.json();
    let id = voided["record"]["id"].as_str().unwrap().to_owned();
    post(
        rest,
        &format!("usage/{id}/void"),
        json!({"user_id": "erin"}),
    )
    .await;
    subscribe(rest, "bob", "plan-pro", ("auto_renew", json!(true))).await;
    subscribe(
        rest,
        "carol",
        "plan-basic",
        ("billing_cycle", json!("yearly")),
    )
    .await;
    subscribe(rest, "dave", "plan-pro", ("trial_days", json!(30))).await;
}

async fn void_bobs_invoice(rest: &Rest) {
    let bob = format!("{BILLING}/invoices?user_id=bob");
    let bob = rest.get(&bob).await.json()["invoices"][0]["id"].clone();
    let path = format!("invoices/{}/void", bob.as_str().unwrap());
    post(rest, &path, json!({"user_id": "bob"})).await;
}

async fn a_month_adds_up_to_its_fees_and_invoices(backend: Backend) {
    let (server, rest) = start(backend).await;
    use_november(&rest).await;
    let running = figures(&rest, "2024-11").await;
    assert_figures(
        &running,
        &[
            ("fees", "219.87"),
            ("invoiced", "0.00"),
            ("outstanding", "0.00"),
            ("recurring_revenue", "109.98"),
            ("active_users", "1"),
        ],
    );

    advance(&server, "2024-12-01T00:00:00Z").await;
    let invoice = async |user: &str| {
        let body = json!({"user_id": user, "billing_month": "2024-11"});
        let invoice = post(&rest, "invoices/generate", body).await;
        invoice["id"].as_str().unwrap().to_owned()
    };
    let (alice, _, carol) = (
        invoice("alice").await,
        invoice("bob").await,
        invoice("carol").await,
    );
    for (user, id) in [("alice", &alice), ("carol", &carol)] {
        let body = json!({"user_id": user, "payment_method": "bank transfer"});
        post(&rest, &format!("invoices/{id}/mark-paid"), body).await;
    }
    let body = json!({"user_id": "alice", "amount": "1.00"});
    post(&rest, &format!("invoices/{alice}/credit-notes"), body).await;
    let november = figures(&rest, "2024-11").await;
    assert_figures(
        &november,
        &[
            ("total_revenue", "6.00"),
            ("fees", "219.87"),
            ("invoiced", "225.87"),
            ("tax", "0.60"),
            ("credited", "1.10"),
            ("collected", "126.48"),
            ("outstanding", "99.99"),
            ("unapplied_credit", "1.10"),
            ("recurring_revenue", "109.98"),
        ],
    );

    // Renewals and the end of a trial count from their moment on, before any job has seen them.
    advance(&server, "2024-12-16T00:00:00Z").await;
    let december = figures(&rest, "2024-12").await;
    assert_figures(
        &december,
        &[
            ("fees", "199.98"),
            ("invoiced", "0.00"),
            ("recurring_revenue", "209.97"),
            ("active_users", "0"),
        ],
    );
    // A void invoice is none.
    advance(&server, "2024-12-17T00:00:00Z").await;
    void_bobs_invoice(&rest).await;
    let november = figures(&rest, "2024-11").await;
    assert_figures(
        &november,
        &[("invoiced", "125.88"), ("outstanding", "0.00")],
    );
}
