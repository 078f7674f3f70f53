//! Settings, discount and tax: what users and operators set of an account.

use chrono::{DateTime, Utc};

use super::{Account, Discount, DiscountChange, Tax};
use crate::{
    money::Rate,
    payment::{Consenter, TopupConsent, TopupLimits},
    refusal::Refusal,
    settings::{Settings, SettingsChange},
};

impl Account {
    /// Changes the user's settings, of which the account keeps what usage needs, and answers them.
    /// Switching automatic top-ups off takes the user's consent back; agreeing to them is consent to
    /// what is set now.
    ///
    /// # Errors
    /// When the amount of a top-up is not allowed or buys no more than the threshold, or the user
    /// owes tax by reverse charge and would have no tax id.
    pub fn set_settings(
        &mut self,
        stored: Settings,
        change: SettingsChange,
        limits: &TopupLimits,
        now: DateTime<Utc>,
    ) -> Result<Settings, Refusal> {
        let (concerns_topups, agrees) = (change.concerns_topups(), change.agrees_to_topups);
        let settings = change.apply(stored, now);
        if self.state.tax.needs_tax_id() && !settings.has_tax_id() {
            let description = "must be set as long as the user owes tax by reverse charge";
            return Err(Refusal::field("tax_id", description));
        }
        let topups = settings.topup_settings();
        if concerns_topups {
            let terms = self.state.subscription.as_ref().map(|live| live.terms());
            limits.check_settings(&topups, self.state.tax.charged(), terms)?;
            self.state.automation.topups.resume();
        }
        self.state.alerts.threshold = settings.alert_threshold;
        self.state.alerts.enabled = settings.enable_alerts;
        self.state.auto_topup = topups;
        let user = Consenter::User(&self.state.user_id);
        let automation = &mut self.state.automation;
        if !topups.enabled {
            automation.promised.topup = None;
        }
        if let Some(payer) = &mut automation.payer {
            if !topups.enabled {
                payer.consents.topup = None;
            } else if agrees {
                let (threshold, amount) = (topups.threshold, topups.amount);
                payer.consents.topup = TopupConsent::given(user, threshold, amount, now);
            }
        }
        self.pending.note_all();
        Ok(settings)
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
    ///
    /// # Errors
    /// When the user is to owe it by reverse charge and has no tax id.
    pub fn set_tax(&mut self, tax: Tax, settings: &Settings) -> Result<(), Refusal> {
        if tax.needs_tax_id() && !settings.has_tax_id() {
            let description = "needs the user's tax_id in the settings, which is empty";
            return Err(Refusal::field("exemption", description));
        }
        self.state.tax = tax;
        self.pending.note_all();
        Ok(())
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
