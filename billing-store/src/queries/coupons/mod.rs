//! Coupons and what users have redeemed.

mod taken;

use async_trait::async_trait;
use billing_core::{
    account::Redeemed,
    coupon::{Coupon, RedeemOrder, Redemption},
    ids::{CouponId, RedemptionId, UserId},
    refusal::{CouponRefusal, Refusal},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;

pub(super) use self::taken::{taken_at_once, taken_at_once_by_user};
use super::{Backend, Conn, Tx, dialect};
use crate::{
    CouponStore, StoreError,
    rows::{CouponRow, CouponTermsRow, RedemptionRow},
    schema::{coupon_usages, coupons},
    sql_types::{DbTimestamp, DbUuid, lower},
};

#[async_trait]
impl CouponStore for Backend {
    async fn create_coupon(&self, coupon: Coupon) -> Result<Coupon, StoreError> {
        self.write(coupon, |tx, coupon| create(tx, coupon).boxed())
            .await
    }

    async fn coupons(
        &self,
        after: Option<CouponId>,
        limit: i64,
    ) -> Result<Vec<Coupon>, StoreError> {
        self.read((after, limit), |tx, (after, limit)| {
            list(tx, after, limit).boxed()
        })
        .await
    }

    async fn deactivate_coupon(&self, id: CouponId) -> Result<Coupon, StoreError> {
        self.write(id, |tx, id| deactivate(tx, id).boxed()).await
    }

    async fn redeem(&self, order: RedeemOrder) -> Result<(Coupon, Redemption), StoreError> {
        self.write(order, |tx, order| redeem(tx, order).boxed())
            .await
    }

    async fn preview_redemption(
        &self,
        order: RedeemOrder,
    ) -> Result<(Coupon, Redemption), StoreError> {
        self.read(order, |tx, order| preview(tx, order).boxed())
            .await
    }

    async fn redemptions(
        &self,
        user_id: Option<UserId>,
        after: Option<RedemptionId>,
        limit: i64,
    ) -> Result<Vec<(UserId, Redemption)>, StoreError> {
        self.read((user_id, after, limit), |tx, (user_id, after, limit)| {
            list_redemptions(tx, user_id, after, limit).boxed()
        })
        .await
    }
}

async fn create(tx: &mut Tx, coupon: Coupon) -> Result<Coupon, StoreError> {
    let row = CouponRow::try_from(&coupon)?;
    let created = dialect::insert_new(&mut tx.conn, vec![row]).await?;
    match created {
        0 => Err(Refusal::CouponExists(coupon.code).into()),
        _ => Ok(coupon),
    }
}

async fn list(tx: &mut Tx, after: Option<CouponId>, limit: i64) -> Result<Vec<Coupon>, StoreError> {
    // Ids begin with their time, so the newest has the greatest.
    let mut query = coupons::table
        .order(coupons::id.desc())
        .limit(limit)
        .select(CouponRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(coupons::id.lt(DbUuid(after.uuid())));
    }
    let rows = query.load(&mut tx.conn).await?;
    rows.into_iter().map(Coupon::try_from).collect()
}

async fn deactivate(tx: &mut Tx, id: CouponId) -> Result<Coupon, StoreError> {
    let active = coupons::table
        .filter(coupons::id.eq(DbUuid(id.uuid())))
        .filter(coupons::is_active);
    diesel::update(active)
        .set((
            coupons::is_active.eq(false),
            coupons::updated_at.eq(DbTimestamp(tx.now())),
        ))
        .execute(&mut tx.conn)
        .await?;
    let row = coupons::table
        .find(DbUuid(id.uuid()))
        .select(CouponRow::as_select())
        .first(&mut tx.conn)
        .await
        .optional()?;
    row.ok_or_else(|| not_found(id.to_string()))?.try_into()
}

fn not_found(name: String) -> StoreError {
    let reason = CouponRefusal::NotFound;
    Refusal::Coupon { name, reason }.into()
}

async fn redeem(tx: &mut Tx, order: RedeemOrder) -> Result<(Coupon, Redemption), StoreError> {
    let row = dialect::lock_coupon(&mut tx.conn, &order.code).await?;
    let coupon = Coupon::try_from(row.ok_or_else(|| not_found(order.code.clone()))?)?;
    let mut ready = tx.lock(&order.user_id).await?;
    let redeemed = ready.account.redeem(coupon, order, ready.now)?;
    let Redeemed {
        coupon,
        redemption,
        is_new,
    } = redeemed;
    if is_new {
        diesel::update(coupons::table.find(DbUuid(coupon.id.uuid())))
            .set((
                coupons::used_count.eq(coupon.used_count),
                coupons::updated_at.eq(DbTimestamp(ready.now)),
            ))
            .execute(&mut tx.conn)
            .await?;
        let accounts = std::slice::from_ref(&ready.account);
        tx.save(accounts, &[], &ready.catalog, ready.now).await?;
    }
    Ok((coupon, redemption))
}

async fn preview(tx: &mut Tx, order: RedeemOrder) -> Result<(Coupon, Redemption), StoreError> {
    let row = find_coupon(&mut tx.conn, &order.code).await?;
    let coupon = Coupon::try_from(row.ok_or_else(|| not_found(order.code.clone()))?)?;
    let mut ready = tx.view(order.user_id.clone()).await?;
    let redeemed = ready.account.redeem(coupon, order, ready.now)?;
    Ok((redeemed.coupon, redeemed.redemption))
}

async fn list_redemptions(
    tx: &mut Tx,
    user_id: Option<UserId>,
    after: Option<RedemptionId>,
    limit: i64,
) -> Result<Vec<(UserId, Redemption)>, StoreError> {
    let mut query = coupon_usages::table
        .inner_join(coupons::table.on(coupons::id.eq(coupon_usages::coupon_id)))
        .order(coupon_usages::id.desc())
        .limit(limit)
        .select((RedemptionRow::as_select(), CouponTermsRow::as_select()))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(coupon_usages::user_id.eq(user_id.into_string()));
    }
    if let Some(after) = after {
        query = query.filter(coupon_usages::id.lt(DbUuid(after.uuid())));
    }
    let rows: Vec<(RedemptionRow, CouponTermsRow)> = query.load(&mut tx.conn).await?;
    let redemptions = rows.into_iter().map(|(row, coupon)| {
        let user_id = UserId::trusted(row.user_id.clone());
        Ok((user_id, row.with(coupon)?))
    });
    redemptions.collect()
}

/// The coupon with a code, in any case.
pub(crate) async fn find_coupon(
    conn: &mut Conn,
    code: &str,
) -> Result<Option<CouponRow>, StoreError> {
    let row = coupons::table
        .filter(lower(coupons::code).eq(code.to_ascii_lowercase()))
        .select(CouponRow::as_select())
        .first(conn)
        .await;
    Ok(row.optional()?)
}
