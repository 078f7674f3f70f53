//! Subscription plans and their terms over time.

use chrono::{DateTime, Utc};

use crate::{
    ids::PlanId,
    money::{Money, Price, Rate},
};

/// How a plan charges for the tokens within its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsagePricing {
    /// The fee covers model prices; tokens beyond quota and top-up cost the extra price.
    Included,
    /// Tokens cost their model prices; the quota only warns and limits.
    Metered,
}

/// What a plan asks for and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTerms {
    /// How tokens within the quota are charged.
    pub usage_pricing: UsagePricing,
    /// Tokens per monthly window.
    pub monthly_quota: i64,
    /// The fee in USD per month.
    pub monthly_price: Money,
    /// USD per token beyond quota and topped-up balance.
    pub extra_token_price: Price,
    /// What a user pays of the extra price.
    pub overage_discount_rate: Rate,
}

/// The terms of a plan from a time until the next version of that plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// The plan.
    pub plan_id: PlanId,
    /// From when the terms are in force (UTC).
    pub effective_from: DateTime<Utc>,
    /// The plan's name.
    pub name: String,
    /// The terms.
    pub terms: PlanTerms,
}

/// A subscription plan as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The plan's id, such as `plan-pro`.
    pub id: PlanId,
    /// The plan's name.
    pub name: String,
    /// Whom the plan is for.
    pub description: String,
    /// The terms that a period which begins now takes on.
    pub terms: PlanTerms,
    /// The kind of support.
    pub support_level: String,
    /// Calls a gateway should let the user have in flight.
    pub max_concurrent_req: i32,
    /// Calls a gateway should let the user make per minute.
    pub rate_limit_per_min: i32,
    /// Whether the plan can be subscribed to.
    pub is_active: bool,
    /// The plan's place in lists.
    pub display_order: i32,
    /// What the plan offers, in sentences.
    pub features: Vec<String>,
    /// When the plan was created (UTC).
    pub created_at: DateTime<Utc>,
    /// When the plan last changed (UTC).
    pub updated_at: DateTime<Utc>,
}
