//! What model calls used, and what they cost.

use billing_proto::v1;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{Error, ModelPrice, convert};

/// One model call to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Usage {
    user_id: String,
    request_id: String,
    model: String,
    provider: String,
    prompt_tokens: i64,
    completion_tokens: i64,
    total_tokens: Option<i64>,
    cached_prompt_tokens: i64,
    cache_write_tokens: i64,
    reasoning_tokens: i64,
    created_at: Option<DateTime<Utc>>,
}

impl Usage {
    /// A call of `model` that `user_id` pays; `request_id` is unique per user.
    pub fn new(
        user_id: impl Into<String>,
        request_id: impl Into<String>,
        model: impl Into<String>,
    ) -> Self {
        Self {
            user_id: user_id.into(),
            request_id: request_id.into(),
            model: model.into(),
            provider: String::new(),
            prompt_tokens: 0,
            completion_tokens: 0,
            total_tokens: None,
            cached_prompt_tokens: 0,
            cache_write_tokens: 0,
            reasoning_tokens: 0,
            created_at: None,
        }
    }

    /// A call that has no id of its own: it gets a new one, which a clone of this value keeps.
    pub fn for_user(user_id: impl Into<String>, model: impl Into<String>) -> Self {
        Self::new(user_id, Uuid::now_v7(), model)
    }

    /// Who ran the model, for information; the price's provider unless set.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = provider.into();
        self
    }

    /// Tokens of the prompt, cached and cache-write tokens included.
    pub fn prompt_tokens(mut self, tokens: i64) -> Self {
        self.prompt_tokens = tokens;
        self
    }

    /// Tokens of the completion, reasoning tokens included.
    pub fn completion_tokens(mut self, tokens: i64) -> Self {
        self.completion_tokens = tokens;
        self
    }

    /// A check sum of prompt and completion tokens, which the service compares.
    pub fn total_tokens(mut self, tokens: i64) -> Self {
        self.total_tokens = Some(tokens);
        self
    }

    /// The part of the prompt tokens read from a cache.
    pub fn cached_prompt_tokens(mut self, tokens: i64) -> Self {
        self.cached_prompt_tokens = tokens;
        self
    }

    /// The part of the prompt tokens written to a cache.
    pub fn cache_write_tokens(mut self, tokens: i64) -> Self {
        self.cache_write_tokens = tokens;
        self
    }

    /// The part of the completion tokens spent on reasoning.
    pub fn reasoning_tokens(mut self, tokens: i64) -> Self {
        self.reasoning_tokens = tokens;
        self
    }

    /// When the call was made; when the service receives the record unless set.
    pub fn created_at(mut self, time: DateTime<Utc>) -> Self {
        self.created_at = Some(time);
        self
    }

    /// The caller's id of the model call.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

impl From<Usage> for v1::RecordUsageRequest {
    fn from(usage: Usage) -> Self {
        Self {
            user_id: usage.user_id,
            request_id: usage.request_id,
            model: usage.model,
            provider: usage.provider,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens,
            cached_prompt_tokens: usage.cached_prompt_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            created_at: usage.created_at.map(convert::to_timestamp),
        }
    }
}

impl From<Usage> for v1::CalculateCostRequest {
    fn from(usage: Usage) -> Self {
        Self {
            user_id: usage.user_id,
            model: usage.model,
            provider: usage.provider,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cached_prompt_tokens: usage.cached_prompt_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            created_at: usage.created_at.map(convert::to_timestamp),
        }
    }
}

/// The answer to a recorded model call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The record as it is stored.
    pub record: UsageRecord,
    /// Whether the call had been recorded before, so that nothing was charged now.
    pub duplicate: bool,
}

impl TryFrom<v1::RecordUsageResponse> for Recorded {
    type Error = Error;

    fn try_from(answer: v1::RecordUsageResponse) -> Result<Self, Error> {
        let record = answer.record.ok_or(Error::Decode { field: "record" })?;
        Ok(Self {
            record: record.try_into()?,
            duplicate: answer.duplicate,
        })
    }
}

/// What became of a usage record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageStatus {
    /// Counted and owed.
    Completed,
    /// Reversed by a correction record.
    Voided,
    /// Reverses the record named by `corrects_id`.
    Correction,
    /// A status that this version of the client does not know.
    Unknown,
}

impl From<v1::UsageStatus> for UsageStatus {
    fn from(status: v1::UsageStatus) -> Self {
        match status {
            v1::UsageStatus::Unspecified => Self::Unknown,
            v1::UsageStatus::Completed => Self::Completed,
            v1::UsageStatus::Voided => Self::Voided,
            v1::UsageStatus::Correction => Self::Correction,
        }
    }
}

/// One recorded model call with every part of its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageRecord {
    /// The record's id.
    pub id: String,
    /// Who is billed.
    pub user_id: String,
    /// The subscription whose period contains the record; empty without one.
    pub subscription_id: String,
    /// The model that was called.
    pub model: String,
    /// Who ran the model.
    pub provider: String,
    /// The caller's id of the model call.
    pub request_id: String,
    /// Tokens of the prompt.
    pub prompt_tokens: i64,
    /// Tokens of the completion.
    pub completion_tokens: i64,
    /// Tokens of prompt and completion.
    pub total_tokens: i64,
    /// The part of the prompt tokens read from a cache.
    pub cached_prompt_tokens: i64,
    /// The part of the prompt tokens written to a cache.
    pub cache_write_tokens: i64,
    /// The part of the completion tokens spent on reasoning.
    pub reasoning_tokens: i64,
    /// Tokens at list price, in USD.
    pub cost_usd: Decimal,
    /// What the user pays of the list price: 1 = all of it, 0.9 = 90 %.
    pub discount_rate: Decimal,
    /// The part of the discounted cost that the plan's fee covers, in USD.
    pub covered_amount: Decimal,
    /// Tokens that neither quota nor topped-up balance held.
    pub overage_tokens: i64,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Decimal,
    /// What coupons took off, in USD.
    pub discount_amount: Decimal,
    /// What the record adds to the bill, in USD.
    pub final_cost: Decimal,
    /// The first coupon that took a part; empty without one.
    pub coupon_id: String,
    /// What became of the record.
    pub status: UsageStatus,
    /// The calendar month the record belongs to, `YYYY-MM` (UTC).
    pub billing_month: String,
    /// When the call was made.
    pub created_at: DateTime<Utc>,
    /// When the record last changed.
    pub updated_at: DateTime<Utc>,
    /// The month whose invoice bills the record, `YYYY-MM` (UTC).
    pub invoice_month: String,
    /// The record that this one reverses; empty unless it is a correction.
    pub corrects_id: String,
    /// Why the record was voided; empty unless it was and a reason was given.
    pub void_reason: String,
}

impl TryFrom<v1::UsageRecord> for UsageRecord {
    type Error = Error;

    fn try_from(record: v1::UsageRecord) -> Result<Self, Error> {
        Ok(Self {
            status: record.status().into(),
            id: record.id,
            user_id: record.user_id,
            subscription_id: record.subscription_id,
            model: record.model,
            provider: record.provider,
            request_id: record.request_id,
            prompt_tokens: record.prompt_tokens,
            completion_tokens: record.completion_tokens,
            total_tokens: record.total_tokens,
            cached_prompt_tokens: record.cached_prompt_tokens,
            cache_write_tokens: record.cache_write_tokens,
            reasoning_tokens: record.reasoning_tokens,
            cost_usd: convert::amount(record.cost_usd, "cost_usd")?,
            discount_rate: convert::decimal(record.discount_rate, "discount_rate")?,
            covered_amount: convert::amount(record.covered_amount, "covered_amount")?,
            overage_tokens: record.overage_tokens,
            overage_cost: convert::amount(record.overage_cost, "overage_cost")?,
            discount_amount: convert::amount(record.discount_amount, "discount_amount")?,
            final_cost: convert::amount(record.final_cost, "final_cost")?,
            coupon_id: record.coupon_id,
            billing_month: record.billing_month,
            created_at: convert::time(record.created_at, "created_at")?,
            updated_at: convert::time(record.updated_at, "updated_at")?,
            invoice_month: record.invoice_month,
            corrects_id: record.corrects_id,
            void_reason: record.void_reason,
        })
    }
}

/// What a model call would cost, with all its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Tokens at list price, in USD.
    pub cost_usd: Decimal,
    /// What the user pays of the list price: 1 = all of it, 0.9 = 90 %.
    pub discount_rate: Decimal,
    /// The part of the discounted cost that the plan's fee covers, in USD.
    pub covered_amount: Decimal,
    /// Tokens that neither quota nor topped-up balance hold.
    pub overage_tokens: i64,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Decimal,
    /// What coupons take off, in USD.
    pub discount_amount: Decimal,
    /// What the call would add to the bill, in USD.
    pub final_cost: Decimal,
    /// The price that applies.
    pub price: ModelPrice,
}

impl TryFrom<v1::CalculateCostResponse> for Cost {
    type Error = Error;

    fn try_from(cost: v1::CalculateCostResponse) -> Result<Self, Error> {
        let price = cost.price.ok_or(Error::Decode { field: "price" })?;
        Ok(Self {
            cost_usd: convert::amount(cost.cost_usd, "cost_usd")?,
            discount_rate: convert::decimal(cost.discount_rate, "discount_rate")?,
            covered_amount: convert::amount(cost.covered_amount, "covered_amount")?,
            overage_tokens: cost.overage_tokens,
            overage_cost: convert::amount(cost.overage_cost, "overage_cost")?,
            discount_amount: convert::amount(cost.discount_amount, "discount_amount")?,
            final_cost: convert::amount(cost.final_cost, "final_cost")?,
            price: price.try_into()?,
        })
    }
}

/// Which usage records to list. Filters that are set apply together.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct UsageFilter(v1::ListUsageRecordsRequest);

impl UsageFilter {
    /// The records of one user; an empty id means the token's subject.
    pub fn for_user(user_id: impl Into<String>) -> Self {
        Self(v1::ListUsageRecordsRequest {
            user_id: user_id.into(),
            ..v1::ListUsageRecordsRequest::default()
        })
    }

    /// Only records of a calendar month, `YYYY-MM`.
    pub fn billing_month(mut self, month: impl Into<String>) -> Self {
        self.0.billing_month = month.into();
        self
    }

    /// Only records of a model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.0.model = model.into();
        self
    }

    /// Only records made at or after a time.
    pub fn start_time(mut self, time: DateTime<Utc>) -> Self {
        self.0.start_time = Some(convert::to_timestamp(time));
        self
    }

    /// Only records made before a time.
    pub fn end_time(mut self, time: DateTime<Utc>) -> Self {
        self.0.end_time = Some(convert::to_timestamp(time));
        self
    }

    /// Only the record with this caller's id.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.0.request_id = request_id.into();
        self
    }

    /// Records per page, at most 1,000; 50 unless set.
    pub fn page_size(mut self, records: i32) -> Self {
        self.0.page_size = records;
        self
    }

    /// Goes on after the page that gave this token, with the same filters.
    pub fn page_token(mut self, token: impl Into<String>) -> Self {
        self.0.page_token = token.into();
        self
    }
}

impl From<UsageFilter> for v1::ListUsageRecordsRequest {
    fn from(filter: UsageFilter) -> Self {
        filter.0
    }
}

/// One page of usage records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsagePage {
    /// The records, newest first.
    pub records: Vec<UsageRecord>,
    /// Asks for the next page; none when this is the last.
    pub next_page_token: Option<String>,
}

impl TryFrom<v1::ListUsageRecordsResponse> for UsagePage {
    type Error = Error;

    fn try_from(page: v1::ListUsageRecordsResponse) -> Result<Self, Error> {
        let records = page.records.into_iter().map(UsageRecord::try_from);
        Ok(Self {
            records: records.collect::<Result<_, _>>()?,
            next_page_token: Some(page.next_page_token).filter(|token| !token.is_empty()),
        })
    }
}
