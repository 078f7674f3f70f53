//! The state of one account: what a transaction locks and reads in one row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    document::TaxExemption,
    event::QuotaLevel,
    ids::{RecordId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    payment::{Automation, TopupSettings},
    settings::Settings,
    subscription::Subscription,
};

/// Everything about a user that is kept in the account's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Who is billed.
    pub user_id: UserId,
    /// The first month that was never closed. An earlier one is open again while `uninvoiced` has
    /// an entry for it: its invoice was voided, or it was passed over.
    pub open_month: Month,
    /// What the user pays of list prices.
    pub discount: Discount,
    /// The live subscription.
    pub subscription: Option<Subscription>,
    /// Whether the user has had a trial.
    pub trial_used: bool,
    /// Topped-up tokens that are left, never below zero.
    pub topup_balance: i64,
    /// What records owe before coupons, by the month that will invoice them, in USD. Every month
    /// that has anything to invoice, or is open again, has an entry.
    pub uninvoiced: BTreeMap<Month, Money>,
    /// What all usage has cost that is invoiced with months that are not open, in USD.
    pub closed_cost: Money,
    /// Whether the user has redeemed coupons.
    pub has_redemptions: bool,
    /// The end of the latest archived window (UTC): earlier times may belong to one.
    pub archived_until: Option<DateTime<Utc>>,
    /// When the user is warned, and of what the user has been.
    pub alerts: Alerts,
    /// When tokens are bought automatically: copies of the user's settings.
    pub auto_topup: TopupSettings,
    /// What is kept of payments that nobody asks for one by one.
    pub automation: Automation,
    /// The tax on invoices.
    pub tax: Tax,
    /// What is left of credit notes, in USD.
    pub credit_balance: Money,
    /// The number of the latest event or invoice line.
    pub sequence: i64,
    /// The id of the latest record; the next one's is greater.
    pub last_record_id: Option<RecordId>,
    /// The id up to which records are folded into rollups: the watermark.
    pub folded_to: Option<RecordId>,
    /// How many records are not folded.
    pub tail_records: i64,
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

/// A rate from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscountChange {
    /// From when (UTC).
    pub from: DateTime<Utc>,
    /// What the user pays of list prices.
    pub rate: Rate,
}

/// When a user is warned, and of what the user has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// The number of tokens at or below which to warn; 0 means at 80 % used.
    pub threshold: i64,
    /// Whether levels are announced.
    pub enabled: bool,
    /// The levels that were announced in the running window.
    pub announced: Vec<QuotaLevel>,
}

/// The tax on a user's invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tax {
    /// The rate: 0.1 = 10 %.
    pub rate: Rate,
    /// Why the user is charged none all the same.
    pub exemption: Option<TaxExemption>,
}

/// Which relations a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The redeemed coupons.
    pub redemptions: bool,
    /// The archived windows that end after this time (UTC).
    pub windows_after: Option<DateTime<Utc>>,
    /// Every discount rate.
    pub discounts: bool,
}

impl AccountState {
    /// The account of a user of whom nothing is known yet.
    #[must_use]
    pub fn new(user_id: UserId) -> Self {
        let defaults = Settings::new(user_id.clone());
        Self {
            user_id,
            open_month: Month::FIRST,
            discount: Discount::NONE,
            subscription: None,
            trial_used: false,
            topup_balance: 0,
            uninvoiced: BTreeMap::new(),
            closed_cost: Money::ZERO,
            has_redemptions: false,
            archived_until: None,
            alerts: Alerts {
                threshold: defaults.alert_threshold,
                enabled: defaults.enable_alerts,
                announced: Vec::new(),
            },
            auto_topup: defaults.topup_settings(),
            automation: Automation::default(),
            tax: Tax::default(),
            credit_balance: Money::ZERO,
            sequence: 0,
            last_record_id: None,
            folded_to: None,
            tail_records: 0,
        }
    }

    /// What has to be read to decide about times from `earliest` on at `now`. A normal account with
    /// present records needs nothing.
    #[must_use]
    pub fn needs(&self, earliest: DateTime<Utc>, now: DateTime<Utc>) -> Needs {
        let covered = self.discount.covers(earliest) && self.discount.covers(now);
        Needs {
            redemptions: self.has_redemptions,
            windows_after: self
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

    /// Whether no invoice has closed a month.
    #[must_use]
    pub fn is_open(&self, month: Month) -> bool {
        month >= self.open_month || self.uninvoiced.contains_key(&month)
    }

    /// The first open month from one on.
    #[must_use]
    pub fn first_open(&self, from: Month) -> Month {
        let again = self.uninvoiced.range(from..).next();
        let never_closed = from.max(self.open_month);
        again.map_or(never_closed, |(month, _)| never_closed.min(*month))
    }

    /// The earliest month that is open again.
    #[must_use]
    pub fn reopened_month(&self) -> Option<Month> {
        self.reopened_months().next()
    }

    /// The months that are open again, in their order.
    pub fn reopened_months(&self) -> impl Iterator<Item = Month> {
        let again = self.uninvoiced.keys().copied();
        again.take_while(|month| *month < self.open_month)
    }

    /// The earliest open month.
    #[must_use]
    pub fn earliest_open(&self) -> Month {
        self.reopened_month().unwrap_or(self.open_month)
    }

    /// What the records of an invoice month owe before coupons, in USD.
    #[must_use]
    pub fn uninvoiced_in(&self, month: Month) -> Money {
        self.uninvoiced.get(&month).copied().unwrap_or(Money::ZERO)
    }

    /// What the records of all months owe before coupons that no invoice carries, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn uninvoiced_amount(&self) -> Result<Money, NumberError> {
        let mut owed = self.uninvoiced.values();
        owed.try_fold(Money::ZERO, |sum, amount| sum.plus(*amount))
    }

    /// Notes that a month has something to invoice, whatever records owe.
    pub(super) fn await_invoice(&mut self, month: Month) {
        self.uninvoiced.entry(month).or_insert(Money::ZERO);
    }

    /// The next number of an event or invoice line.
    pub(super) const fn next_sequence(&mut self) -> i64 {
        self.sequence = self.sequence.saturating_add(1);
        self.sequence
    }
}

impl Discount {
    /// List prices, for ever.
    pub const NONE: Self = Self {
        rate: Rate::ONE,
        from: None,
        until: None,
    };

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

impl Tax {
    /// Whether documents must name the tax id of the user.
    #[must_use]
    pub fn needs_tax_id(&self) -> bool {
        self.exemption == Some(TaxExemption::ReverseCharge)
    }

    /// The rate that is charged.
    #[must_use]
    pub const fn charged(&self) -> Rate {
        if self.exemption.is_some() {
            Rate::ZERO
        } else {
            self.rate
        }
    }
}

#[cfg(test)]
mod tests;
