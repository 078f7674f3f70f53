//! What databases make of many rows.

use billing_core::{
    money::{Fixed, Money},
    report::{GroupKey, GroupSums, UsageTotals},
};
use diesel::Queryable;

use super::DbMoney;
use crate::{StoreError, sql_types::DbFixed};

/// A sum of whole numbers. Both databases widen it, and it reads as a decimal on either.
pub(crate) type Whole = DbFixed<0>;

/// A sum of whole numbers; of nothing it is 0.
pub(crate) fn whole(column: &'static str, sum: Option<Whole>) -> Result<i64, StoreError> {
    let sum = sum.map_or(Fixed::ZERO, |sum| sum.0);
    sum.to_i64()
        .map_err(|error| StoreError::corrupt(column, error))
}

/// A sum of amounts; of nothing it is 0.
pub(crate) fn money(sum: Option<DbMoney>) -> Money {
    sum.map_or(Money::ZERO, |sum| sum.0)
}

/// Sums of cost, prompt tokens, completion tokens and records.
pub(crate) type TotalsRow = (Option<DbMoney>, Option<Whole>, Option<Whole>, Option<Whole>);

/// Totals of usage, less what redemptions took of it at once.
pub(crate) fn usage_totals(row: TotalsRow, taken: Money) -> Result<UsageTotals, StoreError> {
    let (cost, prompt, completion, records) = row;
    Ok(UsageTotals {
        final_cost: money(cost)
            .minus(taken)
            .map_err(|error| StoreError::corrupt("final_cost", error))?,
        tokens: whole("tokens", prompt)? + whole("tokens", completion)?,
        records: whole("record_count", records)?,
    })
}

/// A group's sums. What is not grouped by is an empty text.
#[derive(Debug, Queryable)]
pub(crate) struct SumsRow {
    day: String,
    model: String,
    user_id: String,
    record_count: Option<Whole>,
    prompt_tokens: Option<Whole>,
    completion_tokens: Option<Whole>,
    cost_usd: Option<DbMoney>,
    discount_amount: Option<DbMoney>,
    final_cost: Option<DbMoney>,
}

impl TryFrom<SumsRow> for GroupSums {
    type Error = StoreError;

    fn try_from(row: SumsRow) -> Result<Self, StoreError> {
        let key = GroupKey::from_texts([row.day, row.model, row.user_id]);
        Ok(Self {
            key: key.map_err(|error| StoreError::corrupt("day", error))?,
            records: whole("record_count", row.record_count)?,
            prompt_tokens: whole("prompt_tokens", row.prompt_tokens)?,
            completion_tokens: whole("completion_tokens", row.completion_tokens)?,
            cost_usd: money(row.cost_usd),
            discount_amount: money(row.discount_amount),
            final_cost: money(row.final_cost),
        })
    }
}
