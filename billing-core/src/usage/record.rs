//! Rated usage records.

use chrono::{DateTime, Utc};

use super::Call;
use crate::{
    ids::{CouponId, PlanVersionId, PriceId, RecordId, SubscriptionId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    refusal::Refusal,
};

/// What became of a usage record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageStatus {
    /// Counted and owed.
    Completed,
    /// Reversed by a correction.
    Voided,
    /// Reverses another record.
    Correction,
}

impl UsageStatus {
    /// What the status is called in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Voided => "voided",
            Self::Correction => "correction",
        }
    }
}

/// Names a quota window as its records do. An upgrade changes the version within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowRef {
    /// The version of the plan that rated the record.
    pub plan_version_id: PlanVersionId,
    /// The window's first moment (UTC).
    pub start: DateTime<Utc>,
}

/// Where a record's tokens were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokensTaken {
    /// From the window's quota.
    pub quota: i64,
    /// From the topped-up balance.
    pub topup: i64,
    /// From neither.
    pub overage: i64,
}

impl TokensTaken {
    /// The same tokens, given back.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self {
            quota: self.quota.saturating_neg(),
            topup: self.topup.saturating_neg(),
            overage: self.overage.saturating_neg(),
        }
    }
}

/// Every part of what a record costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The price that its tokens were charged by.
    pub price_id: PriceId,
    /// Tokens at list price, in USD.
    pub cost_usd: Money,
    /// What the user pays of the list price.
    pub discount_rate: Rate,
    /// The part of the discounted cost that the plan's fee covers, in USD.
    pub covered_amount: Money,
    /// Where the tokens were taken from.
    pub taken: TokensTaken,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Money,
    /// What coupons took off, in USD.
    pub discount_amount: Money,
    /// What the record adds to the bill, in USD.
    pub final_cost: Money,
    /// The first coupon that took a part.
    pub coupon_id: Option<CouponId>,
    /// The subscription whose window holds the record.
    pub subscription_id: Option<SubscriptionId>,
    /// That window, whether or not the plan's fee covers model prices.
    pub window: Option<WindowRef>,
}

impl Charge {
    /// What is owed before coupons, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn net(&self) -> Result<Money, NumberError> {
        self.final_cost.plus(self.discount_amount)
    }

    /// Exactly what is stored, owed the other way.
    pub(crate) fn reversed(&self) -> Result<Self, NumberError> {
        Ok(Self {
            cost_usd: self.cost_usd.negated()?,
            covered_amount: self.covered_amount.negated()?,
            taken: self.taken.negated(),
            overage_cost: self.overage_cost.negated()?,
            discount_amount: self.discount_amount.negated()?,
            final_cost: self.final_cost.negated()?,
            ..*self
        })
    }
}

/// A rated usage record, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// The record's id.
    pub id: RecordId,
    /// Who is billed.
    pub user_id: UserId,
    /// The model call.
    pub call: Call,
    /// What it costs.
    pub charge: Charge,
    /// What became of the record.
    pub status: UsageStatus,
    /// Whether it is a correction of a record whose month was invoiced already: reversed as it was
    /// stored, and outside of what coupons take a part of.
    pub is_reversal: bool,
    /// The calendar month the record belongs to.
    pub billing_month: Month,
    /// The month whose invoice carries it.
    pub invoice_month: Month,
    /// The record that this one reverses.
    pub corrects_id: Option<RecordId>,
    /// The earlier of the call's `created_at` and the time of recording (UTC): it chose price,
    /// discount, month and subscription window.
    pub rated_at: DateTime<Utc>,
    /// When the record last changed (UTC).
    pub updated_at: DateTime<Utc>,
    /// Why the record was voided, when a reason was given.
    pub void_reason: Option<String>,
}

/// What became of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To be stored.
    Recorded(UsageRecord),
    /// Recorded before, with the same content: the first record.
    Duplicate(UsageRecord),
    /// Refused, while the others stand: a conflict, a model without a price, or an amount that is
    /// too large.
    Refused(Refusal),
}
