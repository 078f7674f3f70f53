use proptest::{collection::vec, prelude::*};
use rstest::rstest;

use super::*;
use crate::testing::{fixed, money, month, percentage as percent, uuid};

fn day(date: &str) -> DateTime<Utc> {
    format!("{date}T12:00:00Z").parse().unwrap()
}

fn coupon(value: CouponValue) -> Coupon {
    Coupon {
        id: CouponId::new(uuid("cpn-1")),
        code: "SAVE".into(),
        value,
        max_uses: 0,
        used_count: 0,
        max_usage_per_user: 1,
        min_purchase_amount: Money::ZERO,
        valid_from: day("2024-11-01"),
        expires_at: Some(day("2024-12-01")),
        is_active: true,
        description: String::new(),
        created_by: String::new(),
        applicable_plans: Vec::new(),
        duration_months: 1,
        created_at: day("2024-11-01"),
        updated_at: day("2024-11-01"),
    }
}

fn redeemed(value: CouponValue) -> Redemption {
    let id = RedemptionId::new(uuid("red-1"));
    coupon(value).redeemed(id, None, day("2024-11-15"))
}

/// Books the month's new sum and answers by how much the coupons' part grows.
fn book(redemptions: &mut [Redemption], month: Month, sum: &str, most: Option<&str>) -> Money {
    let parts = Parts::of(redemptions, month, money(sum)).unwrap();
    let allocation = parts.allocation(redemptions, most.map(money)).unwrap();
    allocation.enter(redemptions).unwrap();
    allocation.total
}

fn saved(redemptions: &[Redemption]) -> Vec<Money> {
    redemptions
        .iter()
        .map(|redemption| redemption.saved)
        .collect()
}

#[rstest]
#[case::one_percentage(vec![percent("20")], "14.24294955", vec!["2.84858991"])]
#[case::percentages_of_what_is_left(vec![percent("50"), percent("50")], "10", vec!["5", "2.5"])]
#[case::all_of_it(vec![percent("100"), percent("50"), fixed("5")], "10", vec!["10", "0", "0"])]
#[case::fixed_ones_last(vec![fixed("3"), percent("50")], "10", vec!["3", "5"])]
#[case::fixed_up_to_what_is_left(vec![fixed("8"), fixed("8")], "10", vec!["8", "2"])]
#[case::four_decimals(vec![percent("12.3456")], "100", vec!["12.3456"])]
#[case::rounded_half_up(vec![percent("50")], "0.000000000000001", vec!["0.000000000000001"])]
#[case::nothing_owed(vec![percent("50"), fixed("8")], "0", vec!["0", "0"])]
#[case::less_than_nothing(vec![percent("50"), fixed("8")], "-4", vec!["0", "0"])]
fn coupons_take_their_parts_in_order(
    #[case] values: Vec<CouponValue>,
    #[case] sum: &str,
    #[case] parts: Vec<&str>,
) {
    let mut redemptions: Vec<_> = values.into_iter().map(redeemed).collect();
    book(&mut redemptions, month("2024-11"), sum, None);
    assert_eq!(
        saved(&redemptions),
        parts.into_iter().map(money).collect::<Vec<_>>()
    );
}

#[rstest]
#[case::before(1, "2024-10", false)]
#[case::first(1, "2024-11", true)]
#[case::after(1, "2024-12", false)]
#[case::last_of_three(3, "2025-01", true)]
#[case::after_three(3, "2025-02", false)]
#[case::for_good(0, "2034-11", true)]
fn a_percentage_lives_for_its_months(#[case] months: u32, #[case] at: &str, #[case] lives: bool) {
    let redemption = Redemption {
        duration_months: months,
        ..redeemed(percent("10"))
    };
    assert_eq!(redemption.is_live_in(month(at)), lives);
    let mut redemptions = [redemption];
    let taken = book(&mut redemptions, month(at), "10", None);
    assert_eq!(taken == money("1"), lives);
}

#[test]
fn a_fixed_coupon_lives_until_it_is_used_up() {
    let mut redemptions = [redeemed(fixed("10"))];
    let steps = [
        ("2024-11", "4", "4"),
        ("2024-12", "5", "5"),
        ("2025-06", "5", "1"),
    ];
    for (at, sum, taken) in steps {
        assert!(redemptions[0].is_live_in(month(at)));
        assert_eq!(book(&mut redemptions, month(at), sum, None), money(taken));
    }
    assert!(!redemptions[0].is_live_in(month("2025-06")));
    // A void in the first month gives its part back, which the last month may use.
    assert_eq!(
        book(&mut redemptions, month("2024-11"), "1", None),
        money("-3")
    );
    assert_eq!(
        book(&mut redemptions, month("2025-06"), "6", Some("1")),
        money("1")
    );
    assert_eq!(redemptions[0].saved, money("8"));
}

#[test]
fn a_coupon_that_gets_value_back_takes_it_from_a_younger_one_and_not_from_the_user() {
    let mut redemptions = vec![redeemed(fixed("10")), redeemed(fixed("10"))];
    assert_eq!(
        book(&mut redemptions, month("2024-11"), "10", None),
        money("10")
    );
    assert_eq!(
        book(&mut redemptions, month("2024-12"), "5", None),
        money("5")
    );
    book(&mut redemptions, month("2024-11"), "0", None);
    let taken = book(&mut redemptions, month("2024-12"), "6", Some("1"));
    assert_eq!(taken, money("1"));
    assert_eq!(saved(&redemptions), [money("6"), money("0")]);
}

#[test]
fn a_percentage_that_comes_later_pushes_a_fixed_one_back() {
    let mut redemptions = vec![redeemed(fixed("20"))];
    assert_eq!(
        book(&mut redemptions, month("2024-11"), "10", None),
        money("10")
    );
    redemptions.push(redeemed(percent("50")));
    assert_eq!(
        book(&mut redemptions, month("2024-11"), "10", None),
        Money::ZERO
    );
    assert_eq!(saved(&redemptions), [money("5"), money("5")]);
}

#[test]
fn the_first_coupon_that_takes_a_part_is_named() {
    let mut redemptions = [redeemed(fixed("20")), redeemed(percent("50"))];
    redemptions[1].coupon_id = CouponId::new(uuid("cpn-2"));
    let november = month("2024-11");
    let first = |redemptions: &[Redemption], sum: &str| {
        let parts = Parts::of(redemptions, november, money(sum)).unwrap();
        let allocation = parts.allocation(redemptions, None).unwrap();
        allocation.first(redemptions).map(|first| first.coupon_id)
    };
    assert_eq!(first(&redemptions, "10"), Some(redemptions[1].coupon_id));
    assert_eq!(
        first(&redemptions[..1], "10"),
        Some(redemptions[0].coupon_id)
    );
    book(&mut redemptions, november, "10", None);
    assert_eq!(first(&redemptions, "10"), None);
}

#[rstest]
#[case::fine(|_: &mut Coupon| {}, Ok(()))]
#[case::taken_back(|c: &mut Coupon| c.is_active = false, Err(CouponRefusal::Inactive))]
#[case::too_early(
    |c: &mut Coupon| c.valid_from = day("2024-11-21"), Err(CouponRefusal::NotYetValid)
)]
#[case::from_this_moment(|c: &mut Coupon| c.valid_from = day("2024-11-20"), Ok(()))]
#[case::expires_this_moment(
    |c: &mut Coupon| c.expires_at = Some(day("2024-11-20")), Err(CouponRefusal::Expired)
)]
#[case::never_expires(|c: &mut Coupon| c.expires_at = None, Ok(()))]
#[case::last_use(|c: &mut Coupon| (c.max_uses, c.used_count) = (5, 4), Ok(()))]
#[case::used_up(
    |c: &mut Coupon| (c.max_uses, c.used_count) = (5, 5), Err(CouponRefusal::UsedUp)
)]
#[case::applied_already(
    |c: &mut Coupon| c.id = CouponId::new(uuid("live")), Err(CouponRefusal::AlreadyActive)
)]
#[case::once_only(
    |c: &mut Coupon| c.id = CouponId::new(uuid("past")), Err(CouponRefusal::UserLimit)
)]
#[case::once_more(
    |c: &mut Coupon| {
        c.id = CouponId::new(uuid("past"));
        c.max_usage_per_user = 2;
    },
    Ok(())
)]
#[case::for_this_plan(
    |c: &mut Coupon| c.applicable_plans = vec![PlanId::trusted("plan-pro".into())], Ok(())
)]
#[case::for_another_plan(
    |c: &mut Coupon| c.applicable_plans = vec![PlanId::trusted("plan-basic".into())],
    Err(CouponRefusal::PlanNotAllowed)
)]
#[case::minimum_reached(|c: &mut Coupon| c.min_purchase_amount = money("10"), Ok(()))]
#[case::minimum_not_reached(
    |c: &mut Coupon| c.min_purchase_amount = money("10.000000000000001"),
    Err(CouponRefusal::MinimumNotReached)
)]
#[case::the_first_rule_of_several(
    |c: &mut Coupon| {
        c.expires_at = Some(day("2024-11-02"));
        c.min_purchase_amount = money("99");
    },
    Err(CouponRefusal::Expired)
)]
fn each_rule_has_its_refusal(
    #[case] change: fn(&mut Coupon),
    #[case] expected: Result<(), CouponRefusal>,
) {
    let past = Redemption {
        coupon_id: CouponId::new(uuid("past")),
        month: month("2024-09"),
        ..redeemed(percent("5"))
    };
    let live = Redemption {
        coupon_id: CouponId::new(uuid("live")),
        ..redeemed(percent("5"))
    };
    let plan = PlanId::trusted("plan-pro".into());
    let user = Redeemer {
        plan_id: Some(&plan),
        purchase_amount: money("10"),
        redemptions: &[past, live],
    };
    let mut coupon = coupon(percent("20"));
    change(&mut coupon);
    assert_eq!(coupon.check(user, day("2024-11-20")), expected);
}

#[test]
fn an_allocation_that_does_not_fit_changes_no_redemption() {
    let most = money("10000000000000");
    let mut redemptions = [redeemed(percent("50")), redeemed(percent("50"))];
    redemptions[1].id = RedemptionId::new(uuid("red-2"));
    redemptions[1].saved = most;
    let before = redemptions.clone();
    let november = month("2024-11");
    let parts = Parts::of(&redemptions, november, money("10")).unwrap();
    let allocation = parts.allocation(&redemptions, None).unwrap();
    assert_eq!(
        allocation.enter(&mut redemptions),
        Err(NumberError::TooLarge)
    );
    assert_eq!(redemptions, before);
    redemptions[1].saved = Money::ZERO;
    let changed = allocation.enter(&mut redemptions).unwrap();
    assert_eq!(changed, redemptions.map(|redemption| redemption.id));
}

fn values() -> impl Strategy<Value = Vec<CouponValue>> {
    let value = prop_oneof![
        (1..=1_000_000_i64).prop_map(|v| percent(&rust_decimal::Decimal::new(v, 4).to_string())),
        (1..2_000_i64).prop_map(|v| fixed(&rust_decimal::Decimal::new(v, 2).to_string())),
    ];
    vec(value, 1..5)
}

proptest! {
    #[test]
    fn what_coupons_take_of_each_record_adds_up_to_the_function_of_the_sum(
        values in values(), nets in vec(0..30_000_000_000_000_001_i64, 0..20),
    ) {
        let mut redemptions: Vec<_> = values.into_iter().map(redeemed).collect();
        let november = month("2024-11");
        let (mut sum, mut taken) = (Money::ZERO, Money::ZERO);
        for net in nets {
            let net = money(&rust_decimal::Decimal::new(net, 15).to_string());
            sum = sum.plus(net).unwrap();
            let parts = Parts::of(&redemptions, november, sum).unwrap();
            let unlimited = parts.clone().allocation(&redemptions, None).unwrap();
            let allocation = parts.allocation(&redemptions, Some(net)).unwrap();
            prop_assert_eq!(&allocation, &unlimited, "the limit binds only across months");
            prop_assert!(!allocation.total.is_negative() && allocation.total <= net);
            allocation.enter(&mut redemptions).unwrap();
            taken = taken.plus(allocation.total).unwrap();
        }
        let mut fresh = redemptions.clone();
        for redemption in &mut fresh {
            (redemption.saved, redemption.open) = (Money::ZERO, BTreeMap::new());
        }
        let whole = Parts::of(&fresh, november, sum).unwrap().allocation(&fresh, None).unwrap();
        prop_assert_eq!(taken, whole.total);
        let by_redemption = saved(&redemptions).into_iter().try_fold(Money::ZERO, Money::plus);
        prop_assert_eq!(taken, by_redemption.unwrap());
    }

    #[test]
    fn whatever_the_months_owe_no_fixed_coupon_gives_more_than_it_has(
        values in values(), steps in vec((0..3_u32, 0..4_000_i64), 0..30),
    ) {
        let mut redemptions: Vec<_> = values.into_iter().map(redeemed).collect();
        for (later, cents) in steps {
            let at = month("2024-11").plus(later);
            let sum = rust_decimal::Decimal::new(cents, 2).to_string();
            book(&mut redemptions, at, &sum, None);
            for redemption in &redemptions {
                prop_assert!(redemption.open.values().all(|part| !part.is_negative()));
                if let CouponValue::Fixed(value) = redemption.value {
                    prop_assert!(redemption.saved <= value);
                }
            }
        }
    }
}
