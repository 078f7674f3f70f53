//! Rows of `subscription_plans` and `plan_versions`.

use billing_core::{
    ids::PlanId,
    plan::{Plan, PlanTerms, PlanVersion},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::{DbMoney, DbPrice, DbRate, DbTimestamp, usage_pricing, usage_pricing_text};
use crate::{
    StoreError,
    schema::{plan_versions, subscription_plans},
    sql_types::DbFixed,
};

diesel::joinable!(plan_versions -> subscription_plans (plan_id));
diesel::allow_tables_to_appear_in_same_query!(plan_versions, subscription_plans);

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscription_plans)]
pub(crate) struct PlanRow {
    id: String,
    name: String,
    description: String,
    monthly_quota: i64,
    monthly_price: DbMoney,
    extra_token_price: DbPrice,
    support_level: String,
    max_concurrent_req: i32,
    rate_limit_per_min: i32,
    is_active: bool,
    display_order: i32,
    features: String,
    usage_pricing: String,
    overage_discount_rate: DbRate,
    created_at: DbTimestamp,
    updated_at: DbTimestamp,
}

impl TryFrom<PlanRow> for Plan {
    type Error = StoreError;

    fn try_from(row: PlanRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: PlanId::trusted(row.id),
            name: row.name,
            description: row.description,
            terms: PlanTerms {
                usage_pricing: usage_pricing(&row.usage_pricing)?,
                monthly_quota: row.monthly_quota,
                monthly_price: row.monthly_price.0,
                extra_token_price: row.extra_token_price.0,
                overage_discount_rate: row.overage_discount_rate.0,
            },
            support_level: row.support_level,
            max_concurrent_req: row.max_concurrent_req,
            rate_limit_per_min: row.rate_limit_per_min,
            is_active: row.is_active,
            display_order: row.display_order,
            features: serde_json::from_str(&row.features)
                .map_err(|error| StoreError::corrupt("features", error))?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

impl From<&Plan> for PlanRow {
    fn from(plan: &Plan) -> Self {
        let terms = &plan.terms;
        Self {
            id: plan.id.as_str().to_owned(),
            name: plan.name.clone(),
            description: plan.description.clone(),
            monthly_quota: terms.monthly_quota,
            monthly_price: DbFixed(terms.monthly_price),
            extra_token_price: DbFixed(terms.extra_token_price),
            support_level: plan.support_level.clone(),
            max_concurrent_req: plan.max_concurrent_req,
            rate_limit_per_min: plan.rate_limit_per_min,
            is_active: plan.is_active,
            display_order: plan.display_order,
            features: serde_json::Value::from(plan.features.as_slice()).to_string(),
            usage_pricing: usage_pricing_text(terms.usage_pricing).to_owned(),
            overage_discount_rate: DbFixed(terms.overage_discount_rate),
            created_at: DbTimestamp(plan.created_at),
            updated_at: DbTimestamp(plan.updated_at),
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = plan_versions)]
pub(crate) struct PlanVersionRow {
    plan_id: String,
    effective_from: DbTimestamp,
    name: String,
    monthly_quota: i64,
    monthly_price: DbMoney,
    extra_token_price: DbPrice,
    overage_discount_rate: DbRate,
    usage_pricing: String,
}

impl TryFrom<PlanVersionRow> for PlanVersion {
    type Error = StoreError;

    fn try_from(row: PlanVersionRow) -> Result<Self, StoreError> {
        Ok(Self {
            plan_id: PlanId::trusted(row.plan_id),
            effective_from: row.effective_from.0,
            name: row.name,
            terms: PlanTerms {
                usage_pricing: usage_pricing(&row.usage_pricing)?,
                monthly_quota: row.monthly_quota,
                monthly_price: row.monthly_price.0,
                extra_token_price: row.extra_token_price.0,
                overage_discount_rate: row.overage_discount_rate.0,
            },
        })
    }
}

impl From<&PlanVersion> for PlanVersionRow {
    fn from(version: &PlanVersion) -> Self {
        let terms = &version.terms;
        Self {
            plan_id: version.plan_id.as_str().to_owned(),
            effective_from: DbTimestamp(version.effective_from),
            name: version.name.clone(),
            monthly_quota: terms.monthly_quota,
            monthly_price: DbFixed(terms.monthly_price),
            extra_token_price: DbFixed(terms.extra_token_price),
            overage_discount_rate: DbFixed(terms.overage_discount_rate),
            usage_pricing: usage_pricing_text(terms.usage_pricing).to_owned(),
        }
    }
}
