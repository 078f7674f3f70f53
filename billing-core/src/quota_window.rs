//! Stretches of time, and the quota windows of subscriptions.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};

use crate::{
    catalog::{PlanTerms, PlanVersion},
    usage::{TokensTaken, WindowRef},
};

/// A stretch of time (UTC). Its end belongs to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start: DateTime<Utc>,
    /// The first moment after.
    pub end: DateTime<Utc>,
}

impl Span {
    /// Whether a time lies in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        (self.start..self.end).contains(&at)
    }

    /// The microseconds from `at` to the end, and all of them: a share of the span.
    #[must_use]
    pub fn remaining(&self, at: DateTime<Utc>) -> (i64, i64) {
        let micros = |delta: TimeDelta| delta.num_microseconds().unwrap_or(i64::MAX).max(0);
        let total = micros(self.end.signed_duration_since(self.start));
        let remaining = micros(self.end.signed_duration_since(at));
        (remaining.min(total), total)
    }
}

/// The moment `months` after the boundary at `start`, on the anchor's day of the month or the
/// month's last (contract, chapter 7).
#[must_use]
pub fn months_after(anchor: DateTime<Utc>, start: DateTime<Utc>, months: u32) -> DateTime<Utc> {
    let years = i64::from(start.year()).saturating_sub(anchor.year().into());
    let since = years
        .saturating_mul(12)
        .saturating_add(start.month().into())
        .saturating_sub(anchor.month().into());
    let since = u32::try_from(since).unwrap_or(0);
    anchor
        .checked_add_months(Months::new(since.saturating_add(months)))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Token counters of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Tokens used, whoever paid for them.
    pub tokens_used: i64,
    /// Tokens taken from the quota.
    pub quota_used: i64,
    /// Tokens that neither quota nor topped-up balance held.
    pub overage_tokens: i64,
}

/// What rated a window's usage before its plan changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTerms {
    /// The moment of the change (UTC), from which on others hold.
    pub until: DateTime<Utc>,
    /// The version of the plan that held before.
    pub version: Arc<PlanVersion>,
}

/// A quota window: what rates its usage, and how much there was. The quota is one pool, whatever
/// the plan was when tokens were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWindow {
    /// When.
    pub span: Span,
    /// The version of the plan that rates its usage, to its end.
    pub version: Arc<PlanVersion>,
    /// What rated usage before, in the order of time; empty when the plan did not change.
    pub earlier: Vec<EarlierTerms>,
    /// Tokens of the window.
    pub quota: i64,
    /// What was used.
    pub counters: Counters,
}

impl QuotaWindow {
    /// An unused window with a plan's whole quota.
    #[must_use]
    pub fn new(span: Span, version: Arc<PlanVersion>) -> Self {
        Self {
            span,
            quota: version.terms.monthly_quota,
            version,
            earlier: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The version of the plan that rates usage of a time.
    #[must_use]
    pub fn version_at(&self, at: DateTime<Utc>) -> &PlanVersion {
        let mut earlier = self.earlier.iter();
        let held = earlier.find(|earlier| at < earlier.until);
        held.map_or(&self.version, |earlier| &earlier.version)
    }

    /// Has another version rate usage from a time on.
    pub(crate) fn change_version(&mut self, version: Arc<PlanVersion>, at: DateTime<Utc>) {
        let version = std::mem::replace(&mut self.version, version);
        self.earlier.push(EarlierTerms { until: at, version });
    }

    /// The window as records of a time name it.
    #[must_use]
    pub fn reference_at(&self, at: DateTime<Utc>) -> WindowRef {
        WindowRef {
            plan_version_id: self.version_at(at).id,
            start: self.span.start,
        }
    }

    /// What rates its usage, to its end.
    #[must_use]
    pub fn terms(&self) -> &PlanTerms {
        &self.version.terms
    }

    /// Tokens left of the quota, never negative.
    #[must_use]
    pub fn quota_left(&self) -> i64 {
        self.quota.saturating_sub(self.counters.quota_used).max(0)
    }

    /// Tokens that were taken from the topped-up balance.
    #[must_use]
    pub fn topup_used(&self) -> i64 {
        self.counters
            .tokens_used
            .saturating_sub(self.counters.quota_used)
            .saturating_sub(self.counters.overage_tokens)
    }

    /// Where tokens would be taken from at given terms: the quota, then the topped-up balance
    /// (contract, chapter 5, step 4). On a metered plan the quota only counts, and the balance is
    /// left alone.
    #[must_use]
    pub fn takes(&self, terms: &PlanTerms, tokens: i64, balance: i64) -> TokensTaken {
        let quota = tokens.min(self.quota_left());
        let mut taken = TokensTaken {
            quota,
            ..TokensTaken::default()
        };
        if terms.covers_prices() {
            let beyond = tokens.saturating_sub(quota);
            taken.topup = beyond.min(balance.max(0));
            taken.overage = beyond.saturating_sub(taken.topup);
        }
        taken
    }

    /// Gives back what a record took.
    pub fn give_back(&mut self, tokens: i64, taken: TokensTaken, balance: &mut i64) {
        let taken = taken.negated();
        self.count(tokens.saturating_neg(), taken, balance);
    }

    /// Counts what a record takes, also of the topped-up balance.
    pub fn count(&mut self, tokens: i64, taken: TokensTaken, balance: &mut i64) {
        let counters = &mut self.counters;
        // Metered tokens beyond the quota cost no extra price, but nothing held them either.
        let beyond = tokens
            .saturating_sub(taken.quota)
            .saturating_sub(taken.topup);
        counters.tokens_used = counters.tokens_used.saturating_add(tokens);
        counters.quota_used = counters.quota_used.saturating_add(taken.quota);
        counters.overage_tokens = counters.overage_tokens.saturating_add(beyond);
        *balance = balance.saturating_sub(taken.topup);
    }
}

#[cfg(test)]
mod tests;
