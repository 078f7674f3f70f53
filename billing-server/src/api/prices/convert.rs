//! Model prices.

use billing_core::{
    catalog::{ModelPrice, PriceChange, PriceDecision, TokenPrices},
    ids::ModelId,
    money::{NumberError, Price},
};
use billing_proto::{google::r#type::Decimal, v1};
use chrono::{DateTime, Utc};

use crate::{
    api::{
        Violations,
        time::{time, timestamp},
        values::{decimal, fixed},
    },
    error::{ApiError, FieldViolation},
};

/// A price as it is sent.
#[must_use]
pub(crate) fn model_price(price: &ModelPrice) -> v1::ModelPrice {
    v1::ModelPrice {
        model_id: price.model_id.as_str().to_owned(),
        provider: price.provider.clone(),
        prompt_price_per_k: decimal(price.prices.prompt),
        completion_price_per_k: decimal(price.prices.completion),
        cached_prompt_price_per_k: price.prices.cached_prompt.and_then(decimal),
        cache_write_price_per_k: price.prices.cache_write.and_then(decimal),
        reasoning_price_per_k: price.prices.reasoning.and_then(decimal),
        effective_from: timestamp(price.effective_from),
        created_at: timestamp(price.created_at),
        id: price.id.to_string(),
        created_by: price.created_by.clone(),
    }
}

/// The model that is asked for.
///
/// # Errors
/// When it is no id of a model.
pub(crate) fn model(model_id: String) -> Result<ModelId, ApiError> {
    let mut violations = Violations::default();
    let model = violations.check("model_id", ModelId::parse(model_id));
    violations.finish(model)
}

/// The price of which model is asked for, and at what time.
///
/// # Errors
/// Every violation at once.
pub(crate) fn model_at(
    request: v1::GetModelPriceRequest,
) -> Result<(ModelId, Option<DateTime<Utc>>), ApiError> {
    let mut violations = Violations::default();
    let model = violations.check("model_id", ModelId::parse(request.model_id));
    let at = time("at", request.at, &mut violations);
    violations.finish(model.map(|model| (model, at)))
}

/// A price that the operator `created_by` sent.
///
/// # Errors
/// Every field at fault.
pub(crate) fn price_change(
    request: v1::SetModelPriceRequest,
    created_by: String,
) -> Result<PriceChange, ApiError> {
    let mut violations = Violations::default();
    let model_id = violations.check("model_id", ModelId::parse(request.model_id));
    let mut required = |field, sent: &Option<Decimal>| match fixed(sent) {
        Ok(None) => violations.check(field, Err("must be set; 0 makes the model free")),
        sent => violations.check(field, sent).flatten(),
    };
    let prompt = required("prompt_price_per_k", &request.prompt_price_per_k);
    let completion = required("completion_price_per_k", &request.completion_price_per_k);
    let mut optional = |field, sent: &Option<Decimal>| -> Option<Price> {
        let sent: Result<_, NumberError> = fixed(sent);
        violations.check(field, sent).flatten()
    };
    let cached = optional(
        "cached_prompt_price_per_k",
        &request.cached_prompt_price_per_k,
    );
    let cache_write = optional("cache_write_price_per_k", &request.cache_write_price_per_k);
    let reasoning = optional("reasoning_price_per_k", &request.reasoning_price_per_k);
    let effective_from = time("effective_from", request.effective_from, &mut violations);
    // What is missing is noted already; a stand-in lets the rest be checked all the same.
    let change = PriceChange {
        model_id: model_id.unwrap_or_else(|| ModelId::trusted(String::new())),
        provider: request.provider,
        prices: TokenPrices {
            prompt: prompt.unwrap_or(Price::ZERO),
            completion: completion.unwrap_or(Price::ZERO),
            cached_prompt: cached,
            cache_write,
            reasoning,
        },
        effective_from,
        allow_backdate: request.allow_backdate,
        created_by,
    };
    violations.extend(change.violations());
    violations.finish(Some(change))
}

/// What became of an import's prices, in their order.
pub(crate) fn imported(
    decisions: impl Iterator<Item = Result<PriceDecision, ApiError>>,
) -> v1::ImportModelPricesResponse {
    let mut response = v1::ImportModelPricesResponse::default();
    for (index, decision) in decisions.enumerate() {
        match decision {
            Ok(PriceDecision::Set(_)) => response.imported += 1,
            Ok(PriceDecision::Unchanged(_)) => response.unchanged += 1,
            Err(error) => {
                response.rejected += 1;
                response.problems.extend(problems(index, &error));
            }
        }
    }
    response
}

/// One problem per field at fault.
fn problems(index: usize, error: &ApiError) -> impl Iterator<Item = v1::Problem> {
    let problem = move |violation: &FieldViolation| v1::Problem {
        code: error.code.as_str().to_owned(),
        message: violation.description.clone(),
        field: format!("prices[{index}].{}", violation.field),
    };
    error.violations.iter().map(problem)
}
