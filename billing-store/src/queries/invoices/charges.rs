//! What users are charged for in an invoice month.

use std::collections::{BTreeMap, HashMap};

use billing_core::{
    account::Account,
    ids::UserId,
    invoice::{CarriedLine, Charges, UsageSum},
    money::Money,
    month::Month,
};
use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;

use super::super::{
    Tx,
    sums::{exact_sum, whole_sum},
};
use crate::{
    StoreError,
    rows::{self, DbMoney, LineRow, UsageSumRow, sums_of},
    schema::{invoice_lines, record_totals, usage_totals},
};

/// What no invoice carries yet, by user.
pub(super) async fn uninvoiced(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, Charges>, StoreError> {
    let mut charges: HashMap<String, Charges> = HashMap::new();
    for row in summed(tx, user_ids, month).await? {
        let of_user = charges.entry(row.user_id.clone()).or_default();
        of_user.usage.push(UsageSum::try_from(row)?);
    }
    let lines = lines(tx, user_ids, month).await?;
    for line in lines.into_iter().filter(|line| line.invoice_id.is_none()) {
        let of_user = charges.entry(line.user_id.clone()).or_default();
        of_user.lines.push(CarriedLine::try_from(line)?.line);
    }
    Ok(charges)
}

/// What no invoice carries yet of one user's month.
pub(super) async fn uninvoiced_of(
    tx: &mut Tx,
    user_id: &UserId,
    month: Month,
) -> Result<Charges, StoreError> {
    let found = uninvoiced(tx, &[user_id.to_string()], month).await?;
    Ok(found.into_values().next().unwrap_or_default())
}

/// The lines of a month, in the order they arose.
pub(super) async fn lines(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<LineRow>, StoreError> {
    Ok(invoice_lines::table
        .filter(invoice_lines::user_id.eq_any(user_ids))
        .filter(invoice_lines::billing_month.eq(month.to_string()))
        .order((invoice_lines::user_id, invoice_lines::sequence))
        .select(LineRow::as_select())
        .load(&mut tx.conn)
        .await?)
}

/// Sums of an invoice month's usage by user, day, price and window, from a table of totals.
macro_rules! usage_sums {
    ($table:ident, $tx:ident, $user_ids:ident, $month:ident) => {
        $table::table
            .group_by((
                $table::user_id,
                $table::day,
                $table::price_id,
                $table::plan_version_id,
                $table::window_start,
                $table::reversal,
            ))
            .select((
                $table::user_id,
                $table::day,
                $table::price_id,
                $table::plan_version_id,
                $table::window_start,
                $table::reversal,
                sums_of!($table),
            ))
            .filter($table::user_id.eq_any($user_ids))
            .filter($table::invoice_month.eq($month.to_string()))
            .load(&mut $tx.conn)
            .await?
    };
}

/// Sums of an invoice month's usage as all readers read them.
pub(super) async fn summed(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(usage_sums!(usage_totals, tx, user_ids, month))
}

/// Sums of an invoice month's usage from the records themselves.
pub(super) async fn recorded(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(usage_sums!(record_totals, tx, user_ids, month))
}

/// How many records a month's invoice stands for, by user.
pub(super) async fn record_counts(
    tx: &mut Tx,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, i64>, StoreError> {
    let counts: Vec<(String, i64)> = record_totals::table
        .group_by(record_totals::user_id)
        .select((record_totals::user_id, count_star()))
        .filter(record_totals::user_id.eq_any(user_ids))
        .filter(record_totals::invoice_month.eq(month.to_string()))
        .load(&mut tx.conn)
        .await?;
    Ok(counts.into_iter().collect())
}

/// What usage has cost by invoice month, by user.
pub(super) type Costs = HashMap<String, BTreeMap<Month, Money>>;

/// What usage has cost by invoice month, from the accounts' open months up to one.
pub(super) async fn costs(
    tx: &mut Tx,
    accounts: &[Account],
    up_to: Month,
) -> Result<Costs, StoreError> {
    let user_ids = accounts.iter().map(|account| account.id().to_string());
    let user_ids: Vec<_> = user_ids.collect();
    let open_months = accounts.iter().map(|account| account.state.open_month);
    let first = open_months.min().unwrap_or(up_to);
    let found: Vec<(String, String, Option<DbMoney>)> = usage_totals::table
        .group_by((usage_totals::user_id, usage_totals::invoice_month))
        .select((
            usage_totals::user_id,
            usage_totals::invoice_month,
            exact_sum(usage_totals::final_cost),
        ))
        .filter(usage_totals::user_id.eq_any(user_ids))
        .filter(usage_totals::invoice_month.ge(first.to_string()))
        .filter(usage_totals::invoice_month.le(up_to.to_string()))
        .load(&mut tx.conn)
        .await?;
    let mut costs = Costs::new();
    for (user_id, month, cost) in found {
        let month = rows::month("invoice_month", &month)?;
        let of_user = costs.entry(user_id).or_default();
        of_user.insert(month, rows::money(cost));
    }
    Ok(costs)
}
