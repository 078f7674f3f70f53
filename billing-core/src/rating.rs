//! What a record costs and who pays it (contract, section 3).

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    account::{Account, Counters, TokensTaken},
    ids::{CouponId, ModelId, RecordId, RequestId, SubscriptionId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    plan::UsagePricing,
    pricing::{Catalog, ModelPrice},
    usage::{Fingerprint, Tokens, Usage},
};

/// What became of a usage record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageStatus {
    /// Counted and owed.
    Completed,
    /// Reversed by a correction.
    Voided,
    /// Reverses another record.
    Correction,
}

/// Every part of what a record costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Tokens at list price, in USD.
    pub cost_usd: Money,
    /// What the user pays of the list price.
    pub discount_rate: Rate,
    /// The part of the discounted cost that the plan's fee covers, in USD.
    pub covered_amount: Money,
    /// Where the tokens were taken from.
    pub taken: TokensTaken,
    /// What the overage tokens cost, in USD.
    pub overage_cost: Money,
    /// What coupons took off, in USD.
    pub discount_amount: Money,
    /// What the record adds to the bill, in USD.
    pub final_cost: Money,
    /// The first coupon that took a part.
    pub coupon_id: Option<CouponId>,
    /// The subscription whose window contains the record.
    pub subscription_id: Option<SubscriptionId>,
}

/// A rated usage record, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// The record's id.
    pub id: RecordId,
    /// Who is billed.
    pub user_id: UserId,
    /// The caller's id of the call.
    pub request_id: RequestId,
    /// The model.
    pub model: ModelId,
    /// The provider.
    pub provider: String,
    /// The tokens.
    pub tokens: Tokens,
    /// What they cost.
    pub charge: Charge,
    /// What became of the record.
    pub status: UsageStatus,
    /// The calendar month the record belongs to.
    pub billing_month: Month,
    /// The month whose invoice carries it.
    pub invoice_month: Month,
    /// The record that this one reverses.
    pub corrects_id: Option<RecordId>,
    /// The earlier of `created_at` and the time of recording (UTC): it chose price, discount, month
    /// and subscription window.
    pub rated_at: DateTime<Utc>,
    /// When the call was made (UTC).
    pub created_at: DateTime<Utc>,
    /// When the record last changed (UTC).
    pub updated_at: DateTime<Utc>,
    /// What the caller set.
    pub fingerprint: Fingerprint,
}

/// What rating needs beside the account's own row.
#[derive(Debug, Clone, Default)]
pub struct Children {
    /// Records stored earlier under request ids of the batch.
    pub recorded: HashMap<RequestId, UsageRecord>,
}

/// What became of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To be stored.
    Recorded(UsageRecord),
    /// Recorded before, with the same content: the first record.
    Duplicate(UsageRecord),
    /// The request id was used before with other content.
    Conflict,
    /// The model has no price at that time.
    Unpriced,
    /// An amount does not fit.
    TooLarge,
}

/// Rates the records of one user in the order of their arrival and changes the account with each.
pub fn rate_batch<'a>(
    catalog: &Catalog,
    account: &mut Account,
    children: &Children,
    records: impl IntoIterator<Item = &'a Usage>,
    now: DateTime<Utc>,
) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut recorded_here: HashMap<&str, usize> = HashMap::new();
    for usage in records {
        let request_id = usage.request_id.as_str();
        let earlier = recorded_here
            .get(request_id)
            .and_then(|index| outcomes.get(*index));
        let first = match earlier {
            Some(Outcome::Recorded(first)) => Some(first),
            _ => children.recorded.get(request_id),
        };
        let outcome = match first {
            Some(first) if first.fingerprint == usage.fingerprint => {
                Outcome::Duplicate(first.clone())
            }
            Some(_) => Outcome::Conflict,
            None => rate_one(catalog, account, usage, now),
        };
        if matches!(outcome, Outcome::Recorded(_)) {
            recorded_here.insert(request_id, outcomes.len());
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn rate_one(
    catalog: &Catalog,
    account: &mut Account,
    usage: &Usage,
    now: DateTime<Utc>,
) -> Outcome {
    let quote = match quote(
        catalog,
        account,
        usage.model.as_str(),
        &usage.tokens,
        usage.created_at,
        now,
    ) {
        Ok(quote) => quote,
        Err(QuoteError::Unpriced) => return Outcome::Unpriced,
        Err(QuoteError::TooLarge(_)) => return Outcome::TooLarge,
    };
    account.counters = quote.counters;
    account
        .uninvoiced
        .insert(quote.invoice_month, quote.uninvoiced);
    let provider = if usage.provider.is_empty() {
        &quote.price.provider
    } else {
        &usage.provider
    };
    Outcome::Recorded(UsageRecord {
        id: usage.record_id.clone(),
        user_id: usage.user_id.clone(),
        request_id: usage.request_id.clone(),
        model: usage.model.clone(),
        provider: provider.clone(),
        tokens: usage.tokens,
        charge: quote.charge,
        status: UsageStatus::Completed,
        billing_month: quote.billing_month,
        invoice_month: quote.invoice_month,
        corrects_id: None,
        rated_at: quote.rated_at,
        created_at: usage.created_at,
        updated_at: now,
        fingerprint: usage.fingerprint,
    })
}

/// What a record would cost now, and what it would change.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The price that applies.
    pub price: Arc<ModelPrice>,
    /// Every part of the cost.
    pub charge: Charge,
    rated_at: DateTime<Utc>,
    billing_month: Month,
    invoice_month: Month,
    /// The account's counters afterwards.
    counters: Counters,
    /// What the account then owes in `invoice_month`.
    uninvoiced: Money,
}

/// Why there is no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The model has no price at that time.
    #[error("the model has no price at that time")]
    Unpriced,
    /// An amount does not fit.
    #[error("the amount {0}")]
    TooLarge(#[from] NumberError),
}

/// What tokens cost a user. Changes nothing.
///
/// # Errors
/// When the model has no price or an amount does not fit.
pub fn quote(
    catalog: &Catalog,
    account: &Account,
    model: &str,
    tokens: &Tokens,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Quote, QuoteError> {
    // A record of the future belongs to the present.
    let at = created_at.min(now);
    let price = catalog.price_at(model, at).ok_or(QuoteError::Unpriced)?;
    let billing_month = Month::of(at);
    let invoice_month = billing_month.max(account.open_month);
    let mut counters = account.counters;
    let charge = charge(
        account,
        &mut counters,
        price.prices.cost(tokens)?,
        tokens,
        at,
    )?;
    let net = charge.final_cost.plus(charge.discount_amount)?;
    Ok(Quote {
        price: Arc::clone(price),
        rated_at: at,
        billing_month,
        invoice_month,
        counters,
        uninvoiced: account.uninvoiced_in(invoice_month).plus(net)?,
        charge,
    })
}

/// Steps 2 to 6 of the contract's section 3.
fn charge(
    account: &Account,
    counters: &mut Counters,
    cost_usd: Money,
    tokens: &Tokens,
    at: DateTime<Utc>,
) -> Result<Charge, NumberError> {
    let discount_rate = account.discount.rate;
    let discounted = cost_usd.at_rate(discount_rate)?;
    let subscription = account.subscription_at(at);
    let taken = subscription.map_or(TokensTaken::default(), |subscription| {
        counters.take(tokens.total(), subscription)
    });
    let (covered_amount, overage_cost) = match subscription {
        Some(plan) if plan.usage_pricing == UsagePricing::Included => {
            let price = plan.extra_token_price;
            let overage = Money::of_extra_tokens(taken.overage, price, plan.overage_discount_rate)?;
            (discounted, overage)
        }
        _ => (Money::ZERO, Money::ZERO),
    };
    Ok(Charge {
        cost_usd,
        discount_rate,
        covered_amount,
        taken,
        overage_cost,
        discount_amount: Money::ZERO,
        final_cost: discounted.minus(covered_amount)?.plus(overage_cost)?,
        coupon_id: None,
        subscription_id: subscription.map(|subscription| subscription.id.clone()),
    })
}

#[cfg(test)]
mod tests;
