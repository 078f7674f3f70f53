//! The state of one user that rating reads and changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    alert::Alerts,
    ids::UserId,
    money::{Money, Rate},
    month::Month,
    subscription::Subscription,
};

/// Everything about a user that the usage transaction locks and reads in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who is billed.
    pub user_id: UserId,
    /// The first month that no invoice has closed; usage of earlier months joins it.
    pub open_month: Month,
    /// What the user pays of list prices.
    pub discount: Discount,
    /// The live subscription and its frozen terms.
    pub subscription: Option<Subscription>,
    /// Whether the user has had a trial.
    pub trial_used: bool,
    /// Topped-up tokens that are left; below zero after a refund of used ones.
    pub topup_balance: i64,
    /// What records owe before coupons, by the month that will invoice them, in USD.
    pub uninvoiced: BTreeMap<Month, Money>,
    /// Whether the user has redeemed coupons.
    pub has_redemptions: bool,
    /// The end of the latest archived window (UTC): earlier times may belong to one.
    pub archived_until: Option<DateTime<Utc>>,
    /// When the user is warned, and of what he has been.
    pub alerts: Alerts,
    /// The number of the latest event or invoice line.
    pub sequence: i64,
}

/// What a user pays of list prices in the time around now. Other times are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    /// The rate in force.
    pub rate: Rate,
    /// From when (UTC); `None` means since ever.
    pub from: Option<DateTime<Utc>>,
    /// The first moment of the rate that follows (UTC); `None` when none is known.
    pub until: Option<DateTime<Utc>>,
}

/// Which children of an account rating needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The redeemed coupons.
    pub redemptions: bool,
    /// The archived windows that end after this time (UTC).
    pub archived_after: Option<DateTime<Utc>>,
    /// Every discount rate.
    pub discounts: bool,
}

impl Account {
    /// The account of a user of whom nothing is known yet.
    #[must_use]
    pub fn new(user_id: UserId) -> Self {
        Self {
            user_id,
            open_month: Month::FIRST,
            discount: Discount {
                rate: Rate::ONE,
                from: None,
                until: None,
            },
            subscription: None,
            trial_used: false,
            topup_balance: 0,
            uninvoiced: BTreeMap::new(),
            has_redemptions: false,
            archived_until: None,
            alerts: Alerts::default(),
            sequence: 0,
        }
    }

    /// What has to be read to rate records of `earliest` and later at `now`. A normal account with
    /// present records needs nothing.
    #[must_use]
    pub fn wanted(&self, earliest: DateTime<Utc>, now: DateTime<Utc>) -> Wanted {
        let covered = self.discount.covers(earliest) && self.discount.covers(now);
        Wanted {
            redemptions: self.has_redemptions,
            archived_after: self
                .archived_until
                .is_some_and(|until| earliest < until)
                .then_some(earliest),
            discounts: !covered,
        }
    }

    /// Tokens left of quota and topped-up balance, never negative; 0 without a plan, when the
    /// balance is frozen.
    #[must_use]
    pub fn tokens_remaining(&self) -> i64 {
        self.subscription.as_ref().map_or(0, |subscription| {
            let quota = subscription.window.quota_left();
            quota.saturating_add(self.topup_balance.max(0))
        })
    }

    /// What the records of an invoice month owe before coupons, in USD.
    #[must_use]
    pub fn uninvoiced_in(&self, month: Month) -> Money {
        self.uninvoiced.get(&month).copied().unwrap_or(Money::ZERO)
    }

    /// The next number of an event or invoice line.
    pub(crate) fn next_sequence(&mut self) -> i64 {
        self.sequence = self.sequence.saturating_add(1);
        self.sequence
    }
}

impl Discount {
    /// Whether this is the rate in force at a time.
    #[must_use]
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// The rate in force at a time, out of all changes in the order of their times. List price is
    /// paid before the first.
    #[must_use]
    pub fn at(changes: &[DiscountChange], at: DateTime<Utc>) -> Self {
        let next = changes.partition_point(|change| change.from <= at);
        let present = next.checked_sub(1).and_then(|index| changes.get(index));
        Self {
            rate: present.map_or(Rate::ONE, |change| change.rate),
            from: present.map(|change| change.from),
            until: changes.get(next).map(|change| change.from),
        }
    }
}

/// A rate from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscountChange {
    /// From when (UTC).
    pub from: DateTime<Utc>,
    /// What the user pays of list prices.
    pub rate: Rate,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn day(number: u32) -> DateTime<Utc> {
        format!("2024-11-{number:02}T00:00:00Z").parse().unwrap()
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case::before_the_first(3, "1", None, Some(5))]
    #[case::its_first_moment(5, "0.9", Some(5), Some(9))]
    #[case::in_the_midst(8, "0.9", Some(5), Some(9))]
    #[case::the_next(9, "0.5", Some(9), None)]
    #[case::later(30, "0.5", Some(9), None)]
    fn a_discount_holds_until_the_next(
        #[case] at: u32,
        #[case] expected: &str,
        #[case] from: Option<u32>,
        #[case] until: Option<u32>,
    ) {
        let changes = [(5, "0.9"), (9, "0.5")].map(|(from, text)| DiscountChange {
            from: day(from),
            rate: rate(text),
        });
        let discount = Discount::at(&changes, day(at));
        let expected = Discount {
            rate: rate(expected),
            from: from.map(day),
            until: until.map(day),
        };
        assert_eq!(discount, expected);
        assert!(discount.covers(day(at)));
        for outside in from.iter().map(|from| from - 1).chain(until) {
            assert!(!discount.covers(day(outside)));
        }
    }

    #[test]
    fn a_new_account_pays_list_prices_owes_nothing_and_needs_no_children() {
        let account = Account::new(UserId::trusted("user-1".into()));
        assert_eq!(account.discount, Discount::at(&[], day(1)));
        assert_eq!(account.uninvoiced_in(Month::FIRST), Money::ZERO);
        assert_eq!(account.open_month, Month::FIRST);
        assert_eq!(account.tokens_remaining(), 0);
        assert_eq!(account.wanted(day(1), day(2)), Wanted::default());
    }

    #[test]
    fn children_are_wanted_only_for_times_that_the_account_does_not_cover() {
        let account = Account {
            archived_until: Some(day(5)),
            discount: Discount {
                rate: rate("0.9"),
                from: Some(day(3)),
                until: Some(day(20)),
            },
            ..Account::new(UserId::trusted("user-1".into()))
        };
        assert_eq!(account.wanted(day(5), day(6)), Wanted::default());
        let late = account.wanted(day(4), day(6));
        assert_eq!((late.archived_after, late.discounts), (Some(day(4)), false));
        assert!(account.wanted(day(2), day(6)).discounts);
        assert!(account.wanted(day(5), day(20)).discounts);
    }
}
