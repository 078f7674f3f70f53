//! A user within a transaction: the account, the children that it needs, and what else a decision
//! changes.

use chrono::{DateTime, Utc};

use crate::{
    account::{Account, Discount, DiscountChange},
    alert::Alert,
    coupon::Redemption,
    ids::{SubscriptionId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    subscription::{ArchivedWindow, Subscription, SubscriptionRecord},
};

/// A user as a transaction has locked and read him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub account: Account,
    /// The redeemed coupons, oldest first; empty when not wanted.
    pub redemptions: Vec<Redemption>,
    /// Archived windows, as far as wanted.
    pub archived: Vec<ArchivedWindow>,
    /// Every discount rate by its time; empty when not wanted.
    pub discounts: Vec<DiscountChange>,
    /// What is to be stored beside the account's counters and the children.
    pub effects: Effects,
}

/// What decisions change beside an account's counters and its children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// Whether the account changed in what usage normally leaves alone.
    pub account_changed: bool,
    /// Subscriptions to store, in this order.
    pub subscriptions: Vec<SubscriptionRecord>,
    /// Lines to add to invoices.
    pub lines: Vec<InvoiceLine>,
    /// Levels to announce.
    pub alerts: Vec<Alert>,
}

/// A charge of an invoice beside usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// The line's number, unique per user.
    pub sequence: i64,
    /// The month whose invoice carries it.
    pub month: Month,
    /// What kind of charge.
    pub kind: LineKind,
    /// What it is for, in words.
    pub description: String,
    /// How much, in USD and whole cents; negative for what is given back.
    pub amount: Money,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// What kind of charge an invoice line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The fee of a period.
    PlanFee,
    /// The share of a fee, for a change within a period.
    Proration,
}

impl User {
    /// A user with nothing but an account.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self {
            account,
            redemptions: Vec::new(),
            archived: Vec::new(),
            discounts: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Who it is.
    #[must_use]
    pub const fn id(&self) -> &UserId {
        &self.account.user_id
    }

    /// What the user pays of list prices at a time that is covered or whose changes were read.
    #[must_use]
    pub fn discount_rate_at(&self, at: DateTime<Utc>) -> Rate {
        if self.account.discount.covers(at) {
            self.account.discount.rate
        } else {
            Discount::at(&self.discounts, at).rate
        }
    }

    /// Makes the account cover the present again when an announced rate has come into force.
    pub(crate) fn refresh_discount(&mut self, now: DateTime<Utc>) {
        if !self.account.discount.covers(now) {
            self.account.discount = Discount::at(&self.discounts, now);
            self.effects.account_changed = true;
        }
    }

    /// The month whose invoice a charge of `at` joins: its own, or the first that is open.
    #[must_use]
    pub fn invoice_month(&self, at: DateTime<Utc>) -> Month {
        Month::of(at).max(self.account.open_month)
    }

    pub(crate) fn add_line(
        &mut self,
        at: DateTime<Utc>,
        kind: LineKind,
        description: String,
        amount: Money,
        subscription_id: &SubscriptionId,
    ) {
        if amount == Money::ZERO {
            return;
        }
        let line = InvoiceLine {
            sequence: self.account.next_sequence(),
            month: self.invoice_month(at),
            kind,
            description,
            amount,
            subscription_id: subscription_id.clone(),
        };
        self.effects.lines.push(line);
    }

    /// Adds a redeemed coupon, which takes its part of the running month's sum at once.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn redeem(&mut self, redemption: Redemption) -> Result<Redemption, NumberError> {
        let month = redemption.month;
        let sum = self.account.uninvoiced_in(month);
        self.redemptions.push(redemption.clone());
        let mut redeemed = redemption;
        if let Some(taking) = self.coupons_take(month, sum, None)? {
            taking.enter(&mut self.redemptions)?;
            if let Some(newest) = self.redemptions.last_mut() {
                newest.taken_at_apply = taking.total;
                redeemed.clone_from(newest);
            }
        }
        self.account.has_redemptions = true;
        self.effects.account_changed = true;
        Ok(redeemed)
    }

    /// Has the subscription stored as it stands.
    pub(crate) fn store_subscription(&mut self, subscription: &Subscription, now: DateTime<Utc>) {
        let record = SubscriptionRecord::new(subscription, now);
        let stored = &mut self.effects.subscriptions;
        stored.retain(|earlier| earlier.id != record.id);
        stored.push(record);
        self.effects.account_changed = true;
    }

    /// Moves the subscription's window into the archive.
    pub(crate) fn archive_window(&mut self, subscription: &Subscription) {
        let window = subscription.window;
        self.account.archived_until = self.account.archived_until.max(Some(window.span.end));
        self.account.alerts.announced.clear();
        self.archived.push(ArchivedWindow {
            subscription_id: subscription.id.clone(),
            plan_id: subscription.plan_id.clone(),
            window,
            changed: true,
        });
    }
}

#[cfg(test)]
mod tests;
