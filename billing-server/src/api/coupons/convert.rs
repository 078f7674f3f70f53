//! Coupons and redemptions.

use billing_core::{
    coupon::{Coupon, CouponValue, RedeemOrder, Redemption},
    ids::{CouponId, PlanId, RedemptionId, RequestId, UserId},
    money::{Money, NumberError, Rate},
    refusal::{CouponRefusal, Refusal},
};
use billing_proto::{google::r#type::Decimal, v1};
use chrono::{DateTime, Utc};

use crate::{
    api::{
        Violations,
        time::{time, timestamp},
        values::{amount, cents, decimal, limited_money, made_id, note, optional_id},
    },
    auth::ResolvedUser,
    error::ApiError,
};

/// The most characters of a code.
const MAX_CODE_CHARS: usize = 64;
/// The most months for which a percentage is taken, unless for good.
const MAX_DURATION_MONTHS: u32 = 1_200;

/// A coupon as it is sent.
#[must_use]
pub(crate) fn coupon(coupon: Coupon) -> v1::Coupon {
    let (kind, value) = kind_and_value(coupon.value);
    let plans = coupon.applicable_plans.into_iter();
    v1::Coupon {
        id: coupon.id.to_string(),
        code: coupon.code,
        r#type: kind.into(),
        value,
        max_uses: coupon.max_uses,
        used_count: coupon.used_count,
        max_usage_per_user: coupon.max_usage_per_user,
        min_purchase_amount: amount(coupon.min_purchase_amount),
        valid_from: timestamp(coupon.valid_from),
        expires_at: coupon.expires_at.and_then(timestamp),
        is_active: coupon.is_active,
        description: coupon.description,
        created_by: coupon.created_by,
        applicable_plans: plans.map(PlanId::into_string).collect(),
        created_at: timestamp(coupon.created_at),
        updated_at: timestamp(coupon.updated_at),
        duration_months: i32::try_from(coupon.duration_months).unwrap_or(i32::MAX),
    }
}

fn kind_and_value(value: CouponValue) -> (v1::CouponType, Option<Decimal>) {
    match value {
        CouponValue::Percentage(percent) => (v1::CouponType::Percentage, decimal(percent)),
        CouponValue::Fixed(usd) => (v1::CouponType::Fixed, decimal(usd)),
    }
}

fn terms(code: String, value: CouponValue) -> v1::CouponTerms {
    let (kind, value) = kind_and_value(value);
    v1::CouponTerms {
        code,
        r#type: kind.into(),
        value,
    }
}

fn discount(coupon: &Coupon) -> v1::CouponDiscount {
    let (kind, value) = kind_and_value(coupon.value);
    v1::CouponDiscount {
        r#type: kind.into(),
        value,
        description: coupon.description.clone(),
    }
}

/// The answer to a redemption.
#[must_use]
pub(crate) fn applied(coupon: Coupon) -> v1::ApplyCouponResponse {
    v1::ApplyCouponResponse {
        message: "coupon applied successfully".to_owned(),
        discount: Some(discount(&coupon)),
        coupon: Some(terms(coupon.code, coupon.value)),
    }
}

/// What a coupon would give, as it is sent.
#[must_use]
pub(crate) fn previewed(coupon: Coupon, redemption: &Redemption) -> v1::ValidateCouponResponse {
    v1::ValidateCouponResponse {
        discount: Some(discount(&coupon)),
        coupon: Some(terms(coupon.code, coupon.value)),
        taken_at_apply: amount(redemption.taken_at_apply),
    }
}

/// A user's redemption as it is sent.
#[must_use]
pub(crate) fn redemption(user_id: &UserId, redemption: Redemption) -> v1::Redemption {
    v1::Redemption {
        id: redemption.id.to_string(),
        user_id: user_id.as_str().to_owned(),
        coupon_id: redemption.coupon_id.to_string(),
        coupon: Some(terms(redemption.code, redemption.value)),
        discount_amount: amount(redemption.saved),
        taken_at_apply: amount(redemption.taken_at_apply),
        billing_month: redemption.month.to_string(),
        created_at: timestamp(redemption.created_at),
    }
}

/// A coupon that an operator sent.
///
/// # Errors
/// Every violation at once.
pub(crate) fn new_coupon(
    request: v1::CreateCouponRequest,
    id: CouponId,
    created_by: String,
    now: DateTime<Utc>,
) -> Result<Coupon, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let value = coupon_value(&request, found);
    let code = found.check("code", code(request.code));
    let max_uses = found.check("max_uses", not_negative(request.max_uses));
    let per_user = not_negative(request.max_usage_per_user);
    let per_user = found.check("max_usage_per_user", per_user);
    let least = request
        .min_purchase_amount
        .map(|least| limited_money(&least.value));
    let least = found.check("min_purchase_amount", least.transpose());
    let (valid_from, expires_at) = validity(request.valid_from, request.expires_at, now, found);
    let description = found.check("description", note(request.description));
    let applicable_plans = plans(request.applicable_plans, found);
    let months = found.check("duration_months", duration(request.duration_months));
    match (value, code, max_uses, per_user, least, description, months) {
        (
            Some(value),
            Some(code),
            Some(max_uses),
            Some(per_user),
            Some(least),
            Some(description),
            Some(duration_months),
        ) if violations.is_empty() => Ok(Coupon {
            id,
            code,
            value,
            max_uses,
            used_count: 0,
            max_usage_per_user: per_user.max(1),
            min_purchase_amount: least.unwrap_or(Money::ZERO),
            valid_from,
            expires_at,
            is_active: true,
            description: Some(description)
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| saving(value)),
            created_by,
            applicable_plans,
            duration_months,
            created_at: now,
            updated_at: now,
        }),
        _ => Err(violations.into_error()),
    }
}

fn code(code: String) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let right_length = (1..=MAX_CODE_CHARS).contains(&code.len());
    if right_length && code.bytes().all(allowed) {
        return Ok(code);
    }
    Err(format!(
        "must be 1 to {MAX_CODE_CHARS} letters, digits, \"-\" and \"_\""
    ))
}

fn coupon_value(
    request: &v1::CreateCouponRequest,
    violations: &mut Violations,
) -> Option<CouponValue> {
    let sent = request.value.as_ref().map(|value| value.value.as_str());
    let value = sent.ok_or_else(|| "must be set".to_owned());
    let value = match v1::CouponType::try_from(request.r#type) {
        Ok(v1::CouponType::Percentage) => value.and_then(percentage),
        Ok(v1::CouponType::Fixed) => value.and_then(fixed),
        Ok(v1::CouponType::Unspecified) | Err(_) => {
            violations.check("type", Err::<(), _>("must be percentage or fixed"));
            // Whatever its kind, it is a number.
            value.and_then(fixed)
        }
    };
    violations.check("value", value)
}

fn percentage(text: &str) -> Result<CouponValue, String> {
    let percent: Rate = text.parse().map_err(|e: NumberError| e.to_string())?;
    match Rate::whole(100) {
        Ok(all) if percent > Rate::ZERO && percent <= all => Ok(CouponValue::Percentage(percent)),
        _ => Err("must be above 0 and at most 100".to_owned()),
    }
}

fn fixed(text: &str) -> Result<CouponValue, String> {
    cents(text).map(CouponValue::Fixed)
}

/// What a coupon does, in words.
fn saving(value: CouponValue) -> String {
    match value {
        CouponValue::Percentage(percent) => format!("Save {percent}%"),
        CouponValue::Fixed(usd) => format!("Save {} USD", usd.digits(2)),
    }
}

fn not_negative<T: Default + PartialOrd>(number: T) -> Result<T, &'static str> {
    if number < T::default() {
        return Err("must not be negative");
    }
    Ok(number)
}

/// From when a coupon can be redeemed, and from when no longer.
fn validity(
    valid_from: Option<prost_types::Timestamp>,
    expires_at: Option<prost_types::Timestamp>,
    now: DateTime<Utc>,
    violations: &mut Violations,
) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    let faultless = violations.len();
    let start = time("valid_from", valid_from, violations).unwrap_or(now);
    let end = time("expires_at", expires_at, violations);
    // A time at fault says nothing about the order.
    if violations.len() == faultless && end.is_some_and(|end| end <= start) {
        violations.check("expires_at", Err::<(), _>("must be after valid_from"));
    }
    (start, end)
}

fn plans(sent: Vec<String>, violations: &mut Violations) -> Vec<PlanId> {
    let mut plans = Vec::with_capacity(sent.len());
    for (index, plan) in sent.into_iter().enumerate() {
        let field = format!("applicable_plans[{index}]");
        let Some(plan) = violations.check(&field, PlanId::parse(plan)) else {
            continue;
        };
        if plans.contains(&plan) {
            violations.check(&field, Err::<(), _>("must not be named twice"));
        } else {
            plans.push(plan);
        }
    }
    plans
}

fn duration(months: Option<i32>) -> Result<u32, String> {
    u32::try_from(months.unwrap_or(1))
        .ok()
        .filter(|months| *months <= MAX_DURATION_MONTHS)
        .ok_or_else(|| format!("must be from 0 to {MAX_DURATION_MONTHS}"))
}

/// Which coupon is meant.
///
/// # Errors
/// When it is no id, or no coupon can have it.
pub(crate) fn coupon_id(id: String) -> Result<CouponId, ApiError> {
    let not_found = |name| Refusal::Coupon {
        name,
        reason: CouponRefusal::NotFound,
    };
    let mut violations = Violations::default();
    let id = made_id("id", id, not_found, &mut violations);
    Ok(violations.finish(id)??)
}

/// Which coupon to redeem for `user`.
///
/// # Errors
/// Every violation at once.
pub(crate) fn redeem_order(
    user: &ResolvedUser,
    request: v1::ApplyCouponRequest,
    redemption_id: RedemptionId,
) -> Result<RedeemOrder, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let code = found.check("coupon_code", code(request.coupon_code));
    let user_id = found.check("user_id", user.id());
    let request_id = optional_id("request_id", request.request_id, RequestId::parse, found);
    let order = user_id.zip(code).map(|(user_id, code)| RedeemOrder {
        user_id,
        code,
        redemption_id,
        request_id,
    });
    violations.finish(order)
}

/// As [`redeem_order`], for a coupon that is only looked at.
///
/// # Errors
/// Every violation at once.
pub(crate) fn preview_order(
    user: &ResolvedUser,
    coupon_code: String,
    redemption_id: RedemptionId,
) -> Result<RedeemOrder, ApiError> {
    let request = v1::ApplyCouponRequest {
        coupon_code,
        ..v1::ApplyCouponRequest::default()
    };
    redeem_order(user, request, redemption_id)
}
