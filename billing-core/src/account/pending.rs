//! What a command has changed and has to be stored.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{DiscountChange, Relations};
use crate::{
    coupon::{CatchUp, Redemption},
    event::Event,
    ids::{RedemptionId, SubscriptionId},
    invoice::{Correction, InvoiceLine},
    payment::Transaction,
    subscription::{ArchivedWindow, SubscriptionRecord},
};

/// What of an account's own row has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum AccountChange {
    /// Nothing.
    #[default]
    Nothing,
    /// What usage changes: counters of the running window, topped-up balance, what is uninvoiced,
    /// announced levels, the sequence, the last record's id and the records behind the watermark.
    Counters,
    /// Anything.
    All,
}

/// What has changed of an account and is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingChanges {
    /// What of its own row.
    pub account: AccountChange,
    /// A discount rate to store; it counts instead of one from the same time on.
    pub discount: Option<DiscountChange>,
    /// Subscriptions to store, in this order.
    pub subscriptions: Vec<SubscriptionRecord>,
    /// Lines to add to invoices.
    pub lines: Vec<InvoiceLine>,
    /// What later invoices take back of earlier ones.
    pub corrections: Vec<Correction>,
    /// What coupons took of value that a void has freed.
    pub catch_ups: Vec<CatchUp>,
    /// Charges that nobody has asked for.
    pub transactions: Vec<Transaction>,
    /// What to tell the world.
    pub events: Vec<Event>,
    redemptions: BTreeSet<RedemptionId>,
    /// Windows by subscription and first moment.
    windows: BTreeSet<(SubscriptionId, DateTime<Utc>)>,
}

impl PendingChanges {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The redeemed coupons to store, out of the account's relations.
    pub fn redemptions<'a>(
        &'a self,
        relations: &'a Relations,
    ) -> impl Iterator<Item = &'a Redemption> {
        let all = relations.redemptions.iter();
        all.filter(|redemption| self.redemptions.contains(&redemption.id))
    }

    /// The archived windows to store, out of the account's relations.
    pub fn windows<'a>(
        &'a self,
        relations: &'a Relations,
    ) -> impl Iterator<Item = &'a ArchivedWindow> {
        let all = relations.windows.iter();
        all.filter(|archived| self.windows.contains(&window_key(archived)))
    }

    pub(super) fn note_counters(&mut self) {
        self.account = self.account.max(AccountChange::Counters);
    }

    pub(super) const fn note_all(&mut self) {
        self.account = AccountChange::All;
    }

    pub(super) fn note_redemptions(&mut self, changed: impl IntoIterator<Item = RedemptionId>) {
        self.redemptions.extend(changed);
    }

    pub(super) fn note_window(&mut self, archived: &ArchivedWindow) {
        self.windows.insert(window_key(archived));
    }

    /// Has a subscription stored as it stands, and no longer as it stood.
    pub(super) fn store_subscription(&mut self, record: SubscriptionRecord) {
        self.subscriptions.retain(|earlier| earlier.id != record.id);
        self.subscriptions.push(record);
        self.note_all();
    }
}

fn window_key(archived: &ArchivedWindow) -> (SubscriptionId, DateTime<Utc>) {
    (archived.subscription_id, archived.window.span.start)
}
