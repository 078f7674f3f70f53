//! Rows of `subscriptions` and `subscription_periods`.

use billing_core::{
    catalog::Catalog,
    ids::{PlanId, SubscriptionId, UserId},
    quota_window::{Counters, QuotaWindow, Span},
    subscription::{
        ArchivedWindow, BillingCycle, SubscriptionRecord, SubscriptionState, SubscriptionStatus,
    },
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::{
    DbTimestamp, DbUuid,
    plan::{EarlierJson, earlier_json, earlier_terms, plan_version},
    table::table_row,
};
use crate::{
    StoreError,
    sql_types::{JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    SubscriptionRow, SubscriptionColumns in subscriptions {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        plan_id: String as Text = "text", Set;
        status: String as Text = "text", Set;
        billing_cycle: String as Text = "text", Set;
        current_period_start: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        current_period_end: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        tokens_used: i64 as BigInt = "bigint", Set;
        auto_renew: bool as Bool = "boolean", Set;
        next_billing_date: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        cancelled_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

table_row! {
    PeriodRow, PeriodColumns in subscription_periods {
        user_id: String as Text = "text", Key;
        subscription_id: DbUuid as UuidBytes = "uuid", Key;
        window_start: DbTimestamp as UtcTimestamp = "timestamptz", Key;
        window_end: DbTimestamp as UtcTimestamp = "timestamptz", Set;
        plan_version_id: i32 as Integer = "integer", Set;
        earlier_terms: Option<EarlierJson> as Nullable<JsonText> = "jsonb", Set;
        quota: i64 as BigInt = "bigint", Set;
        tokens_used: i64 as BigInt = "bigint", Set;
        quota_used: i64 as BigInt = "bigint", Set;
        overage_tokens: i64 as BigInt = "bigint", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
}

impl SubscriptionRow {
    pub(crate) fn new(user_id: &UserId, record: &SubscriptionRecord) -> Self {
        Self {
            user_id: user_id.to_string(),
            id: DbUuid(record.id.uuid()),
            plan_id: record.plan_id.to_string(),
            status: status_text(record.state.status()).to_owned(),
            billing_cycle: cycle_text(record.cycle).to_owned(),
            current_period_start: DbTimestamp(record.period.start),
            current_period_end: DbTimestamp(record.period.end),
            tokens_used: record.tokens_used,
            auto_renew: record.state.renews(),
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
            id: SubscriptionId::new(row.id.0),
            plan_id: PlanId::trusted(row.plan_id),
            state: SubscriptionState::new(status(&row.status)?, row.auto_renew),
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

impl PeriodRow {
    pub(crate) fn new(user_id: &UserId, archived: &ArchivedWindow, now: DateTime<Utc>) -> Self {
        let window = &archived.window;
        Self {
            user_id: user_id.to_string(),
            subscription_id: DbUuid(archived.subscription_id.uuid()),
            window_start: DbTimestamp(window.span.start),
            window_end: DbTimestamp(window.span.end),
            plan_version_id: window.version.id.number(),
            earlier_terms: earlier_json(&window.earlier),
            quota: window.quota,
            tokens_used: window.counters.tokens_used,
            quota_used: window.counters.quota_used,
            overage_tokens: window.counters.overage_tokens,
            created_at: DbTimestamp(now),
        }
    }
}

impl PeriodRow {
    /// The window, whose plan version is the catalog's.
    pub(crate) fn into_window(self, catalog: &Catalog) -> Result<ArchivedWindow, StoreError> {
        Ok(ArchivedWindow {
            subscription_id: SubscriptionId::new(self.subscription_id.0),
            window: QuotaWindow {
                span: Span {
                    start: self.window_start.0,
                    end: self.window_end.0,
                },
                version: plan_version(catalog, self.plan_version_id)?,
                earlier: earlier_terms(catalog, self.earlier_terms.as_ref())?,
                quota: self.quota,
                counters: Counters {
                    tokens_used: self.tokens_used,
                    quota_used: self.quota_used,
                    overage_tokens: self.overage_tokens,
                },
            },
        })
    }
}

pub(crate) fn status_text(status: SubscriptionStatus) -> &'static str {
    match status {
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Cancelled => "cancelled",
        SubscriptionStatus::Expired => "expired",
    }
}

pub(super) fn status(text: &str) -> Result<SubscriptionStatus, StoreError> {
    match text {
        "trialing" => Ok(SubscriptionStatus::Trialing),
        "active" => Ok(SubscriptionStatus::Active),
        "past_due" => Ok(SubscriptionStatus::PastDue),
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
