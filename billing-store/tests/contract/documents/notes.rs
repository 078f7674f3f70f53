//! What takes an invoice back is a document too.

use billing_core::{
    account::{RefundOrder, VoidOrder},
    ids::{InvoiceId, RecordId, TransactionId},
    money::Money,
    payment::{ChargeStatus, RefundReport, RefundStatus},
    refusal::Refusal,
};
use billing_store::{InvoiceChange, InvoiceOrder, StoreError};
use test_postgres::{Backend, on_both_databases};

use super::world::{change, credit, issue, next_numbers, order, try_issue, use_up, void};
use crate::{
    payments::world::{add, begin, charge, topup, try_follow},
    support::{TestStore, taxed, time, unique, user},
};

on_both_databases!(
    a_void_keeps_its_number_and_is_cancelled_by_a_document,
    credit_notes_have_a_series_of_their_own,
    an_invoice_that_credits_by_itself_numbers_the_note,
    a_refund_of_a_top_up_credits_its_receipt,
);

async fn a_void_keeps_its_number_and_is_cancelled_by_a_document(backend: Backend) {
    let store = TestStore::open(backend).await;
    let invoice = issue(&store, "alice").await;
    store.clock.set("2026-11-11T00:00:00Z");
    let voided = void(&store, &invoice).await;
    assert_eq!(voided.document_number, "INV-2026-000001");
    assert_eq!(voided.issued_at, invoice.issued_at);
    let cancelled = voided.cancellation.clone().unwrap();
    assert_eq!(cancelled.number, "CN-2026-000001");
    assert_eq!(cancelled.at, time("2026-11-11T00:00:00Z"));
    let stored = store.store.invoice(user("alice"), voided.id.unwrap());
    assert_eq!(stored.await.unwrap(), voided);
    let again = try_issue(&store, "alice", "2026-10").await.unwrap();
    assert_eq!(again.document_number, "INV-2026-000002");
    // What is given up was owed, and a draft was no document.
    let write_off = InvoiceChange::Void {
        reason: String::new(),
        write_off: true,
    };
    let given_up = change(&store, &again, write_off).await;
    assert_eq!(given_up.cancellation, None);
    use_up(&store, "bob").await;
    let draft = InvoiceOrder {
        keep_draft: true,
        ..order("bob", "2026-10")
    };
    let draft = store.store.generate_invoice(draft).await.unwrap();
    let voided = void(&store, &draft).await;
    assert_eq!(
        (voided.document_number.as_str(), voided.cancellation),
        ("", None)
    );
    let next = [("CN".to_owned(), 2026, 2), ("INV".to_owned(), 2026, 3)];
    assert_eq!(next_numbers(&store).await, next);
}

async fn credit_notes_have_a_series_of_their_own(backend: Backend) {
    let store = TestStore::open(backend).await;
    let invoice = issue(&store, "alice").await;
    let note = credit(&store, &invoice, "1").await.unwrap();
    assert_eq!(note.document_number, "CN-2026-000001");
    assert!(matches!(
        credit(&store, &invoice, "30").await,
        Err(StoreError::Rejected(Refusal::Field(_)))
    ));
    let second = credit(&store, &invoice, "2").await.unwrap();
    assert_eq!(second.document_number, "CN-2026-000002");
    let listed = store.store.credit_notes(None, None, 10).await.unwrap();
    assert_eq!(listed, [second, note]);
}

async fn an_invoice_that_credits_by_itself_numbers_the_note(backend: Backend) {
    let store = TestStore::open(backend).await;
    let record = use_up(&store, "alice").await;
    let set = store.store.set_tax(user("alice"), taxed("0.1"));
    set.await.unwrap();
    try_issue(&store, "alice", "2026-10").await.unwrap();
    let order = VoidOrder {
        user_id: user("alice"),
        id: record,
        correction_id: RecordId::new(unique()),
        reason: None,
    };
    store.store.void_usage(order).await.unwrap();
    store.clock.set("2026-12-01T00:00:00Z");
    let november = try_issue(&store, "alice", "2026-11").await.unwrap();
    assert_eq!(november.document_number, "INV-2026-000002");
    let [note] = november.credit_notes.as_slice() else {
        panic!("{november:?}");
    };
    assert_eq!(note.document_number, "CN-2026-000001");
    assert_eq!(Some(note.created_at), november.issued_at);
    let stored = store.store.invoice(user("alice"), november.id.unwrap());
    assert_eq!(stored.await.unwrap(), november);
}

async fn a_refund_of_a_top_up_credits_its_receipt(backend: Backend) {
    let store = TestStore::open(backend).await;
    add(&store, "alice").await;
    let begun = begin(&store, topup("alice")).await;
    let told = charge(&begun, ChargeStatus::Succeeded);
    try_follow(&store, &begun, told).await.unwrap();
    let order = RefundOrder {
        id: TransactionId::new(unique()),
        amount: None,
        request: None,
    };
    let refund = store.store.begin_refund(user("alice"), begun.id, order);
    let (refund, _) = refund.await.unwrap();
    let report = RefundReport {
        reference: "re_1".to_owned(),
        transaction: Some(refund.id),
        amount: refund.amount,
        currency: refund.currency.clone(),
        status: RefundStatus::Succeeded,
        charge: None,
        created_at: store.clock.now(),
    };
    // Told twice, it is credited once.
    for _ in 0..2 {
        let new = TransactionId::new(unique());
        let store = &store.store;
        let told = store.follow_refund(user("alice"), begun.id, report.clone(), new);
        told.await.unwrap();
    }
    let receipt = InvoiceId::new(begun.id.uuid());
    let receipt = store.store.invoice(user("alice"), receipt).await.unwrap();
    let [note] = receipt.credit_notes.as_slice() else {
        panic!("{receipt:?}");
    };
    assert_eq!(note.document_number, "CN-2026-000001");
    assert_eq!(note.total(), Ok(refund.amount));
    let account = store.store.account(user("alice")).await.unwrap();
    assert_eq!(account.state.credit_balance, Money::ZERO);
}
