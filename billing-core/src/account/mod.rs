//! The account: everything of one user that decisions read and change, and the commands that change
//! it, one file each. A command changes the account in memory and notes what has to be stored.

mod alerts;
mod automate;
mod issue;
mod pay;
mod pending;
mod rate;
mod receipt;
mod redeem;
mod renew;
mod settings;
mod state;
mod subscribe;
mod void;
mod windows;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::{
    automate::CollectionStep,
    pay::{PaymentInHand, RefundInHand, RefundOrder},
    pending::{AccountChange, PendingChanges},
    rate::Quote,
    redeem::Redeemed,
    state::{AccountState, Alerts, Discount, DiscountChange, Needs, Tax},
    void::{VoidOrder, Voided},
};
use crate::{
    coupon::Redemption,
    event::{Event, EventData, SubscriptionEvent},
    ids::{RecordId, SubscriptionId, UserId},
    invoice::{Corrected, Correction, Invoice, InvoiceLine, LineKind, Reduction},
    money::{Money, NumberError},
    month::Month,
    quota_window::Span,
    subscription::{ArchivedWindow, Subscription, SubscriptionRecord},
};

/// A user's account as a transaction has locked and read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's own row.
    pub state: AccountState,
    /// What it needs of its relations.
    pub relations: Relations,
    pending: PendingChanges,
}

/// What an account needs of its relations, as far as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relations {
    /// The redeemed coupons, oldest first; empty when not needed.
    pub redemptions: Vec<Redemption>,
    /// Archived quota windows, as far as needed.
    pub windows: Vec<ArchivedWindow>,
    /// Every discount rate by its time; empty when not needed.
    pub discounts: Vec<DiscountChange>,
}

impl Account {
    /// An account without relations, of which nothing has changed.
    #[must_use]
    pub fn new(state: AccountState) -> Self {
        Self {
            state,
            relations: Relations::default(),
            pending: PendingChanges::default(),
        }
    }

    /// Whose account it is.
    #[must_use]
    pub const fn id(&self) -> &UserId {
        &self.state.user_id
    }

    /// What has changed and is not stored.
    #[must_use]
    pub const fn pending(&self) -> &PendingChanges {
        &self.pending
    }

    /// Hands over what has changed, to be stored: nothing is pending then.
    pub fn take_pending(&mut self) -> PendingChanges {
        std::mem::take(&mut self.pending)
    }

    /// Hands over the pending invoice lines alone, for who needs them stored before the rest.
    pub fn take_lines(&mut self) -> Vec<InvoiceLine> {
        std::mem::take(&mut self.pending.lines)
    }

    /// The redeemed coupons that have changed.
    pub fn changed_redemptions(&self) -> impl Iterator<Item = &Redemption> {
        self.pending.redemptions(&self.relations)
    }

    /// The archived windows that have changed.
    pub fn changed_windows(&self) -> impl Iterator<Item = &ArchivedWindow> {
        self.pending.windows(&self.relations)
    }

    /// The month whose invoice a charge of `at` joins: its own, or the first after it that is open.
    #[must_use]
    pub fn invoice_month(&self, at: DateTime<Utc>) -> Month {
        self.state.first_open(Month::of(at))
    }

    /// Gives a new record its id: the candidate, or the least that follows the last record's.
    fn next_record_id(&mut self, candidate: RecordId) -> RecordId {
        let least = self.state.last_record_id.map(RecordId::next);
        let id = least.map_or(candidate, |least| candidate.max(least));
        self.state.last_record_id = Some(id);
        self.state.tail_records = self.state.tail_records.saturating_add(1);
        self.pending.note_counters();
        id
    }

    fn add_line(
        &mut self,
        month: Month,
        kind: LineKind,
        description: String,
        amount: Money,
        period: Span,
        subscription: &Subscription,
    ) {
        if amount == Money::ZERO {
            return;
        }
        self.state.await_invoice(month);
        let line = InvoiceLine {
            sequence: self.state.next_sequence(),
            month,
            kind,
            description,
            amount,
            period,
            subscription_id: subscription.id,
        };
        self.pending.lines.push(line);
        self.pending.note_all();
    }

    /// Has the invoice of `month` correct the one that charged for something. A draft has charged
    /// nothing.
    fn add_correction(
        &mut self,
        month: Month,
        invoice: &Invoice,
        of: Corrected,
        reduction: &Reduction,
    ) -> Result<(), NumberError> {
        let (amount, tax_amount) = (reduction.amount.negated()?, reduction.tax_amount.negated()?);
        if let Some(invoice_id) = invoice.id {
            self.state.await_invoice(month);
            self.pending.corrections.push(Correction {
                sequence: self.state.next_sequence(),
                month,
                invoice_id,
                of,
                amount,
                tax_rate: invoice.bill.tax_rate,
                tax_amount,
            });
            self.pending.note_all();
        }
        Ok(())
    }

    fn store_subscription(&mut self, subscription: &Subscription, now: DateTime<Utc>) {
        let record = SubscriptionRecord::new(subscription, now);
        self.pending.store_subscription(record);
    }

    /// Tells the world what became of a subscription, whose record is pending.
    fn tell_of_subscription(&mut self, event: SubscriptionEvent, id: SubscriptionId) {
        let mut stored = self.pending.subscriptions.iter();
        if let Some(record) = stored.find(|record| record.id == id).cloned() {
            let view = Arc::new(self.view_subscription(record));
            self.tell(EventData::Subscription(event, view));
        }
    }

    /// Tells the world of something, as it is now.
    fn tell(&mut self, data: EventData) {
        let sequence = self.state.next_sequence();
        self.pending.events.push(Event { sequence, data });
        self.pending.note_counters();
    }
}

#[cfg(test)]
mod tests;
