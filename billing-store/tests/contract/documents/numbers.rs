//! Numbers without gaps, and dates in their order.

use std::{collections::BTreeSet, sync::Arc};

use billing_core::{
    document::{DocumentOptions, SeriesName},
    ids::InvoiceId,
    invoice::InvoiceStatus,
    payment::ChargeStatus,
    refusal::Refusal,
};
use billing_store::{InvoiceChange, InvoiceOrder, StoreError};
use test_postgres::{Backend, on_both_databases};

use super::world::{
    OCTOBER, change, close, credit, invoices, issue, next_numbers, order, try_issue, use_at,
    use_up, void,
};
use crate::{
    payments::world::{add, begin, charge, topup, try_follow},
    support::{TestStore, batch, made_at, month, of_model, usage, user},
};

on_both_databases!(
    every_way_of_issuing_takes_the_next_number,
    drafts_and_previews_take_no_number,
    refusals_and_failures_leave_no_gap,
    whoever_comes_later_has_no_earlier_date,
    every_year_counts_from_one,
    a_series_is_set_forward_only,
    other_names_are_other_series,
);

/// The numbers of all invoices that have one.
async fn numbers(store: &TestStore) -> BTreeSet<String> {
    let invoices = invoices(store).await.into_iter();
    let numbers = invoices.map(|invoice| invoice.document_number);
    numbers.filter(|number| !number.is_empty()).collect()
}

fn first(count: usize) -> BTreeSet<String> {
    (1..=count).map(|n| format!("INV-2026-{n:06}")).collect()
}

async fn every_way_of_issuing_takes_the_next_number(backend: Backend) {
    let store = TestStore::open(backend).await;
    let generated = issue(&store, "alice").await;
    assert_eq!(generated.document_number, "INV-2026-000001");
    assert_eq!(generated.issued_at, Some(store.clock.now()));
    use_up(&store, "bob").await;
    let draft = InvoiceOrder {
        keep_draft: true,
        ..order("bob", "2026-10")
    };
    let draft = store.store.generate_invoice(draft).await.unwrap();
    let finalised = change(&store, &draft, InvoiceChange::Finalise).await;
    assert_eq!(finalised.document_number, "INV-2026-000002");
    // Nothing is to be paid.
    store.set_price("free", "0", "0").await;
    let free = of_model(usage("carol", "free", 1_000, 0), "free");
    store.commit(&batch([made_at(free, OCTOBER)])).await;
    let zero = try_issue(&store, "carol", "2026-10").await.unwrap();
    assert_eq!(zero.status, InvoiceStatus::Paid);
    assert_eq!(zero.document_number, "INV-2026-000003");
    add(&store, "dave").await;
    let begun = begin(&store, topup("dave")).await;
    let told = charge(&begun, ChargeStatus::Succeeded);
    try_follow(&store, &begun, told).await.unwrap();
    let receipt = InvoiceId::new(begun.id.uuid());
    let receipt = store.store.invoice(user("dave"), receipt).await.unwrap();
    assert!(receipt.is_receipt);
    assert_eq!(receipt.document_number, "INV-2026-000004");
    for name in ["erin", "frank", "grace"] {
        use_up(&store, name).await;
    }
    assert!(close(&store, "2026-10").await.is_empty());
    assert_eq!(numbers(&store).await, first(7));
    for invoice in invoices(&store).await {
        assert!(invoice.snapshot.is_some(), "{invoice:?}");
        let again = store
            .store
            .invoice(invoice.user_id.clone(), invoice.id.unwrap());
        assert_eq!(
            again.await.unwrap().document_number,
            invoice.document_number
        );
    }
    // The same call again is the same document.
    let again = try_issue(&store, "alice", "2026-10").await.unwrap();
    assert_eq!(again, generated);
    assert_eq!(next_numbers(&store).await, [("INV".to_owned(), 2026, 8)]);
}

async fn drafts_and_previews_take_no_number(backend: Backend) {
    let store = TestStore::open(backend).await;
    use_up(&store, "alice").await;
    use_at(&store, "alice", "2026-11-05T00:00:00Z").await;
    let kept = InvoiceOrder {
        keep_draft: true,
        ..order("alice", "2026-10")
    };
    let kept = store.store.generate_invoice(kept).await.unwrap();
    let running = try_issue(&store, "alice", "2026-11").await.unwrap();
    let preview = store.store.preview_invoice(user("alice"), month("2026-11"));
    for draft in [kept, running, preview.await.unwrap()] {
        assert_eq!(draft.status, InvoiceStatus::Draft);
        assert_eq!((draft.document_number.as_str(), draft.snapshot), ("", None));
    }
    assert!(next_numbers(&store).await.is_empty());
}

/// Makes the database refuse every invoice of bob's, once it has its number, until it is undone.
async fn refuse_bob(store: &TestStore) {
    let (sqlite, postgres) = (
        "CREATE TRIGGER no_bob BEFORE INSERT ON invoices WHEN NEW.user_id = 'bob' \
         BEGIN SELECT RAISE(ABORT, 'not bob'); END",
        "CREATE FUNCTION no_bob() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'not bob'; END $$; \
         CREATE TRIGGER no_bob BEFORE INSERT ON invoices FOR EACH ROW \
         WHEN (NEW.user_id = 'bob') EXECUTE FUNCTION no_bob()",
    );
    store.execute(store.either(sqlite, postgres)).await;
}

async fn allow_bob(store: &TestStore) {
    let drop = store.either("DROP TRIGGER no_bob", "DROP TRIGGER no_bob ON invoices");
    store.execute(drop).await;
}

async fn refusals_and_failures_leave_no_gap(backend: Backend) {
    let store = TestStore::open(backend).await;
    for name in ["alice", "bob", "carol"] {
        use_up(&store, name).await;
    }
    refuse_bob(&store).await;
    let nothing = try_issue(&store, "dave", "2026-10").await;
    assert!(matches!(nothing, Err(StoreError::Rejected(_))));
    let failed = try_issue(&store, "bob", "2026-10").await;
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    assert!(numbers(&store).await.is_empty());
    assert!(next_numbers(&store).await.is_empty());
    // The chunk fails as a whole, then bob alone.
    assert_eq!(close(&store, "2026-10").await, ["bob"]);
    assert_eq!(numbers(&store).await, first(2));
    allow_bob(&store).await;
    assert!(close(&store, "2026-10").await.is_empty());
    assert_eq!(numbers(&store).await, first(3));
    assert_eq!(next_numbers(&store).await, [("INV".to_owned(), 2026, 4)]);
}

/// A clock that is behind is like a transaction that began early and comes late.
async fn whoever_comes_later_has_no_earlier_date(backend: Backend) {
    let store = TestStore::open(backend).await;
    let first = issue(&store, "alice").await;
    let noon = store.clock.now();
    store.clock.set("2026-11-10T11:00:00Z");
    let late = issue(&store, "bob").await;
    let dates = [first.issued_at, late.issued_at];
    assert_eq!(dates, [Some(noon), Some(noon)]);
    assert_eq!(late.due_date, first.due_date);
    let stored = store.store.invoice(user("bob"), late.id.unwrap());
    assert_eq!(stored.await.unwrap(), late);
    store.clock.set("2026-11-10T13:00:00Z");
    let note = credit(&store, &first, "1").await.unwrap();
    store.clock.set("2026-11-10T12:30:00Z");
    let cancelled = void(&store, &late).await.cancellation.unwrap();
    assert_eq!(cancelled.at, note.created_at);
}

async fn every_year_counts_from_one(backend: Backend) {
    let store = TestStore::open(backend).await;
    issue(&store, "alice").await;
    store.clock.set("2026-12-31T23:59:59.999999Z");
    let last = issue(&store, "bob").await;
    assert_eq!(last.document_number, "INV-2026-000002");
    store.clock.set("2027-01-01T00:00:00Z");
    let new = issue(&store, "carol").await;
    assert_eq!(new.document_number, "INV-2027-000001");
    // A server whose clock is behind goes on with the year before, and its dates.
    store.clock.set("2026-12-31T23:59:59Z");
    let late = issue(&store, "dave").await;
    assert_eq!(late.document_number, "INV-2026-000003");
    assert_eq!(late.issued_at, last.issued_at);
    let next = [("INV".to_owned(), 2027, 2), ("INV".to_owned(), 2026, 4)];
    assert_eq!(next_numbers(&store).await, next);
}

async fn a_series_is_set_forward_only(backend: Backend) {
    let store = TestStore::open(backend).await;
    let set = |name: &str, next| {
        let name = SeriesName::parse(name).unwrap();
        let store = Arc::clone(&store.store);
        async move { store.set_document_series(name, 2026, next).await }
    };
    issue(&store, "alice").await;
    for (series, next, field) in [("INV", 1, "next_number"), ("OLD", 5, "series")] {
        let refused = set(series, next).await.unwrap_err();
        let StoreError::Rejected(Refusal::Field(violation)) = refused else {
            panic!("{refused}");
        };
        assert_eq!(violation.field, field);
    }
    assert_eq!(next_numbers(&store).await, [("INV".to_owned(), 2026, 2)]);
    for next in [2, 100, 100] {
        assert_eq!(set("INV", next).await.unwrap().next_number(), next);
    }
    let later = issue(&store, "bob").await;
    assert_eq!(later.document_number, "INV-2026-000100");
    let unused = set("CN", 7).await.unwrap();
    assert_eq!((unused.next_number(), unused.last_at), (7, None));
    let note = credit(&store, &later, "1").await.unwrap();
    assert_eq!(note.document_number, "CN-2026-000007");
}

async fn other_names_are_other_series(backend: Backend) {
    let options = DocumentOptions {
        // The other way round by name, which must not matter.
        invoice_series: SeriesName::parse("A-1").unwrap(),
        credit_note_series: SeriesName::parse("Z").unwrap(),
        ..DocumentOptions::default()
    };
    let store = TestStore::open_with(backend, options).await;
    let invoice = issue(&store, "alice").await;
    let note = credit(&store, &invoice, "1").await.unwrap();
    let numbers = (
        invoice.document_number.as_str(),
        note.document_number.as_str(),
    );
    assert_eq!(numbers, ("A-1-2026-000001", "Z-2026-000001"));
}
