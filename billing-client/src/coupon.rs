//! Redeemed coupons.

use billing_proto::v1;
use rust_decimal::Decimal;

use crate::{Error, convert};

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CouponType {
    /// A percentage of what is owed.
    Percentage,
    /// An amount in USD.
    Fixed,
    /// A type that this version of the client does not know.
    Unknown,
}

/// A coupon that a user has redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedCoupon {
    /// The coupon's code.
    pub code: String,
    /// What the coupon takes off.
    pub coupon_type: CouponType,
    /// Percent, or USD.
    pub value: Decimal,
    /// What the coupon is, such as "Save 50%".
    pub description: String,
}

impl TryFrom<v1::ApplyCouponResponse> for AppliedCoupon {
    type Error = Error;

    fn try_from(answer: v1::ApplyCouponResponse) -> Result<Self, Error> {
        let coupon = answer.coupon.ok_or(Error::Decode { field: "coupon" })?;
        let coupon_type = match coupon.r#type() {
            v1::CouponType::Unspecified => CouponType::Unknown,
            v1::CouponType::Percentage => CouponType::Percentage,
            v1::CouponType::Fixed => CouponType::Fixed,
        };
        let discount = answer.discount.ok_or(Error::Decode { field: "discount" })?;
        Ok(Self {
            code: coupon.code,
            coupon_type,
            value: convert::decimal(coupon.value, "value")?,
            description: discount.description,
        })
    }
}
