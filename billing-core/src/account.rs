//! The state of one user that rating reads and changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    ids::{PlanId, SubscriptionId, UserId},
    money::{Money, Price, Rate},
    month::Month,
    plan::UsagePricing,
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
    /// How much the user has used of what the plan and top-ups give.
    pub counters: Counters,
    /// What records owe before coupons, by the month that will invoice them, in USD.
    pub uninvoiced: BTreeMap<Month, Money>,
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

/// Token counters of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Tokens used in the running window, whoever paid for them.
    pub tokens_used: i64,
    /// Tokens taken from the quota of the running window.
    pub quota_used: i64,
    /// Topped-up tokens that are left.
    pub topup_balance: i64,
    /// Tokens of the running window that neither quota nor balance held.
    pub overage_tokens: i64,
}

/// A subscription with the terms that its plan had when the period began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// The plan.
    pub plan_id: PlanId,
    /// How tokens within the quota are charged.
    pub usage_pricing: UsagePricing,
    /// Tokens of the running window.
    pub quota: i64,
    /// USD per token beyond quota and balance.
    pub extra_token_price: Price,
    /// What the user pays of the extra price.
    pub overage_discount_rate: Rate,
    /// The first moment of the running quota window (UTC).
    pub window_start: DateTime<Utc>,
    /// The first moment after it (UTC).
    pub window_end: DateTime<Utc>,
}

/// Where a record's tokens were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokensTaken {
    /// From the window's quota.
    pub quota: i64,
    /// From the topped-up balance.
    pub topup: i64,
    /// From neither.
    pub overage: i64,
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
            counters: Counters::default(),
            uninvoiced: BTreeMap::new(),
        }
    }

    /// The subscription whose window contains `at`.
    #[must_use]
    pub fn subscription_at(&self, at: DateTime<Utc>) -> Option<&Subscription> {
        self.subscription.as_ref().filter(|s| s.covers(at))
    }

    /// Tokens left of quota and topped-up balance, never negative; 0 without a plan, when the
    /// balance is frozen.
    #[must_use]
    pub fn tokens_remaining(&self) -> i64 {
        self.subscription.as_ref().map_or(0, |subscription| {
            self.counters
                .quota_left(subscription.quota)
                .saturating_add(self.counters.balance_left())
        })
    }

    /// What the invoice of a month will ask for before coupons, in USD.
    #[must_use]
    pub fn uninvoiced_in(&self, month: Month) -> Money {
        self.uninvoiced.get(&month).copied().unwrap_or(Money::ZERO)
    }
}

impl Discount {
    /// Whether this is the rate in force at a time.
    #[must_use]
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl Counters {
    /// Tokens left of a quota, never negative.
    #[must_use]
    pub fn quota_left(&self, quota: i64) -> i64 {
        quota.saturating_sub(self.quota_used).max(0)
    }

    /// Topped-up tokens that can be taken, never negative.
    fn balance_left(&self) -> i64 {
        self.topup_balance.max(0)
    }

    /// Takes tokens from the quota, then from the topped-up balance (contract, section 3, step 4).
    /// On a metered plan the quota only counts, and the balance is left alone.
    pub(crate) fn take(&mut self, tokens: i64, subscription: &Subscription) -> TokensTaken {
        self.tokens_used = self.tokens_used.saturating_add(tokens);
        let quota = tokens.min(self.quota_left(subscription.quota));
        self.quota_used = self.quota_used.saturating_add(quota);
        if subscription.usage_pricing == UsagePricing::Metered {
            return TokensTaken {
                quota,
                ..TokensTaken::default()
            };
        }
        let beyond = tokens.saturating_sub(quota);
        let topup = beyond.min(self.balance_left());
        self.topup_balance = self.topup_balance.saturating_sub(topup);
        let overage = beyond.saturating_sub(topup);
        self.overage_tokens = self.overage_tokens.saturating_add(overage);
        TokensTaken {
            quota,
            topup,
            overage,
        }
    }
}

impl Subscription {
    /// Whether the running window contains a time; its end belongs to the next.
    #[must_use]
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        (self.window_start..self.window_end).contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn account(quota: i64, counters: Counters) -> Account {
        Account {
            subscription: Some(Subscription {
                id: SubscriptionId::trusted("sub-1".into()),
                plan_id: PlanId::trusted("plan-pro".into()),
                usage_pricing: UsagePricing::Included,
                quota,
                extra_token_price: Price::ZERO,
                overage_discount_rate: Rate::ONE,
                window_start: Month::FIRST.start(),
                window_end: Month::FIRST.next().start(),
            }),
            counters,
            ..Account::new(UserId::trusted("user-1".into()))
        }
    }

    #[rstest]
    #[case::fresh(1_000, 0, 0, 1_000)]
    #[case::with_balance(1_000, 400, 50, 650)]
    #[case::quota_used_up(1_000, 1_000, 50, 50)]
    #[case::quota_lowered_below_use(1_000, 1_500, 50, 50)]
    #[case::balance_refunded_below_zero(1_000, 1_000, -5, 0)]
    #[case::refund_that_leaves_the_quota_alone(1_000, 400, -5, 600)]
    #[case::more_than_fits(i64::MAX, 0, i64::MAX, i64::MAX)]
    fn tokens_remaining_are_never_negative(
        #[case] quota: i64,
        #[case] quota_used: i64,
        #[case] topup_balance: i64,
        #[case] remaining: i64,
    ) {
        let counters = Counters {
            quota_used,
            topup_balance,
            ..Counters::default()
        };
        assert_eq!(account(quota, counters).tokens_remaining(), remaining);
    }

    #[test]
    fn a_new_account_pays_list_prices_and_owes_nothing() {
        let account = Account::new(UserId::trusted("user-1".into()));
        assert_eq!(account.discount.rate, Rate::ONE);
        assert_eq!(account.uninvoiced_in(Month::FIRST), Money::ZERO);
        assert_eq!(account.open_month, Month::FIRST);
        assert_eq!(account.tokens_remaining(), 0);
    }
}
