//! Warning users who are running out of tokens (contract, section 4).

use chrono::{DateTime, Utc};

use crate::account::Account;

/// When a user is warned, and of what he has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// The number of tokens at or below which to warn; 0 means at 80 % used.
    pub threshold: i64,
    /// Whether levels are announced.
    pub enabled: bool,
    /// The levels that were announced in the running window.
    pub announced: Vec<Level>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            threshold: 0,
            enabled: true,
            announced: Vec::new(),
        }
    }
}

/// How far quota and topped-up balance are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 80 % are used.
    MostUsed,
    /// The user's own threshold is reached.
    Threshold,
    /// Nothing is left.
    UsedUp,
}

/// A level to be announced, once per window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The number of the event.
    pub sequence: i64,
    /// The first moment of the window (UTC).
    pub window_start: DateTime<Utc>,
    /// The level.
    pub level: Level,
    /// Tokens that are left.
    pub tokens_remaining: i64,
    /// Tokens of quota and topped-up balance.
    pub tokens_total: i64,
}

impl Account {
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
    fn levels_reached(&self) -> Vec<Level> {
        if self.subscription.is_none() {
            return Vec::new();
        }
        let remaining = self.tokens_remaining();
        let threshold = self.alerts.threshold;
        let mut reached = Vec::new();
        if threshold > 0 && remaining <= threshold {
            reached.push(Level::Threshold);
        }
        // 80 % used is a fifth left.
        if threshold == 0 && remaining.saturating_mul(5) <= self.tokens_total() {
            reached.push(Level::MostUsed);
        }
        if remaining == 0 {
            reached.push(Level::UsedUp);
        }
        reached
    }

    /// The levels to announce now; they are announced no more in this window.
    pub(crate) fn announce(&mut self) -> Vec<Alert> {
        if !self.alerts.enabled {
            return Vec::new();
        }
        let Some(window) = self.subscription.as_ref().map(|s| s.window.span) else {
            return Vec::new();
        };
        let (tokens_remaining, tokens_total) = (self.tokens_remaining(), self.tokens_total());
        let mut alerts = Vec::new();
        for level in self.levels_reached() {
            if self.alerts.announced.contains(&level) {
                continue;
            }
            self.alerts.announced.push(level);
            alerts.push(Alert {
                sequence: self.next_sequence(),
                window_start: window.start,
                level,
                tokens_remaining,
                tokens_total,
            });
        }
        alerts
    }
}
