//! Users with usage of October, and what is issued over it.

use billing_core::{
    ids::{CreditNoteId, InvoiceId, RecordId},
    invoice::{CreditNote, CreditNoteOrder, Invoice},
    settings::SettingsChange,
};
use billing_store::{InvoiceChange, InvoiceFilter, InvoiceOrder, StoreError, UsersToClose};

use crate::support::{
    TestStore, batch, made_at, month, new_invoice_ids, recorded, unique, usage, user,
};

pub(super) const OCTOBER: &str = "2026-10-20T00:00:00Z";

/// Usage of October that costs 30.00.
pub(super) async fn use_up(store: &TestStore, name: &str) -> RecordId {
    use_at(store, name, OCTOBER).await
}

pub(super) async fn use_at(store: &TestStore, name: &str, at: &str) -> RecordId {
    let call = made_at(usage(name, at, 1_000_000, 0), at);
    recorded(&store.commit(&batch([call])).await[0]).id
}

pub(super) fn order(name: &str, of: &str) -> InvoiceOrder {
    InvoiceOrder {
        user_id: user(name),
        month: month(of),
        id: InvoiceId::new(unique()),
        keep_draft: false,
    }
}

pub(super) async fn try_issue(
    store: &TestStore,
    name: &str,
    of: &str,
) -> Result<Invoice, StoreError> {
    store.store.generate_invoice(order(name, of)).await
}

/// The invoice over what somebody has used in October.
pub(super) async fn issue(store: &TestStore, name: &str) -> Invoice {
    use_up(store, name).await;
    try_issue(store, name, "2026-10").await.unwrap()
}

pub(super) async fn change(store: &TestStore, invoice: &Invoice, change: InvoiceChange) -> Invoice {
    let (user_id, id) = (invoice.user_id.clone(), invoice.id.unwrap());
    let changed = store.store.change_invoice(user_id, id, change);
    changed.await.unwrap()
}

pub(super) async fn void(store: &TestStore, invoice: &Invoice) -> Invoice {
    let void = InvoiceChange::Void {
        reason: "wrong".to_owned(),
        write_off: false,
    };
    change(store, invoice, void).await
}

pub(super) async fn credit(
    store: &TestStore,
    invoice: &Invoice,
    amount: &str,
) -> Result<CreditNote, StoreError> {
    let order = CreditNoteOrder {
        user_id: invoice.user_id.clone(),
        invoice_id: invoice.id.unwrap(),
        id: CreditNoteId::new(unique()),
        amount: amount.parse().unwrap(),
        reason: String::new(),
        request_id: None,
    };
    store.store.create_credit_note(order).await
}

pub(super) async fn close(store: &TestStore, of: &str) -> Vec<String> {
    let users = UsersToClose {
        month: month(of),
        known_by: None,
        reopened: true,
        after: None,
    };
    let closed = store.store.close_month(users, 100, new_invoice_ids()).await;
    let failed = closed.unwrap().failed;
    failed.iter().map(|(user, _)| user.to_string()).collect()
}

pub(super) async fn invoices(store: &TestStore) -> Vec<Invoice> {
    let all = InvoiceFilter::default();
    let (invoices, _) = store.store.invoices(all, 0, 1_000).await.unwrap();
    invoices
}

pub(super) async fn next_numbers(store: &TestStore) -> Vec<(String, i32, i64)> {
    let series = store.store.document_series().await.unwrap().into_iter();
    let series = series.map(|of| (of.name.to_string(), of.year, of.next_number()));
    series.collect()
}

pub(super) async fn name(store: &TestStore, name: &str, tax_id: &str) -> Result<(), StoreError> {
    let change = SettingsChange {
        billing_name: Some(name.to_owned()),
        billing_address: Some(format!("Home of {name}")),
        billing_country: Some("gb".to_owned()),
        tax_id: Some(tax_id.to_owned()),
        language: Some("zh".to_owned()),
        ..SettingsChange::default()
    };
    let set = store.store.update_settings(user("alice"), change).await;
    set.map(drop)
}
