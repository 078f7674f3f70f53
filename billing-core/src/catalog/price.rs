//! Model prices, their choice by time, and changes of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    Violation,
    ids::{self, ModelId, PriceId},
    money::{Money, NumberError, Price},
    refusal::Refusal,
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
    /// What tokens cost, each part at its own price (contract, chapter 5, step 1).
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

/// The price of a model from a time until the next price of that model. It is never rewritten: of
/// several with the same start the one with the greatest id counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    /// What records that it charged name it by.
    pub id: PriceId,
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
    /// Who set it.
    pub created_by: String,
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
    /// Who wants it.
    pub created_by: String,
}

/// What a price change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceDecision {
    /// This price is in force already.
    Unchanged(ModelPrice),
    /// A new price; it counts instead of one with the same start.
    Set(ModelPrice),
}

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

    /// Decides the change against the model's prices, which are sorted by `effective_from` and id;
    /// a new price gets the id `next`.
    pub(super) fn decide(
        self,
        existing: &[Arc<ModelPrice>],
        next: PriceId,
        now: DateTime<Utc>,
    ) -> Result<PriceDecision, Refusal> {
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
            return Err(Refusal::PriceInPast);
        }
        Ok(PriceDecision::Set(ModelPrice {
            id: next,
            model_id: self.model_id,
            provider: self.provider,
            prices: self.prices,
            effective_from: from,
            created_at: now,
            created_by: self.created_by,
        }))
    }
}

/// The price in force at a time, out of prices sorted by start and id.
pub(super) fn in_force(prices: &[Arc<ModelPrice>], at: DateTime<Utc>) -> Option<&Arc<ModelPrice>> {
    let next = prices.partition_point(|price| price.effective_from <= at);
    next.checked_sub(1).and_then(|index| prices.get(index))
}

#[cfg(test)]
mod tests;
