//! Issuing, voiding, crediting, and what they change of the user.

use rstest::rstest;

use super::*;

fn draft(user: &User, charges: &Charges, tax: &str) -> Invoice {
    let id = Some(InvoiceId::trusted("inv-1".into()));
    let bill = bill(user, charges, tax);
    Invoice::draft(
        id,
        user.id().clone(),
        month(NOVEMBER),
        bill,
        day("2024-12-02"),
    )
}

fn issue(user: &mut User, charges: &Charges, payer: &mut Payer) -> Invoice {
    let draft = draft(user, charges, "0.1");
    let number = invoice_number(user.id(), month(NOVEMBER), 0);
    user.issue(draft, number, payer, day("2024-12-02")).unwrap()
}

fn payer(credit: &str) -> Payer {
    Payer {
        tax_rate: rate("0.1"),
        credit_balance: money(credit),
        billing_address: "1 Street".to_owned(),
    }
}

/// 30 USD before coupons and tax.
fn thirty() -> Charges {
    charges([usage("gpt-4", GPT_4, [1_000_000, 0], "1")], [])
}

#[test]
fn an_issued_invoice_is_due_in_30_days_and_closes_its_month() {
    let mut user = user([]);
    user.account.uninvoiced.insert(month(NOVEMBER), money("30"));
    let invoice = issue(&mut user, &thirty(), &mut payer("0"));
    assert_eq!(invoice.status, InvoiceStatus::Issued);
    assert_eq!(invoice.number, "INV-alice-2024-11");
    assert_eq!(invoice.issued_at, Some(day("2024-12-02")));
    assert_eq!(invoice.due_date, Some(day("2025-01-01")));
    assert_eq!(invoice.billing_address, "1 Street");
    assert_eq!(invoice.amount_due(), Ok(money("33")));
    assert_eq!(user.account.open_month, month("2024-12"));
    assert!(user.account.uninvoiced.is_empty());
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
    let mut payer = payer(credit);
    let invoice = issue(&mut user([]), &thirty(), &mut payer);
    assert_eq!(invoice.amount_due(), Ok(money(due)));
    assert_eq!(invoice.status, status);
    assert_eq!(invoice.payment_method.as_deref(), method);
    assert_eq!(
        invoice.paid_at.is_some(),
        invoice.status == InvoiceStatus::Paid
    );
    assert_eq!(payer.credit_balance, money(left));
}

#[test]
fn a_total_of_nothing_is_paid_at_once_and_leaves_the_balance_alone() {
    let mut payer = payer("5");
    let invoice = issue(&mut user([percentage("100")]), &thirty(), &mut payer);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    assert_eq!(invoice.payment_method.as_deref(), Some(PAID_BY_NOTHING));
    assert_eq!(payer.credit_balance, money("5"));
}

#[test]
fn what_exceeds_the_charges_is_credited_with_its_tax() {
    let charges = charges([reversal("gpt-4", -1_000, "-30")], []);
    let mut payer = payer("1");
    let invoice = issue(&mut user([]), &charges, &mut payer);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    let [note] = invoice.credit_notes.as_slice() else {
        panic!("{:?}", invoice.credit_notes);
    };
    assert_eq!((note.amount, note.tax_amount), (money("30"), money("3")));
    assert_eq!(payer.credit_balance, money("34"));
}

#[test]
fn an_invoice_fixes_in_cents_what_a_coupon_took_and_a_void_gives_the_exact_part_back() {
    let mut user = user([fixed("20")]);
    let november = month(NOVEMBER);
    // Of 7.125 USD: a redemption that took it record by record.
    let charges = charges([usage("m", "0.0075/0", [950_000, 0], "1")], []);
    let exact = money("7.125");
    user.account.uninvoiced.insert(november, exact);
    user.redemptions[0].saved = exact;
    user.redemptions[0].open.insert(november, exact);

    let before = user.clone();
    let mut payer = payer("0");
    let mut invoice = issue(&mut user, &charges, &mut payer);
    assert_eq!(user.redemptions[0].saved, money("7.13"));
    assert!(user.redemptions[0].open.is_empty());

    let now = day("2024-12-03");
    user.void_invoice(&mut invoice, &charges, "wrong".into(), &mut payer, now)
        .unwrap_err();
    assert_eq!(invoice.status, InvoiceStatus::Paid);

    // The same with something left to pay.
    let mut user = before;
    user.redemptions[0].value = fixed("7.125");
    let mut charges = charges;
    charges.usage.push(usage("m", "1/0", [1_000, 0], "1"));
    let mut invoice = issue(&mut user, &charges, &mut payer);
    assert_eq!(invoice.bill.discount_amount, money("7.13"));
    user.void_invoice(&mut invoice, &charges, "wrong".into(), &mut payer, now)
        .unwrap();
    assert_eq!(invoice.status, InvoiceStatus::Void);
    assert_eq!(invoice.notes, "wrong");
    assert_eq!(user.redemptions[0].saved, exact);
    assert_eq!(user.redemptions[0].open.get(&november), Some(&exact));
    assert_eq!(user.account.uninvoiced_in(november), money("8.125"));
    let again = draft(&user, &charges, "0.1");
    assert_eq!(again.bill.discount_amount, money("7.13"));
}

#[test]
fn a_void_gives_credit_back() {
    let mut payer = payer("10");
    let mut user = user([]);
    let mut invoice = issue(&mut user, &thirty(), &mut payer);
    assert_eq!(payer.credit_balance, Money::ZERO);
    let now = day("2024-12-03");
    user.void_invoice(&mut invoice, &thirty(), String::new(), &mut payer, now)
        .unwrap();
    assert_eq!(payer.credit_balance, money("10"));
    assert_eq!(invoice.amount_due(), Ok(Money::ZERO));
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
    let mut invoice = issue(&mut user([]), &thirty(), &mut payer("0"));
    for amount in earlier {
        let note = credit(&invoice, amount).unwrap();
        invoice.credit_notes.push(note);
    }
    let credited = credit(&invoice, amount).map(|note| note.tax_amount);
    let expected = tax
        .map(money)
        .map_err(|left| InvoiceRefusal::CreditTooHigh(money(left)));
    assert_eq!(credited, expected);
}

#[test]
fn a_draft_cannot_be_credited() {
    let draft = draft(&user([]), &thirty(), "0.1");
    let refusal = InvoiceRefusal::MoveNotAllowed("draft");
    assert_eq!(credit(&draft, "1"), Err(refusal));
}

fn credit(invoice: &Invoice, amount: &str) -> Result<CreditNote, InvoiceRefusal> {
    let id = CreditNoteId::trusted("cn-1".into());
    invoice.credit(id, money(amount), String::new(), None, day("2024-12-05"))
}

#[test]
fn an_invoice_that_its_charges_come_to_has_no_mismatch() {
    let mut user = user([percentage("20"), fixed("5")]);
    let charges = charges(
        [usage("gpt-4", GPT_4, [333_333, 77_777], "0.9")],
        [line(1, LineKind::PlanFee, "Basic plan fee", "9.99")],
    );
    let invoice = issue(&mut user, &charges, &mut payer("0"));
    let check = |charges: &Charges| {
        let checked = invoice.check(charges, &user.redemptions, &catalog());
        let fields = checked.unwrap().into_iter().map(|mismatch| mismatch.field);
        fields.collect::<Vec<_>>()
    };
    assert!(check(&charges).is_empty());
    let mut without_the_fee = charges.clone();
    without_the_fee.lines.clear();
    let fields = check(&without_the_fee);
    for field in ["amount", "final_amount", "items", "coupon CODE0"] {
        assert!(fields.iter().any(|found| found == field), "{fields:?}");
    }
    assert_eq!(check(&Charges::default()), ["items"]);
}
