//! What voiding a record gives back, and which records can be voided.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::{
    coupon::{Coupon, CouponValue, RedeemOrder},
    document::{Buyer, Seller},
    ids::{CreditNoteId, InvoiceId},
    invoice::{
        Charges, CreditNoteOrder, InvoiceRun, InvoicedMonth, MonthInvoices, MonthToInvoice,
        UsageSum,
    },
    quota_window::Counters,
    testing::{fixed, percentage, rate as rate_of},
    usage::{Sums, UsageStatus},
};

const NOVEMBER: &str = "2024-11-05";

fn redeem(account: &mut Account, value: CouponValue, at: &str) {
    let coupon = Coupon {
        value,
        ..coupon(day(at))
    };
    let order = RedeemOrder {
        user_id: account.id().clone(),
        code: "SAVE".into(),
        redemption_id: RedemptionId::new(uuid("red-1")),
        request_id: None,
    };
    account.redeem(coupon, order, day(at)).unwrap();
}

fn void(account: &mut Account, original: &UsageRecord, at: &str) -> UsageRecord {
    account.advance_to(&catalog(), day(at)).unwrap();
    let order = VoidOrder {
        user_id: account.id().clone(),
        id: original.id,
        correction_id: RecordId::new(uuid("a")),
        reason: Some("wrong".into()),
    };
    let voided = account
        .void(original.clone(), order, None, day(at))
        .unwrap();
    let original = UsageRecord {
        status: UsageStatus::Voided,
        void_reason: Some("wrong".into()),
        updated_at: day(at),
        ..original.clone()
    };
    assert_eq!(voided.original, original);
    voided.correction
}

#[test]
fn a_correction_mirrors_its_record_and_frees_the_quota() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let first = rate(&mut account, "a", now, now, 400);
    let second = rate(&mut account, "b", now, now, 300);
    assert_eq!(second.charge.taken.overage, 200);
    let correction = void(&mut account, &second, "2024-11-06");
    assert_eq!(correction.status, UsageStatus::Correction);
    assert_eq!(correction.corrects_id, Some(second.id));
    assert_eq!(correction.call.tokens.total(), -300);
    assert_eq!(correction.charge.overage_cost, money("-0.2"));
    assert_eq!(correction.charge.final_cost, money("-0.2"));
    assert_eq!(correction.rated_at, second.rated_at);
    assert_eq!(correction.call.created_at, day("2024-11-06"));
    assert_eq!(account.state.uninvoiced_in(month("2024-11")), Money::ZERO);
    assert_eq!(account.state.tokens_remaining(), 100);
    void(&mut account, &first, "2024-11-06");
    assert_eq!(account.state.tokens_remaining(), 500);
    let next = rate(&mut account, "c", now, day("2024-11-06"), 500);
    assert_eq!(next.charge.taken.quota, 500);
}

#[test]
fn a_record_of_an_archived_window_frees_that_windows_quota() {
    let mut account = account();
    subscribe(&mut account, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let record = rate(&mut account, "a", now, now, 500);
    void(&mut account, &record, "2024-12-06");
    assert_eq!(
        account.relations.windows[0].window.counters,
        Counters::default()
    );
    assert_eq!(account.state.tokens_remaining(), 500);
    let late = rate(&mut account, "b", now, day("2024-12-06"), 500);
    assert_eq!(late.charge.overage_cost, Money::ZERO);
}

#[test]
fn a_record_of_the_moment_of_a_cancellation_frees_its_window_too() {
    let mut account = account();
    subscribe(&mut account, "rising", day(NOVEMBER));
    let record = rate(&mut account, "a", day(NOVEMBER), day(NOVEMBER), 500);
    let cancel = SubscriptionOrder::Cancel {
        at_period_end: false,
    };
    order(&mut account, cancel, day(NOVEMBER)).unwrap();
    void(&mut account, &record, NOVEMBER);
    assert_eq!(
        account.relations.windows[0].window.counters,
        Counters::default()
    );
}

#[test]
fn topped_up_tokens_come_back() {
    let mut account = account();
    account.state.topup_balance = 100;
    subscribe(&mut account, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let record = rate(&mut account, "a", now, now, 550);
    assert_eq!(account.state.topup_balance, 50);
    void(&mut account, &record, "2024-11-06");
    assert_eq!(account.state.topup_balance, 100);
}

#[test]
fn what_a_coupon_took_when_it_was_redeemed_is_given_back_too() {
    let mut account = account();
    let now = day(NOVEMBER);
    let record = rate(&mut account, "a", now, now, 100_000);
    redeem(&mut account, percentage("20"), "2024-11-06");
    assert_eq!(
        account.relations.redemptions[0].taken_at_apply,
        money("0.6")
    );
    let correction = void(&mut account, &record, "2024-11-07").charge;
    assert_eq!(correction.discount_amount, money("-0.6"));
    assert_eq!(correction.final_cost, money("-2.4"));
    assert_eq!(account.relations.redemptions[0].saved, Money::ZERO);
}

#[test]
fn what_a_void_frees_of_a_fixed_coupon_serves_what_is_still_owed() {
    let mut account = account();
    let now = day(NOVEMBER);
    redeem(&mut account, fixed("3"), NOVEMBER);
    let free = rate(&mut account, "a", now, now, 100_000);
    let paid = rate(&mut account, "b", now, now, 100_000);
    assert_eq!(free.charge.final_cost, Money::ZERO);
    assert_eq!(paid.charge.final_cost, money("3"));
    let correction = void(&mut account, &free, "2024-11-07").charge;
    assert_eq!(correction.discount_amount, Money::ZERO);
    assert_eq!(correction.final_cost, money("-3"));
    assert_eq!(account.relations.redemptions[0].saved, money("3"));
}

/// Invoices November, of which `record` is all.
fn invoiced(account: &mut Account, record: &UsageRecord) -> InvoicedMonth {
    let usage = UsageSum {
        price_id: record.charge.price_id,
        window: record.charge.window,
        billing_month: record.billing_month,
        is_reversal: false,
        sums: Sums::of(record),
    };
    let charges = Charges {
        usage: vec![usage],
        ..Charges::default()
    };
    let run = InvoiceRun {
        month: month("2024-11"),
        catalog: &catalog(),
        seller: &Seller::default(),
        keep_drafts: false,
        now: day("2024-12-02"),
    };
    let stored = MonthToInvoice {
        invoices: MonthInvoices::default(),
        charges: &charges,
        costs: &BTreeMap::new(),
        buyer: &Buyer::default(),
        new_id: InvoiceId::new(uuid("inv-1")),
    };
    let redemptions = account.relations.redemptions.iter();
    let taken = redemptions.map(|redemption| redemption.taken_at_apply);
    let taken_at_apply = taken.fold(Money::ZERO, |sum, taken| sum.plus(taken).unwrap());
    InvoicedMonth {
        invoice: account.invoice(&run, stored).unwrap().unwrap(),
        net: charges.owed_by_records().unwrap(),
        taken_at_apply,
    }
}

fn void_invoiced(
    account: &mut Account,
    record: &UsageRecord,
    month: InvoicedMonth,
) -> Result<Voided, Refusal> {
    let order = VoidOrder {
        user_id: account.id().clone(),
        id: record.id,
        correction_id: RecordId::new(uuid("a")),
        reason: None,
    };
    account.void(record.clone(), order, Some(month), day("2024-12-07"))
}

#[test]
fn a_record_that_was_invoiced_is_taken_back_at_the_rate_it_was_taxed_at() {
    let mut account = account();
    account.state.tax.rate = rate_of("0.2");
    let now = day(NOVEMBER);
    redeem(&mut account, percentage("20"), NOVEMBER);
    let record = rate(&mut account, "a", now, now, 100_000);
    let month_of = invoiced(&mut account, &record);
    assert_eq!(month_of.invoice.bill.final_amount, money("2.88"));
    account.state.tax.rate = rate_of("0.3");
    let voided = void_invoiced(&mut account, &record, month_of).unwrap();
    let correction = voided.correction;
    assert!(correction.is_reversal);
    assert_eq!(correction.invoice_month, month("2024-12"));
    assert_eq!(correction.billing_month, month("2024-11"));
    assert_eq!(correction.charge.discount_amount, money("-0.6"));
    assert_eq!(correction.charge.final_cost, money("-2.4"));
    assert_eq!(account.state.uninvoiced_in(month("2024-12")), Money::ZERO);
    let [taken_back] = account.pending().corrections.as_slice() else {
        panic!("{:?}", account.pending().corrections);
    };
    let amounts = (
        taken_back.amount,
        taken_back.tax_amount,
        taken_back.tax_rate,
    );
    assert_eq!(amounts, (money("-2.4"), money("-0.48"), rate_of("0.2")));
    assert_eq!(voided.invoice.unwrap().corrected, money("2.4"));
}

#[test]
fn a_record_that_a_later_coupon_made_free_gives_nothing_back() {
    let mut account = account();
    let now = day(NOVEMBER);
    let record = rate(&mut account, "a", now, now, 1_000_000);
    redeem(&mut account, percentage("100"), NOVEMBER);
    let month_of = invoiced(&mut account, &record);
    assert_eq!(month_of.invoice.bill.final_amount, Money::ZERO);
    let voided = void_invoiced(&mut account, &record, month_of).unwrap();
    assert_eq!(voided.correction.charge.final_cost, Money::ZERO);
    assert_eq!(account.pending().corrections[0].amount, Money::ZERO);
}

#[rstest]
#[case::a_part_is_left("1.5", Err("1.5"))]
#[case::nothing_was_noted("0", Ok("-3"))]
fn what_credit_notes_gave_back_is_not_taken_back_again(
    #[case] noted: &str,
    #[case] taken_back: Result<&str, &str>,
) {
    let mut account = account();
    let now = day(NOVEMBER);
    let record = rate(&mut account, "a", now, now, 100_000);
    let mut month_of = invoiced(&mut account, &record);
    if noted != "0" {
        let order = CreditNoteOrder {
            user_id: account.id().clone(),
            invoice_id: month_of.invoice.id.unwrap(),
            id: CreditNoteId::new(uuid("cn-1")),
            amount: money(noted),
            reason: String::new(),
            request_id: None,
        };
        account
            .credit(
                &mut month_of.invoice,
                order,
                Default::default(),
                day("2024-12-03"),
            )
            .unwrap();
    }
    let number = month_of.invoice.number.clone();
    let voided = void_invoiced(&mut account, &record, month_of);
    let given = voided.map(|voided| voided.correction.charge.final_cost);
    let refused = |left: &str| Refusal::UsageCredited {
        number,
        left: money(left),
    };
    assert_eq!(given, taken_back.map(money).map_err(refused));
}

#[rstest]
#[case::voided(UsageStatus::Voided, Refusal::UsageVoided)]
#[case::correction(UsageStatus::Correction, Refusal::UsageIsCorrection)]
fn a_record_is_voided_once_and_a_correction_never(
    #[case] status: UsageStatus,
    #[case] refusal: Refusal,
) {
    let mut account = account();
    let now = day(NOVEMBER);
    let record = UsageRecord {
        status,
        ..rate(&mut account, "a", now, now, 100)
    };
    let before = account.clone();
    let order = VoidOrder {
        user_id: account.id().clone(),
        id: record.id,
        correction_id: RecordId::new(uuid("b")),
        reason: None,
    };
    assert_eq!(account.void(record, order, None, now), Err(refusal));
    assert_eq!(account, before);
}

#[test]
fn only_a_record_of_an_invoiced_month_is_reversed() {
    let mut account = account();
    let now = day(NOVEMBER);
    let first = rate(&mut account, "a", now, now, 100);
    let second = rate(&mut account, "b", now, now, 100);
    assert!(!void(&mut account, &first, "2024-11-07").is_reversal);
    account.close(month("2024-11"), &BTreeMap::new()).unwrap();
    assert!(void(&mut account, &second, "2024-12-07").is_reversal);
}

#[test]
fn a_correction_follows_the_last_record_and_is_named_by_its_id() {
    let mut account = account();
    let now = day(NOVEMBER);
    let record = rate(&mut account, "z", now, now, 100);
    let correction = void(&mut account, &record, NOVEMBER);
    assert_eq!(correction.id, record.id.next());
    assert_eq!(
        correction.call.request_id.as_str(),
        correction.id.to_string()
    );
    assert_eq!(account.state.last_record_id, Some(correction.id));
    assert_eq!(account.state.tail_records, 2);
}

#[test]
fn a_void_needs_the_window_that_ended_in_the_moment_of_its_record() {
    let mut account = account();
    let at = time("2024-11-05T12:00:00Z");
    let record = rate(&mut account, "a", at, at, 100);
    let just_before = time("2024-11-05T11:59:59.999999Z");
    assert_eq!(record.void_needs_from(day("2024-12-01")), just_before);
}
