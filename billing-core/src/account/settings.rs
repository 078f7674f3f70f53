//! Settings, discount and tax: what users and operators set of an account.

use chrono::{DateTime, Utc};

use super::{Account, AutoTopup, Discount, DiscountChange, Tax};
use crate::{
    money::Rate,
    settings::{Settings, SettingsChange},
};

impl Account {
    /// Changes the user's settings, of which the account keeps what usage needs, and answers them.
    pub fn set_settings(
        &mut self,
        stored: Settings,
        change: SettingsChange,
        now: DateTime<Utc>,
    ) -> Settings {
        let had_consent = self.state.auto_topup.has_consent;
        let has_consent = change.auto_topup_consent.unwrap_or(had_consent);
        let settings = change.apply(stored, now);
        self.state.alerts.threshold = settings.alert_threshold;
        self.state.alerts.enabled = settings.enable_alerts;
        self.state.auto_topup = AutoTopup {
            enabled: settings.auto_topup,
            threshold: settings.auto_topup_threshold,
            amount: settings.auto_topup_amount,
            has_consent,
        };
        self.pending.note_all();
        settings
    }

    /// Sets what the user pays of list prices from a time on; `None` means now. It counts instead
    /// of a rate that was set from the same time on. Every discount rate was loaded.
    pub fn set_discount(&mut self, rate: Rate, from: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let from = from.unwrap_or(now);
        let change = DiscountChange { from, rate };
        let discounts = &mut self.relations.discounts;
        discounts.retain(|earlier| earlier.from != from);
        let place = discounts.partition_point(|earlier| earlier.from < from);
        discounts.insert(place, change);
        self.state.discount = Discount::at(discounts, now);
        self.pending.discount = Some(change);
        self.pending.note_all();
    }

    /// Sets the tax on invoices that are issued from now on.
    pub const fn set_tax(&mut self, tax: Tax) {
        self.state.tax = tax;
        self.pending.note_all();
    }

    /// What the user pays of list prices at a time that is covered or whose rates were loaded.
    #[must_use]
    pub fn discount_rate_at(&self, at: DateTime<Utc>) -> Rate {
        if self.state.discount.covers(at) {
            self.state.discount.rate
        } else {
            Discount::at(&self.relations.discounts, at).rate
        }
    }

    /// The rate that follows the present one, when one is announced. Every rate was loaded.
    #[must_use]
    pub fn next_discount(&self, now: DateTime<Utc>) -> Option<DiscountChange> {
        let mut changes = self.relations.discounts.iter();
        changes.find(|change| change.from > now).copied()
    }

    /// Makes the account cover the present again when an announced rate has come into force.
    pub(super) fn refresh_discount(&mut self, now: DateTime<Utc>) {
        if !self.state.discount.covers(now) {
            self.state.discount = Discount::at(&self.relations.discounts, now);
            self.pending.note_all();
        }
    }
}
