//! Rows of `subscriptions` and `subscription_periods`.

use billing_core::{
    ids::{PlanId, SubscriptionId, UserId},
    subscription::{
        ArchivedWindow, BillingCycle, Standing, SubscriptionRecord, SubscriptionStatus,
    },
    window::{Counters, Span, Window},
};
use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::{DbPrice, DbRate, DbTimestamp, usage_pricing, usage_pricing_text};
use crate::{
    StoreError,
    schema::{subscription_periods, subscriptions},
    sql_types::DbFixed,
};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscriptions, treat_none_as_null = true)]
#[diesel(primary_key(user_id, id))]
pub(crate) struct SubscriptionRow {
    user_id: String,
    id: String,
    plan_id: String,
    status: String,
    billing_cycle: String,
    current_period_start: DbTimestamp,
    current_period_end: DbTimestamp,
    tokens_used: i64,
    auto_renew: bool,
    next_billing_date: Option<DbTimestamp>,
    cancelled_at: Option<DbTimestamp>,
    created_at: DbTimestamp,
    updated_at: DbTimestamp,
}

impl SubscriptionRow {
    pub(crate) fn new(user_id: &UserId, record: &SubscriptionRecord) -> Self {
        Self {
            user_id: user_id.to_string(),
            id: record.id.to_string(),
            plan_id: record.plan_id.to_string(),
            status: status_text(record.standing.status()).to_owned(),
            billing_cycle: cycle_text(record.cycle).to_owned(),
            current_period_start: DbTimestamp(record.period.start),
            current_period_end: DbTimestamp(record.period.end),
            tokens_used: record.tokens_used,
            auto_renew: record.standing.renews(),
            next_billing_date: record.next_billing_date().map(DbTimestamp),
            cancelled_at: record.cancelled_at.map(DbTimestamp),
            created_at: DbTimestamp(record.created_at),
            updated_at: DbTimestamp(record.updated_at),
        }
    }
}

impl TryFrom<SubscriptionRow> for SubscriptionRecord {
    type Error = StoreError;

    fn try_from(row: SubscriptionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: SubscriptionId::trusted(row.id),
            plan_id: PlanId::trusted(row.plan_id),
            standing: Standing::new(status(&row.status)?, row.auto_renew),
            cycle: cycle(&row.billing_cycle)?,
            period: Span {
                start: row.current_period_start.0,
                end: row.current_period_end.0,
            },
            tokens_used: row.tokens_used,
            cancelled_at: row.cancelled_at.map(|at| at.0),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscription_periods)]
#[diesel(primary_key(user_id, subscription_id, window_start))]
pub(crate) struct PeriodRow {
    user_id: String,
    subscription_id: String,
    window_start: DbTimestamp,
    window_end: DbTimestamp,
    plan_id: String,
    usage_pricing: String,
    extra_token_price: DbPrice,
    overage_discount_rate: DbRate,
    quota: i64,
    tokens_used: i64,
    quota_used: i64,
    overage_tokens: i64,
    created_at: DbTimestamp,
}

impl PeriodRow {
    pub(crate) fn new(user_id: &UserId, archived: &ArchivedWindow, now: DateTime<Utc>) -> Self {
        let window = &archived.window;
        Self {
            user_id: user_id.to_string(),
            subscription_id: archived.subscription_id.to_string(),
            window_start: DbTimestamp(window.span.start),
            window_end: DbTimestamp(window.span.end),
            plan_id: archived.plan_id.to_string(),
            usage_pricing: usage_pricing_text(window.usage_pricing).to_owned(),
            extra_token_price: DbFixed(window.extra_token_price),
            overage_discount_rate: DbFixed(window.overage_discount_rate),
            quota: window.quota,
            tokens_used: window.counters.tokens_used,
            quota_used: window.counters.quota_used,
            overage_tokens: window.counters.overage_tokens,
            created_at: DbTimestamp(now),
        }
    }
}

impl TryFrom<PeriodRow> for ArchivedWindow {
    type Error = StoreError;

    fn try_from(row: PeriodRow) -> Result<Self, StoreError> {
        Ok(Self {
            subscription_id: SubscriptionId::trusted(row.subscription_id),
            plan_id: PlanId::trusted(row.plan_id),
            window: Window {
                span: Span {
                    start: row.window_start.0,
                    end: row.window_end.0,
                },
                usage_pricing: usage_pricing(&row.usage_pricing)?,
                quota: row.quota,
                extra_token_price: row.extra_token_price.0,
                overage_discount_rate: row.overage_discount_rate.0,
                counters: Counters {
                    tokens_used: row.tokens_used,
                    quota_used: row.quota_used,
                    overage_tokens: row.overage_tokens,
                },
            },
            changed: false,
        })
    }
}

pub(super) fn status_text(status: SubscriptionStatus) -> &'static str {
    match status {
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::Cancelled => "cancelled",
        SubscriptionStatus::Expired => "expired",
    }
}

pub(super) fn status(text: &str) -> Result<SubscriptionStatus, StoreError> {
    match text {
        "trialing" => Ok(SubscriptionStatus::Trialing),
        "active" => Ok(SubscriptionStatus::Active),
        "cancelled" => Ok(SubscriptionStatus::Cancelled),
        "expired" => Ok(SubscriptionStatus::Expired),
        other => Err(StoreError::corrupt("status", other)),
    }
}

pub(super) fn cycle_text(cycle: BillingCycle) -> &'static str {
    match cycle {
        BillingCycle::Monthly => "monthly",
        BillingCycle::Yearly => "yearly",
    }
}

pub(super) fn cycle(text: &str) -> Result<BillingCycle, StoreError> {
    match text {
        "monthly" => Ok(BillingCycle::Monthly),
        "yearly" => Ok(BillingCycle::Yearly),
        other => Err(StoreError::corrupt("billing_cycle", other)),
    }
}
