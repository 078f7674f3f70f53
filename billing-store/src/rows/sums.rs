//! What databases make of many rows: the columns that add up, named once for folding and for every
//! reader.

use billing_core::{
    ids::{PlanVersionId, PriceId},
    invoice::UsageSum,
    money::{Fixed, Money},
    report::{GroupKey, GroupSums, UsageTotals},
    usage::{Sums, Tokens, WindowRef},
};
use diesel::Queryable;

use super::{DbMoney, DbTimestamp, month};
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

/// The columns by which `usage_rollups` are told apart, beside the user.
pub(crate) const ROLLUP_KEYS: [&str; 7] = [
    "user_id",
    "day",
    "invoice_month",
    "price_id",
    "plan_version_id",
    "window_start",
    "reversal",
];

/// Declares the columns that add up, and the row of their sums.
macro_rules! sums {
    ($($whole:ident),+; $($money:ident),+) => {
        /// The columns that add up as whole numbers.
        pub(crate) const WHOLE_SUMS: &[&str] = &[$(stringify!($whole)),+];
        /// The columns that add up as exact amounts.
        pub(crate) const MONEY_SUMS: &[&str] = &[$(stringify!($money)),+];

        /// What records add up to, in the order of `sums_of!`.
        #[derive(Debug, Queryable)]
        pub(crate) struct SumsRow {
            $($whole: Option<Whole>,)+
            $($money: Option<DbMoney>,)+
        }

        /// Selects the sums of a table with these columns; `whole_sum` and `exact_sum` are in
        /// scope.
        macro_rules! sums_of {
            ($table:ident) => {
                ($(whole_sum($table::$whole),)+ $(exact_sum($table::$money),)+)
            };
        }
        pub(crate) use sums_of;
    };
}

sums! {
    record_count, prompt_tokens, completion_tokens, cached_prompt_tokens, cache_write_tokens,
    reasoning_tokens, overage_tokens;
    cost_usd, covered_amount, overage_cost, discount_amount, final_cost
}

impl TryFrom<SumsRow> for Sums {
    type Error = StoreError;

    fn try_from(row: SumsRow) -> Result<Self, StoreError> {
        Ok(Self {
            records: whole("record_count", row.record_count)?,
            tokens: Tokens {
                prompt: whole("prompt_tokens", row.prompt_tokens)?,
                completion: whole("completion_tokens", row.completion_tokens)?,
                cached_prompt: whole("cached_prompt_tokens", row.cached_prompt_tokens)?,
                cache_write: whole("cache_write_tokens", row.cache_write_tokens)?,
                reasoning: whole("reasoning_tokens", row.reasoning_tokens)?,
            },
            overage_tokens: whole("overage_tokens", row.overage_tokens)?,
            cost_usd: money(row.cost_usd),
            covered_amount: money(row.covered_amount),
            overage_cost: money(row.overage_cost),
            discount_amount: money(row.discount_amount),
            final_cost: money(row.final_cost),
        })
    }
}

/// The length of YYYY-MM.
const MONTH_LENGTH: usize = 7;

/// What usage of one user, day, price and window adds up to.
#[derive(Debug, Queryable)]
pub(crate) struct UsageSumRow {
    pub(crate) user_id: String,
    day: String,
    price_id: i32,
    plan_version_id: i32,
    window_start: DbTimestamp,
    reversal: bool,
    sums: SumsRow,
}

impl TryFrom<UsageSumRow> for UsageSum {
    type Error = StoreError;

    fn try_from(row: UsageSumRow) -> Result<Self, StoreError> {
        let window = WindowRef {
            plan_version_id: PlanVersionId::new(row.plan_version_id),
            start: row.window_start.0,
        };
        Ok(Self {
            price_id: PriceId::new(row.price_id),
            window: (row.plan_version_id != 0).then_some(window),
            billing_month: month("day", row.day.get(..MONTH_LENGTH).unwrap_or_default())?,
            is_reversal: row.reversal,
            sums: Sums::try_from(row.sums)?,
        })
    }
}

/// Sums of cost, prompt tokens, completion tokens and records.
pub(crate) type TotalsRow = (Option<DbMoney>, Option<Whole>, Option<Whole>, Option<Whole>);

/// Totals of usage, less what redemptions took of it at once.
pub(crate) fn usage_totals(row: TotalsRow, taken: Money) -> Result<UsageTotals, StoreError> {
    let (cost, prompt, completion, records) = row;
    let tokens = whole("tokens", prompt)?.saturating_add(whole("tokens", completion)?);
    Ok(UsageTotals {
        final_cost: money(cost)
            .minus(taken)
            .map_err(|error| StoreError::corrupt("final_cost", error))?,
        tokens,
        records: whole("record_count", records)?,
    })
}

/// A group's sums. What is not grouped by is an empty text.
#[derive(Debug, Queryable)]
pub(crate) struct GroupRow {
    day: String,
    model: String,
    user_id: String,
    sums: SumsRow,
}

impl TryFrom<GroupRow> for GroupSums {
    type Error = StoreError;

    fn try_from(row: GroupRow) -> Result<Self, StoreError> {
        let key = GroupKey::from_texts([row.day, row.model, row.user_id]);
        Ok(Self {
            key: key.map_err(|error| StoreError::corrupt("day", error))?,
            sums: Sums::try_from(row.sums)?,
        })
    }
}
