//! What coupons took at once of usage that was there before: when one was redeemed, and when a
//! voided record freed value of one.

use std::collections::HashMap;

use billing_core::{
    ids::UserId,
    money::{Money, NumberError},
    month::Month,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{Tx, sums::exact_sum};
use crate::{
    StoreError,
    rows::{self, DbMoney},
    schema::{coupon_catch_ups, coupon_usages},
};

/// The sum of one user, of a month or of all.
pub(in super::super) async fn taken_at_once(
    tx: &mut Tx,
    user_id: &UserId,
    month: Option<Month>,
) -> Result<Money, StoreError> {
    let taken = by_user(tx, Some(user_id), month).await?;
    Ok(taken.into_values().next().unwrap_or(Money::ZERO))
}

/// The sums of a month by user.
pub(in super::super) async fn taken_at_once_by_user(
    tx: &mut Tx,
    month: Month,
) -> Result<HashMap<String, Money>, StoreError> {
    by_user(tx, None, Some(month)).await
}

/// Sums of one of the two tables.
macro_rules! sums_by_user {
    ($table:ident, $amount:ident, $tx:ident, $user_id:ident, $month:ident) => {{
        let mut query = $table::table
            .group_by($table::user_id)
            .select(($table::user_id, exact_sum($table::$amount)))
            .into_boxed();
        if let Some(user_id) = $user_id {
            query = query.filter($table::user_id.eq(user_id.as_str()));
        }
        if let Some(month) = $month {
            query = query.filter($table::billing_month.eq(month.to_string()));
        }
        let sums: Vec<(String, Option<DbMoney>)> = query.load(&mut $tx.conn).await?;
        sums
    }};
}

async fn by_user(
    tx: &mut Tx,
    user_id: Option<&UserId>,
    month: Option<Month>,
) -> Result<HashMap<String, Money>, StoreError> {
    let redeemed = sums_by_user!(coupon_usages, taken_at_apply, tx, user_id, month);
    let caught_up = sums_by_user!(coupon_catch_ups, amount, tx, user_id, month);
    let mut taken: HashMap<String, Money> = HashMap::new();
    for (user_id, sum) in redeemed.into_iter().chain(caught_up) {
        let of_user = taken.entry(user_id).or_default();
        *of_user = of_user
            .plus(rows::money(sum))
            .map_err(|error: NumberError| StoreError::corrupt("taken_at_apply", error))?;
    }
    Ok(taken)
}
