//! Fees, proration, quota and overage on invoices.

use billing_proto::v1::{ChangePlanRequest, Invoice, ItemType};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, items, totals, usage};

on_both_databases!(
    an_upgrade_is_two_lines,
    overage_on_both_plans_of_a_window_is_two_items,
    each_window_has_its_own_overage,
    late_usage_of_a_plan_is_on_the_next_invoice,
    a_month_with_a_fee_alone_is_invoiced,
);

async fn subscribed(backend: Backend, plan: &str) -> World {
    let mut world = World::at(backend, "2024-11-01T00:00:00Z").await;
    world.subscribe(plan).await;
    world
}

async fn upgrade(world: &mut World) {
    let request = ChangePlanRequest {
        user_id: ALICE.to_owned(),
        plan_id: "plan-pro".to_owned(),
        ..ChangePlanRequest::default()
    };
    let changed = world.wire.subscriptions.change_plan(request).await;
    changed.expect("Pro is dearer than Basic");
}

fn types(invoice: &Invoice) -> Vec<ItemType> {
    invoice.items.iter().map(|item| item.r#type()).collect()
}

async fn an_upgrade_is_two_lines(backend: Backend) {
    let mut world = subscribed(backend, "plan-basic").await;
    world.advance("2024-11-16T00:00:00Z").await;
    upgrade(&mut world).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    // Half of the month: 4.995 and 49.995.
    assert_eq!(
        items(&invoice),
        [
            ("Basic plan fee", 1, "9.99"),
            ("Unused Basic", 1, "-5.00"),
            ("Pro, remaining time", 1, "50.00"),
        ]
    );
    let kinds = [ItemType::PlanFee, ItemType::Proration, ItemType::Proration];
    assert_eq!(types(&invoice), kinds);
    let prices = invoice
        .items
        .iter()
        .map(|i| i.unit_price.clone().unwrap_or_default().value);
    assert_eq!(prices.collect::<Vec<_>>(), ["9.99", "-5", "50"]);
    assert!(invoice.items.iter().all(|item| item.model.is_empty()));
    assert_eq!(totals(&invoice), ["54.99", "0.00", "0.00", "54.99"]);
    world.assert_reconciled(&["2024-11"]).await;
}

async fn overage_on_both_plans_of_a_window_is_two_items(backend: Backend) {
    let mut world = subscribed(backend, "plan-basic").await;
    world.use_gpt4("on basic", 150_000).await;
    world.advance("2024-11-16T00:00:00Z").await;
    upgrade(&mut world).await;
    // 450,000 more in quota for the second half.
    world.use_gpt4("on pro", 500_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let mut got = items(&invoice);
    // The order of two items of a kind is open.
    got[5..].sort_unstable();
    got[..2].sort_unstable();
    assert_eq!(
        got,
        [
            ("AI API usage - gpt-4 (included in Basic)", 100_000, "0.00"),
            ("AI API usage - gpt-4 (included in Pro)", 450_000, "0.00"),
            ("Basic plan fee", 1, "9.99"),
            ("Unused Basic", 1, "-5.00"),
            ("Pro, remaining time", 1, "50.00"),
            ("Extra tokens", 50_000, "1.00"),
            ("Extra tokens", 50_000, "6.75"),
        ]
    );
    let window = Some("2024-11-01T00:00:00Z".parse().unwrap());
    let extra = invoice
        .items
        .iter()
        .filter(|item| item.r#type() == ItemType::Overage);
    assert!(extra.clone().all(|item| item.period_start == window));
    let mut prices: Vec<_> = extra
        .map(|item| item.unit_price.clone().unwrap_or_default().value)
        .collect();
    prices.sort_unstable();
    assert_eq!(prices, ["0.02", "0.135"]);
    world.assert_reconciled(&["2024-11"]).await;
}

async fn each_window_has_its_own_overage(backend: Backend) {
    let mut world = World::at(backend, "2024-10-16T00:00:00Z").await;
    world.subscribe("plan-basic").await;
    world.advance("2024-11-10T00:00:00Z").await;
    world.use_gpt4("first window", 150_000).await;
    world.advance("2024-11-20T00:00:00Z").await;
    world.use_gpt4("second window", 200_000).await;
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let mut got = items(&invoice);
    got[2..].sort_unstable();
    assert_eq!(
        got,
        [
            ("AI API usage - gpt-4 (included in Basic)", 200_000, "0.00"),
            ("Basic plan fee", 1, "9.99"),
            ("Extra tokens", 50_000, "1.00"),
            ("Extra tokens", 100_000, "2.00"),
        ]
    );
    let mut starts: Vec<_> = invoice.items[2..]
        .iter()
        .map(|item| {
            item.period_start
                .expect("overage names its window")
                .to_string()
        })
        .collect();
    starts.sort_unstable();
    assert_eq!(starts, ["2024-10-16T00:00:00Z", "2024-11-16T00:00:00Z"]);
    world.assert_reconciled(&["2024-10", "2024-11"]).await;
}

async fn late_usage_of_a_plan_is_on_the_next_invoice(backend: Backend) {
    let mut world = subscribed(backend, "plan-pro").await;
    world.use_gpt4("in time", 900_000).await;
    world.advance("2024-12-02T00:00:00Z").await;
    let late = created(usage("late", "gpt-4", 150_000), "2024-11-30T00:00:00Z");
    let late = world.record(late).await;
    assert_eq!(
        (late.overage_tokens, late.invoice_month.as_str()),
        (50_000, "2024-12")
    );
    let draft = world.generate("2024-12").await;
    let mut got = items(&draft);
    got[1..].sort_unstable();
    assert_eq!(
        got,
        [
            ("Pro plan fee", 1, "99.99"),
            ("Late usage 2024-11 - Extra tokens", 50_000, "6.75"),
            (
                "Late usage 2024-11 - gpt-4 (included in Pro)",
                100_000,
                "0.00"
            ),
        ]
    );
    let late = [ItemType::PlanFee, ItemType::LateUsage, ItemType::LateUsage];
    assert_eq!(types(&draft), late);
    world.advance("2025-01-02T00:00:00Z").await;
    assert_eq!(items(&world.generate("2024-12").await), items(&draft));
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn a_month_with_a_fee_alone_is_invoiced(backend: Backend) {
    let mut world = subscribed(backend, "plan-basic").await;
    world.advance("2025-02-02T00:00:00Z").await;
    let expected = ["2025-01", "2024-12", "2024-11"].map(|month| format!("INV-alice-{month}"));
    assert_eq!(world.numbers().await, expected);
    for month in ["2024-11", "2024-12", "2025-01"] {
        let invoice = world.generate(month).await;
        assert_eq!(items(&invoice), [("Basic plan fee", 1, "9.99")], "{month}");
        assert_eq!(totals(&invoice)[3], "9.99");
    }
    world
        .assert_reconciled(&["2024-11", "2024-12", "2025-01"])
        .await;
}
