//! Plans.

use billing_core::plan::{Plan, UsagePricing};
use billing_proto::v1;

use super::{
    time::timestamp,
    value::{amount, decimal},
};

/// A plan as it is sent.
#[must_use]
pub fn plan(plan: Plan) -> v1::Plan {
    let terms = plan.terms;
    let usage_pricing = match terms.usage_pricing {
        UsagePricing::Included => v1::UsagePricing::Included,
        UsagePricing::Metered => v1::UsagePricing::Metered,
    };
    v1::Plan {
        id: plan.id.into_string(),
        name: plan.name,
        monthly_quota: terms.monthly_quota,
        monthly_price: amount(terms.monthly_price),
        extra_token_price: decimal(terms.extra_token_price),
        features: plan.features,
        description: plan.description,
        support_level: plan.support_level,
        max_concurrent_req: plan.max_concurrent_req,
        rate_limit_per_min: plan.rate_limit_per_min,
        is_active: plan.is_active,
        display_order: plan.display_order,
        created_at: timestamp(plan.created_at),
        updated_at: timestamp(plan.updated_at),
        usage_pricing: usage_pricing.into(),
        overage_discount_rate: decimal(terms.overage_discount_rate),
    }
}
