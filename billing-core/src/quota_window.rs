//! Stretches of time, and the quota windows of subscriptions.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};

use crate::{
    catalog::{PlanTerms, PlanVersion, UsagePricing},
    money::{Money, NumberError},
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

/// A quota window: what rates its usage, and how much there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWindow {
    /// When.
    pub span: Span,
    /// The version of the plan that rates its usage.
    pub version: Arc<PlanVersion>,
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
            counters: Counters::default(),
        }
    }

    /// The window as its records name it.
    #[must_use]
    pub fn reference(&self) -> WindowRef {
        WindowRef {
            plan_version_id: self.version.id,
            start: self.span.start,
        }
    }

    /// What rates its usage.
    #[must_use]
    pub fn terms(&self) -> &PlanTerms {
        &self.version.terms
    }

    /// Whether the plan's fee covers model prices.
    #[must_use]
    pub fn covers_prices(&self) -> bool {
        self.terms().usage_pricing == UsagePricing::Included
    }

    /// What tokens beyond quota and balance cost, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn overage_cost(&self, tokens: i64) -> Result<Money, NumberError> {
        let terms = self.terms();
        Money::of_extra_tokens(tokens, terms.extra_token_price, terms.overage_discount_rate)
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

    /// Where tokens would be taken from: the quota, then the topped-up balance (contract, chapter
    /// 5, step 4). On a metered plan the quota only counts, and the balance is left alone.
    #[must_use]
    pub fn takes(&self, tokens: i64, balance: i64) -> TokensTaken {
        let quota = tokens.min(self.quota_left());
        let mut taken = TokensTaken {
            quota,
            ..TokensTaken::default()
        };
        if self.covers_prices() {
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
