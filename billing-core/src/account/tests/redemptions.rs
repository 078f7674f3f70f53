//! Who may redeem what, and what a repeated call gets.

use rstest::rstest;

use super::*;
use crate::{
    coupon::{Coupon, RedeemOrder},
    refusal::CouponRefusal,
};

fn now() -> DateTime<Utc> {
    day("2024-11-15")
}

fn order(request_id: Option<&str>, redemption: &str) -> RedeemOrder {
    RedeemOrder {
        user_id: UserId::trusted("user-1".into()),
        code: "save".into(),
        redemption_id: RedemptionId::new(uuid(redemption)),
        request_id: request_id.map(|id| RequestId::parse(id).unwrap()),
    }
}

/// An account that owes 30 USD for November.
fn owing() -> Account {
    let mut account = account();
    rate(&mut account, "a", now(), now(), 1_000_000);
    account.take_pending();
    account
}

fn refused(reason: CouponRefusal) -> Refusal {
    Refusal::Coupon {
        name: "save".into(),
        reason,
    }
}

#[test]
fn a_coupon_takes_its_part_of_the_running_month_at_once_and_counts_a_use() {
    let mut account = owing();
    let redeemed = account.redeem(coupon(now()), order(None, "red-1"), now());
    let redeemed = redeemed.unwrap();
    assert!(redeemed.is_new);
    assert_eq!(redeemed.coupon.used_count, 1);
    assert_eq!(redeemed.redemption.taken_at_apply, money("6"));
    let [redemption] = account.relations.redemptions.as_slice() else {
        panic!("{:?}", account.relations.redemptions);
    };
    assert_eq!(*redemption, redeemed.redemption);
    assert!(account.state.has_redemptions);
    assert_eq!(account.pending().account, AccountChange::All);
    let changed: Vec<_> = account.changed_redemptions().collect();
    assert_eq!(changed, [&redeemed.redemption]);
}

#[test]
fn a_later_coupon_changes_what_an_earlier_one_takes() {
    let mut account = owing();
    let mut first = coupon(now());
    first.value = crate::testing::fixed("30");
    account.redeem(first, order(None, "red-1"), now()).unwrap();
    account.take_pending();
    let second = Coupon {
        id: CouponId::new(uuid("cpn-2")),
        ..coupon(now())
    };
    account.redeem(second, order(None, "red-2"), now()).unwrap();
    let saved: Vec<_> = account.changed_redemptions().map(|r| r.saved).collect();
    assert_eq!(saved, [money("24"), money("6")]);
}

#[test]
fn a_repeated_call_answers_with_the_first_redemption() {
    let mut account = owing();
    let first = account.redeem(coupon(now()), order(Some("r"), "red-1"), now());
    let first = first.unwrap();
    account.take_pending();
    let used = Coupon {
        max_uses: 1,
        ..first.coupon
    };
    let again = account.redeem(used.clone(), order(Some("r"), "red-2"), day("2024-12-24"));
    let expected = Redeemed {
        coupon: used,
        redemption: first.redemption,
        is_new: false,
    };
    assert_eq!(again, Ok(expected));
    assert!(account.pending().is_empty());
}

#[rstest]
#[case::the_request_id_of_another(
    Some("r"), |c: &mut Coupon| c.id = CouponId::new(uuid("cpn-2")),
    CouponRefusal::RequestConflict
)]
#[case::the_same_again(None, |_: &mut Coupon| {}, CouponRefusal::AlreadyActive)]
#[case::another_call(Some("s"), |_: &mut Coupon| {}, CouponRefusal::AlreadyActive)]
#[case::for_subscribers(
    None,
    |c: &mut Coupon| {
        c.id = CouponId::new(uuid("cpn-2"));
        c.applicable_plans = vec![PlanId::trusted("pro".into())];
    },
    CouponRefusal::PlanNotAllowed
)]
#[case::for_those_who_owe_more(
    None,
    |c: &mut Coupon| {
        c.id = CouponId::new(uuid("cpn-2"));
        c.min_purchase_amount = money("30.01");
    },
    CouponRefusal::MinimumNotReached
)]
fn what_is_refused_changes_nothing(
    #[case] request_id: Option<&str>,
    #[case] change: fn(&mut Coupon),
    #[case] reason: CouponRefusal,
) {
    let mut account = owing();
    account
        .redeem(coupon(now()), order(Some("r"), "red-1"), now())
        .unwrap();
    let before = account.clone();
    let mut coupon = coupon(now());
    change(&mut coupon);
    let again = account.redeem(coupon, order(request_id, "red-2"), now());
    assert_eq!(again, Err(refused(reason)));
    assert_eq!(account, before);
}

#[test]
fn subscribers_may_redeem_what_is_for_their_plan() {
    let mut account = owing();
    subscribe(&mut account, "pro", now());
    let for_pro = Coupon {
        applicable_plans: vec![PlanId::trusted("pro".into())],
        ..coupon(now())
    };
    assert!(account.redeem(for_pro, order(None, "red-1"), now()).is_ok());
}
