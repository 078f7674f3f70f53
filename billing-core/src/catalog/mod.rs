//! The catalog: prices of models and versions of plans. Both are only ever added to, so a record or
//! a subscription names for good what it is charged by.

mod plan;
mod price;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

pub use self::{
    plan::{
        MAX_DESCRIPTION, MAX_EXTRA_TOKEN_PRICE, MAX_FEATURE, MAX_FEATURES, MAX_MONTHLY_PRICE,
        MAX_NAME, MAX_QUOTA, Plan, PlanChange, PlanDecision, PlanTerms, PlanVersion, UsagePricing,
    },
    price::{MAX_PRICE_PER_K, ModelPrice, PriceChange, PriceDecision, TokenKind, TokenPrices},
};
use crate::{
    ids::{ModelId, PlanId, PlanVersionId, PriceId},
    refusal::Refusal,
};

/// All prices and plans at one version.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    version: i64,
    prices: HashMap<PriceId, Arc<ModelPrice>>,
    /// The prices of each model by start and id.
    models: HashMap<ModelId, Vec<Arc<ModelPrice>>>,
    plan_versions: HashMap<PlanVersionId, Arc<PlanVersion>>,
    plans: HashMap<PlanId, PlanHistory>,
}

/// The versions that a plan has had, by id, and whether it is on offer.
#[derive(Debug, Clone, Default)]
struct PlanHistory {
    is_active: bool,
    versions: Vec<Arc<PlanVersion>>,
}

impl Catalog {
    /// A catalog of prices in any order.
    #[must_use]
    pub fn new(version: i64, prices: impl IntoIterator<Item = ModelPrice>) -> Self {
        let mut catalog = Self {
            version,
            ..Self::default()
        };
        for price in prices.into_iter().map(Arc::new) {
            catalog.prices.insert(price.id, Arc::clone(&price));
            let model = catalog.models.entry(price.model_id.clone());
            model.or_default().push(price);
        }
        for prices in catalog.models.values_mut() {
            prices.sort_by_key(|price| (price.effective_from, price.id));
        }
        catalog
    }

    /// The same catalog with plans: their versions in any order, each with whether its plan is on
    /// offer.
    #[must_use]
    pub fn with_plans(mut self, versions: impl IntoIterator<Item = (bool, PlanVersion)>) -> Self {
        for (is_active, version) in versions {
            let version = Arc::new(version);
            self.plan_versions.insert(version.id, Arc::clone(&version));
            let plan = self.plans.entry(version.plan_id.clone()).or_default();
            plan.is_active = is_active;
            plan.versions.push(version);
        }
        for plan in self.plans.values_mut() {
            plan.versions.sort_by_key(|version| version.id);
        }
        self
    }

    /// Counts the changes of prices and plans.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The price with an id.
    #[must_use]
    pub fn price(&self, id: PriceId) -> Option<&Arc<ModelPrice>> {
        self.prices.get(&id)
    }

    /// The prices of a model by `effective_from` and id; empty when it has none.
    #[must_use]
    pub fn prices_of(&self, model: &str) -> &[Arc<ModelPrice>] {
        self.models.get(model).map_or(&[], Vec::as_slice)
    }

    /// The price of a model at a time. A model without one is never free.
    #[must_use]
    pub fn price_at(&self, model: &str, at: DateTime<Utc>) -> Option<&Arc<ModelPrice>> {
        price::in_force(self.prices_of(model), at)
    }

    /// The prices in force at a time, by model id.
    #[must_use]
    pub fn prices_at(&self, at: DateTime<Utc>) -> Vec<&Arc<ModelPrice>> {
        let mut prices: Vec<_> = self
            .models
            .values()
            .filter_map(|prices| price::in_force(prices, at))
            .collect();
        prices.sort_by(|a, b| a.model_id.cmp(&b.model_id));
        prices
    }

    /// The version of a plan with an id.
    #[must_use]
    pub fn plan_version(&self, id: PlanVersionId) -> Option<&Arc<PlanVersion>> {
        self.plan_versions.get(&id)
    }

    /// The terms of a plan at a time; `None` when there is no such plan. What was set last counts
    /// from its start on, also when a clock that was ahead had set terms for later. The first terms
    /// reach back as far as anyone asks: a clock may stand before the time at which they were set.
    #[must_use]
    pub fn plan_at(&self, plan_id: &str, at: DateTime<Utc>) -> Option<&Arc<PlanVersion>> {
        let versions = &self.plans.get(plan_id)?.versions;
        let started = |version: &&Arc<PlanVersion>| version.effective_from <= at;
        let latest = versions.iter().rev().find(started);
        latest.or_else(|| versions.first())
    }

    /// Whether a plan can be subscribed to.
    #[must_use]
    pub fn plan_is_active(&self, plan_id: &str) -> bool {
        self.plans.get(plan_id).is_some_and(|plan| plan.is_active)
    }

    /// Decides each change of a price against the catalog and the changes before it. Prices that
    /// are set are to be added with the ids that they have got.
    #[must_use]
    pub fn decide_prices(
        &self,
        changes: impl IntoIterator<Item = PriceChange>,
        now: DateTime<Utc>,
    ) -> Vec<Result<PriceDecision, Refusal>> {
        let last = self.prices.keys().max();
        let mut next = last.map_or(PriceId::new(1), |id| id.next());
        let mut changed: HashMap<ModelId, Vec<Arc<ModelPrice>>> = HashMap::new();
        let decide = |change: PriceChange| {
            let model = change.model_id.clone();
            let stored = self.prices_of(model.as_str());
            let prices = changed.entry(model).or_insert_with(|| stored.to_vec());
            let decision = change.decide(prices, next, now);
            if let Ok(PriceDecision::Set(price)) = &decision {
                prices.push(Arc::new(price.clone()));
                prices.sort_by_key(|price| (price.effective_from, price.id));
                next = next.next();
            }
            decision
        };
        changes.into_iter().map(decide).collect()
    }

    /// The id of the next version of a plan.
    fn next_plan_version(&self) -> PlanVersionId {
        let last = self.plan_versions.keys().max();
        last.map_or(PlanVersionId::new(1), |id| id.next())
    }
}

#[cfg(test)]
mod tests;
