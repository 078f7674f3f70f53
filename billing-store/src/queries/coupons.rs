//! Coupons and what users have redeemed.

use std::sync::Arc;

use async_trait::async_trait;
use billing_core::{
    coupon::{Coupon, CouponRefusal, Redeemer, Redemption},
    ids::{CouponId, RedemptionId, UserId},
    month::Month,
    user::User,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Backend, Conn, dialect, users};
use crate::{
    CouponStore, Now, RedeemOrder, StoreError,
    rows::{CouponRow, CouponTermsRow, RedemptionRow},
    schema::{coupon_usages, coupons},
    sql_types::{DbTimestamp, lower},
};

type Redeemed = Result<(Coupon, Redemption), CouponRefusal>;

#[async_trait]
impl CouponStore for Backend {
    async fn create_coupon(&self, coupon: Coupon) -> Result<Option<Coupon>, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let inserted = diesel::insert_into(coupons::table)
                    .values(CouponRow::try_from(&coupon)?)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
                Ok((inserted > 0).then_some(coupon))
            })
        })
        .await
    }

    async fn coupons(
        &self,
        after: Option<CouponId>,
        limit: i64,
    ) -> Result<Vec<Coupon>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let mut query = coupons::table
                    .order(coupons::id.desc())
                    .limit(limit)
                    .select(CouponRow::as_select())
                    .into_boxed();
                if let Some(after) = &after {
                    query = query.filter(coupons::id.lt(after.as_str()));
                }
                let rows = query.load(conn).await?;
                rows.into_iter().map(Coupon::try_from).collect()
            })
        })
        .await
    }

    async fn deactivate_coupon(
        &self,
        id: CouponId,
        now: DateTime<Utc>,
    ) -> Result<Option<Coupon>, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let active = coupons::table
                    .filter(coupons::id.eq(id.as_str()))
                    .filter(coupons::is_active);
                diesel::update(active)
                    .set((
                        coupons::is_active.eq(false),
                        coupons::updated_at.eq(DbTimestamp(now)),
                    ))
                    .execute(conn)
                    .await?;
                let row = coupons::table
                    .find(id.as_str())
                    .select(CouponRow::as_select())
                    .first(conn)
                    .await
                    .optional()?;
                row.map(Coupon::try_from).transpose()
            })
        })
        .await
    }

    async fn redeem(&self, order: RedeemOrder, now: Now) -> Result<Redeemed, StoreError> {
        let cache = self.catalog.clone();
        self.write_again(move |conn| {
            let (cache, order, now) = (cache.clone(), order.clone(), Arc::clone(&now));
            Box::pin(async move {
                let Some(row) = dialect::lock_coupon(conn, &order.code).await? else {
                    return Ok(Err(CouponRefusal::NotFound));
                };
                let coupon = Coupon::try_from(row)?;
                let user = users::lock(conn, &order.user_id, now()).await?;
                let now = now();
                let catalog = users::share_catalog(conn, &cache).await?;
                let user = users::bring_to(conn, &catalog, user, now, now).await?;
                let decided = decide(user, coupon, order, now)?;
                if let Ok(decision) = &decided
                    && decision.is_new
                {
                    let used = coupons::table.find(decision.coupon.id.as_str());
                    diesel::update(used)
                        .set((
                            coupons::used_count.eq(coupons::used_count + 1),
                            coupons::updated_at.eq(DbTimestamp(now)),
                        ))
                        .execute(conn)
                        .await?;
                    users::store(conn, &[&decision.user], &[], now).await?;
                }
                Ok(decided.map(|decision| (decision.coupon, decision.redemption)))
            })
        })
        .await
    }

    async fn preview_redemption(
        &self,
        order: RedeemOrder,
        now: DateTime<Utc>,
    ) -> Result<Redeemed, StoreError> {
        let cache = self.catalog.clone();
        self.read(move |conn| {
            Box::pin(async move {
                let Some(row) = find_coupon(conn, &order.code).await? else {
                    return Ok(Err(CouponRefusal::NotFound));
                };
                let user_id = order.user_id.clone();
                let (user, _) = users::view(conn, &cache, user_id, now, now).await?;
                let decided = decide(user, Coupon::try_from(row)?, order, now)?;
                Ok(decided.map(|decision| (decision.coupon, decision.redemption)))
            })
        })
        .await
    }

    async fn redemptions(
        &self,
        user_id: UserId,
        after: Option<RedemptionId>,
        limit: i64,
    ) -> Result<Vec<Redemption>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let mut query = coupon_usages::table
                    .inner_join(coupons::table.on(coupons::id.eq(coupon_usages::coupon_id)))
                    .filter(coupon_usages::user_id.eq(user_id.as_str()))
                    .order(coupon_usages::id.desc())
                    .limit(limit)
                    .select((RedemptionRow::as_select(), CouponTermsRow::as_select()))
                    .into_boxed();
                if let Some(after) = &after {
                    query = query.filter(coupon_usages::id.lt(after.as_str()));
                }
                let rows = query.load(conn).await?;
                let redemptions = rows.into_iter().map(|(row, coupon)| row.with(coupon));
                redemptions.collect()
            })
        })
        .await
    }
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

/// A redemption that may stand.
struct Decision {
    coupon: Coupon,
    redemption: Redemption,
    user: User,
    /// Whether it was not there before.
    is_new: bool,
}

fn decide(
    mut user: User,
    mut coupon: Coupon,
    order: RedeemOrder,
    now: DateTime<Utc>,
) -> Result<Result<Decision, CouponRefusal>, StoreError> {
    let same_call =
        |r: &&Redemption| order.request_id.is_some() && r.request_id == order.request_id;
    if let Some(redemption) = user.redemptions.iter().find(same_call).cloned() {
        return Ok(if redemption.coupon_id == coupon.id {
            Ok(Decision {
                coupon,
                redemption,
                user,
                is_new: false,
            })
        } else {
            Err(CouponRefusal::RequestConflict)
        });
    }
    let redeemer = Redeemer {
        plan_id: user.account.subscription.as_ref().map(|live| &live.plan_id),
        purchase_amount: user.account.uninvoiced_in(Month::of(now)),
        redemptions: &user.redemptions,
    };
    if let Err(refusal) = coupon.check(redeemer, now) {
        return Ok(Err(refusal));
    }
    let redemption = coupon.redeemed(order.redemption_id, order.request_id, now);
    let redemption = user
        .redeem(redemption)
        .map_err(|error| StoreError::Refused(format!("an amount {error}")))?;
    coupon.used_count += 1;
    Ok(Ok(Decision {
        coupon,
        redemption,
        user,
        is_new: true,
    }))
}
