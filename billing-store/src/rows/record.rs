//! Rows of `billing_records` and `usage_rollups`.

use billing_core::{
    ids::{CouponId, ModelId, RecordId, RequestId, SubscriptionId, UserId},
    rating::{Charge, UsageRecord, UsageStatus},
    usage::{Fingerprint, Tokens},
    window::TokensTaken,
};
use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Queryable, Selectable};

use super::{DbMoney, DbRate, DbTimestamp, month};
use crate::{StoreError, schema::billing_records, sql_types::DbFixed};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = billing_records)]
pub(crate) struct RecordRow {
    pub(crate) user_id: String,
    pub(crate) id: String,
    pub(crate) subscription_id: Option<String>,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) request_id: String,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) total_tokens: i64,
    pub(crate) cached_prompt_tokens: i64,
    pub(crate) cache_write_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    pub(crate) cost_usd: DbMoney,
    pub(crate) discount_rate: DbRate,
    pub(crate) covered_amount: DbMoney,
    pub(crate) quota_tokens: i64,
    pub(crate) topup_tokens: i64,
    pub(crate) overage_tokens: i64,
    pub(crate) overage_cost: DbMoney,
    pub(crate) discount_amount: DbMoney,
    pub(crate) final_cost: DbMoney,
    pub(crate) coupon_id: Option<String>,
    pub(crate) status: String,
    pub(crate) billing_month: String,
    pub(crate) invoice_month: String,
    pub(crate) corrects_id: Option<String>,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) rated_at: DbTimestamp,
    pub(crate) created_at: DbTimestamp,
    pub(crate) updated_at: DbTimestamp,
    void_reason: Option<String>,
    pub(crate) terms: String,
}

impl From<&UsageRecord> for RecordRow {
    fn from(record: &UsageRecord) -> Self {
        let charge = &record.charge;
        Self {
            user_id: record.user_id.as_str().to_owned(),
            id: record.id.as_str().to_owned(),
            subscription_id: charge.subscription_id.as_ref().map(ToString::to_string),
            model: record.model.as_str().to_owned(),
            provider: record.provider.clone(),
            request_id: record.request_id.as_str().to_owned(),
            prompt_tokens: record.tokens.prompt,
            completion_tokens: record.tokens.completion,
            total_tokens: record.tokens.total(),
            cached_prompt_tokens: record.tokens.cached_prompt,
            cache_write_tokens: record.tokens.cache_write,
            reasoning_tokens: record.tokens.reasoning,
            cost_usd: DbFixed(charge.cost_usd),
            discount_rate: DbFixed(charge.discount_rate),
            covered_amount: DbFixed(charge.covered_amount),
            quota_tokens: charge.taken.quota,
            topup_tokens: charge.taken.topup,
            overage_tokens: charge.taken.overage,
            overage_cost: DbFixed(charge.overage_cost),
            discount_amount: DbFixed(charge.discount_amount),
            final_cost: DbFixed(charge.final_cost),
            coupon_id: charge.coupon_id.as_ref().map(ToString::to_string),
            status: record.status.name().to_owned(),
            billing_month: record.billing_month.to_string(),
            invoice_month: record.invoice_month.to_string(),
            corrects_id: record.corrects_id.as_ref().map(ToString::to_string),
            fingerprint: record.fingerprint.0.to_vec(),
            rated_at: DbTimestamp(record.rated_at),
            created_at: DbTimestamp(record.created_at),
            updated_at: DbTimestamp(record.updated_at),
            void_reason: record.void_reason.clone(),
            terms: charge.terms.to_string(),
        }
    }
}

impl TryFrom<RecordRow> for UsageRecord {
    type Error = StoreError;

    fn try_from(row: RecordRow) -> Result<Self, StoreError> {
        let fingerprint = <[u8; 32]>::try_from(row.fingerprint)
            .map_err(|bytes| StoreError::corrupt("fingerprint", format!("{bytes:?}")))?;
        Ok(Self {
            id: RecordId::trusted(row.id),
            user_id: UserId::trusted(row.user_id),
            request_id: RequestId::trusted(row.request_id),
            model: ModelId::trusted(row.model),
            provider: row.provider,
            tokens: Tokens {
                prompt: row.prompt_tokens,
                completion: row.completion_tokens,
                cached_prompt: row.cached_prompt_tokens,
                cache_write: row.cache_write_tokens,
                reasoning: row.reasoning_tokens,
            },
            charge: Charge {
                cost_usd: row.cost_usd.0,
                discount_rate: row.discount_rate.0,
                covered_amount: row.covered_amount.0,
                taken: TokensTaken {
                    quota: row.quota_tokens,
                    topup: row.topup_tokens,
                    overage: row.overage_tokens,
                },
                overage_cost: row.overage_cost.0,
                discount_amount: row.discount_amount.0,
                final_cost: row.final_cost.0,
                coupon_id: row.coupon_id.map(CouponId::trusted),
                subscription_id: row.subscription_id.map(SubscriptionId::trusted),
                terms: row
                    .terms
                    .parse()
                    .map_err(|error| StoreError::corrupt("terms", error))?,
            },
            status: parse_status(&row.status)?,
            billing_month: month("billing_month", &row.billing_month)?,
            invoice_month: month("invoice_month", &row.invoice_month)?,
            corrects_id: row.corrects_id.map(RecordId::trusted),
            rated_at: row.rated_at.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            fingerprint: Fingerprint(fingerprint),
            void_reason: row.void_reason,
        })
    }
}

/// What voiding changes of a record.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = billing_records)]
pub(crate) struct VoidRow {
    status: &'static str,
    void_reason: Option<String>,
    updated_at: DbTimestamp,
}

impl VoidRow {
    pub(crate) fn new(reason: Option<String>, now: DateTime<Utc>) -> Self {
        Self {
            status: UsageStatus::Voided.name(),
            void_reason: reason,
            updated_at: DbTimestamp(now),
        }
    }
}

fn parse_status(text: &str) -> Result<UsageStatus, StoreError> {
    match text {
        "completed" => Ok(UsageStatus::Completed),
        "voided" => Ok(UsageStatus::Voided),
        "correction" => Ok(UsageStatus::Correction),
        other => Err(StoreError::corrupt("status", other)),
    }
}

/// What records of one user, day, model, invoice month and terms add up to.
#[derive(Debug)]
pub(crate) struct RollupRow {
    pub(crate) user_id: String,
    pub(crate) day: String,
    pub(crate) model: String,
    pub(crate) invoice_month: String,
    pub(crate) terms: String,
    pub(crate) record_count: i64,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    pub(crate) cached_prompt_tokens: i64,
    pub(crate) cache_write_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    pub(crate) overage_tokens: i64,
    pub(crate) cost_usd: DbMoney,
    pub(crate) covered_amount: DbMoney,
    pub(crate) overage_cost: DbMoney,
    pub(crate) discount_amount: DbMoney,
    pub(crate) final_cost: DbMoney,
}
