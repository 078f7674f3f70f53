//! Issuing, closing, voiding, crediting, and what they change of the account.

use rstest::rstest;

use super::*;
use crate::{
    account::{AccountChange, AccountState},
    coupon::CouponValue,
    document::TaxExemption,
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    invoice::{InvoiceStatus, LineKind, MonthInvoices, PAID_BY_CREDIT, PAID_BY_NOTHING},
    testing::*,
};

/// The account of a user who redeemed coupons for good in November and pays 10 % tax.
fn account(coupons: impl IntoIterator<Item = CouponValue>) -> Account {
    let mut account = Account::new(AccountState::new(UserId::trusted("alice".into())));
    account.relations.redemptions = redeemed(coupons);
    account.state.tax.rate = rate("0.1");
    account
}

fn with_credit(mut account: Account, credit: &str) -> Account {
    account.state.credit_balance = money(credit);
    account
}

/// 30 USD before coupons and tax.
fn thirty() -> Charges {
    charges([usage("gpt-4", GPT_4, [1_000_000, 0], "1")], [])
}

/// Invoices November with what is stored of it.
fn run(
    account: &mut Account,
    charges: &Charges,
    invoices: MonthInvoices,
    keep_drafts: bool,
) -> Option<Invoice> {
    let run = InvoiceRun {
        month: month(NOVEMBER),
        catalog: &billed_catalog(),
        seller: &Seller::default(),
        keep_drafts,
        now: day("2024-12-02"),
    };
    let stored = MonthToInvoice {
        invoices,
        charges,
        costs: &[(month(NOVEMBER), money("30"))].into(),
        buyer: &Buyer {
            address: "1 Street".to_owned(),
            ..Buyer::default()
        },
        new_id: InvoiceId::new(uuid("inv-1")),
    };
    account.invoice(&run, stored).unwrap()
}

fn issue(account: &mut Account, charges: &Charges) -> Invoice {
    run(account, charges, MonthInvoices::default(), false).unwrap()
}

fn void(account: &mut Account, invoice: &mut Invoice, charges: &Charges) -> Result<(), Refusal> {
    account.void_invoice(invoice, charges, "wrong".into(), day("2024-12-03"))
}

#[test]
fn an_issued_invoice_is_due_in_30_days_and_closes_its_month() {
    let mut account = account([]);
    account
        .state
        .uninvoiced
        .insert(month(NOVEMBER), money("30"));
    let invoice = issue(&mut account, &thirty());
    assert_eq!(invoice.status, InvoiceStatus::Issued);
    assert_eq!(invoice.number, "INV-alice-2024-11");
    assert_eq!(invoice.issued_at, Some(day("2024-12-02")));
    assert_eq!(invoice.due_date, Some(day("2025-01-01")));
    assert_eq!(invoice.billing_address, "1 Street");
    assert_eq!(invoice.amount_due(), Ok(money("33")));
    assert_eq!(account.state.open_month, month("2024-12"));
    assert!(account.state.uninvoiced.is_empty());
    assert_eq!(account.state.closed_cost, money("30"));
    assert_eq!(account.pending().account, AccountChange::All);
}

#[rstest]
#[case::none("0", "33", InvoiceStatus::Issued, None, "0")]
#[case::a_part("10", "23", InvoiceStatus::Issued, None, "0")]
#[case::all_of_it("33", "0", InvoiceStatus::Paid, Some(PAID_BY_CREDIT), "0")]
#[case::more("50", "0", InvoiceStatus::Paid, Some(PAID_BY_CREDIT), "17")]
fn the_credit_balance_pays_what_it_can(
    #[case] credit: &str,
    #[case] due: &str,
    #[case] status: InvoiceStatus,
    #[case] method: Option<&str>,
    #[case] left: &str,
) {
    let mut account = with_credit(account([]), credit);
    let invoice = issue(&mut account, &thirty());
    assert_eq!(invoice.amount_due(), Ok(money(due)));
    assert_eq!(invoice.status, status);
    assert_eq!(invoice.payment_method.as_deref(), method);
    assert_eq!(
        invoice.paid_at.is_some(),
        invoice.status == InvoiceStatus::Paid
    );
    assert_eq!(account.state.credit_balance, money(left));
}

#[test]
fn a_total_of_nothing_is_paid_at_once_and_leaves_the_balance_alone() {
    let mut account = with_credit(account([percentage("100")]), "5");
    let invoice = issue(&mut account, &thirty());
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    assert_eq!(invoice.payment_method.as_deref(), Some(PAID_BY_NOTHING));
    assert_eq!(account.state.credit_balance, money("5"));
}

#[test]
fn what_exceeds_the_charges_is_credited_with_its_tax() {
    let charges = Charges {
        corrections: vec![correction(-1_000, "-30", "0.1")],
        ..Charges::default()
    };
    let mut account = with_credit(account([]), "1");
    let invoice = issue(&mut account, &charges);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    let [note] = invoice.credit_notes.as_slice() else {
        panic!("{:?}", invoice.credit_notes);
    };
    assert_eq!((note.amount, note.tax_amount), (money("30"), money("3")));
    // The invoice makes one such note, so its own id will do.
    assert_eq!(note.id.uuid(), note.invoice_id.uuid());
    assert_eq!(account.state.credit_balance, money("34"));
}

#[test]
fn the_exempt_pay_no_tax() {
    let mut account = account([]);
    account.state.tax.exemption = Some(TaxExemption::Exempt);
    let invoice = issue(&mut account, &thirty());
    assert_eq!(invoice.bill.final_amount, money("30"));
}

#[rstest]
#[case::nothing_made(None, 0, Some(("inv-1", "INV-alice-2024-11")))]
#[case::voided_once(None, 1, Some(("inv-1", "INV-alice-2024-11-2")))]
#[case::voided_often(None, 9, Some(("inv-1", "INV-alice-2024-11-10")))]
#[case::kept_draft(Some(InvoiceStatus::Draft), 1, Some(("kept", "INV-alice-2024-11-2")))]
#[case::issued(Some(InvoiceStatus::Issued), 0, None)]
#[case::paid(Some(InvoiceStatus::Paid), 0, None)]
fn a_month_is_issued_once_by_the_draft_that_was_kept_or_a_new_invoice(
    #[case] live: Option<InvoiceStatus>,
    #[case] voided: i64,
    #[case] expected: Option<(&str, &str)>,
) {
    let live = live.map(|status| LiveInvoice {
        id: InvoiceId::new(uuid("kept")),
        status,
        created_at: day("2024-12-01"),
    });
    let mut account = account([]);
    let before = account.clone();
    let made = run(
        &mut account,
        &thirty(),
        MonthInvoices { live, voided },
        false,
    );
    let created_at = live.map_or(day("2024-12-02"), |live| live.created_at);
    let made = made.map(|made| (made.id.unwrap(), made.number, made.created_at));
    let expected = expected.map(|(id, number)| {
        let id = InvoiceId::new(uuid(id));
        (id, number.to_owned(), created_at)
    });
    assert_eq!(made, expected);
    assert_eq!(account == before, made.is_none());
}

#[test]
fn a_draft_that_is_kept_changes_nothing_of_the_account() {
    let mut account = with_credit(account([percentage("50")]), "10");
    let before = account.clone();
    let draft = run(&mut account, &thirty(), MonthInvoices::default(), true).unwrap();
    assert_eq!(
        (draft.status, draft.number.as_str()),
        (InvoiceStatus::Draft, "")
    );
    assert_eq!(draft.bill.final_amount, money("16.5"));
    assert_eq!(account, before);
}

#[test]
fn a_month_without_charges_makes_no_invoice() {
    let mut account = account([]);
    let before = account.clone();
    let made = run(
        &mut account,
        &Charges::default(),
        MonthInvoices::default(),
        false,
    );
    assert_eq!(made, None);
    let now = day("2024-12-02");
    let draft = account.draft(month(NOVEMBER), Charges::default(), &billed_catalog(), now);
    assert_eq!(draft, Err(Refusal::NothingToBill(month(NOVEMBER))));
    assert_eq!(account, before);
}

#[test]
fn a_draft_has_the_fees_that_are_due_and_not_stored_yet() {
    let mut account = account([]);
    account.pending.lines = vec![line(1, LineKind::PlanFee, "Pro plan fee", "99.99")];
    let december = crate::invoice::InvoiceLine {
        month: month("2024-12"),
        ..line(2, LineKind::PlanFee, "Pro plan fee", "99.99")
    };
    account.pending.lines.push(december);
    let now = day("2024-11-20");
    let draft = account.draft(month(NOVEMBER), thirty(), &billed_catalog(), now);
    let draft = draft.unwrap();
    assert_eq!(draft.bill.amount, money("129.99"));
    assert_eq!((draft.id, draft.status), (None, InvoiceStatus::Draft));
}

#[rstest]
#[case::one_month("2024-11", "2024-11", "8", "2024-12")]
#[case::several("2024-09", "2024-11", "14", "2024-12")]
#[case::none_is_left_out("2024-09", "2024-12", "30", "2025-01")]
#[case::closed_before("2024-12", "2024-11", "0", "2024-12")]
#[case::long_closed("2025-06", "2024-11", "0", "2025-06")]
fn the_cost_of_the_months_that_are_passed_is_closed_once(
    #[case] open: &str,
    #[case] closed: &str,
    #[case] cost: &str,
    #[case] open_after: &str,
) {
    let mut account = account([]);
    account.state.open_month = month(open);
    let months = ["2024-09", "2024-10", "2024-11", "2024-12"].map(month);
    let costs: BTreeMap<_, _> = months
        .into_iter()
        .zip(["2", "4", "8", "16"].map(money))
        .collect();
    account.close(month(closed), &costs).unwrap();
    account.close(month(closed), &costs).unwrap();
    assert_eq!(account.state.closed_cost, money(cost));
    assert_eq!(account.state.open_month, month(open_after));
}

#[test]
fn an_invoice_fixes_in_cents_what_a_coupon_took_and_a_void_gives_the_exact_part_back() {
    let mut account = account([fixed("20")]);
    let november = month(NOVEMBER);
    // Of 7.125 USD: a redemption that took it record by record.
    let charges = charges([usage("m", "0.0075/0", [950_000, 0], "1")], []);
    let exact = money("7.125");
    account.state.uninvoiced.insert(november, exact);
    account.relations.redemptions[0].saved = exact;
    account.relations.redemptions[0]
        .open
        .insert(november, exact);

    let before = account.clone();
    let mut invoice = issue(&mut account, &charges);
    assert_eq!(account.relations.redemptions[0].saved, money("7.13"));
    assert!(account.relations.redemptions[0].open.is_empty());
    assert_eq!(account.changed_redemptions().count(), 1);
    void(&mut account, &mut invoice, &charges).unwrap_err();
    assert_eq!(invoice.status, InvoiceStatus::Paid);

    // The same with something left to pay.
    let mut account = before;
    account.relations.redemptions[0].value = fixed("7.125");
    let mut charges = charges;
    charges.usage.push(usage("m", "1/0", [1_000, 0], "1"));
    let mut invoice = issue(&mut account, &charges);
    assert_eq!(invoice.bill.discount_amount, money("7.13"));
    void(&mut account, &mut invoice, &charges).unwrap();
    assert_eq!(invoice.status, InvoiceStatus::Void);
    assert_eq!(invoice.notes, "wrong");
    let redemption = &account.relations.redemptions[0];
    assert_eq!(redemption.saved, exact);
    assert_eq!(redemption.open.get(&november), Some(&exact));
    assert_eq!(account.state.uninvoiced_in(november), money("8.125"));
    let again = account.bill(november, &charges, &billed_catalog());
    assert_eq!(again.unwrap().unwrap().discount_amount, money("7.13"));
}

#[test]
fn a_void_gives_credit_back() {
    let mut account = with_credit(account([]), "10");
    let mut invoice = issue(&mut account, &thirty());
    assert_eq!(account.state.credit_balance, Money::ZERO);
    void(&mut account, &mut invoice, &thirty()).unwrap();
    assert_eq!(account.state.credit_balance, money("10"));
    assert_eq!(invoice.amount_due(), Ok(Money::ZERO));
}

#[test]
fn a_void_draft_leaves_the_account_alone() {
    let mut account = account([]);
    let mut draft = run(&mut account, &thirty(), MonthInvoices::default(), true).unwrap();
    let before = account.clone();
    void(&mut account, &mut draft, &thirty()).unwrap();
    assert_eq!(draft.status, InvoiceStatus::Void);
    assert_eq!(account, before);
}

#[rstest]
#[case::a_part("10", &[], Ok("1"))]
#[case::all_of_it("30", &[], Ok("3"))]
#[case::the_rest("20", &["10"], Ok("2"))]
#[case::more_than_the_rest("20.01", &["10"], Err("20"))]
#[case::rounded_half_up("0.05", &[], Ok("0.01"))]
fn credit_notes_reach_up_to_what_was_charged_before_tax(
    #[case] amount: &str,
    #[case] earlier: &[&str],
    #[case] tax: Result<&str, &str>,
) {
    let mut account = account([]);
    let mut invoice = issue(&mut account, &thirty());
    for amount in earlier {
        credit(&mut account, &mut invoice, amount).unwrap();
    }
    let due = invoice.amount_due().unwrap();
    let credited = credit(&mut account, &mut invoice, amount);
    let total = credited
        .as_ref()
        .map_or(Money::ZERO, |note| note.total().unwrap());
    assert_eq!(invoice.amount_due().unwrap(), due.minus(total).unwrap());
    assert_eq!(account.state.credit_balance, Money::ZERO);
    let expected = tax
        .map(money)
        .map_err(|left| Refusal::credit_too_high(money(left)));
    assert_eq!(credited.map(|note| note.tax_amount), expected);
}

#[test]
fn a_draft_cannot_be_credited() {
    let mut account = account([]);
    let mut draft = run(&mut account, &thirty(), MonthInvoices::default(), true).unwrap();
    let refusal = Refusal::InvoiceTransition {
        id: draft.id.unwrap(),
        status: "draft",
    };
    assert_eq!(credit(&mut account, &mut draft, "1"), Err(refusal));
    assert_eq!(draft.check_draft(), Ok(()));
}

#[test]
fn only_a_draft_is_finalised() {
    let invoice = issue(&mut account([]), &thirty());
    let refusal = invoice.check_draft().unwrap_err();
    let id = invoice.id.unwrap();
    let expected = format!("invoice \"{id}\": the invoice is issued");
    assert_eq!(refusal.to_string(), expected);
}

#[rstest]
#[case::the_same("5", "goodwill", true)]
#[case::another_amount("6", "goodwill", false)]
#[case::another_reason("5", "mistake", false)]
fn a_repeated_call_asks_for_the_same_note_or_is_refused(
    #[case] amount: &str,
    #[case] reason: &str,
    #[case] same: bool,
) {
    let mut account = account([]);
    let mut invoice = issue(&mut account, &thirty());
    let earlier = credit(&mut account, &mut invoice, "5");
    let again = CreditNoteOrder {
        reason: reason.into(),
        ..note_order(&invoice, amount)
    };
    let conflict = Refusal::CreditNoteConflict(invoice.id.unwrap());
    let expected = if same { Ok(()) } else { Err(conflict) };
    assert_eq!(again.check_repeat(&earlier.unwrap()), expected);
}

fn note_order(invoice: &Invoice, amount: &str) -> CreditNoteOrder {
    CreditNoteOrder {
        user_id: invoice.user_id.clone(),
        invoice_id: invoice.id.unwrap(),
        id: CreditNoteId::new(uuid("cn-1")),
        amount: money(amount),
        reason: "goodwill".into(),
        request_id: Some(RequestId::trusted("r".into())),
    }
}

fn credit(
    account: &mut Account,
    invoice: &mut Invoice,
    amount: &str,
) -> Result<CreditNote, Refusal> {
    let order = note_order(invoice, amount);
    account.credit(invoice, order, Default::default(), day("2024-12-05"))
}

#[test]
fn a_note_lowers_what_its_invoice_asks_for_and_the_rest_goes_to_the_balance() {
    let mut account = account([]);
    account.state.credit_balance = money("10");
    let mut invoice = issue(&mut account, &thirty());
    assert_eq!(invoice.amount_due(), Ok(money("23")));
    let note = credit(&mut account, &mut invoice, "20").unwrap();
    assert_eq!(note.number, "CN-INV-alice-2024-11-1");
    assert_eq!(
        (note.total().unwrap(), note.applied),
        (money("22"), money("22"))
    );
    assert_eq!(invoice.amount_due(), Ok(money("1")));
    assert_eq!(account.state.credit_balance, Money::ZERO);
    let rest = credit(&mut account, &mut invoice, "10").unwrap();
    assert_eq!(rest.number, "CN-INV-alice-2024-11-2");
    assert_eq!(
        (rest.total().unwrap(), rest.applied),
        (money("11"), money("1"))
    );
    assert_eq!(account.state.credit_balance, money("10"));
    let paid = (invoice.status, invoice.payment_method.as_deref());
    assert_eq!(paid, (InvoiceStatus::Paid, Some("credit_note")));
}

#[test]
fn notes_over_the_whole_invoice_come_to_its_total_however_they_are_cut() {
    let mut account = account([]);
    account.state.tax.rate = rate("0.2");
    let amounts = ["68.33", "68.33", "57.50", "85.00"];
    let fees = amounts.map(|amount| line(1, LineKind::PlanFee, "fee", amount));
    let mut invoice = issue(&mut account, &charges([], fees));
    assert_eq!(invoice.bill.final_amount, money("334.99"));
    let mut together = Money::ZERO;
    for amount in amounts {
        let note = credit(&mut account, &mut invoice, amount).unwrap();
        together = together.plus(note.total().unwrap()).unwrap();
    }
    assert_eq!(together, money("334.99"));
    assert_eq!(invoice.status, InvoiceStatus::Paid);
}

#[test]
fn what_was_given_up_is_not_credited_nor_voided() {
    let mut account = account([]);
    let mut invoice = issue(&mut account, &thirty());
    invoice.write_off("gone".into(), day("2025-06-01")).unwrap();
    assert_eq!(invoice.amount_due(), Ok(Money::ZERO));
    let refusal = Refusal::InvoiceTransition {
        id: invoice.id.unwrap(),
        status: "uncollectible",
    };
    let credited = credit(&mut account, &mut invoice, "1");
    assert_eq!(credited, Err(refusal.clone()));
    assert_eq!(void(&mut account, &mut invoice, &thirty()), Err(refusal));
}
