//! Rows of `subscription_plans` and `plan_versions`.

use std::sync::Arc;

use billing_core::{
    catalog::{Catalog, Plan, PlanTerms, PlanVersion, UsagePricing},
    ids::{PlanId, PlanVersionId},
    quota_window::EarlierTerms,
    refusal::Refusal,
};
use chrono::DateTime;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use super::{DbMoney, DbPrice, DbRate, DbTimestamp, table::table_row};
use crate::{
    StoreError,
    json::Json,
    sql_types::{DbFixed, ExactDecimal, JsonText, UtcTimestamp},
};

table_row! {
    PlanRow, PlanColumns in subscription_plans {
        id: String as Text = "text", Key;
        name: String as Text = "text", Set;
        description: String as Text = "text", Set;
        monthly_quota: i64 as BigInt = "bigint", Set;
        monthly_price: DbMoney as ExactDecimal = "numeric", Set;
        extra_token_price: DbPrice as ExactDecimal = "numeric", Set;
        support_level: String as Text = "text", Set;
        max_concurrent_req: i32 as Integer = "integer", Set;
        rate_limit_per_min: i32 as Integer = "integer", Set;
        is_active: bool as Bool = "boolean", Set;
        display_order: i32 as Integer = "integer", Set;
        features: Json<Vec<String>> as JsonText = "jsonb", Set;
        usage_pricing: String as Text = "text", Set;
        overage_discount_rate: DbRate as ExactDecimal = "numeric", Set;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

table_row! {
    PlanVersionRow, PlanVersionColumns in plan_versions {
        id: i32 as Integer = "integer", Key;
        plan_id: String as Text = "text", Insert;
        name: String as Text = "text", Insert;
        monthly_quota: i64 as BigInt = "bigint", Insert;
        monthly_price: DbMoney as ExactDecimal = "numeric", Insert;
        extra_token_price: DbPrice as ExactDecimal = "numeric", Insert;
        overage_discount_rate: DbRate as ExactDecimal = "numeric", Insert;
        usage_pricing: String as Text = "text", Insert;
        effective_from: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
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
            features: row.features.0,
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
            features: Json(plan.features.clone()),
            usage_pricing: usage_pricing_text(terms.usage_pricing).to_owned(),
            overage_discount_rate: DbFixed(terms.overage_discount_rate),
            created_at: DbTimestamp(plan.created_at),
            updated_at: DbTimestamp(plan.updated_at),
        }
    }
}

impl TryFrom<PlanVersionRow> for PlanVersion {
    type Error = StoreError;

    fn try_from(row: PlanVersionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: PlanVersionId::new(row.id),
            plan_id: PlanId::trusted(row.plan_id),
            name: row.name,
            terms: PlanTerms {
                usage_pricing: usage_pricing(&row.usage_pricing)?,
                monthly_quota: row.monthly_quota,
                monthly_price: row.monthly_price.0,
                extra_token_price: row.extra_token_price.0,
                overage_discount_rate: row.overage_discount_rate.0,
            },
            effective_from: row.effective_from.0,
            created_at: row.created_at.0,
        })
    }
}

impl From<&PlanVersion> for PlanVersionRow {
    fn from(version: &PlanVersion) -> Self {
        let terms = &version.terms;
        Self {
            id: version.id.number(),
            plan_id: version.plan_id.as_str().to_owned(),
            name: version.name.clone(),
            monthly_quota: terms.monthly_quota,
            monthly_price: DbFixed(terms.monthly_price),
            extra_token_price: DbFixed(terms.extra_token_price),
            overage_discount_rate: DbFixed(terms.overage_discount_rate),
            usage_pricing: usage_pricing_text(terms.usage_pricing).to_owned(),
            effective_from: DbTimestamp(version.effective_from),
            created_at: DbTimestamp(version.created_at),
        }
    }
}

fn usage_pricing(text: &str) -> Result<UsagePricing, StoreError> {
    match text {
        "included" => Ok(UsagePricing::Included),
        "metered" => Ok(UsagePricing::Metered),
        other => Err(StoreError::corrupt("usage_pricing", other)),
    }
}

const fn usage_pricing_text(pricing: UsagePricing) -> &'static str {
    match pricing {
        UsagePricing::Included => "included",
        UsagePricing::Metered => "metered",
    }
}

/// The version with a number.
pub(super) fn plan_version(catalog: &Catalog, id: i32) -> Result<Arc<PlanVersion>, StoreError> {
    let id = PlanVersionId::new(id);
    let version = catalog.plan_version(id).map(Arc::clone);
    version.ok_or(StoreError::Rejected(Refusal::PlanVersionUnknown(id)))
}

/// What rated a window before its plan changed: until when (microseconds since 1970), and the
/// number of the plan's version. NULL when it did not change.
pub(super) type EarlierJson = Json<Vec<(i64, i32)>>;

pub(super) fn earlier_json(earlier: &[EarlierTerms]) -> Option<EarlierJson> {
    let terms = earlier.iter();
    let terms = terms.map(|held| (held.until.timestamp_micros(), held.version.id.number()));
    (!earlier.is_empty()).then(|| Json(terms.collect()))
}

/// What rated a window before its plan changed, with the catalog's versions.
pub(super) fn earlier_terms(
    catalog: &Catalog,
    stored: Option<&EarlierJson>,
) -> Result<Vec<EarlierTerms>, StoreError> {
    let stored = stored.map(|stored| stored.0.as_slice()).unwrap_or_default();
    let terms = stored.iter().map(|&(until, version)| {
        let time = DateTime::from_timestamp_micros(until);
        Ok(EarlierTerms {
            until: time.ok_or_else(|| StoreError::corrupt("earlier_terms", until))?,
            version: plan_version(catalog, version)?,
        })
    });
    terms.collect()
}
