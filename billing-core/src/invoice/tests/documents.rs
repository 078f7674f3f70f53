//! What makes an issued invoice a document: its number, date, period, parties and units.

use rstest::rstest;

use super::*;
use crate::{
    document::{Buyer, Language, Numbered, Seller, Snapshot, TaxExemption},
    invoice::{CreditNoteOrder, DUE_AFTER, InvoiceTransition, ItemKind, ItemPart, PartKind, Unit},
    testing::{day, time},
};

fn buyer(name: &str) -> Buyer {
    Buyer {
        name: name.into(),
        address: "1 Street".into(),
        ..Buyer::default()
    }
}

fn snapshot(exemption: Option<TaxExemption>) -> Snapshot {
    Snapshot::new(Seller::default(), buyer("Alice"), exemption)
}

/// An invoice over 10 USD that was issued in December.
fn issued(exemption: Option<TaxExemption>) -> Invoice {
    let mut invoice = draft(vec![item(ItemKind::Usage, None)]);
    let issued = invoice.issue(
        "INV-alice-2024-11".into(),
        snapshot(exemption),
        Money::ZERO,
        day("2024-12-02"),
    );
    issued.unwrap();
    invoice
}

fn draft(items: Vec<Item>) -> Invoice {
    let bill = Bill {
        amount: money("10"),
        final_amount: money("10"),
        items,
        ..empty_bill()
    };
    let user = UserId::trusted("alice".into());
    let id = InvoiceId::new(uuid("a"));
    Invoice::draft(Some(id), user, month("2024-11"), bill, day("2024-12-01"))
}

fn empty_bill() -> Bill {
    Bill {
        items: Vec::new(),
        amount: Money::ZERO,
        discounts: Vec::new(),
        discount_amount: Money::ZERO,
        tax_rate: Rate::ZERO,
        tax_amount: Money::ZERO,
        final_amount: Money::ZERO,
        credited: Money::ZERO,
        credited_tax: Money::ZERO,
    }
}

fn item(kind: ItemKind, period: Option<[&str; 2]>) -> Item {
    Item {
        kind,
        model: None,
        quantity: 1,
        unit_price: money("10"),
        amount: money("10"),
        description: String::new(),
        period_start: period.map(|[start, _]| day(start)),
        period_end: period.map(|[_, end]| day(end)),
        breakdown: Vec::new(),
    }
}

fn numbered(number: &str, at: &str) -> Numbered {
    Numbered {
        number: number.into(),
        at: time(at),
    }
}

#[test]
fn an_invoice_has_the_date_of_its_number_and_is_due_30_days_later() {
    let mut invoice = issued(None);
    assert_eq!(invoice.document_number, "");
    assert_eq!(invoice.billing_address, "1 Street");
    invoice.take_number(numbered("INV-2024-000001", "2024-12-02T00:00:05Z"));
    let at = time("2024-12-02T00:00:05Z");
    assert_eq!(invoice.document_number, "INV-2024-000001");
    assert_eq!((invoice.issued_at, invoice.updated_at), (Some(at), at));
    assert_eq!(invoice.due_date, Some(at + DUE_AFTER));
    assert_eq!(invoice.paid_at, None);
}

#[test]
fn an_invoice_is_not_paid_before_it_is_issued() {
    let mut invoice = draft(Vec::new());
    invoice.bill = empty_bill();
    let issued = invoice.issue("INV".into(), snapshot(None), Money::ZERO, day("2024-12-02"));
    issued.unwrap();
    assert_eq!(invoice.paid_at, Some(day("2024-12-02")));
    invoice.take_number(numbered("INV-2024-000001", "2024-12-03T00:00:00Z"));
    assert_eq!(invoice.paid_at, Some(day("2024-12-03")));
}

#[test]
fn only_a_void_invoice_that_had_a_number_is_cancelled_and_once() {
    let mut invoice = issued(None);
    invoice
        .step(InvoiceTransition::Void, day("2024-12-04"))
        .unwrap();
    assert!(!invoice.wants_cancellation());
    let mut invoice = issued(None);
    invoice.take_number(numbered("INV-2024-000001", "2024-12-02T00:00:00Z"));
    assert!(!invoice.wants_cancellation());
    invoice
        .step(InvoiceTransition::Void, day("2024-12-04"))
        .unwrap();
    assert!(invoice.wants_cancellation());
    invoice.cancel(numbered("CN-2024-000001", "2024-12-05T00:00:00Z"));
    assert!(!invoice.wants_cancellation());
    assert_eq!(invoice.document_number, "INV-2024-000001");
    let cancellation = invoice.cancellation.unwrap();
    assert_eq!(cancellation.number, "CN-2024-000001");
    assert_eq!(cancellation.at, day("2024-12-05"));
}

#[test]
fn a_credit_note_names_todays_buyer_and_the_exemption_of_its_invoice() {
    let mut invoice = issued(Some(TaxExemption::ReverseCharge));
    let order = CreditNoteOrder {
        user_id: invoice.user_id.clone(),
        invoice_id: InvoiceId::new(uuid("a")),
        id: CreditNoteId::new(uuid("n")),
        amount: money("1"),
        reason: String::new(),
        request_id: None,
    };
    let moved = Buyer {
        language: Language::Chinese,
        ..buyer("Alice Ltd")
    };
    let parties = (Seller::default(), moved);
    let mut note = invoice.credit(order, parties, day("2024-12-09")).unwrap();
    assert_eq!(note.snapshot.buyer.name, "Alice Ltd");
    assert_eq!(note.snapshot.exemption, Some(TaxExemption::ReverseCharge));
    assert_eq!(note.snapshot.tax_note, "反向征税：税款由购买方缴纳。");
    assert_eq!(invoice.snapshot.unwrap().buyer.name, "Alice");
    note.take_number(numbered("CN-2024-000001", "2024-12-10T00:00:00Z"));
    assert_eq!(note.document_number, "CN-2024-000001");
    assert_eq!(note.created_at, day("2024-12-10"));
}

#[rstest]
#[case::usage(&[], "2024-11-01", "2024-12-01")]
#[case::fee(&[["2024-11-15", "2024-12-15"]], "2024-11-01", "2024-12-15")]
#[case::year(&[["2024-11-15", "2025-11-15"]], "2024-11-01", "2025-11-15")]
#[case::taken_back(&[["2024-10-20", "2024-11-20"]], "2024-10-20", "2024-12-01")]
fn a_period_of_service_is_the_month_and_what_fees_pay_for(
    #[case] fees: &[[&str; 2]],
    #[case] start: &str,
    #[case] end: &str,
) {
    let fees = fees
        .iter()
        .map(|period| item(ItemKind::PlanFee, Some(*period)));
    let mut items: Vec<_> = fees.collect();
    items.push(item(ItemKind::Usage, None));
    let period = draft(items).service_period().unwrap();
    assert_eq!((period.start, period.end), (day(start), day(end)));
}

#[rstest]
#[case(ItemKind::Usage, Unit::Token)]
#[case(ItemKind::Overage, Unit::Token)]
#[case(ItemKind::LateUsage, Unit::Token)]
#[case(ItemKind::PlanFee, Unit::Piece)]
#[case(ItemKind::Proration, Unit::Piece)]
#[case(ItemKind::Topup, Unit::Piece)]
#[case::credit(ItemKind::Correction, Unit::Piece)]
fn usage_is_counted_in_tokens_and_all_else_in_pieces(#[case] kind: ItemKind, #[case] unit: Unit) {
    assert_eq!(item(kind, None).unit(), unit);
}

#[test]
fn usage_that_is_taken_back_is_counted_in_tokens() {
    let mut taken_back = item(ItemKind::Correction, None);
    taken_back.breakdown.push(ItemPart {
        kind: PartKind::All,
        tokens: -1_000,
        unit_price: money("10"),
        amount: money("-10"),
        price_id: None,
        plan_version_id: None,
    });
    let unit = taken_back.unit();
    assert_eq!((unit.name(), unit.priced_per()), ("token", 1_000));
}
