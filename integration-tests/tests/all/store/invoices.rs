//! Invoices that meet what is not stored yet, and users whose data is at fault.

use std::sync::Arc;

use billing_core::{
    ids::{InvoiceId, PlanId, SubscriptionId},
    invoice::Invoice,
    month::Month,
    subscription::{BillingCycle, NewSubscription, SubscriptionOrder},
};
use billing_store::{InvoiceFilter, InvoiceOrder, Now, UsersToClose};
use integration_tests::{Backend, on_both_databases};

use super::{TestStore, batch, made_at, time, usage, user};

on_both_databases!(
    a_fee_that_fell_due_unnoticed_is_on_its_months_invoice,
    a_closed_month_has_the_fees_that_fell_due_unnoticed,
    a_user_who_fails_stops_nobody_else,
    a_difference_is_found_wherever_it_hides,
);

fn at(text: &'static str) -> Now {
    Arc::new(move || time(text))
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// A store in which alice's fees fall due at noon of the last day of October and of November.
async fn subscribed(backend: Backend) -> TestStore {
    let store = TestStore::open(backend).await;
    let order = SubscriptionOrder::Subscribe(NewSubscription {
        id: SubscriptionId::trusted("sub-1".to_owned()),
        plan_id: PlanId::trusted("plan-basic".to_owned()),
        cycle: BillingCycle::Monthly,
        auto_renew: true,
        trial_days: 0,
        start: None,
    });
    let now = at("2026-10-31T12:00:00Z");
    let ordered = store.store.order_subscription(user("alice"), order, now);
    ordered.await.unwrap().unwrap();
    store
}

/// Month, fees and total of each of alice's invoices, the latest first.
async fn invoices(store: &TestStore) -> Vec<(String, usize, String)> {
    let filter = InvoiceFilter {
        user_id: user("alice"),
        status: None,
    };
    let (invoices, _) = store.store.invoices(filter, 0, 100).await.unwrap();
    invoices.iter().map(shown).collect()
}

fn shown(invoice: &Invoice) -> (String, usize, String) {
    (
        invoice.month.to_string(),
        invoice.bill.items.len(),
        invoice.bill.final_amount.to_string(),
    )
}

fn fee_of(month: &str) -> (String, usize, String) {
    (month.to_owned(), 1, "9.99".to_owned())
}

async fn a_fee_that_fell_due_unnoticed_is_on_its_months_invoice(backend: Backend) {
    let store = subscribed(backend).await;
    let order = InvoiceOrder {
        user_id: user("alice"),
        month: month("2026-11"),
        id: InvoiceId::trusted("inv-1".to_owned()),
        keep_draft: false,
    };
    let made = store
        .store
        .generate_invoice(order, at("2026-12-01T00:00:00Z"))
        .await;
    assert_eq!(shown(&made.unwrap().unwrap()), fee_of("2026-11"));
    assert_eq!(invoices(&store).await, [fee_of("2026-11")]);
    let unmarked =
        "SELECT id FROM invoice_lines WHERE invoice_id IS NULL AND billing_month > '2026-10'";
    assert!(store.texts(unmarked).await.is_empty());
}

async fn close(store: &TestStore, of: &str, now: &'static str) -> (i64, Vec<String>) {
    let users = UsersToClose {
        month: month(of),
        known_by: None,
        after: None,
    };
    let new_id = Arc::new({
        let of = of.to_owned();
        let number = std::sync::atomic::AtomicU32::new(0);
        move || {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            InvoiceId::trusted(format!("inv-{of}-{number}"))
        }
    });
    let closed = store.store.close_month(users, 100, new_id, at(now)).await;
    let closed = closed.unwrap();
    let failed = closed.failed.iter().map(|(user, _)| user.to_string());
    (closed.closed, failed.collect())
}

async fn a_closed_month_has_the_fees_that_fell_due_unnoticed(backend: Backend) {
    let store = subscribed(backend).await;
    let closed = close(&store, "2026-11", "2026-12-01T00:00:00Z").await;
    assert_eq!(closed, (1, vec![]));
    assert_eq!(
        invoices(&store).await,
        [fee_of("2026-11"), fee_of("2026-10")]
    );
    let again = close(&store, "2026-11", "2026-12-01T00:00:00Z").await;
    assert_eq!(again, (0, vec![]));
}

async fn a_user_who_fails_stops_nobody_else(backend: Backend) {
    let store = TestStore::open(backend).await;
    let october = |user| made_at(usage(user, "call", 1_000, 0), "2026-10-20T00:00:00Z");
    store
        .commit(&batch(["alice", "bob", "carol"].map(october)))
        .await;
    let spoil = "UPDATE accounts SET uninvoiced = 'x' WHERE user_id = 'bob' RETURNING user_id";
    assert_eq!(store.texts(spoil).await, ["bob"]);
    let closed = close(&store, "2026-10", "2026-11-10T12:00:00Z").await;
    assert_eq!(closed, (2, vec!["bob".to_owned()]));

    let mend = "UPDATE accounts SET uninvoiced = '{\"2026-10\":\"0.03\"}' WHERE user_id = 'bob' \
        RETURNING user_id";
    assert_eq!(store.texts(mend).await, ["bob"]);
    let closed = close(&store, "2026-10", "2026-11-10T12:00:00Z").await;
    assert_eq!(closed, (1, vec![]));
    let found = store.store.reconcile_month(month("2026-10"), None, 100);
    let found = found.await.unwrap();
    assert_eq!((found.invoices, found.open_users), (3, 0));
    assert!(found.differences.is_empty(), "{:?}", found.differences);
}

async fn a_difference_is_found_wherever_it_hides(backend: Backend) {
    for (forged, expected) in [
        ("UPDATE invoices SET final_amount = '1'", "final_amount"),
        ("UPDATE invoices SET tax_amount = '1'", "tax_amount"),
        ("UPDATE invoices SET items = '[]'", "items"),
        (
            "UPDATE invoice_lines SET invoice_id = NULL",
            "invoice of a line",
        ),
        ("UPDATE invoice_lines SET amount = '9'", "amount"),
        ("UPDATE billing_records SET final_cost = '9'", "rollup of"),
        ("UPDATE usage_rollups SET prompt_tokens = 1", "rollup of"),
        ("DELETE FROM usage_rollups", "rollup of"),
        ("DELETE FROM invoices", "invoice"),
    ] {
        let store = subscribed(backend).await;
        let call = made_at(usage("alice", "call", 1_000, 0), "2026-10-20T00:00:00Z");
        store.commit(&batch([call])).await;
        let closed = close(&store, "2026-10", "2026-11-10T12:00:00Z").await;
        assert_eq!(closed, (1, vec![]));
        let changed = store.texts(&format!("{forged} RETURNING user_id")).await;
        assert!(!changed.is_empty(), "{forged}");
        let found = store.store.reconcile_month(month("2026-10"), None, 100);
        let found = found.await.unwrap().differences;
        let hit = found.iter().any(|found| found.field.starts_with(expected));
        assert!(hit, "{forged}: {found:?}");
    }
}
