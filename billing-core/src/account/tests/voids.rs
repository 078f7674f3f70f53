//! What voiding a record gives back, and which records can be voided.

use rstest::rstest;

use super::*;
use crate::{
    coupon::{Coupon, CouponValue, RedeemOrder},
    quota_window::Counters,
    testing::{fixed, percentage},
    usage::UsageStatus,
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
    let voided = account.void(original.clone(), order, day(at)).unwrap();
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

#[test]
fn a_record_that_was_invoiced_is_reversed_as_it_was_stored() {
    let mut account = account();
    let now = day(NOVEMBER);
    redeem(&mut account, percentage("20"), NOVEMBER);
    let record = rate(&mut account, "a", now, now, 100_000);
    account.state.open_month = month("2024-12");
    account.state.uninvoiced.clear();
    let correction = void(&mut account, &record, "2024-12-07");
    assert_eq!(correction.invoice_month, month("2024-12"));
    assert_eq!(correction.billing_month, month("2024-11"));
    assert_eq!(correction.charge.discount_amount, money("-0.6"));
    assert_eq!(correction.charge.final_cost, money("-2.4"));
    assert_eq!(account.state.uninvoiced_in(month("2024-12")), Money::ZERO);
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
    assert_eq!(account.void(record, order, now), Err(refusal));
    assert_eq!(account, before);
}

#[test]
fn only_a_record_of_an_invoiced_month_is_reversed() {
    let mut account = account();
    let now = day(NOVEMBER);
    let first = rate(&mut account, "a", now, now, 100);
    let second = rate(&mut account, "b", now, now, 100);
    assert!(!void(&mut account, &first, "2024-11-07").is_reversal);
    account.state.open_month = month("2024-12");
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
