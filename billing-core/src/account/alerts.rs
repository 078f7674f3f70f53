//! Warning users who are running out of tokens (contract, chapter 7).

use super::{Account, AccountState};
use crate::event::{Event, EventData, QuotaAlert, QuotaLevel};

impl AccountState {
    /// Whether the user is running out of tokens; never without a plan.
    #[must_use]
    pub fn quota_warning(&self) -> bool {
        !self.levels_reached().is_empty()
    }

    /// Tokens that the running window had to offer: quota and topped-up balance.
    fn tokens_total(&self) -> i64 {
        self.subscription.as_ref().map_or(0, |subscription| {
            let window = &subscription.window;
            let balance = self.topup_balance.max(0);
            let topup = balance.saturating_add(window.topup_used());
            window.quota.saturating_add(topup)
        })
    }

    /// The levels that the running window has reached.
    fn levels_reached(&self) -> Vec<QuotaLevel> {
        if self.subscription.is_none() {
            return Vec::new();
        }
        let remaining = self.tokens_remaining();
        let threshold = self.alerts.threshold;
        let mut reached = Vec::new();
        if threshold > 0 && remaining <= threshold {
            reached.push(QuotaLevel::Threshold);
        }
        // 80 % used is a fifth left.
        if threshold == 0 && remaining.saturating_mul(5) <= self.tokens_total() {
            reached.push(QuotaLevel::MostUsed);
        }
        if remaining == 0 {
            reached.push(QuotaLevel::UsedUp);
        }
        reached
    }
}

impl Account {
    /// Announces the levels that are reached; they are announced no more in this window.
    pub(super) fn announce(&mut self) {
        let state = &mut self.state;
        let Some(window) = state.subscription.as_ref().map(|live| live.window.span) else {
            return;
        };
        if !state.alerts.enabled {
            return;
        }
        let (tokens_remaining, tokens_total) = (state.tokens_remaining(), state.tokens_total());
        for level in state.levels_reached() {
            if state.alerts.announced.contains(&level) {
                continue;
            }
            state.alerts.announced.push(level);
            let sequence = state.next_sequence();
            let data = EventData::QuotaAlert(QuotaAlert {
                window_start: window.start,
                level,
                tokens_remaining,
                tokens_total,
            });
            self.pending.events.push(Event { sequence, data });
            self.pending.note_counters();
        }
    }
}
