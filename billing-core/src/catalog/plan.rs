//! Subscription plans, their terms over time, and changes of them.

use std::fmt::Display;

use chrono::{DateTime, Utc};

use super::Catalog;
use crate::{
    Violation,
    ids::{PlanId, PlanVersionId},
    money::{Money, NumberError, Price, Rate},
    refusal::Refusal,
    text::{TextError, check_line, check_lines},
};

/// The longest name or kind of support, in characters.
pub const MAX_NAME: usize = 100;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 500;
/// The most sentences about what a plan offers.
pub const MAX_FEATURES: usize = 50;
/// The longest of these sentences, in characters.
pub const MAX_FEATURE: usize = 200;
/// The largest quota, in tokens per monthly window.
pub const MAX_QUOTA: i64 = 1_000_000_000_000;
/// The highest fee, in USD per month: it keeps every amount far inside what is stored.
pub const MAX_MONTHLY_PRICE: i64 = 1_000_000;
/// The highest price beyond the quota, in USD per token.
pub const MAX_EXTRA_TOKEN_PRICE: i64 = 10;

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

/// The terms of a plan from a time until the next version of that plan. It is never rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// What subscriptions, records and invoices name it by.
    pub id: PlanVersionId,
    /// The plan.
    pub plan_id: PlanId,
    /// The plan's name.
    pub name: String,
    /// The terms.
    pub terms: PlanTerms,
    /// From when the terms are in force (UTC).
    pub effective_from: DateTime<Utc>,
    /// When the terms were set (UTC).
    pub created_at: DateTime<Utc>,
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

/// What an operator wants a plan to be; `None` leaves a field as it is, or at its default when the
/// plan is new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanChange {
    /// The plan's name.
    pub name: Option<String>,
    /// Whom the plan is for.
    pub description: Option<String>,
    /// How tokens within the quota are charged.
    pub usage_pricing: Option<UsagePricing>,
    /// Tokens per monthly window.
    pub monthly_quota: Option<i64>,
    /// The fee in USD per month.
    pub monthly_price: Option<Money>,
    /// USD per token beyond quota and topped-up balance.
    pub extra_token_price: Option<Price>,
    /// What a user pays of the extra price.
    pub overage_discount_rate: Option<Rate>,
    /// The kind of support.
    pub support_level: Option<String>,
    /// Calls a gateway should let the user have in flight.
    pub max_concurrent_req: Option<i32>,
    /// Calls a gateway should let the user make per minute.
    pub rate_limit_per_min: Option<i32>,
    /// The plan's place in lists.
    pub display_order: Option<i32>,
    /// What the plan offers, in sentences.
    pub features: Option<Vec<String>>,
    /// Puts the plan back on offer.
    pub reactivate: bool,
}

/// What a change of a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanDecision {
    /// The plan is that already.
    Unchanged(Plan),
    /// A new plan and its first version.
    Created(Plan, PlanVersion),
    /// A plan that changed, with a version to add when its terms or its name did.
    Changed(Plan, Option<PlanVersion>),
}

impl PlanDecision {
    /// The plan as it is now.
    #[must_use]
    pub fn into_plan(self) -> Plan {
        match self {
            Self::Unchanged(plan) | Self::Created(plan, _) | Self::Changed(plan, _) => plan,
        }
    }
}

impl Catalog {
    /// Decides the creation of a plan against the one that is `stored` under its id.
    ///
    /// # Errors
    /// [`Refusal::PlanExists`] when that is another plan.
    pub fn create_plan(
        &self,
        stored: Option<Plan>,
        id: PlanId,
        content: PlanChange,
        now: DateTime<Utc>,
    ) -> Result<PlanDecision, Refusal> {
        let new = content.create(id, now);
        match stored {
            Some(stored) if stored.has_content_of(&new) => Ok(PlanDecision::Unchanged(stored)),
            Some(stored) => Err(Refusal::PlanExists(stored.id)),
            None => {
                let version = self.version_of(&new, now);
                Ok(PlanDecision::Created(new, version))
            }
        }
    }

    /// Decides a change of the plan that is `stored` under an id.
    ///
    /// # Errors
    /// [`Refusal::PlanNotFound`] when there is none.
    pub fn update_plan(
        &self,
        stored: Option<Plan>,
        id: PlanId,
        change: PlanChange,
        now: DateTime<Utc>,
    ) -> Result<PlanDecision, Refusal> {
        let stored = stored.ok_or(Refusal::PlanNotFound(id))?;
        let changed = change.apply(stored.clone());
        if changed == stored {
            return Ok(PlanDecision::Unchanged(stored));
        }
        let has_new_terms = (&changed.name, &changed.terms) != (&stored.name, &stored.terms);
        let version = has_new_terms.then(|| self.version_of(&changed, now));
        let changed = Plan {
            updated_at: now,
            ..changed
        };
        Ok(PlanDecision::Changed(changed, version))
    }

    /// The version that a plan's terms are from now on.
    fn version_of(&self, plan: &Plan, now: DateTime<Utc>) -> PlanVersion {
        PlanVersion {
            id: self.next_plan_version(),
            plan_id: plan.id.clone(),
            name: plan.name.clone(),
            terms: plan.terms.clone(),
            effective_from: now,
            created_at: now,
        }
    }
}

impl PlanTerms {
    /// Whether the plan's fee covers model prices.
    #[must_use]
    pub fn covers_prices(&self) -> bool {
        self.usage_pricing == UsagePricing::Included
    }

    /// What tokens beyond quota and balance cost, in USD.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn overage_cost(&self, tokens: i64) -> Result<Money, NumberError> {
        Money::of_extra_tokens(tokens, self.extra_token_price, self.overage_discount_rate)
    }

    /// What 1,000 tokens beyond quota and balance cost, in USD, the discount included.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn overage_price_per_k(&self) -> Result<Money, NumberError> {
        self.overage_cost(1_000)
    }
}

impl Plan {
    /// Decides to take the plan that is `stored` under an id off the offer. `subscriptions` live
    /// ones use it or will change to it, which is no obstacle when they are kept.
    ///
    /// # Errors
    /// [`Refusal::PlanNotFound`] or [`Refusal::PlanInUse`].
    pub fn deactivate(
        stored: Option<Self>,
        id: PlanId,
        keep_subscribers: bool,
        subscriptions: i64,
        now: DateTime<Utc>,
    ) -> Result<PlanDecision, Refusal> {
        let stored = stored.ok_or_else(|| Refusal::PlanNotFound(id.clone()))?;
        if !stored.is_active {
            return Ok(PlanDecision::Unchanged(stored));
        }
        if subscriptions > 0 && !keep_subscribers {
            return Err(Refusal::PlanInUse { id, subscriptions });
        }
        let inactive = Self {
            is_active: false,
            updated_at: now,
            ..stored
        };
        Ok(PlanDecision::Changed(inactive, None))
    }

    /// Whether two plans differ in nothing that an operator sets. Being on offer is a matter of its
    /// own.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        *self
            == Self {
                is_active: self.is_active,
                created_at: self.created_at,
                updated_at: self.updated_at,
                ..other.clone()
            }
    }
}

impl PlanChange {
    /// Every field at fault.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut note = |field, problem: Option<String>| {
            found.extend(problem.map(|problem| Violation::new(field, problem)));
        };
        note("name", self.name.as_deref().and_then(name_problem));
        let description = self.description.as_deref();
        let problem = description.and_then(|text| problem_of(check_lines(text, MAX_DESCRIPTION)));
        note("description", problem);
        note("monthly_quota", out_of(self.monthly_quota, 0, MAX_QUOTA));
        let price = self.monthly_price;
        note("monthly_price", price.and_then(monthly_price_problem));
        let price = self.extra_token_price;
        let highest = Price::whole(MAX_EXTRA_TOKEN_PRICE).unwrap_or(Price::ZERO);
        note("extra_token_price", out_of(price, Price::ZERO, highest));
        let support_level = self.support_level.as_deref();
        let problem = support_level.and_then(|text| problem_of(check_line(text, MAX_NAME)));
        note("support_level", problem);
        let highest = i32::MAX;
        let calls = self.max_concurrent_req;
        note("max_concurrent_req", out_of(calls, 0, highest));
        let calls = self.rate_limit_per_min;
        note("rate_limit_per_min", out_of(calls, 0, highest));
        let features = self.features.as_deref();
        note("features", features.and_then(features_problem));
        let rate = self.overage_discount_rate;
        note("overage_discount_rate", out_of(rate, Rate::ZERO, Rate::ONE));
        found
    }

    /// A plan that has what the change says, and defaults elsewhere.
    #[must_use]
    pub fn create(self, id: PlanId, now: DateTime<Utc>) -> Plan {
        self.apply(Plan {
            id,
            name: String::new(),
            description: String::new(),
            terms: PlanTerms {
                usage_pricing: UsagePricing::Included,
                monthly_quota: 0,
                monthly_price: Money::ZERO,
                extra_token_price: Price::ZERO,
                overage_discount_rate: Rate::ONE,
            },
            support_level: String::new(),
            max_concurrent_req: 0,
            rate_limit_per_min: 0,
            is_active: true,
            display_order: 0,
            features: Vec::new(),
            created_at: now,
            updated_at: now,
        })
    }

    /// The plan with the change made.
    #[must_use]
    pub fn apply(self, plan: Plan) -> Plan {
        let terms = plan.terms;
        Plan {
            name: self.name.unwrap_or(plan.name),
            description: self.description.unwrap_or(plan.description),
            terms: PlanTerms {
                usage_pricing: self.usage_pricing.unwrap_or(terms.usage_pricing),
                monthly_quota: self.monthly_quota.unwrap_or(terms.monthly_quota),
                monthly_price: self.monthly_price.unwrap_or(terms.monthly_price),
                extra_token_price: self.extra_token_price.unwrap_or(terms.extra_token_price),
                overage_discount_rate: self
                    .overage_discount_rate
                    .unwrap_or(terms.overage_discount_rate),
            },
            support_level: self.support_level.unwrap_or(plan.support_level),
            max_concurrent_req: self.max_concurrent_req.unwrap_or(plan.max_concurrent_req),
            rate_limit_per_min: self.rate_limit_per_min.unwrap_or(plan.rate_limit_per_min),
            is_active: plan.is_active || self.reactivate,
            display_order: self.display_order.unwrap_or(plan.display_order),
            features: self.features.unwrap_or(plan.features),
            ..plan
        }
    }
}

fn problem_of(checked: Result<(), TextError>) -> Option<String> {
    checked.err().map(|error| error.to_string())
}

fn out_of<T: PartialOrd + Display>(number: Option<T>, least: T, most: T) -> Option<String> {
    let wrong = number.is_some_and(|number| number < least || number > most);
    wrong.then(|| format!("must be from {least} to {most}"))
}

fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if name.trim() != name {
        return Some("must not begin or end with a space".to_owned());
    }
    problem_of(check_line(name, MAX_NAME))
}

fn monthly_price_problem(price: Money) -> Option<String> {
    let highest = Money::whole(MAX_MONTHLY_PRICE).unwrap_or(Money::ZERO);
    if price.is_whole_cents() {
        out_of(Some(price), Money::ZERO, highest)
    } else {
        Some("must be whole cents".to_owned())
    }
}

fn features_problem(features: &[String]) -> Option<String> {
    if features.len() > MAX_FEATURES {
        return Some(format!("must be at most {MAX_FEATURES} sentences"));
    }
    features.iter().find_map(|feature| {
        if feature.is_empty() {
            return Some("must not contain an empty sentence".to_owned());
        }
        problem_of(check_line(feature, MAX_FEATURE))
    })
}

#[cfg(test)]
mod tests;
