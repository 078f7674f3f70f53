//! The subscription plans on offer.

use billing_proto::v1;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Error, convert};

/// How a plan charges for the tokens within its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsagePricing {
    /// The fee covers model prices up to the quota; beyond it, tokens cost the extra price.
    Included,
    /// Tokens cost their model prices; the quota only warns and limits.
    Metered,
    /// A way of pricing that this version of the client does not know.
    Unknown,
}

impl From<v1::UsagePricing> for UsagePricing {
    fn from(pricing: v1::UsagePricing) -> Self {
        match pricing {
            v1::UsagePricing::Unspecified => Self::Unknown,
            v1::UsagePricing::Included => Self::Included,
            v1::UsagePricing::Metered => Self::Metered,
        }
    }
}

/// A subscription plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The plan's id, such as `plan-pro`.
    pub id: String,
    /// The plan's name, such as "Pro".
    pub name: String,
    /// Tokens per monthly window.
    pub monthly_quota: i64,
    /// The fee per month, in USD.
    pub monthly_price: Decimal,
    /// USD per token beyond quota and topped-up balance.
    pub extra_token_price: Decimal,
    /// What the plan offers, in sentences.
    pub features: Vec<String>,
    /// Whom the plan is for, in a sentence.
    pub description: String,
    /// The kind of support: email, priority or dedicated.
    pub support_level: String,
    /// Calls a gateway should let the user have in flight.
    pub max_concurrent_req: i32,
    /// Calls a gateway should let the user make per minute.
    pub rate_limit_per_min: i32,
    /// Whether the plan can be subscribed to.
    pub is_active: bool,
    /// The plan's place in lists.
    pub display_order: i32,
    /// When the plan was created.
    pub created_at: DateTime<Utc>,
    /// When the plan last changed.
    pub updated_at: DateTime<Utc>,
    /// How tokens within the quota are charged.
    pub usage_pricing: UsagePricing,
    /// What a user pays of the extra token price: 1 = all of it, 0.9 = 90 %.
    pub overage_discount_rate: Decimal,
}

impl TryFrom<v1::Plan> for Plan {
    type Error = Error;

    fn try_from(plan: v1::Plan) -> Result<Self, Error> {
        Ok(Self {
            usage_pricing: plan.usage_pricing().into(),
            id: plan.id,
            name: plan.name,
            monthly_quota: plan.monthly_quota,
            monthly_price: convert::amount(plan.monthly_price, "monthly_price")?,
            extra_token_price: convert::decimal(plan.extra_token_price, "extra_token_price")?,
            features: plan.features,
            description: plan.description,
            support_level: plan.support_level,
            max_concurrent_req: plan.max_concurrent_req,
            rate_limit_per_min: plan.rate_limit_per_min,
            is_active: plan.is_active,
            display_order: plan.display_order,
            created_at: convert::time(plan.created_at, "created_at")?,
            updated_at: convert::time(plan.updated_at, "updated_at")?,
            overage_discount_rate: convert::decimal(
                plan.overage_discount_rate,
                "overage_discount_rate",
            )?,
        })
    }
}
