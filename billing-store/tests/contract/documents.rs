//! Documents: numbers without gaps, dates in their order, and parties as of the time of issue.

use std::{collections::BTreeSet, sync::Arc};

use billing_core::{
    account::{RefundOrder, VoidOrder},
    document::{DocumentOptions, Seller, SeriesName, TaxExemption},
    ids::{CreditNoteId, InvoiceId, RecordId, TransactionId},
    invoice::{CreditNote, CreditNoteOrder, Invoice, InvoiceStatus},
    money::Money,
    payment::{ChargeStatus, RefundReport, RefundStatus},
    refusal::Refusal,
    settings::SettingsChange,
};
use billing_store::{InvoiceChange, InvoiceFilter, InvoiceOrder, StoreError, UsersToClose};
use test_postgres::{Backend, on_both_databases};

use crate::{
    payments::world::{add, begin, charge, topup, try_follow},
    support::{
        TestStore, batch, made_at, month, new_invoice_ids, recorded, taxed, time, unique, usage,
        user,
    },
};

on_both_databases!(
    every_way_of_issuing_takes_the_next_number,
    drafts_and_previews_take_no_number,
    a_void_keeps_its_number_and_is_cancelled_by_a_document,
    credit_notes_have_a_series_of_their_own,
    an_invoice_that_credits_by_itself_numbers_the_note,
    a_refund_of_a_top_up_credits_its_receipt,
    refusals_and_failures_leave_no_gap,
    whoever_comes_later_has_no_earlier_date,
    every_year_counts_from_one,
    a_document_says_what_was_so_when_it_was_issued,
    reverse_charge_and_the_tax_id_stand_and_fall_together,
    a_series_is_set_forward_only,
    other_names_are_other_series,
);

const OCTOBER: &str = "2026-10-20T00:00:00Z";

/// Usage of October that costs 30.00.
async fn use_up(store: &TestStore, name: &str) -> RecordId {
    use_at(store, name, OCTOBER).await
}

async fn use_at(store: &TestStore, name: &str, at: &str) -> RecordId {
    let call = made_at(usage(name, at, 1_000_000, 0), at);
    recorded(&store.commit(&batch([call])).await[0]).id
}

fn order(name: &str, of: &str) -> InvoiceOrder {
    InvoiceOrder {
        user_id: user(name),
        month: month(of),
        id: InvoiceId::new(unique()),
        keep_draft: false,
    }
}

async fn try_issue(store: &TestStore, name: &str, of: &str) -> Result<Invoice, StoreError> {
    store.store.generate_invoice(order(name, of)).await
}

/// The invoice over what somebody has used in October.
async fn issue(store: &TestStore, name: &str) -> Invoice {
    use_up(store, name).await;
    try_issue(store, name, "2026-10").await.unwrap()
}

async fn change(store: &TestStore, invoice: &Invoice, change: InvoiceChange) -> Invoice {
    let (user_id, id) = (invoice.user_id.clone(), invoice.id.unwrap());
    let changed = store.store.change_invoice(user_id, id, change);
    changed.await.unwrap()
}

async fn void(store: &TestStore, invoice: &Invoice) -> Invoice {
    let void = InvoiceChange::Void {
        reason: "wrong".to_owned(),
        write_off: false,
    };
    change(store, invoice, void).await
}

async fn credit(
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

async fn close(store: &TestStore, of: &str) -> Vec<String> {
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

async fn invoices(store: &TestStore) -> Vec<Invoice> {
    let all = InvoiceFilter::default();
    let (invoices, _) = store.store.invoices(all, 0, 1_000).await.unwrap();
    invoices
}

/// The numbers of all invoices that have one.
async fn numbers(store: &TestStore) -> BTreeSet<String> {
    let invoices = invoices(store).await.into_iter();
    let numbers = invoices.map(|invoice| invoice.document_number);
    numbers.filter(|number| !number.is_empty()).collect()
}

fn first(count: usize) -> BTreeSet<String> {
    (1..=count).map(|n| format!("INV-2026-{n:06}")).collect()
}

async fn next_numbers(store: &TestStore) -> Vec<(String, i32, i64)> {
    let series = store.store.document_series().await.unwrap().into_iter();
    let series = series.map(|of| (of.name.to_string(), of.year, of.next_number()));
    series.collect()
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
    let free = crate::support::of_model(usage("carol", "free", 1_000, 0), "free");
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

fn seller() -> DocumentOptions {
    DocumentOptions {
        seller: Seller {
            name: "Oblivious AI".to_owned(),
            address: "1 Street\nTown".to_owned(),
            country: "DE".to_owned(),
            tax_id: "DE9".to_owned(),
            registration: "HRB 1".to_owned(),
            footer: "Thank you".to_owned(),
        },
        ..DocumentOptions::default()
    }
}

async fn name(store: &TestStore, name: &str, tax_id: &str) -> Result<(), StoreError> {
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

async fn a_document_says_what_was_so_when_it_was_issued(backend: Backend) {
    let store = TestStore::open_with(backend, seller()).await;
    name(&store, "Alice", "GB1").await.unwrap();
    let mut tax = taxed("0.2");
    tax.exemption = Some(TaxExemption::ReverseCharge);
    store.store.set_tax(user("alice"), tax).await.unwrap();
    let invoice = issue(&store, "alice").await;
    let snapshot = invoice.snapshot.clone().unwrap();
    assert_eq!(snapshot.seller, seller().seller);
    let buyer = &snapshot.buyer;
    assert_eq!(
        (buyer.name.as_str(), buyer.country.as_str()),
        ("Alice", "GB")
    );
    assert_eq!(
        (buyer.tax_id.as_str(), buyer.language.code()),
        ("GB1", "zh")
    );
    assert_eq!(snapshot.exemption, Some(TaxExemption::ReverseCharge));
    assert_eq!(snapshot.tax_note, "反向征税：税款由购买方缴纳。");
    assert_eq!(invoice.billing_address, "Home of Alice");
    name(&store, "Alice Ltd", "GB2").await.unwrap();
    store
        .store
        .set_tax(user("alice"), taxed("0.2"))
        .await
        .unwrap();
    let stored = store.store.invoice(user("alice"), invoice.id.unwrap());
    assert_eq!(stored.await.unwrap(), invoice);
    // What is issued now names today's buyer, and taxes as the invoice did.
    let note = credit(&store, &invoice, "1").await.unwrap();
    assert_eq!(note.snapshot.buyer.name, "Alice Ltd");
    assert_eq!(note.snapshot.exemption, Some(TaxExemption::ReverseCharge));
}

async fn reverse_charge_and_the_tax_id_stand_and_fall_together(backend: Backend) {
    let store = TestStore::open(backend).await;
    let mut tax = taxed("0.2");
    tax.exemption = Some(TaxExemption::ReverseCharge);
    let at_fault = |refused: StoreError| match refused {
        StoreError::Rejected(Refusal::Field(violation)) => violation.field,
        other => panic!("{other}"),
    };
    let refused = store.store.set_tax(user("alice"), tax).await.unwrap_err();
    assert_eq!(at_fault(refused), "exemption");
    name(&store, "Alice", "GB1").await.unwrap();
    store.store.set_tax(user("alice"), tax).await.unwrap();
    let refused = name(&store, "Alice", "").await.unwrap_err();
    assert_eq!(at_fault(refused), "tax_id");
    let account = store.store.account(user("alice")).await.unwrap();
    assert_eq!(account.state.tax, tax);
    store
        .store
        .set_tax(user("alice"), taxed("0.2"))
        .await
        .unwrap();
    name(&store, "Alice", "").await.unwrap();
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
