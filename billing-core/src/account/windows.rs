//! Which quota window holds a time, and windows that are over.

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    ids::SubscriptionId,
    quota_window::QuotaWindow,
    subscription::{ArchivedWindow, Subscription},
    usage::UsageRecord,
};

/// Where a time lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// In no subscription.
    Outside,
    /// In the running window.
    Running,
    /// In the archived window with this index.
    Archived(usize),
}

impl Account {
    /// The window that holds a time, however long ago.
    pub(super) fn slot_of(&self, at: DateTime<Utc>) -> Slot {
        let running = self.state.subscription.as_ref();
        if running.is_some_and(|s| s.window.span.contains(at)) {
            return Slot::Running;
        }
        let mut archived = self.relations.windows.iter();
        let found = archived.position(|archived| archived.window.span.contains(at));
        found.map_or(Slot::Outside, Slot::Archived)
    }

    /// A window, and whose it is.
    pub(super) fn window_in(&self, slot: Slot) -> Option<(&QuotaWindow, SubscriptionId)> {
        match slot {
            Slot::Outside => None,
            Slot::Running => {
                let live = self.state.subscription.as_ref();
                live.map(|live| (&live.window, live.id))
            }
            Slot::Archived(index) => {
                let archived = self.relations.windows.get(index);
                archived.map(|archived| (&archived.window, archived.subscription_id))
            }
        }
    }

    /// Changes a window by what is done with it and the topped-up balance.
    pub(super) fn change_window(
        &mut self,
        slot: Slot,
        change: impl FnOnce(&mut QuotaWindow, &mut i64),
    ) {
        let balance = &mut self.state.topup_balance;
        match slot {
            Slot::Outside => {}
            Slot::Running => {
                if let Some(live) = &mut self.state.subscription {
                    change(&mut live.window, balance);
                }
            }
            Slot::Archived(index) => {
                if let Some(archived) = self.relations.windows.get_mut(index) {
                    change(&mut archived.window, balance);
                    self.pending.note_window(archived);
                }
            }
        }
    }

    /// The window that a record took its tokens from.
    pub(super) fn slot_of_record(&self, record: &UsageRecord) -> Slot {
        let charge = &record.charge;
        let Some((id, window)) = charge.subscription_id.zip(charge.window) else {
            return Slot::Outside;
        };
        // Not by its time: the window may have been ended in the very moment of the record.
        let holds =
            |of: SubscriptionId, held: &QuotaWindow| of == id && held.span.start == window.start;
        let running = self.state.subscription.as_ref();
        if running.is_some_and(|live| holds(live.id, &live.window)) {
            return Slot::Running;
        }
        let mut archived = self.relations.windows.iter();
        let found = archived.position(|archived| holds(archived.subscription_id, &archived.window));
        found.map_or(Slot::Outside, Slot::Archived)
    }

    /// Moves the subscription's window into the archive.
    pub(super) fn archive_window(&mut self, subscription: &Subscription) {
        let archived = ArchivedWindow {
            subscription_id: subscription.id,
            window: subscription.window.clone(),
        };
        let end = Some(archived.window.span.end);
        self.state.archived_until = self.state.archived_until.max(end);
        self.state.alerts.announced.clear();
        self.pending.note_window(&archived);
        self.pending.note_all();
        self.relations.windows.push(archived);
    }
}
