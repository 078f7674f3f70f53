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

/// The sum of one of the two tables.
macro_rules! sum {
    ($tx:ident, $table:ident, $amount:ident, $user_id:ident, $month:ident) => {{
        let mut query = $table::table
            .select(exact_sum($table::$amount))
            .into_boxed();
        if let Some(user_id) = $user_id {
            query = query.filter($table::user_id.eq(user_id.as_str()));
        }
        if let Some(month) = $month {
            query = query.filter($table::billing_month.eq(month.to_string()));
        }
        let sum: Option<DbMoney> = query.get_result(&mut $tx.conn).await?;
        rows::money(sum)
    }};
}

/// The sums of one of the two tables in a month by user.
macro_rules! sums_by_user {
    ($tx:ident, $table:ident, $amount:ident, $month:ident) => {{
        let sums: Vec<(String, Option<DbMoney>)> = $table::table
            .group_by($table::user_id)
            .select(($table::user_id, exact_sum($table::$amount)))
            .filter($table::billing_month.eq($month.to_string()))
            .load(&mut $tx.conn)
            .await?;
        sums
    }};
}

/// The sum of a user or of all, of a month or of all.
pub(in super::super) async fn taken_at_once(
    tx: &mut Tx,
    user_id: Option<&UserId>,
    month: Option<Month>,
) -> Result<Money, StoreError> {
    let redeemed = sum!(tx, coupon_usages, taken_at_apply, user_id, month);
    let caught_up = sum!(tx, coupon_catch_ups, amount, user_id, month);
    redeemed.plus(caught_up).map_err(too_large)
}

/// The sums of a month by user.
pub(in super::super) async fn taken_at_once_by_user(
    tx: &mut Tx,
    month: Month,
) -> Result<HashMap<String, Money>, StoreError> {
    let redeemed = sums_by_user!(tx, coupon_usages, taken_at_apply, month);
    let caught_up = sums_by_user!(tx, coupon_catch_ups, amount, month);
    let mut taken: HashMap<String, Money> = HashMap::new();
    for (user_id, sum) in redeemed.into_iter().chain(caught_up) {
        let of_user = taken.entry(user_id).or_default();
        *of_user = of_user.plus(rows::money(sum)).map_err(too_large)?;
    }
    Ok(taken)
}

fn too_large(error: NumberError) -> StoreError {
    StoreError::corrupt("taken_at_apply", error)
}
