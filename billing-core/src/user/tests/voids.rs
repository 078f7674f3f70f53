use super::*;
use crate::{
    coupon::{Coupon, CouponValue},
    rating::UsageStatus,
    window::Counters,
};

const NOVEMBER: &str = "2024-11-05";

fn redeem(user: &mut User, value: CouponValue, at: &str) {
    let coupon = Coupon {
        id: CouponId::trusted("cpn-1".into()),
        code: "SAVE".into(),
        value,
        max_uses: 0,
        used_count: 0,
        max_usage_per_user: 1,
        min_purchase_amount: Money::ZERO,
        valid_from: day(at),
        expires_at: None,
        is_active: true,
        description: String::new(),
        created_by: String::new(),
        applicable_plans: Vec::new(),
        duration_months: 1,
        created_at: day(at),
        updated_at: day(at),
    };
    let id = RedemptionId::trusted("red-1".into());
    user.redeem(coupon.redeemed(id, None, day(at))).unwrap();
}

fn twenty_percent() -> CouponValue {
    CouponValue::Percentage("20".parse().unwrap())
}

fn void(user: &mut User, original: &UsageRecord, at: &str) -> UsageRecord {
    user.roll(&catalog(), day(at)).unwrap();
    let id = RecordId::trusted(format!("void-{}", original.id));
    user.void(original, id, day(at)).unwrap()
}

#[test]
fn a_correction_mirrors_its_record_and_frees_the_quota() {
    let mut user = user();
    subscribe(&mut user, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let first = rate(&mut user, "a", now, now, 400);
    let second = rate(&mut user, "b", now, now, 300);
    assert_eq!(second.charge.taken.overage, 200);
    let correction = void(&mut user, &second, "2024-11-06");
    assert_eq!(correction.status, UsageStatus::Correction);
    assert_eq!(correction.corrects_id, Some(second.id.clone()));
    assert_eq!(correction.tokens.total(), -300);
    assert_eq!(correction.charge.overage_cost, money("-0.2"));
    assert_eq!(correction.charge.final_cost, money("-0.2"));
    assert_eq!(correction.rated_at, second.rated_at);
    assert_eq!(correction.created_at, day("2024-11-06"));
    assert_eq!(user.account.uninvoiced_in(month("2024-11")), Money::ZERO);
    assert_eq!(user.account.tokens_remaining(), 100);
    void(&mut user, &first, "2024-11-06");
    assert_eq!(user.account.tokens_remaining(), 500);
    let next = rate(&mut user, "c", now, day("2024-11-06"), 500);
    assert_eq!(next.charge.taken.quota, 500);
}

#[test]
fn a_record_of_an_archived_window_frees_that_windows_quota() {
    let mut user = user();
    subscribe(&mut user, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let record = rate(&mut user, "a", now, now, 500);
    void(&mut user, &record, "2024-12-06");
    assert_eq!(user.archived[0].window.counters, Counters::default());
    assert_eq!(user.account.tokens_remaining(), 500);
    let late = rate(&mut user, "b", now, day("2024-12-06"), 500);
    assert_eq!(late.charge.overage_cost, Money::ZERO);
}

#[test]
fn a_record_of_the_moment_of_a_cancellation_frees_its_window_too() {
    let mut user = user();
    subscribe(&mut user, "rising", day(NOVEMBER));
    let record = rate(&mut user, "a", day(NOVEMBER), day(NOVEMBER), 500);
    let cancel = SubscriptionOrder::Cancel {
        at_period_end: false,
    };
    order(&mut user, cancel, day(NOVEMBER)).unwrap();
    void(&mut user, &record, NOVEMBER);
    assert_eq!(user.archived[0].window.counters, Counters::default());
}

#[test]
fn topped_up_tokens_come_back() {
    let mut user = user();
    user.account.topup_balance = 100;
    subscribe(&mut user, "rising", day("2024-11-01"));
    let now = day(NOVEMBER);
    let record = rate(&mut user, "a", now, now, 550);
    assert_eq!(user.account.topup_balance, 50);
    void(&mut user, &record, "2024-11-06");
    assert_eq!(user.account.topup_balance, 100);
}

#[test]
fn what_a_coupon_took_when_it_was_redeemed_is_given_back_too() {
    let mut user = user();
    let now = day(NOVEMBER);
    let record = rate(&mut user, "a", now, now, 100_000);
    redeem(&mut user, twenty_percent(), "2024-11-06");
    assert_eq!(user.redemptions[0].taken_at_apply, money("0.6"));
    let correction = void(&mut user, &record, "2024-11-07").charge;
    assert_eq!(correction.discount_amount, money("-0.6"));
    assert_eq!(correction.final_cost, money("-2.4"));
    assert_eq!(user.redemptions[0].saved, Money::ZERO);
}

#[test]
fn what_a_void_frees_of_a_fixed_coupon_serves_what_is_still_owed() {
    let mut user = user();
    let now = day(NOVEMBER);
    redeem(&mut user, CouponValue::Fixed(money("3")), NOVEMBER);
    let free = rate(&mut user, "a", now, now, 100_000);
    let paid = rate(&mut user, "b", now, now, 100_000);
    assert_eq!(free.charge.final_cost, Money::ZERO);
    assert_eq!(paid.charge.final_cost, money("3"));
    let correction = void(&mut user, &free, "2024-11-07").charge;
    assert_eq!(correction.discount_amount, Money::ZERO);
    assert_eq!(correction.final_cost, money("-3"));
    assert_eq!(user.redemptions[0].saved, money("3"));
}

#[test]
fn a_record_that_was_invoiced_is_reversed_as_it_was_stored() {
    let mut user = user();
    let now = day(NOVEMBER);
    redeem(&mut user, twenty_percent(), NOVEMBER);
    let record = rate(&mut user, "a", now, now, 100_000);
    user.account.open_month = month("2024-12");
    user.account.uninvoiced.clear();
    let correction = void(&mut user, &record, "2024-12-07");
    assert_eq!(correction.invoice_month, month("2024-12"));
    assert_eq!(correction.billing_month, month("2024-11"));
    assert_eq!(correction.charge.discount_amount, money("-0.6"));
    assert_eq!(correction.charge.final_cost, money("-2.4"));
    assert_eq!(user.account.uninvoiced_in(month("2024-12")), Money::ZERO);
}
