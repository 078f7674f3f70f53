use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    catalog::UsagePricing,
    money::{Money, Price, Rate},
    testing::{plan_version, time},
};

fn version(usage_pricing: UsagePricing, monthly_quota: i64) -> Arc<PlanVersion> {
    let terms = PlanTerms {
        usage_pricing,
        monthly_quota,
        monthly_price: Money::ZERO,
        extra_token_price: Price::ZERO,
        overage_discount_rate: Rate::ONE,
    };
    Arc::new(plan_version(1, "plan-pro", "Pro", terms))
}

fn window(usage_pricing: UsagePricing, quota: i64) -> QuotaWindow {
    let span = Span {
        start: time("2024-11-01T00:00:00Z"),
        end: time("2024-12-01T00:00:00Z"),
    };
    QuotaWindow::new(span, version(usage_pricing, quota))
}

/// Takes tokens and counts them.
fn take(window: &mut QuotaWindow, tokens: i64, balance: &mut i64) -> TokensTaken {
    let taken = window.takes(window.terms(), tokens, *balance);
    window.count(tokens, taken, balance);
    taken
}

#[rstest]
#[case::same_day("2024-11-15T10:00:00Z", 1, "2024-12-15T10:00:00Z")]
#[case::leap_day_for_the_last("2024-01-31T00:00:00Z", 1, "2024-02-29T00:00:00Z")]
#[case::last_of_february("2023-01-31T00:00:00Z", 1, "2023-02-28T00:00:00Z")]
#[case::back_on_the_anchor_day("2024-01-31T00:00:00Z", 2, "2024-03-31T00:00:00Z")]
#[case::over_the_year("2024-01-31T00:00:00Z", 13, "2025-02-28T00:00:00Z")]
#[case::a_year_from_a_leap_day("2024-02-29T12:00:00Z", 12, "2025-02-28T12:00:00Z")]
fn boundaries_keep_the_anchor_day(#[case] anchor: &str, #[case] months: u32, #[case] end: &str) {
    let anchor = time(anchor);
    let mut boundary = anchor;
    for _ in 0..months {
        boundary = months_after(anchor, boundary, 1);
    }
    assert_eq!(boundary, time(end));
    assert_eq!(months_after(anchor, anchor, months), time(end));
}

#[rstest]
#[case::within_the_quota(UsagePricing::Included, 1_000, 50, 400, (400, 0, 0))]
#[case::balance_next(UsagePricing::Included, 1_000, 50, 1_040, (1_000, 40, 0))]
#[case::overage_last(UsagePricing::Included, 1_000, 50, 1_100, (1_000, 50, 50))]
#[case::refunded_balance_holds_nothing(UsagePricing::Included, 10, -5, 12, (10, 0, 2))]
#[case::metered_only_counts(UsagePricing::Metered, 1_000, 50, 1_100, (1_000, 0, 0))]
fn tokens_come_from_the_quota_then_from_the_balance(
    #[case] usage_pricing: UsagePricing,
    #[case] quota: i64,
    #[case] mut balance: i64,
    #[case] tokens: i64,
    #[case] (quota_taken, topup, overage): (i64, i64, i64),
) {
    let before = (window(usage_pricing, quota), balance);
    let mut window = before.0.clone();
    let taken = take(&mut window, tokens, &mut balance);
    let expected = TokensTaken {
        quota: quota_taken,
        topup,
        overage,
    };
    assert_eq!(taken, expected);
    assert_eq!(window.counters.tokens_used, tokens);
    assert_eq!(window.topup_used(), topup);
    window.give_back(tokens, taken, &mut balance);
    assert_eq!((window, balance), before);
}

#[test]
fn the_remaining_share_is_exact_and_never_more_than_all() {
    let span = window(UsagePricing::Included, 0).span;
    let day = 86_400_000_000_i64;
    assert_eq!(span.remaining(span.start), (30 * day, 30 * day));
    assert_eq!(
        span.remaining(time("2024-11-16T00:00:00Z")),
        (15 * day, 30 * day)
    );
    assert_eq!(span.remaining(span.end), (0, 30 * day));
    assert_eq!(
        span.remaining(time("2024-10-01T00:00:00Z")),
        (30 * day, 30 * day)
    );
    assert_eq!(span.remaining(time("2025-10-01T00:00:00Z")), (0, 30 * day));
}

#[test]
fn metered_tokens_beyond_the_quota_are_no_topped_up_ones_whatever_the_plan_becomes() {
    let mut window = window(UsagePricing::Metered, 100);
    take(&mut window, 250, &mut 1_000);
    window.change_version(version(UsagePricing::Included, 100), window.span.start);
    assert_eq!((window.topup_used(), window.quota_left()), (0, 0));
}

#[test]
fn each_time_has_the_terms_that_held_then() {
    let mut window = window(UsagePricing::Included, 1);
    let version = |id| {
        let terms = window.terms().clone();
        Arc::new(plan_version(id, "plan-pro", "Pro", terms))
    };
    let (second, third) = (version(2), version(3));
    let changes = ["2024-11-10T00:00:00Z", "2024-11-20T00:00:00Z"].map(time);
    window.change_version(second, changes[0]);
    window.change_version(third, changes[1]);
    for (at, expected) in [
        ("2024-11-09T23:59:59.999999Z", 1),
        ("2024-11-10T00:00:00Z", 2),
        ("2024-11-19T23:59:59.999999Z", 2),
        ("2024-11-20T00:00:00Z", 3),
        ("2024-11-30T00:00:00Z", 3),
    ] {
        let number = window.reference_at(time(at)).plan_version_id.number();
        assert_eq!(number, expected, "{at}");
    }
}

proptest! {
    #[test]
    fn included_tokens_are_split_without_loss(
        quota in 0..2_000_i64,
        balance in -10..500_i64,
        uses in prop::collection::vec(0..700_i64, 1..9),
    ) {
        let mut window = window(UsagePricing::Included, quota);
        let mut left = balance;
        for tokens in uses {
            let taken = take(&mut window, tokens, &mut left);
            prop_assert_eq!(taken.quota + taken.topup + taken.overage, tokens);
            prop_assert!(taken.overage == 0 || (window.quota_left() == 0 && left <= 0));
        }
        prop_assert_eq!(window.topup_used(), balance - left);
    }
}
