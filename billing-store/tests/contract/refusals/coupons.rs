//! Coupons that are refused.

use billing_core::{
    coupon::{CouponValue, RedeemOrder},
    ids::CouponId,
    refusal::{CouponRefusal, Refusal},
};

use super::{Case, NOBODY, case, world::World};
use crate::support::{coupon, redeem, request, unique};

/// Whose running month owes nothing and who has no plan.
const BOTH: [&str; 2] = [NOBODY, "known"];

/// Coupons that nobody of those may redeem.
const FOR_NOBODY: [(&str, CouponRefusal); 7] = [
    ("NONE", CouponRefusal::NotFound),
    ("INACTIVE", CouponRefusal::Inactive),
    ("LATER", CouponRefusal::NotYetValid),
    ("EXPIRED", CouponRefusal::Expired),
    ("once", CouponRefusal::UsedUp),
    ("PLAN", CouponRefusal::PlanNotAllowed),
    ("MINIMUM", CouponRefusal::MinimumNotReached),
];

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for name in BOTH {
        for (code, reason) in FOR_NOBODY {
            cases.extend(redemption(world, redeem(name, code), reason));
        }
    }
    for (code, reason) in [
        ("LIVE", CouponRefusal::AlreadyActive),
        ("MONTHLY", CouponRefusal::UserLimit),
    ] {
        cases.extend(redemption(world, redeem("erin", code), reason));
    }
    let mut again = redeem("erin", "OTHER");
    again.request_id = Some(request("redeem-1"));
    cases.extend(redemption(world, again, CouponRefusal::RequestConflict));
    let coupons = world.store.store.as_ref();
    for code in ["LIVE", "live"] {
        let ten = CouponValue::Fixed("10".parse().unwrap());
        let created = coupons.create_coupon(coupon(code, ten));
        let exists = Refusal::CouponExists(code.to_owned());
        cases.push(case(format!("another coupon {code}"), created, exists));
    }
    let id = CouponId::new(unique());
    let none = Refusal::Coupon {
        name: id.to_string(),
        reason: CouponRefusal::NotFound,
    };
    let deactivated = coupons.deactivate_coupon(id);
    cases.push(case("taking back no coupon", deactivated, none));
    cases
}

/// A redemption and its preview.
fn redemption(world: &World, order: RedeemOrder, reason: CouponRefusal) -> [Case<'_>; 2] {
    let coupons = world.store.store.as_ref();
    let refused = || Refusal::Coupon {
        name: order.code.clone(),
        reason,
    };
    let title = format!("{} for {}: {reason:?}", order.code, order.user_id);
    let preview = coupons.preview_redemption(order.clone());
    [
        case(format!("preview of {title}"), preview, refused()),
        case(title, coupons.redeem(order.clone()), refused()),
    ]
}
