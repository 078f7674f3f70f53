//! The users who used most in a month.

use std::collections::HashMap;

use billing_core::{
    ids::UserId,
    money::Money,
    month::Month,
    report::{Days, RankBy, TopUser, TopUsers},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;

use super::{Conn, dialect::exact_sum, reports::whole_sum};
use crate::{
    StoreError,
    rows::{DbMoney, TotalsRow, money, usage_totals},
    schema::{coupon_usages, usage_rollups},
};

/// Ranks here and not in the query, because decimals are texts on SQLite. Users stream by, and only
/// the best of them are held.
pub(super) async fn top_users(
    conn: &mut Conn,
    month: Month,
    by: RankBy,
    limit: usize,
) -> Result<Vec<TopUser>, StoreError> {
    let mut taken = taken_by_user(conn, month).await?;
    let mut top = TopUsers::new(by, limit);
    let days = Days::of_month(month);
    let mut users = usage_rollups::table
        .group_by(usage_rollups::user_id)
        .select((
            usage_rollups::user_id,
            (
                exact_sum(usage_rollups::final_cost),
                whole_sum(usage_rollups::prompt_tokens),
                whole_sum(usage_rollups::completion_tokens),
                whole_sum(usage_rollups::record_count),
            ),
        ))
        .filter(usage_rollups::day.ge(days.first.to_string()))
        .filter(usage_rollups::day.lt(days.end.to_string()))
        .load_stream::<(String, TotalsRow)>(conn)
        .await?;
    while let Some((user_id, row)) = users.try_next().await? {
        let taken = taken.remove(&user_id).unwrap_or(Money::ZERO);
        top.offer(UserId::trusted(user_id), usage_totals(row, taken)?);
    }
    // What was taken of usage of an earlier month that arrived late.
    for (user_id, taken) in taken {
        top.offer(
            UserId::trusted(user_id),
            usage_totals(TotalsRow::default(), taken)?,
        );
    }
    Ok(top.into_users())
}

/// What each user's redemptions of the month took of usage that was there before them.
async fn taken_by_user(
    conn: &mut Conn,
    month: Month,
) -> Result<HashMap<String, Money>, StoreError> {
    let rows = coupon_usages::table
        .group_by(coupon_usages::user_id)
        .select((
            coupon_usages::user_id,
            exact_sum(coupon_usages::taken_at_apply),
        ))
        .filter(coupon_usages::billing_month.eq(month.to_string()))
        .load::<(String, Option<DbMoney>)>(conn)
        .await?;
    let taken = rows.into_iter();
    Ok(taken.map(|(user, sum)| (user, money(sum))).collect())
}
