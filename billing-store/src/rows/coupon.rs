//! Rows of `coupons` and `coupon_usages`.

use billing_core::{
    coupon::{Coupon, CouponValue, Redemption},
    ids::{CouponId, PlanId, RedemptionId, RequestId, UserId},
    money::Money,
};
use diesel::{
    Queryable, Selectable,
    sql_types::{BigInt, Bool, Integer, Nullable, Text},
};

use super::{Amounts, DbMoney, DbTimestamp, DbUuid, month, table::table_row};
use crate::{
    StoreError,
    json::Json,
    schema::coupons,
    sql_types::{DbFixed, ExactDecimal, JsonText, UtcTimestamp, UuidBytes},
};

table_row! {
    CouponRow, CouponColumns in coupons {
        id: DbUuid as UuidBytes = "uuid", Key;
        code: String as Text = "text", Insert;
        type_: String as Text = "text", Insert;
        value: DbMoney as ExactDecimal = "numeric", Insert;
        max_uses: i64 as BigInt = "bigint", Insert;
        used_count: i64 as BigInt = "bigint", Set;
        max_usage_per_user: i32 as Integer = "integer", Insert;
        min_purchase_amount: DbMoney as ExactDecimal = "numeric", Insert;
        valid_from: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        expires_at: Option<DbTimestamp> as Nullable<UtcTimestamp> = "timestamptz", Insert;
        is_active: bool as Bool = "boolean", Set;
        description: String as Text = "text", Insert;
        created_by: String as Text = "text", Insert;
        applicable_plans: Json<Vec<String>> as JsonText = "jsonb", Insert;
        duration_months: i32 as Integer = "integer", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
        updated_at: DbTimestamp as UtcTimestamp = "timestamptz", Set;
    }
}

impl TryFrom<&Coupon> for CouponRow {
    type Error = StoreError;

    fn try_from(coupon: &Coupon) -> Result<Self, StoreError> {
        let (type_, value) = coupon
            .value
            .stored()
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let plans = coupon.applicable_plans.iter().map(ToString::to_string);
        Ok(Self {
            id: DbUuid(coupon.id.uuid()),
            code: coupon.code.clone(),
            type_: type_.to_owned(),
            value: DbFixed(value),
            max_uses: coupon.max_uses,
            used_count: coupon.used_count,
            max_usage_per_user: coupon.max_usage_per_user,
            min_purchase_amount: DbFixed(coupon.min_purchase_amount),
            valid_from: DbTimestamp(coupon.valid_from),
            expires_at: coupon.expires_at.map(DbTimestamp),
            is_active: coupon.is_active,
            description: coupon.description.clone(),
            created_by: coupon.created_by.clone(),
            applicable_plans: Json(plans.collect()),
            duration_months: i32::try_from(coupon.duration_months)
                .map_err(|error| StoreError::Refused(error.to_string()))?,
            created_at: DbTimestamp(coupon.created_at),
            updated_at: DbTimestamp(coupon.updated_at),
        })
    }
}

impl TryFrom<CouponRow> for Coupon {
    type Error = StoreError;

    fn try_from(row: CouponRow) -> Result<Self, StoreError> {
        let plans = row.applicable_plans.0.into_iter();
        Ok(Self {
            id: CouponId::new(row.id.0),
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
            applicable_plans: plans.map(PlanId::trusted).collect(),
            duration_months: duration(row.duration_months)?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

table_row! {
    RedemptionRow, RedemptionColumns in coupon_usages {
        user_id: String as Text = "text", Key;
        id: DbUuid as UuidBytes = "uuid", Key;
        coupon_id: DbUuid as UuidBytes = "uuid", Insert;
        discount_amount: DbMoney as ExactDecimal = "numeric", Set;
        billing_month: String as Text = "text", Insert;
        taken_at_apply: DbMoney as ExactDecimal = "numeric", Insert;
        open_discounts: Json<Amounts> as JsonText = "jsonb", Set;
        request_id: Option<String> as Nullable<Text> = "text", Insert;
        created_at: DbTimestamp as UtcTimestamp = "timestamptz", Insert;
    }
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
            id: DbUuid(redemption.id.uuid()),
            coupon_id: DbUuid(redemption.coupon_id.uuid()),
            discount_amount: DbFixed(redemption.saved),
            billing_month: redemption.month.to_string(),
            taken_at_apply: DbFixed(redemption.taken_at_apply),
            created_at: DbTimestamp(redemption.created_at),
            open_discounts: Json(Amounts(redemption.open.clone())),
            request_id: redemption.request_id.as_ref().map(ToString::to_string),
        }
    }

    pub(crate) fn with(self, coupon: CouponTermsRow) -> Result<Redemption, StoreError> {
        Ok(Redemption {
            id: RedemptionId::new(self.id.0),
            coupon_id: CouponId::new(self.coupon_id.0),
            code: coupon.code,
            value: coupon_value(&coupon.type_, coupon.value.0)?,
            duration_months: duration(coupon.duration_months)?,
            month: month("billing_month", &self.billing_month)?,
            saved: self.discount_amount.0,
            open: self.open_discounts.0.0,
            taken_at_apply: self.taken_at_apply.0,
            request_id: self.request_id.map(RequestId::trusted),
            created_at: self.created_at.0,
        })
    }
}

fn coupon_value(kind: &str, value: Money) -> Result<CouponValue, StoreError> {
    let known = CouponValue::from_stored(kind, value);
    let known = known.map_err(|error| StoreError::corrupt("value", error))?;
    known.ok_or_else(|| StoreError::corrupt("type", kind))
}

fn duration(months: i32) -> Result<u32, StoreError> {
    u32::try_from(months).map_err(|error| StoreError::corrupt("duration_months", error))
}
