//! Reading what accounts need of their relations; an account that needs nothing costs nothing.

use std::collections::HashMap;

use billing_core::{
    account::{Account, AccountState, DiscountChange, Needs},
    catalog::Catalog,
    coupon::Redemption,
    ids::UserId,
    subscription::ArchivedWindow,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::Conn;
use crate::{
    StoreError,
    rows::{CouponTermsRow, DiscountRow, PeriodRow, RedemptionRow},
    schema::{coupon_usages, coupons, subscription_periods, user_discounts},
    sql_types::DbTimestamp,
};

/// Accounts with the relations that each of them needs.
pub(in super::super) async fn with_relations(
    conn: &mut Conn,
    catalog: &Catalog,
    states: Vec<(AccountState, Needs)>,
) -> Result<Vec<Account>, StoreError> {
    let redeemers = states.iter().filter(|(_, needs)| needs.redemptions);
    let redeemers: Vec<_> = redeemers
        .map(|(state, _)| state.user_id.to_string())
        .collect();
    let mut redeemed = match redeemers.as_slice() {
        [] => HashMap::new(),
        redeemers => redemptions_of(conn, redeemers).await?,
    };
    let mut accounts = Vec::with_capacity(states.len());
    for (state, needs) in states {
        let mut account = Account::new(state);
        if needs.redemptions {
            let redemptions = redeemed.remove(account.id().as_str());
            account.relations.redemptions = redemptions.unwrap_or_default();
        }
        if let Some(after) = needs.windows_after {
            let windows = windows_after(conn, catalog, account.id(), after).await?;
            account.relations.windows = windows;
        }
        if needs.discounts {
            account.relations.discounts = discounts(conn, account.id()).await?;
        }
        accounts.push(account);
    }
    Ok(accounts)
}

/// What users have redeemed, oldest first.
pub(in super::super) async fn redemptions_of(
    conn: &mut Conn,
    user_ids: &[String],
) -> Result<HashMap<String, Vec<Redemption>>, StoreError> {
    let rows: Vec<(RedemptionRow, CouponTermsRow)> = coupon_usages::table
        .inner_join(coupons::table.on(coupons::id.eq(coupon_usages::coupon_id)))
        .filter(coupon_usages::user_id.eq_any(user_ids))
        .order((coupon_usages::created_at, coupon_usages::id))
        .select((RedemptionRow::as_select(), CouponTermsRow::as_select()))
        .load(conn)
        .await?;
    let mut redeemed: HashMap<String, Vec<Redemption>> = HashMap::new();
    for (row, coupon) in rows {
        let user_id = row.user_id.clone();
        redeemed.entry(user_id).or_default().push(row.with(coupon)?);
    }
    Ok(redeemed)
}

async fn windows_after(
    conn: &mut Conn,
    catalog: &Catalog,
    user_id: &UserId,
    after: DateTime<Utc>,
) -> Result<Vec<ArchivedWindow>, StoreError> {
    let rows = subscription_periods::table
        .filter(subscription_periods::user_id.eq(user_id.as_str()))
        .filter(subscription_periods::window_end.gt(DbTimestamp(after)))
        .select(PeriodRow::as_select())
        .load(conn)
        .await?;
    let windows = rows.into_iter().map(|row| row.into_window(catalog));
    windows.collect()
}

/// Every discount rate of a user by its time.
async fn discounts(conn: &mut Conn, user_id: &UserId) -> Result<Vec<DiscountChange>, StoreError> {
    let rows = user_discounts::table
        .filter(user_discounts::user_id.eq(user_id.as_str()))
        .order(user_discounts::effective_from)
        .select(DiscountRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(DiscountChange::from).collect())
}
