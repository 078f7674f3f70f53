//! Sums of records by user, day, model, invoice month and terms.

use std::collections::BTreeMap;

use billing_core::{
    money::{Money, NumberError},
    rating::{UsageRecord, UsageStatus},
};

use crate::{StoreError, rows::RollupRow, sql_types::DbFixed};

/// What records add to their rollups, in the order of the rollups' keys.
pub(super) fn of_records<'a>(
    records: impl IntoIterator<Item = &'a UsageRecord>,
) -> Result<Vec<RollupRow>, StoreError> {
    let mut rollups = BTreeMap::new();
    for record in records {
        let key = (
            record.user_id.as_str(),
            record.rated_at.date_naive(),
            record.model.as_str(),
            record.invoice_month,
            &record.charge.terms,
        );
        let rollup = rollups.entry(key).or_insert_with(|| empty(record));
        add(rollup, record).map_err(|error| StoreError::Refused(format!("a sum {error}")))?;
    }
    Ok(rollups.into_values().collect())
}

fn empty(record: &UsageRecord) -> RollupRow {
    let none = DbFixed(Money::ZERO);
    RollupRow {
        user_id: record.user_id.as_str().to_owned(),
        day: record.rated_at.date_naive().to_string(),
        model: record.model.as_str().to_owned(),
        invoice_month: record.invoice_month.to_string(),
        terms: record.charge.terms.to_string(),
        record_count: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
        cached_prompt_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        overage_tokens: 0,
        cost_usd: none,
        covered_amount: none,
        overage_cost: none,
        discount_amount: none,
        final_cost: none,
    }
}

fn add(rollup: &mut RollupRow, record: &UsageRecord) -> Result<(), NumberError> {
    let charge = &record.charge;
    rollup.record_count += match record.status {
        UsageStatus::Correction => -1,
        UsageStatus::Completed | UsageStatus::Voided => 1,
    };
    let tokens = &record.tokens;
    rollup.prompt_tokens += tokens.prompt;
    rollup.completion_tokens += tokens.completion;
    rollup.cached_prompt_tokens += tokens.cached_prompt;
    rollup.cache_write_tokens += tokens.cache_write;
    rollup.reasoning_tokens += tokens.reasoning;
    rollup.overage_tokens += charge.taken.overage;
    let sums = [
        (&mut rollup.cost_usd, charge.cost_usd),
        (&mut rollup.covered_amount, charge.covered_amount),
        (&mut rollup.overage_cost, charge.overage_cost),
        (&mut rollup.discount_amount, charge.discount_amount),
        (&mut rollup.final_cost, charge.final_cost),
    ];
    for (sum, amount) in sums {
        *sum = DbFixed(sum.0.plus(amount)?);
    }
    Ok(())
}
