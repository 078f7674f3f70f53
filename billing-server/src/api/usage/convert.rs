//! Usage and what it costs.

use billing_core::{
    account::{Quote, VoidOrder},
    catalog::{Catalog, TokenPrices},
    ids::{IdError, InvoiceId, ModelId, RecordId, RequestId, UserId},
    refusal::Refusal,
    usage::{Charge, Tokens, Usage, UsageDraft, UsageRecord, UsageStatus},
};
use billing_proto::v1;
use billing_store::RecordFilter;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::fingerprint::fingerprint;
use crate::{
    api::{
        Violations,
        page::{Page, listed},
        prices::convert::model_price,
        time::{month, time, timestamp},
        values::{amount, decimal, made_id, note, optional_id},
    },
    auth::ResolvedUser,
    error::ApiError,
};

/// A model call of `user` to be recorded, once every field is checked.
///
/// # Errors
/// Every violation at once.
pub(crate) fn usage(
    user: ResolvedUser,
    request: v1::RecordUsageRequest,
    record_id: RecordId,
    now: DateTime<Utc>,
) -> Result<Usage, ApiError> {
    let mut violations = Violations::default();
    let created_at = time("created_at", request.created_at, &mut violations);
    let fingerprint = fingerprint(&request, created_at);
    let draft = UsageDraft {
        user_id: user.into_string(),
        request_id: request.request_id,
        model: request.model,
        provider: request.provider,
        tokens: Tokens {
            prompt: request.prompt_tokens,
            completion: request.completion_tokens,
            cached_prompt: request.cached_prompt_tokens,
            cache_write: request.cache_write_tokens,
            reasoning: request.reasoning_tokens,
        },
        total_tokens: request.total_tokens,
        created_at,
    };
    let usage = draft.validate(record_id, fingerprint, now);
    let usage = usage.map_err(|found| violations.extend(found)).ok();
    violations.finish(usage)
}

/// Which model, how many tokens and when, for a cost by the terms of `user` that is only asked for.
///
/// # Errors
/// Every violation at once.
pub(crate) fn quote_input(
    user: ResolvedUser,
    request: v1::CalculateCostRequest,
    now: DateTime<Utc>,
) -> Result<Usage, ApiError> {
    let request = v1::RecordUsageRequest {
        // A quote is a record that is never stored, so its ids only have to pass the checks.
        request_id: "quote".to_owned(),
        model: request.model,
        provider: request.provider,
        prompt_tokens: request.prompt_tokens,
        completion_tokens: request.completion_tokens,
        cached_prompt_tokens: request.cached_prompt_tokens,
        cache_write_tokens: request.cache_write_tokens,
        reasoning_tokens: request.reasoning_tokens,
        created_at: request.created_at,
        ..v1::RecordUsageRequest::default()
    };
    usage(user, request, RecordId::new(Uuid::nil()), now)
}

/// A cost as it is sent.
#[must_use]
pub(crate) fn cost(quote: &Quote) -> v1::CalculateCostResponse {
    let charge = &quote.charge;
    v1::CalculateCostResponse {
        cost_usd: amount(charge.cost_usd),
        discount_rate: decimal(charge.discount_rate),
        covered_amount: amount(charge.covered_amount),
        overage_tokens: charge.taken.overage,
        overage_cost: amount(charge.overage_cost),
        discount_amount: amount(charge.discount_amount),
        final_cost: amount(charge.final_cost),
        price: Some(model_price(&quote.price)),
    }
}

/// The id of the plan whose window holds a charge; empty without one.
///
/// # Errors
/// When the catalog lacks it.
fn plan_of<'a>(charge: &Charge, catalog: &'a Catalog) -> Result<&'a str, Refusal> {
    let Some(window) = charge.window else {
        return Ok("");
    };
    let version = catalog.plan_version(window.plan_version_id);
    let plan = version.map(|version| version.plan_id.as_str());
    plan.ok_or(Refusal::PlanVersionUnknown(window.plan_version_id))
}

/// What a charge was charged by.
///
/// # Errors
/// When the catalog lacks it.
pub(crate) fn price_of(charge: &Charge, catalog: &Catalog) -> Result<TokenPrices, Refusal> {
    let price = catalog.price(charge.price_id).map(|price| price.prices);
    price.ok_or(Refusal::PriceUnknown(charge.price_id))
}

/// A record as it is sent, with the invoice that carries it and what the catalog tells of it.
///
/// # Errors
/// When the catalog lacks its plan or its price.
pub(crate) fn record(
    record: UsageRecord,
    invoice_id: Option<InvoiceId>,
    catalog: &Catalog,
) -> Result<v1::UsageRecord, Refusal> {
    let status = match record.status {
        UsageStatus::Completed => v1::UsageStatus::Completed,
        UsageStatus::Voided => v1::UsageStatus::Voided,
        UsageStatus::Correction => v1::UsageStatus::Correction,
    };
    let charge = record.charge;
    let plan_id = plan_of(&charge, catalog)?.to_owned();
    let unit_prices = unit_prices(&price_of(&charge, catalog)?);
    Ok(v1::UsageRecord {
        id: record.id.to_string(),
        user_id: record.user_id.into_string(),
        subscription_id: charge
            .subscription_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        model: record.call.model.into_string(),
        provider: record.call.provider,
        request_id: record.call.request_id.into_string(),
        prompt_tokens: record.call.tokens.prompt,
        completion_tokens: record.call.tokens.completion,
        total_tokens: record.call.tokens.total(),
        cached_prompt_tokens: record.call.tokens.cached_prompt,
        cache_write_tokens: record.call.tokens.cache_write,
        reasoning_tokens: record.call.tokens.reasoning,
        cost_usd: amount(charge.cost_usd),
        discount_rate: decimal(charge.discount_rate),
        covered_amount: amount(charge.covered_amount),
        overage_tokens: charge.taken.overage,
        overage_cost: amount(charge.overage_cost),
        discount_amount: amount(charge.discount_amount),
        final_cost: amount(charge.final_cost),
        coupon_id: charge
            .coupon_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        status: status.into(),
        billing_month: record.billing_month.to_string(),
        created_at: timestamp(record.call.created_at),
        updated_at: timestamp(record.updated_at),
        invoice_month: record.invoice_month.to_string(),
        corrects_id: record
            .corrects_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        void_reason: record.void_reason.unwrap_or_default(),
        price_id: charge.price_id.to_string(),
        unit_prices: Some(unit_prices),
        plan_id,
        invoice_id: invoice_id.map(|id| id.to_string()).unwrap_or_default(),
    })
}

/// What each kind of token costs, also those that have no price of their own.
fn unit_prices(prices: &TokenPrices) -> v1::UnitPrices {
    v1::UnitPrices {
        prompt: decimal(prices.prompt),
        completion: decimal(prices.completion),
        cached_prompt: decimal(prices.cached_prompt()),
        cache_write: decimal(prices.cache_write()),
        reasoning: decimal(prices.reasoning()),
    }
}

/// The result of a record that is stored.
#[must_use]
pub(crate) fn recorded_result(record: &UsageRecord, duplicate: bool) -> v1::RecordUsageResult {
    let outcome = if duplicate {
        v1::UsageOutcome::Duplicate
    } else {
        v1::UsageOutcome::Recorded
    };
    v1::RecordUsageResult {
        request_id: record.call.request_id.as_str().to_owned(),
        outcome: outcome.into(),
        record_id: record.id.to_string(),
        final_cost: amount(record.charge.final_cost),
        problem: None,
    }
}

/// The result of a call that was refused, with the first field at fault.
#[must_use]
pub(crate) fn rejected_result(request_id: String, error: ApiError) -> v1::RecordUsageResult {
    let field = error
        .violations
        .into_iter()
        .next()
        .map(|violation| violation.field);
    v1::RecordUsageResult {
        request_id,
        outcome: v1::UsageOutcome::Rejected.into(),
        record_id: String::new(),
        final_cost: None,
        problem: Some(v1::Problem {
            code: error.code.as_str().to_owned(),
            message: error.message,
            field: field.unwrap_or_default(),
        }),
    }
}

/// The results of a batch with their counts.
#[must_use]
pub(crate) fn batch_results(results: Vec<v1::RecordUsageResult>) -> v1::RecordUsageBatchResponse {
    let count = |outcome: v1::UsageOutcome| {
        let counted = results.iter().filter(|result| result.outcome() == outcome);
        i64::try_from(counted.count()).unwrap_or(i64::MAX)
    };
    v1::RecordUsageBatchResponse {
        recorded: count(v1::UsageOutcome::Recorded),
        duplicates: count(v1::UsageOutcome::Duplicate),
        rejected: count(v1::UsageOutcome::Rejected),
        results,
    }
}

/// Which record of `user` is meant.
///
/// # Errors
/// Every violation at once.
pub(crate) fn named_record(
    user: &ResolvedUser,
    id: String,
) -> Result<(UserId, RecordId), ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let id = made_id("id", id, Refusal::UsageNotFound, &mut violations);
    let (user_id, id) = violations.finish(user_id.zip(id))?;
    Ok((user_id, id?))
}

/// A page of records that is asked for.
#[derive(Debug)]
pub(crate) struct RecordPage {
    /// Which records.
    pub(crate) filter: RecordFilter,
    /// Which of them.
    pub(crate) page: Page<RecordId>,
}

/// Which records of `user` to list; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn record_page(
    user: Option<&ResolvedUser>,
    request: v1::ListUsageRecordsRequest,
) -> Result<RecordPage, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let filters = [
        listed(user),
        &request.billing_month,
        &request.model,
        &format!("{:?}{:?}", request.start_time, request.end_time),
        &request.request_id,
        &request.invoice_month,
        &request.invoice_id,
    ];
    let page = Page::read(&filters, request.page_size, &request.page_token, found);
    let filter = found
        .check("user_id", user.map(ResolvedUser::id).transpose())
        .map(|user_id| RecordFilter {
            user_id,
            billing_month: month("billing_month", &request.billing_month, found),
            model: optional_id("model", request.model, ModelId::parse, found),
            from: time("start_time", request.start_time, found),
            until: time("end_time", request.end_time, found),
            request_id: optional_id("request_id", request.request_id, RequestId::parse, found),
            invoice_month: month("invoice_month", &request.invoice_month, found),
            invoice_id: optional_id("invoice_id", request.invoice_id, parse_invoice, found),
            after: page.as_ref().and_then(|page: &Page<_>| page.after),
        });
    let read = filter.zip(page);
    violations.finish(read.map(|(filter, page)| RecordPage { filter, page }))
}

fn parse_invoice(text: String) -> Result<InvoiceId, IdError> {
    text.parse()
}

/// Which record of `user` to reverse.
///
/// # Errors
/// Every violation at once.
pub(crate) fn void_order(
    user: &ResolvedUser,
    request: v1::VoidUsageRequest,
    correction_id: RecordId,
) -> Result<VoidOrder, ApiError> {
    let mut violations = Violations::default();
    let user_id = violations.check("user_id", user.id());
    let id = made_id("id", request.id, Refusal::UsageNotFound, &mut violations);
    let reason = violations.check("reason", note(request.reason));
    let ((user_id, id), reason) = violations.finish(user_id.zip(id).zip(reason))?;
    Ok(VoidOrder {
        user_id,
        id: id?,
        correction_id,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
    })
}
