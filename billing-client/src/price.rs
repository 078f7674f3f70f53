//! What model tokens cost.

use billing_proto::v1;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Error, convert};

/// The price of a model from `effective_from` until the next price of that model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelPrice {
    /// The model's id.
    pub model_id: String,
    /// Who runs the model, for information.
    pub provider: String,
    /// USD per 1,000 prompt tokens.
    pub prompt_price_per_k: Decimal,
    /// USD per 1,000 completion tokens.
    pub completion_price_per_k: Decimal,
    /// USD per 1,000 prompt tokens read from a cache; the prompt price when none.
    pub cached_prompt_price_per_k: Option<Decimal>,
    /// USD per 1,000 prompt tokens written to a cache; the prompt price when none.
    pub cache_write_price_per_k: Option<Decimal>,
    /// USD per 1,000 reasoning tokens; the completion price when none.
    pub reasoning_price_per_k: Option<Decimal>,
    /// From when the price is in force.
    pub effective_from: DateTime<Utc>,
    /// When the price was set.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<v1::ModelPrice> for ModelPrice {
    type Error = Error;

    fn try_from(price: v1::ModelPrice) -> Result<Self, Error> {
        use convert::{decimal, optional_decimal, time};
        Ok(Self {
            model_id: price.model_id,
            provider: price.provider,
            prompt_price_per_k: decimal(price.prompt_price_per_k, "prompt_price_per_k")?,
            completion_price_per_k: decimal(
                price.completion_price_per_k,
                "completion_price_per_k",
            )?,
            cached_prompt_price_per_k: optional_decimal(
                price.cached_prompt_price_per_k,
                "cached_prompt_price_per_k",
            )?,
            cache_write_price_per_k: optional_decimal(
                price.cache_write_price_per_k,
                "cache_write_price_per_k",
            )?,
            reasoning_price_per_k: optional_decimal(
                price.reasoning_price_per_k,
                "reasoning_price_per_k",
            )?,
            effective_from: time(price.effective_from, "effective_from")?,
            created_at: time(price.created_at, "created_at")?,
        })
    }
}

/// A price to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewModelPrice {
    model_id: String,
    provider: String,
    prompt_price_per_k: Decimal,
    completion_price_per_k: Decimal,
    cached_prompt_price_per_k: Option<Decimal>,
    cache_write_price_per_k: Option<Decimal>,
    reasoning_price_per_k: Option<Decimal>,
    effective_from: Option<DateTime<Utc>>,
    allow_backdate: bool,
}

impl NewModelPrice {
    /// USD per 1,000 prompt and completion tokens, at most 12 decimals; zero makes a model free.
    pub fn new(
        model_id: impl Into<String>,
        prompt_price_per_k: Decimal,
        completion_price_per_k: Decimal,
    ) -> Self {
        Self {
            model_id: model_id.into(),
            provider: String::new(),
            prompt_price_per_k,
            completion_price_per_k,
            cached_prompt_price_per_k: None,
            cache_write_price_per_k: None,
            reasoning_price_per_k: None,
            effective_from: None,
            allow_backdate: false,
        }
    }

    /// Who runs the model, for information.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = provider.into();
        self
    }

    /// USD per 1,000 prompt tokens read from a cache; the prompt price unless set.
    pub fn cached_prompt_price_per_k(mut self, price: Decimal) -> Self {
        self.cached_prompt_price_per_k = Some(price);
        self
    }

    /// USD per 1,000 prompt tokens written to a cache; the prompt price unless set.
    pub fn cache_write_price_per_k(mut self, price: Decimal) -> Self {
        self.cache_write_price_per_k = Some(price);
        self
    }

    /// USD per 1,000 reasoning tokens; the completion price unless set.
    pub fn reasoning_price_per_k(mut self, price: Decimal) -> Self {
        self.reasoning_price_per_k = Some(price);
        self
    }

    /// From when the price is in force; 1970 for a model's first price, else now, unless set.
    pub fn effective_from(mut self, time: DateTime<Utc>) -> Self {
        self.effective_from = Some(time);
        self
    }

    /// Lets the price be in force from a time in the past. What is recorded keeps its price.
    pub fn allow_backdate(mut self) -> Self {
        self.allow_backdate = true;
        self
    }
}

impl From<NewModelPrice> for v1::SetModelPriceRequest {
    fn from(price: NewModelPrice) -> Self {
        Self {
            model_id: price.model_id,
            provider: price.provider,
            prompt_price_per_k: Some(convert::to_decimal(price.prompt_price_per_k)),
            completion_price_per_k: Some(convert::to_decimal(price.completion_price_per_k)),
            cached_prompt_price_per_k: price.cached_prompt_price_per_k.map(convert::to_decimal),
            cache_write_price_per_k: price.cache_write_price_per_k.map(convert::to_decimal),
            reasoning_price_per_k: price.reasoning_price_per_k.map(convert::to_decimal),
            effective_from: price.effective_from.map(convert::to_timestamp),
            allow_backdate: price.allow_backdate,
        }
    }
}

/// What became of the prices of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PriceImport {
    /// Prices that were set.
    pub imported: i64,
    /// Prices that were in force already.
    pub unchanged: i64,
    /// Prices that were refused.
    pub rejected: i64,
    /// Why they were refused, in the order of the request.
    pub problems: Vec<Problem>,
}

impl From<v1::ImportModelPricesResponse> for PriceImport {
    fn from(answer: v1::ImportModelPricesResponse) -> Self {
        let problems = answer.problems.into_iter().map(Problem::from);
        Self {
            imported: answer.imported,
            unchanged: answer.unchanged,
            rejected: answer.rejected,
            problems: problems.collect(),
        }
    }
}

/// Why one entry of a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The error code, as in [`Error::reason`].
    pub code: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The field at fault, such as `prices[3].model_id`; empty when there is none.
    pub field: String,
}

impl From<v1::Problem> for Problem {
    fn from(problem: v1::Problem) -> Self {
        Self {
            code: problem.code,
            message: problem.message,
            field: problem.field,
        }
    }
}
