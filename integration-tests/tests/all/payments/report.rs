//! What payments come to in the monthly report: every figure counts in the month in which the money
//! was seen to move.

use integration_tests::{Backend, on_both_databases, stripe::Behaviour};
use serde_json::Value;

use super::world::{ALICE, World};
use crate::support::{call, digits, record};

on_both_databases!(money_counts_in_the_month_in_which_it_moved_and_once);

async fn assert_report(world: &World, month: &str, expected: [&str; 6]) {
    let path = format!("/v1/billing/reports/monthly?month={month}");
    let report = world.operator.get(&path).await;
    assert_eq!(report.status, 200, "{}", report.body);
    let names = [
        "collected",
        "topups",
        "refunds",
        "lost_disputes",
        "provider_fees",
        "prepaid_tokens",
    ];
    let found = names.map(|name| digits(&report, name));
    assert_eq!(found, expected, "{month}");
}

async fn pay_invoice(world: &World, invoice: &str) -> Value {
    let path = format!("/v1/billing/invoices/{invoice}/pay");
    let paid = world.alice.post(&path, "{}").await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    paid.json()
}

async fn give_back(world: &World, payment: &Value) {
    let id = payment["id"].as_str().unwrap();
    let path = format!("/v1/billing/payments/transactions/{id}/refund?user_id={ALICE}");
    let back = world.operator.post(&path, r#"{"amount":20.00}"#).await;
    assert_eq!(back.status, 200, "{}", back.body);
}

async fn money_counts_in_the_month_in_which_it_moved_and_once(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let invoice = world.invoice().await;
    let paid = pay_invoice(&world, &invoice).await;
    let topup = world.top_up("100.00", "top-1").await;
    // The same call again is the same money.
    world.top_up("100.00", "top-1").await;
    assert_report(
        &world,
        "2024-11",
        ["0.00", "100.00", "0.00", "0.00", "4.37", "100.00"],
    )
    .await;

    // All of the quota, and a fifth of what was bought.
    record(&world.operator, &call("much", "gpt-4", 1_148_148, 0)).await;
    give_back(&world, &topup).await;
    let november = ["0.00", "100.00", "20.00", "0.00", "4.37", "60.00"];
    assert_report(&world, "2024-11", november).await;
    // An invoice counts where it belongs, whenever it was paid.
    let october = ["30.00", "0.00", "0.00", "0.00", "0.00", "60.00"];
    assert_report(&world, "2024-10", october).await;

    world.advance("2024-12-02T00:00:00Z").await;
    let charge = paid["provider_reference"].as_str().unwrap();
    let dispute = world.stripe.dispute(charge, false);
    world.webhooks().await;
    world.until(&paid, "disputed").await;
    let december = ["0.00", "0.00", "0.00", "0.00", "0.00", "60.00"];
    assert_report(&world, "2024-12", december).await;
    world.stripe.close_dispute(&dispute, false);
    world.webhooks().await;
    world.until(&paid, "charged_back").await;
    let december = ["0.00", "0.00", "0.00", "30.00", "0.00", "60.00"];
    assert_report(&world, "2024-12", december).await;
    assert_report(&world, "2024-11", november).await;
    let october = ["0.00", "0.00", "0.00", "0.00", "0.00", "60.00"];
    assert_report(&world, "2024-10", october).await;
}
