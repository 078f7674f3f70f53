//! The users who used most in a month.

use billing_core::{
    ids::UserId,
    money::Money,
    month::Month,
    report::{Days, RankBy, TopUser, TopUsers},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;

use super::super::{
    Tx,
    coupons::taken_at_once_by_user,
    sums::{exact_sum, whole_sum},
};
use crate::{
    StoreError,
    rows::{self, TotalsRow},
    schema::usage_totals,
};

/// Ranks here and not in the query, because decimals are texts on SQLite. Users stream by, and only
/// the best of them are held.
pub(super) async fn top_users(
    tx: &mut Tx,
    month: Month,
    by: RankBy,
    limit: usize,
) -> Result<Vec<TopUser>, StoreError> {
    let mut taken = taken_at_once_by_user(tx, month).await?;
    let mut top = TopUsers::new(by, limit);
    let days = Days::of_month(month);
    let mut users = usage_totals::table
        .group_by(usage_totals::user_id)
        .select((
            usage_totals::user_id,
            (
                exact_sum(usage_totals::final_cost),
                whole_sum(usage_totals::prompt_tokens),
                whole_sum(usage_totals::completion_tokens),
                whole_sum(usage_totals::record_count),
            ),
        ))
        .filter(usage_totals::day.ge(days.first.to_string()))
        .filter(usage_totals::day.lt(days.end.to_string()))
        .load_stream::<(String, TotalsRow)>(&mut tx.conn)
        .await?;
    while let Some((user_id, row)) = users.try_next().await? {
        let taken = taken.remove(&user_id).unwrap_or(Money::ZERO);
        top.offer(UserId::trusted(user_id), rows::usage_totals(row, taken)?);
    }
    // What was taken of usage of an earlier month that arrived late.
    for (user_id, taken) in taken {
        top.offer(
            UserId::trusted(user_id),
            rows::usage_totals(TotalsRow::default(), taken)?,
        );
    }
    Ok(top.into_users())
}
