//! Invoices that meet what is not stored yet, and users whose data is at fault.

use billing_core::{ids::InvoiceId, invoice::Invoice};
use billing_store::{InvoiceFilter, InvoiceOrder, UsersToClose};
use test_postgres::{Backend, on_both_databases};

use crate::support::{
    TestStore, batch, made_at, month, new_invoice_ids, subscribe_to, unique, usage, user,
};

on_both_databases!(
    a_fee_that_fell_due_unnoticed_is_on_its_months_invoice,
    a_closed_month_has_the_fees_that_fell_due_unnoticed,
    a_user_who_fails_stops_nobody_else,
    a_difference_is_found_wherever_it_hides,
);

/// A store in which alice's fees fall due at noon of the last day of October and of November.
async fn subscribed(backend: Backend) -> TestStore {
    let store = TestStore::open(backend).await;
    store.clock.set("2026-10-31T12:00:00Z");
    let order = subscribe_to("plan-basic");
    let ordered = store.store.order_subscription(user("alice"), order);
    ordered.await.unwrap();
    store
}

/// Month, fees and total of each of alice's invoices, the latest first.
async fn invoices(store: &TestStore) -> Vec<(String, usize, String)> {
    let filter = InvoiceFilter {
        user_id: Some(user("alice")),
        ..InvoiceFilter::default()
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
        id: InvoiceId::new(unique()),
        keep_draft: false,
    };
    store.clock.set("2026-12-01T00:00:00Z");
    let made = store.store.generate_invoice(order).await.unwrap();
    assert_eq!(shown(&made), fee_of("2026-11"));
    assert_eq!(invoices(&store).await, [fee_of("2026-11")]);
    let unmarked =
        "SELECT type FROM invoice_lines WHERE invoice_id IS NULL AND billing_month > '2026-10'";
    assert!(store.texts(unmarked).await.is_empty());
}

async fn close(store: &TestStore, of: &str, now: &str) -> (i64, Vec<String>) {
    store.clock.set(now);
    let users = UsersToClose {
        month: month(of),
        known_by: None,
        reopened: true,
        after: None,
    };
    let closed = store.store.close_month(users, 100, new_invoice_ids()).await;
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
    let owed = "SELECT CAST(uninvoiced AS TEXT) FROM accounts WHERE user_id = 'bob'";
    let owed = store.texts(owed).await.remove(0);
    let set = |owed: &str| {
        format!("UPDATE accounts SET uninvoiced = '{owed}' WHERE user_id = 'bob' RETURNING user_id")
    };
    assert_eq!(store.texts(&set("\"x\"")).await, ["bob"]);
    let closed = close(&store, "2026-10", "2026-11-10T12:00:00Z").await;
    assert_eq!(closed, (2, vec!["bob".to_owned()]));

    assert_eq!(store.texts(&set(&owed)).await, ["bob"]);
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
        ("UPDATE billing_records SET final_cost = '9'", "sums of"),
        ("UPDATE usage_rollups SET prompt_tokens = 1", "sums of"),
        ("DELETE FROM usage_rollups", "sums of"),
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
        let hit = found
            .iter()
            .any(|found| found.mismatch.field.starts_with(expected));
        assert!(hit, "{forged}: {found:?}");
    }
}
