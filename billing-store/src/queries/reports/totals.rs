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
    sums::{exact_sum, whole_sum},
};
use crate::{
    StoreError,
    rows::{self, DbMoney, TotalsRow},
    schema::{coupon_usages, usage_totals},
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
    rows::usage_totals(row, taken_at_apply(tx, user_id, Some(month)).await?)
}

/// What all usage of a user has cost: months that are closed cost nothing to add up.
pub(super) async fn all_time_cost(tx: &mut Tx, account: &Account) -> Result<Money, StoreError> {
    let open: Option<DbMoney> = usage_totals::table
        .select(exact_sum(usage_totals::final_cost))
        .filter(usage_totals::user_id.eq(account.id().as_str()))
        .filter(usage_totals::invoice_month.ge(account.state.open_month.to_string()))
        .get_result(&mut tx.conn)
        .await?;
    let taken = taken_at_apply(tx, Some(account.id()), None).await?;
    let recorded = account.state.closed_cost.plus(rows::money(open));
    let cost = recorded.and_then(|recorded| recorded.minus(taken));
    cost.map_err(|error| StoreError::corrupt("final_cost", error))
}

/// What redemptions took of usage that was there before them.
async fn taken_at_apply(
    tx: &mut Tx,
    user_id: Option<&UserId>,
    month: Option<Month>,
) -> Result<Money, StoreError> {
    let mut query = coupon_usages::table
        .select(exact_sum(coupon_usages::taken_at_apply))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(coupon_usages::user_id.eq(user_id.as_str()));
    }
    if let Some(month) = month {
        query = query.filter(coupon_usages::billing_month.eq(month.to_string()));
    }
    Ok(rows::money(query.get_result(&mut tx.conn).await?))
}
