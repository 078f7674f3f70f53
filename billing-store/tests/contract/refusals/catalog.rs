//! Prices and plans that are refused.

use billing_core::{catalog::PlanChange, refusal::Refusal};

use super::{Case, case, world::World};
use crate::support::{MODEL, plan, plan_with_quota, price, time};

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let plans = world.store.store.as_ref();
    let none = || plan("none");
    let not_found = || Refusal::PlanNotFound(none());
    let changed = PlanChange {
        description: Some("Another".to_owned()),
        ..PlanChange::default()
    };
    let in_use = Refusal::PlanInUse {
        id: plan("plan-basic"),
        subscriptions: 2,
    };
    vec![
        case("a plan that is none", plans.plan(none()), not_found()),
        case(
            "another plan with an id",
            plans.create_plan(plan("plan-pro"), plan_with_quota(7)),
            Refusal::PlanExists(plan("plan-pro")),
        ),
        case(
            "changing no plan",
            plans.update_plan(none(), changed),
            not_found(),
        ),
        case(
            "taking no plan off the offer",
            plans.deactivate_plan(none(), true),
            not_found(),
        ),
        case(
            "taking a plan off the offer that is used",
            plans.deactivate_plan(plan("plan-basic"), false),
            in_use,
        ),
        price_in_the_past(world),
    ]
}

fn price_in_the_past(world: &World) -> Case<'_> {
    let mut change = price(MODEL, "7", "7");
    change.effective_from = Some(time("2026-11-01T00:00:00Z"));
    Case {
        name: "a price of the past".to_owned(),
        call: Box::pin(async move {
            let set = world.store.store.set_prices(vec![change]).await.unwrap();
            set.into_iter().find_map(Result::err)
        }),
        expected: Refusal::PriceInPast,
    }
}
