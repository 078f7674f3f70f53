//! Sums the trace up on its own and compares the service's sums to the last digit.

use std::{collections::BTreeMap, fmt};

use billing_client::{
    BillingClient, ReadDecimal,
    v1::{GetMonthlyReportRequest, GetStatsRequest},
};
use rust_decimal::Decimal;

use crate::{Outcome, Prices, deal::Call};

#[derive(Default)]
struct Sums {
    users: BTreeMap<String, Decimal>,
    months: BTreeMap<String, Month>,
}

#[derive(Default, PartialEq)]
struct Month {
    cost: Decimal,
    tokens: i64,
    records: i64,
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cost,
            tokens,
            records,
        } = self;
        write!(f, "{records} records, {tokens} tokens, {cost} USD")
    }
}

/// Fails with the first difference between the file's sums and the service's.
pub(crate) async fn verify(client: &BillingClient, calls: &[Call], prices: &Prices) -> Outcome<()> {
    let sums = sum_up(calls, prices)?;
    for (month, expected) in &sums.months {
        let request = GetMonthlyReportRequest {
            month: month.clone(),
        };
        let report = client.get_monthly_report(request).await?;
        let reported = Month {
            cost: report.total_revenue.decimal()?,
            tokens: report.total_tokens,
            records: report.record_count,
        };
        if reported != *expected {
            return Err(format!("{month}: reported {reported}; the file has {expected}").into());
        }
    }
    for (user, expected) in &sums.users {
        let request = GetStatsRequest {
            user_id: user.clone(),
        };
        let cost = client.get_stats(request).await?.total_cost.decimal()?;
        if cost != *expected {
            return Err(format!("{user}: reported {cost} USD; the file has {expected} USD").into());
        }
    }
    let total: Decimal = sums.users.values().sum();
    println!(
        "verified: {} months and {} users to the last digit, {} USD",
        sums.months.len(),
        sums.users.len(),
        total.normalize()
    );
    Ok(())
}

fn sum_up(calls: &[Call], prices: &Prices) -> Outcome<Sums> {
    let mut sums = Sums::default();
    for call in calls {
        let price = prices.get(&call.model).ok_or("a model without a price")?;
        let prompt = price.prompt_price_per_k.decimal()?;
        let completion = price.completion_price_per_k.decimal()?;
        let cost = cost(call, prompt, completion).ok_or("a cost with too many digits")?;
        let user = sums.users.entry(call.user.clone()).or_default();
        *user = user.checked_add(cost).ok_or("a sum with too many digits")?;
        let month = sums.months.entry(call.month()).or_default();
        month.cost = month
            .cost
            .checked_add(cost)
            .ok_or("a sum with too many digits")?;
        month.tokens = month
            .tokens
            .saturating_add(call.prompt_tokens)
            .saturating_add(call.completion_tokens);
        month.records = month.records.saturating_add(1);
    }
    Ok(sums)
}

/// Dividing by 1,000 only moves the point, so the cost is exact.
fn cost(call: &Call, prompt_per_k: Decimal, completion_per_k: Decimal) -> Option<Decimal> {
    let part = |tokens: i64, per_k: Decimal| Decimal::from(tokens).checked_mul(per_k);
    let prompt = part(call.prompt_tokens, prompt_per_k)?;
    let completion = part(call.completion_tokens, completion_per_k)?;
    prompt.checked_add(completion)?.checked_div(1_000.into())
}
