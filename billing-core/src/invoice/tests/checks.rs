//! What a check of a user's month finds.

use rstest::rstest;

use super::*;
use crate::{
    coupon::CouponValue,
    ids::{PriceId, RedemptionId},
    refusal::Refusal,
    usage::Sums,
};

const INVOICE: &str = "inv-1";

fn id(name: &str) -> InvoiceId {
    InvoiceId::new(uuid(name))
}

/// An issued invoice of November over charges and coupons.
fn issued(charges: &Charges, redemptions: &[Redemption]) -> Invoice {
    let user = UserId::trusted("alice".into());
    let bill = bill(redemptions, charges, "0.1");
    let now = day("2024-12-02");
    let mut invoice = Invoice::draft(Some(id(INVOICE)), user, month(NOVEMBER), bill, now);
    invoice.step(InvoiceTransition::Issue, now).unwrap();
    invoice
}

/// A month with usage, a fee, two coupons and the invoice over all of it.
fn sound() -> UserMonth {
    let usage = usage("gpt-4", GPT_4, [333_333, 77_777], "0.9");
    let fee = line(1, LineKind::PlanFee, "Basic plan fee", "9.99");
    let charges = charges([usage.clone()], [fee.clone()]);
    let mut redemptions = redeemed([percentage("20"), fixed("5")]);
    let invoice = issued(&charges, &redemptions);
    for redemption in &mut redemptions {
        redemption.saved = invoice.bill.taken_by(redemption.id);
    }
    let october = Invoice {
        month: month("2024-10"),
        ..issued(&charges, &[])
    };
    UserMonth {
        user_id: UserId::trusted("alice".into()),
        month: month(NOVEMBER),
        is_closed: true,
        invoices: vec![october, invoice],
        recorded: vec![usage.clone()],
        summed: vec![usage],
        lines: vec![CarriedLine {
            line: fee,
            invoice_id: Some(id(INVOICE)),
        }],
        corrections: Vec::new(),
        redemptions,
        records: 7,
    }
}

fn checked(of_user: &UserMonth) -> Reconciled {
    let mut found = Reconciled::default();
    of_user.check(&billed_catalog(), &mut found).unwrap();
    found
}

fn fields(found: &Reconciled) -> Vec<&str> {
    let differences = found.differences.iter();
    differences
        .map(|difference| difference.mismatch.field.as_str())
        .collect()
}

#[test]
fn a_sound_month_counts_its_invoice_and_records() {
    let expected = Reconciled {
        invoices: 1,
        records: 7,
        last: Some(UserId::trusted("alice".into())),
        ..Reconciled::default()
    };
    assert_eq!(checked(&sound()), expected);
}

#[test]
fn an_invoice_that_its_charges_do_not_come_to_has_mismatches() {
    let sound = sound();
    let invoice = &sound.invoices[1];
    let check = |charges: &Charges| {
        let checked = invoice.check(charges, &sound.redemptions, &billed_catalog());
        let fields = checked.unwrap().into_iter().map(|mismatch| mismatch.field);
        fields.collect::<Vec<_>>()
    };
    let usage = usage("gpt-4", GPT_4, [333_333, 77_777], "0.9");
    let fee = line(1, LineKind::PlanFee, "Basic plan fee", "9.99");
    assert!(check(&charges([usage.clone()], [fee])).is_empty());
    let fields = check(&charges([usage], []));
    for field in ["amount", "final_amount", "items", "coupon CODE0"] {
        assert!(fields.iter().any(|found| found == field), "{fields:?}");
    }
    assert_eq!(check(&Charges::default()), ["items"]);
}

#[rstest]
#[case::a_line_of_no_invoice(
    |of_user: &mut UserMonth| of_user.lines[0].invoice_id = None,
    &["invoice of a line"]
)]
#[case::a_line_of_another_invoice(
    |of_user: &mut UserMonth| of_user.lines[0].invoice_id = Some(id("inv-2")),
    &["invoice of a line"]
)]
#[case::a_sum_that_lacks_a_record(
    |of_user: &mut UserMonth| of_user.summed[0].sums.tokens.prompt -= 1,
    &["sums of 2024-11 by price-1"]
)]
#[case::a_sum_of_nobody(
    |of_user: &mut UserMonth| of_user.summed[0].is_reversal = true,
    &["sums of 2024-11 by price-1", "sums of 2024-11 by price-1, reversed"]
)]
#[case::a_redemption_that_claims_more(
    |of_user: &mut UserMonth| of_user.redemptions[1].saved = money("5.01"),
    &["saved by CODE1"]
)]
#[case::a_redemption_that_forgets_an_open_month(
    |of_user: &mut UserMonth| {
        of_user.redemptions[0].open.insert(month("2024-12"), money("1"));
    },
    &["saved by CODE0"]
)]
#[case::a_total_that_was_changed(
    |of_user: &mut UserMonth| of_user.invoices[1].bill.final_amount = money("1"),
    &["final_amount"]
)]
#[case::no_invoice_of_a_closed_month(
    |of_user: &mut UserMonth| of_user.invoices.truncate(1),
    &["invoice"]
)]
fn what_is_at_fault_is_named(#[case] break_it: fn(&mut UserMonth), #[case] expected: &[&str]) {
    let mut of_user = sound();
    break_it(&mut of_user);
    assert_eq!(fields(&checked(&of_user)), expected);
}

#[rstest]
#[case::not_closed(&[])]
#[case::to_be_issued_again(&[InvoiceStatus::Void])]
#[case::kept_as_a_draft(&[InvoiceStatus::Draft])]
fn charges_that_wait_for_an_invoice_are_no_fault(#[case] statuses: &[InvoiceStatus]) {
    let mut of_user = sound();
    of_user.is_closed = false;
    let invoice = of_user.invoices.pop().unwrap();
    for status in statuses {
        let status = *status;
        of_user.invoices.push(Invoice {
            status,
            ..invoice.clone()
        });
    }
    let found = checked(&of_user);
    assert_eq!((found.open_users, found.invoices, found.records), (1, 0, 0));
    assert_eq!(found.differences, []);
}

#[test]
fn a_month_without_charges_needs_no_invoice() {
    let mut of_user = sound();
    of_user.invoices.clear();
    of_user.recorded.clear();
    of_user.lines.clear();
    // Records that were all voided leave sums of nothing.
    of_user.summed[0].sums = Sums::default();
    let expected = Reconciled {
        last: Some(of_user.user_id.clone()),
        ..Reconciled::default()
    };
    assert_eq!(checked(&of_user), expected);
}

#[test]
fn sums_of_one_price_add_up_however_they_are_cut() {
    let mut of_user = sound();
    let whole = of_user.summed.remove(0);
    let mut days = [whole.clone(), whole];
    days[0].sums.tokens = crate::usage::Tokens::default();
    days[1].sums.records = 0;
    days[1].sums.cost_usd = Money::ZERO;
    days[1].sums.final_cost = Money::ZERO;
    of_user.summed.extend(days);
    assert_eq!(checked(&of_user).differences, []);
}

#[test]
fn a_coupon_that_nobody_redeemed_takes_nothing() {
    let mut of_user = sound();
    of_user.redemptions[0].id = RedemptionId::new(uuid("red-9"));
    let found = checked(&of_user);
    assert!(fields(&found).contains(&"coupon CODE0"), "{found:?}");
}

#[test]
fn a_fixed_coupon_gives_no_more_than_its_value() {
    let mut of_user = sound();
    of_user.redemptions[1].value = CouponValue::Fixed(money("4"));
    assert_eq!(fields(&checked(&of_user)), ["coupon CODE1"]);
}

#[test]
fn usage_by_a_price_that_the_catalog_lacks_is_no_month_to_check() {
    let mut of_user = sound();
    of_user.recorded[0].price_id = PriceId::new(99);
    let checked = of_user.check(&billed_catalog(), &mut Reconciled::default());
    assert_eq!(checked, Err(Refusal::PriceUnknown(PriceId::new(99))));
}
