//! Plans.

use billing_core::{
    catalog::{Plan, PlanChange, UsagePricing},
    ids::PlanId,
    money::{Fixed, NumberError},
};
use billing_proto::{google::r#type::Decimal, v1};

use crate::{
    api::{
        Violations,
        time::timestamp,
        values::{amount, decimal, fixed, money},
    },
    error::ApiError,
};

/// A plan as it is sent.
#[must_use]
pub(crate) fn plan(plan: Plan) -> v1::Plan {
    let terms = plan.terms;
    let usage_pricing = match terms.usage_pricing {
        UsagePricing::Included => v1::UsagePricing::Included,
        UsagePricing::Metered => v1::UsagePricing::Metered,
    };
    v1::Plan {
        id: plan.id.into_string(),
        name: plan.name,
        monthly_quota: terms.monthly_quota,
        monthly_price: amount(terms.monthly_price),
        extra_token_price: decimal(terms.extra_token_price),
        features: plan.features,
        description: plan.description,
        support_level: plan.support_level,
        max_concurrent_req: plan.max_concurrent_req,
        rate_limit_per_min: plan.rate_limit_per_min,
        is_active: plan.is_active,
        display_order: plan.display_order,
        created_at: timestamp(plan.created_at),
        updated_at: timestamp(plan.updated_at),
        usage_pricing: usage_pricing.into(),
        overage_discount_rate: decimal(terms.overage_discount_rate),
    }
}

/// Which plan is meant.
///
/// # Errors
/// When it is no plan's id.
pub(crate) fn plan_id(id: String) -> Result<PlanId, ApiError> {
    let mut violations = Violations::default();
    let id = violations.check("id", PlanId::parse(id));
    violations.finish(id)
}

/// A plan that an operator wants to create.
///
/// # Errors
/// Every field at fault.
pub(crate) fn new_plan(request: v1::CreatePlanRequest) -> Result<(PlanId, PlanChange), ApiError> {
    let unset = i32::from(v1::UsagePricing::Unspecified);
    plan_change(v1::UpdatePlanRequest {
        id: request.id,
        name: Some(request.name),
        description: Some(request.description),
        monthly_quota: Some(request.monthly_quota),
        monthly_price: request.monthly_price,
        extra_token_price: request.extra_token_price,
        support_level: Some(request.support_level),
        max_concurrent_req: Some(request.max_concurrent_req),
        rate_limit_per_min: Some(request.rate_limit_per_min),
        display_order: Some(request.display_order),
        features: request.features,
        usage_pricing: Some(request.usage_pricing).filter(|set| *set != unset),
        overage_discount_rate: request.overage_discount_rate,
        is_active: None,
    })
}

/// A change of a plan that an operator wants.
///
/// # Errors
/// Every field at fault.
pub(crate) fn plan_change(
    request: v1::UpdatePlanRequest,
) -> Result<(PlanId, PlanChange), ApiError> {
    let mut violations = Violations::default();
    let id = violations.check("id", PlanId::parse(request.id));
    if request.is_active == Some(false) {
        violations.check::<(), _>("is_active", Err("must be left out: call DeactivatePlan"));
    }
    let change = PlanChange {
        name: request.name,
        description: request.description,
        usage_pricing: usage_pricing(request.usage_pricing, &mut violations),
        monthly_quota: request.monthly_quota,
        monthly_price: violations
            .check("monthly_price", money(&request.monthly_price))
            .flatten(),
        extra_token_price: number(
            "extra_token_price",
            &request.extra_token_price,
            &mut violations,
        ),
        overage_discount_rate: number(
            "overage_discount_rate",
            &request.overage_discount_rate,
            &mut violations,
        ),
        support_level: request.support_level,
        max_concurrent_req: request.max_concurrent_req,
        rate_limit_per_min: request.rate_limit_per_min,
        display_order: request.display_order,
        features: Some(request.features).filter(|features| !features.is_empty()),
        reactivate: request.is_active == Some(true),
    };
    violations.extend(change.violations());
    violations.finish(id.map(|id| (id, change)))
}

fn number<const SCALE: u32>(
    field: &str,
    sent: &Option<Decimal>,
    violations: &mut Violations,
) -> Option<Fixed<SCALE>> {
    let read: Result<_, NumberError> = fixed(sent);
    violations.check(field, read).flatten()
}

fn usage_pricing(sent: Option<i32>, violations: &mut Violations) -> Option<UsagePricing> {
    let read = match v1::UsagePricing::try_from(sent?) {
        Ok(v1::UsagePricing::Included) => Ok(UsagePricing::Included),
        Ok(v1::UsagePricing::Metered) => Ok(UsagePricing::Metered),
        Ok(v1::UsagePricing::Unspecified) | Err(_) => Err("must be included or metered"),
    };
    violations.check("usage_pricing", read)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn create() -> v1::CreatePlanRequest {
        v1::CreatePlanRequest {
            id: "plan-team".into(),
            name: "Team".into(),
            ..v1::CreatePlanRequest::default()
        }
    }

    fn update() -> v1::UpdatePlanRequest {
        v1::UpdatePlanRequest {
            id: "plan-team".into(),
            ..v1::UpdatePlanRequest::default()
        }
    }

    fn fields<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Vec<String> {
        let found = result.unwrap_err().violations;
        found.into_iter().map(|violation| violation.field).collect()
    }

    fn digits(value: &str) -> Option<Decimal> {
        Some(Decimal {
            value: value.into(),
        })
    }

    #[test]
    fn everything_wrong_with_a_new_plan_is_named_at_once() {
        let request = v1::CreatePlanRequest {
            id: " ".into(),
            usage_pricing: 7,
            monthly_price: Some(v1::Amount { value: "x".into() }),
            extra_token_price: digits("0.0000000000001"),
            overage_discount_rate: digits("2"),
            monthly_quota: -1,
            ..v1::CreatePlanRequest::default()
        };
        let expected = [
            "id",
            "usage_pricing",
            "monthly_price",
            "extra_token_price",
            "name",
            "monthly_quota",
            "overage_discount_rate",
        ];
        assert_eq!(fields(new_plan(request)), expected);
    }

    #[test]
    fn what_an_update_leaves_out_stays() {
        let (id, change) = plan_change(update()).unwrap();
        assert_eq!(id.as_str(), "plan-team");
        assert_eq!(change, PlanChange::default());
        let (_, created) = new_plan(create()).unwrap();
        assert_eq!((created.usage_pricing, created.monthly_price), (None, None));
    }

    #[rstest]
    #[case::put_back(Some(true), true)]
    #[case::left_alone(None, false)]
    fn an_update_puts_a_plan_back_on_offer(#[case] sent: Option<bool>, #[case] reactivate: bool) {
        let request = v1::UpdatePlanRequest {
            is_active: sent,
            ..update()
        };
        assert_eq!(plan_change(request).unwrap().1.reactivate, reactivate);
    }

    #[test]
    fn an_update_takes_no_plan_off_the_offer_and_needs_a_known_pricing() {
        let request = v1::UpdatePlanRequest {
            is_active: Some(false),
            usage_pricing: Some(0),
            ..update()
        };
        assert_eq!(fields(plan_change(request)), ["is_active", "usage_pricing"]);
    }
}
