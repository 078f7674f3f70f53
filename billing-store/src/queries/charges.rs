//! What users are charged for in an invoice month.

use std::collections::HashMap;

use billing_core::{
    ids::UserId,
    invoice::{Charges, UsageSum},
    month::Month,
    user::InvoiceLine,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Conn, dialect::exact_sum, reports::whole_sum};
use crate::{
    StoreError,
    rows::{LineRow, UsageSumRow},
    schema::{billing_records, invoice_lines, usage_rollups},
};

/// What no invoice carries yet, by user.
pub(super) async fn uninvoiced(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<HashMap<String, Charges>, StoreError> {
    let mut charges: HashMap<String, Charges> = HashMap::new();
    for row in rolled_up(conn, user_ids, month).await? {
        let user_id = row.user_id.clone();
        let of_user = charges.entry(user_id).or_default();
        of_user.usage.push(UsageSum::try_from(row)?);
    }
    let lines = lines(conn, user_ids, month).await?;
    for line in lines.into_iter().filter(|line| line.invoice_id.is_none()) {
        let user_id = line.user_id.clone();
        let of_user = charges.entry(user_id).or_default();
        of_user.lines.push(InvoiceLine::try_from(&line)?);
    }
    Ok(charges)
}

/// What no invoice carries yet of one user's month.
pub(super) async fn uninvoiced_of(
    conn: &mut Conn,
    user_id: &UserId,
    month: Month,
) -> Result<Charges, StoreError> {
    let found = uninvoiced(conn, &[user_id.to_string()], month).await?;
    Ok(found.into_values().next().unwrap_or_default())
}

/// The lines of a month, in the order they arose.
pub(super) async fn lines(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<LineRow>, StoreError> {
    Ok(invoice_lines::table
        .filter(invoice_lines::user_id.eq_any(user_ids))
        .filter(invoice_lines::billing_month.eq(month.to_string()))
        .order((invoice_lines::user_id, invoice_lines::id))
        .select(LineRow::as_select())
        .load(conn)
        .await?)
}

/// The columns that add up in the same way in rollups and in records.
macro_rules! sums {
    ($table:ident, $time:ident) => {
        (
            $table::user_id,
            $table::model,
            $table::$time,
            $table::terms,
            whole_sum($table::prompt_tokens),
            whole_sum($table::completion_tokens),
            whole_sum($table::cached_prompt_tokens),
            whole_sum($table::cache_write_tokens),
            whole_sum($table::reasoning_tokens),
            whole_sum($table::overage_tokens),
            exact_sum($table::cost_usd),
            exact_sum($table::covered_amount),
            exact_sum($table::overage_cost),
            exact_sum($table::discount_amount),
            exact_sum($table::final_cost),
        )
    };
}

/// Sums of usage from the rollups, one per day.
pub(super) async fn rolled_up(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(usage_rollups::table
        .group_by((
            usage_rollups::user_id,
            usage_rollups::model,
            usage_rollups::day,
            usage_rollups::terms,
        ))
        .select(sums!(usage_rollups, day))
        .filter(usage_rollups::user_id.eq_any(user_ids))
        .filter(usage_rollups::invoice_month.eq(month.to_string()))
        .load(conn)
        .await?)
}

/// Sums of usage from the records themselves, one per month.
pub(super) async fn recorded(
    conn: &mut Conn,
    user_ids: &[String],
    month: Month,
) -> Result<Vec<UsageSumRow>, StoreError> {
    Ok(billing_records::table
        .group_by((
            billing_records::user_id,
            billing_records::model,
            billing_records::billing_month,
            billing_records::terms,
        ))
        .select(sums!(billing_records, billing_month))
        .filter(billing_records::user_id.eq_any(user_ids))
        // A record is invoiced with its own month or a later one.
        .filter(billing_records::billing_month.le(month.to_string()))
        .filter(billing_records::invoice_month.eq(month.to_string()))
        .load(conn)
        .await?)
}
