//! Totals of usage.

use billing_core::{
    account::Account,
    ids::UserId,
    money::Money,
    month::Month,
    report::{Days, UsageTotals},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{
    Tx,
    coupons::taken_at_once,
    sums::{exact_sum, whole_sum},
};
use crate::{
    StoreError,
    rows::{self, DbMoney, TotalsRow},
    schema::usage_totals,
};

/// The totals of a month, of a user or of all.
pub(super) async fn of_month(
    tx: &mut Tx,
    user_id: Option<&UserId>,
    month: Month,
) -> Result<UsageTotals, StoreError> {
    let days = Days::of_month(month);
    let mut query = usage_totals::table
        .select((
            exact_sum(usage_totals::final_cost),
            whole_sum(usage_totals::prompt_tokens),
            whole_sum(usage_totals::completion_tokens),
            whole_sum(usage_totals::record_count),
        ))
        .filter(usage_totals::day.ge(days.first.to_string()))
        .filter(usage_totals::day.lt(days.end.to_string()))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(usage_totals::user_id.eq(user_id.as_str()));
    }
    let row = query.get_result::<TotalsRow>(&mut tx.conn).await?;
    let taken = taken_at_once(tx, user_id, Some(month)).await?;
    rows::usage_totals(row, taken)
}

/// What all usage of a user has cost: months that are closed cost nothing to add up.
pub(super) async fn all_time_cost(tx: &mut Tx, account: &Account) -> Result<Money, StoreError> {
    let reopened = account.state.reopened_months();
    let reopened: Vec<_> = reopened.map(|month| month.to_string()).collect();
    let open: Option<DbMoney> = usage_totals::table
        .select(exact_sum(usage_totals::final_cost))
        .filter(usage_totals::user_id.eq(account.id().as_str()))
        .filter(
            usage_totals::invoice_month
                .ge(account.state.open_month.to_string())
                .or(usage_totals::invoice_month.eq_any(reopened)),
        )
        .get_result(&mut tx.conn)
        .await?;
    let taken = taken_at_once(tx, Some(account.id()), None).await?;
    let recorded = account.state.closed_cost.plus(rows::money(open));
    let cost = recorded.and_then(|recorded| recorded.minus(taken));
    cost.map_err(|error| StoreError::corrupt("final_cost", error))
}
