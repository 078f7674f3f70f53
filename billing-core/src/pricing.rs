//! Model prices, their choice by time, and price changes; the catalog of prices and plans.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    Violation,
    ids::{self, ModelId, PlanId},
    money::{Money, NumberError, Price},
    plan::PlanVersion,
    usage::Tokens,
};

/// The highest price, in USD per 1,000 tokens: it keeps every amount far inside what is stored.
pub const MAX_PRICE_PER_K: i64 = 10_000;

/// USD per 1,000 tokens of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenPrices {
    /// Prompt tokens.
    pub prompt: Price,
    /// Completion tokens.
    pub completion: Price,
    /// Prompt tokens read from a cache; `None` means the prompt price.
    pub cached_prompt: Option<Price>,
    /// Prompt tokens written to a cache; `None` means the prompt price.
    pub cache_write: Option<Price>,
    /// Completion tokens spent on reasoning; `None` means the completion price.
    pub reasoning: Option<Price>,
}

/// A part of a record's tokens that has a price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenKind {
    /// Prompt tokens that no cache read or wrote.
    Prompt,
    /// Prompt tokens read from a cache.
    CachedPrompt,
    /// Prompt tokens written to a cache.
    CacheWrite,
    /// Completion tokens that are not reasoning.
    Completion,
    /// Completion tokens spent on reasoning.
    Reasoning,
}

impl TokenPrices {
    /// What tokens cost, each part at its own price (contract, section 3, step 1).
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when the amount does not fit.
    pub fn cost(&self, tokens: &Tokens) -> Result<Money, NumberError> {
        let mut parts = self.parts(tokens).into_iter();
        parts.try_fold(Money::ZERO, |sum, (_, count, price)| {
            sum.plus(Money::of_tokens(count, price)?)
        })
    }

    /// The parts of tokens that have prices of their own, each with its tokens and its price.
    #[must_use]
    pub fn parts(&self, tokens: &Tokens) -> [(TokenKind, i64, Price); 5] {
        [
            (TokenKind::Prompt, tokens.plain_prompt(), self.prompt),
            (
                TokenKind::CachedPrompt,
                tokens.cached_prompt,
                self.cached_prompt(),
            ),
            (
                TokenKind::CacheWrite,
                tokens.cache_write,
                self.cache_write(),
            ),
            (
                TokenKind::Completion,
                tokens.plain_completion(),
                self.completion,
            ),
            (TokenKind::Reasoning, tokens.reasoning, self.reasoning()),
        ]
    }

    /// The price of prompt tokens read from a cache.
    #[must_use]
    pub fn cached_prompt(&self) -> Price {
        self.cached_prompt.unwrap_or(self.prompt)
    }

    /// The price of prompt tokens written to a cache.
    #[must_use]
    pub fn cache_write(&self) -> Price {
        self.cache_write.unwrap_or(self.prompt)
    }

    /// The price of completion tokens spent on reasoning.
    #[must_use]
    pub fn reasoning(&self) -> Price {
        self.reasoning.unwrap_or(self.completion)
    }

    fn violations(&self) -> Vec<Violation> {
        let optional = |field, price: Option<Price>| price.map(|price| (field, price));
        [
            Some(("prompt_price_per_k", self.prompt)),
            Some(("completion_price_per_k", self.completion)),
            optional("cached_prompt_price_per_k", self.cached_prompt),
            optional("cache_write_price_per_k", self.cache_write),
            optional("reasoning_price_per_k", self.reasoning),
        ]
        .into_iter()
        .flatten()
        .filter_map(|(field, price)| {
            let highest = Price::whole(MAX_PRICE_PER_K).unwrap_or(Price::ZERO);
            if price.is_negative() {
                Some(Violation::new(field, "must not be negative"))
            } else if price > highest {
                Some(Violation::new(field, format!("must be at most {highest}")))
            } else {
                None
            }
        })
        .collect()
    }
}

/// The price of a model from a time until the next price of that model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    /// The model.
    pub model_id: ModelId,
    /// Who runs the model, for information.
    pub provider: String,
    /// USD per 1,000 tokens.
    pub prices: TokenPrices,
    /// From when the price is in force (UTC).
    pub effective_from: DateTime<Utc>,
    /// When the price was set (UTC).
    pub created_at: DateTime<Utc>,
}

/// A price that an operator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// The model.
    pub model_id: ModelId,
    /// Who runs the model, for information.
    pub provider: String,
    /// USD per 1,000 tokens.
    pub prices: TokenPrices,
    /// From when; `None` means 1970 for a model's first price, else now.
    pub effective_from: Option<DateTime<Utc>>,
    /// Lets `effective_from` lie in the past.
    pub allow_backdate: bool,
}

/// What a price change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceDecision {
    /// This price is in force already.
    Unchanged(ModelPrice),
    /// A new row; it takes the place of a price with the same start.
    Set(ModelPrice),
}

/// The price would start before now, and the model has a price already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("effective_from lies in the past and the model has a price already")]
pub struct PriceInPast;

impl PriceChange {
    /// Every field at fault.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations = self.prices.violations();
        if let Err(error) = ids::check_optional(&self.provider) {
            violations.push(Violation::new("provider", error.to_string()));
        }
        if self
            .effective_from
            .is_some_and(|from| from < DateTime::UNIX_EPOCH)
        {
            violations.push(Violation::new("effective_from", "must not be before 1970"));
        }
        violations
    }

    /// Decides the change against the model's prices, which are sorted by `effective_from`.
    ///
    /// # Errors
    /// [`PriceInPast`] when a later price would start before `now` without `allow_backdate`.
    pub fn decide(
        self,
        existing: &[Arc<ModelPrice>],
        now: DateTime<Utc>,
    ) -> Result<PriceDecision, PriceInPast> {
        let default = if existing.is_empty() {
            DateTime::UNIX_EPOCH
        } else {
            now
        };
        let from = self.effective_from.unwrap_or(default);
        if let Some(present) = in_force(existing, from)
            && present.prices == self.prices
            && present.provider == self.provider
        {
            return Ok(PriceDecision::Unchanged(ModelPrice::clone(present)));
        }
        if !existing.is_empty() && from < now && !self.allow_backdate {
            return Err(PriceInPast);
        }
        Ok(PriceDecision::Set(ModelPrice {
            model_id: self.model_id,
            provider: self.provider,
            prices: self.prices,
            effective_from: from,
            created_at: now,
        }))
    }
}

fn in_force(prices: &[Arc<ModelPrice>], at: DateTime<Utc>) -> Option<&Arc<ModelPrice>> {
    let next = prices.partition_point(|price| price.effective_from <= at);
    next.checked_sub(1).and_then(|index| prices.get(index))
}

/// All prices and plans at one version.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    version: i64,
    models: HashMap<ModelId, Vec<Arc<ModelPrice>>>,
    plans: HashMap<PlanId, PlanHistory>,
}

/// The terms that a plan has had, by `effective_from`, and whether it is on offer.
#[derive(Debug, Clone, Default)]
struct PlanHistory {
    is_active: bool,
    versions: Vec<Arc<PlanVersion>>,
}

impl Catalog {
    /// A catalog of prices in any order.
    #[must_use]
    pub fn new(version: i64, prices: impl IntoIterator<Item = ModelPrice>) -> Self {
        let mut models: HashMap<ModelId, Vec<Arc<ModelPrice>>> = HashMap::new();
        for price in prices {
            let model = models.entry(price.model_id.clone()).or_default();
            model.push(Arc::new(price));
        }
        for prices in models.values_mut() {
            prices.sort_by_key(|price| price.effective_from);
        }
        Self {
            version,
            models,
            plans: HashMap::new(),
        }
    }

    /// The same catalog with plans: their versions in any order, each with whether its plan is on
    /// offer.
    #[must_use]
    pub fn with_plans(mut self, versions: impl IntoIterator<Item = (bool, PlanVersion)>) -> Self {
        for (is_active, version) in versions {
            let plan = self.plans.entry(version.plan_id.clone()).or_default();
            plan.is_active = is_active;
            plan.versions.push(Arc::new(version));
        }
        for plan in self.plans.values_mut() {
            plan.versions.sort_by_key(|version| version.effective_from);
        }
        self
    }

    /// Counts the changes of prices and plans.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The prices of a model by `effective_from`; empty when it has none.
    #[must_use]
    pub fn prices_of(&self, model: &str) -> &[Arc<ModelPrice>] {
        self.models.get(model).map_or(&[], Vec::as_slice)
    }

    /// The price of a model at a time. A model without one is never free.
    #[must_use]
    pub fn price_at(&self, model: &str, at: DateTime<Utc>) -> Option<&Arc<ModelPrice>> {
        in_force(self.prices_of(model), at)
    }

    /// The prices in force at a time, by model id.
    #[must_use]
    pub fn prices_at(&self, at: DateTime<Utc>) -> Vec<&Arc<ModelPrice>> {
        let mut prices: Vec<_> = self
            .models
            .values()
            .filter_map(|prices| in_force(prices, at))
            .collect();
        prices.sort_by(|a, b| a.model_id.cmp(&b.model_id));
        prices
    }

    /// The terms of a plan at a time; `None` when there is no such plan. Its first terms reach back
    /// as far as anyone asks: a clock may stand before the time at which they were written.
    #[must_use]
    pub fn plan_at(&self, plan_id: &str, at: DateTime<Utc>) -> Option<&Arc<PlanVersion>> {
        let versions = &self.plans.get(plan_id)?.versions;
        let next = versions.partition_point(|version| version.effective_from <= at);
        versions.get(next.saturating_sub(1))
    }

    /// Whether a plan can be subscribed to.
    #[must_use]
    pub fn plan_is_active(&self, plan_id: &str) -> bool {
        self.plans.get(plan_id).is_some_and(|plan| plan.is_active)
    }
}

#[cfg(test)]
mod tests;
