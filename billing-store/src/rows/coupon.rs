//! Rows of `coupons` and `coupon_usages`.

use billing_core::{
    coupon::{Coupon, CouponValue, Redemption},
    ids::{CouponId, PlanId, RedemptionId, RequestId, UserId},
    money::{Money, Rate},
};
use diesel::{Insertable, Queryable, Selectable};

use super::{DbMoney, DbTimestamp, amounts, month};
use crate::{
    StoreError,
    schema::{coupon_usages, coupons},
    sql_types::DbFixed,
};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = coupons)]
pub(crate) struct CouponRow {
    id: String,
    code: String,
    type_: String,
    value: DbMoney,
    max_uses: i64,
    used_count: i64,
    max_usage_per_user: i32,
    min_purchase_amount: DbMoney,
    valid_from: DbTimestamp,
    expires_at: Option<DbTimestamp>,
    is_active: bool,
    description: String,
    created_by: String,
    applicable_plans: String,
    duration_months: i32,
    created_at: DbTimestamp,
    updated_at: DbTimestamp,
}

impl TryFrom<&Coupon> for CouponRow {
    type Error = StoreError;

    fn try_from(coupon: &Coupon) -> Result<Self, StoreError> {
        let refused = |error: &dyn ToString| StoreError::Refused(error.to_string());
        let (type_, value) = match coupon.value {
            CouponValue::Percentage(percent) => ("percentage", percent.to_string()),
            CouponValue::Fixed(value) => ("fixed", value.to_string()),
        };
        let plans: Vec<_> = coupon.applicable_plans.iter().map(PlanId::as_str).collect();
        Ok(Self {
            id: coupon.id.to_string(),
            code: coupon.code.clone(),
            type_: type_.to_owned(),
            value: DbFixed(value.parse().map_err(|error| refused(&error))?),
            max_uses: coupon.max_uses,
            used_count: coupon.used_count,
            max_usage_per_user: coupon.max_usage_per_user,
            min_purchase_amount: DbFixed(coupon.min_purchase_amount),
            valid_from: DbTimestamp(coupon.valid_from),
            expires_at: coupon.expires_at.map(DbTimestamp),
            is_active: coupon.is_active,
            description: coupon.description.clone(),
            created_by: coupon.created_by.clone(),
            applicable_plans: serde_json::to_string(&plans).map_err(|error| refused(&error))?,
            duration_months: i32::try_from(coupon.duration_months)
                .map_err(|error| refused(&error))?,
            created_at: DbTimestamp(coupon.created_at),
            updated_at: DbTimestamp(coupon.updated_at),
        })
    }
}

impl TryFrom<CouponRow> for Coupon {
    type Error = StoreError;

    fn try_from(row: CouponRow) -> Result<Self, StoreError> {
        let plans: Vec<String> = serde_json::from_str(&row.applicable_plans)
            .map_err(|error| StoreError::corrupt("applicable_plans", error))?;
        Ok(Self {
            id: CouponId::trusted(row.id),
            code: row.code,
            value: coupon_value(&row.type_, row.value.0)?,
            max_uses: row.max_uses,
            used_count: row.used_count,
            max_usage_per_user: row.max_usage_per_user,
            min_purchase_amount: row.min_purchase_amount.0,
            valid_from: row.valid_from.0,
            expires_at: row.expires_at.map(|at| at.0),
            is_active: row.is_active,
            description: row.description,
            created_by: row.created_by,
            applicable_plans: plans.into_iter().map(PlanId::trusted).collect(),
            duration_months: duration(row.duration_months)?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = coupon_usages)]
pub(crate) struct RedemptionRow {
    pub(crate) user_id: String,
    pub(crate) id: String,
    pub(crate) coupon_id: String,
    pub(crate) discount_amount: DbMoney,
    pub(crate) billing_month: String,
    pub(crate) taken_at_apply: DbMoney,
    pub(crate) created_at: DbTimestamp,
    pub(crate) open_discounts: String,
    pub(crate) request_id: Option<String>,
}

/// What a redemption needs of its coupon.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = coupons)]
pub(crate) struct CouponTermsRow {
    code: String,
    type_: String,
    value: DbMoney,
    duration_months: i32,
}

impl RedemptionRow {
    pub(crate) fn new(user_id: &UserId, redemption: &Redemption) -> Self {
        Self {
            user_id: user_id.to_string(),
            id: redemption.id.to_string(),
            coupon_id: redemption.coupon_id.to_string(),
            discount_amount: DbFixed(redemption.saved),
            billing_month: redemption.month.to_string(),
            taken_at_apply: DbFixed(redemption.taken_at_apply),
            created_at: DbTimestamp(redemption.created_at),
            open_discounts: amounts::format(&redemption.open),
            request_id: redemption.request_id.as_ref().map(ToString::to_string),
        }
    }

    pub(crate) fn with(self, coupon: CouponTermsRow) -> Result<Redemption, StoreError> {
        Ok(Redemption {
            id: RedemptionId::trusted(self.id),
            coupon_id: CouponId::trusted(self.coupon_id),
            code: coupon.code,
            value: coupon_value(&coupon.type_, coupon.value.0)?,
            duration_months: duration(coupon.duration_months)?,
            month: month("billing_month", &self.billing_month)?,
            saved: self.discount_amount.0,
            open: amounts::parse("open_discounts", &self.open_discounts)?,
            taken_at_apply: self.taken_at_apply.0,
            request_id: self.request_id.map(RequestId::trusted),
            created_at: self.created_at.0,
            changed: false,
        })
    }
}

fn coupon_value(kind: &str, value: Money) -> Result<CouponValue, StoreError> {
    match kind {
        "percentage" => {
            let percent: Result<Rate, _> = value.to_string().parse();
            let percent = percent.map_err(|error| StoreError::corrupt("value", error))?;
            Ok(CouponValue::Percentage(percent))
        }
        "fixed" => Ok(CouponValue::Fixed(value)),
        other => Err(StoreError::corrupt("type", other)),
    }
}

fn duration(months: i32) -> Result<u32, StoreError> {
    u32::try_from(months).map_err(|error| StoreError::corrupt("duration_months", error))
}
