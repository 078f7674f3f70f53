//! Coupons and what users have redeemed.

use async_trait::async_trait;
use billing_core::{
    coupon::{Coupon, RedeemOrder, Redemption},
    ids::{CouponId, RedemptionId, UserId},
};

use crate::StoreError;

/// Coupons and what users have redeemed.
#[async_trait]
pub trait CouponStore: Send + Sync {
    /// Creates a coupon.
    ///
    /// # Errors
    /// When its code is taken or the database fails.
    async fn create_coupon(&self, coupon: Coupon) -> Result<Coupon, StoreError>;

    /// At most `limit` coupons, newest first, those that come after one in that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn coupons(&self, after: Option<CouponId>, limit: i64)
    -> Result<Vec<Coupon>, StoreError>;

    /// Stops a coupon from being redeemed.
    ///
    /// # Errors
    /// When there is none or the database fails.
    async fn deactivate_coupon(&self, id: CouponId) -> Result<Coupon, StoreError>;

    /// Redeems a coupon in one transaction. A call with the request id of an earlier redemption
    /// answers with that one.
    ///
    /// # Errors
    /// When there is no such coupon, the rules do not allow it or the database fails.
    async fn redeem(&self, order: RedeemOrder) -> Result<(Coupon, Redemption), StoreError>;

    /// What [`CouponStore::redeem`] would answer now. Changes nothing.
    ///
    /// # Errors
    /// As [`CouponStore::redeem`].
    async fn preview_redemption(
        &self,
        order: RedeemOrder,
    ) -> Result<(Coupon, Redemption), StoreError>;

    /// At most `limit` redemptions of a user, or of all, newest first, those that come after one in
    /// that order.
    ///
    /// # Errors
    /// When the database fails.
    async fn redemptions(
        &self,
        user_id: Option<UserId>,
        after: Option<RedemptionId>,
        limit: i64,
    ) -> Result<Vec<(UserId, Redemption)>, StoreError>;
}
