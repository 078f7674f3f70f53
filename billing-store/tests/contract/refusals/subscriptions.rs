//! Orders about subscriptions that are refused.

use billing_core::{
    money::NumberError,
    refusal::Refusal,
    subscription::{BillingCycle, SubscriptionOrder},
};

use super::{
    Case, NOBODY, case,
    world::{World, changed, trial},
};
use crate::support::{change_plan, plan, subscribe_to, time, user};

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for name in [NOBODY, "known", "carol"] {
        for (what, order, refusal) in orders_to_subscribe().into_iter().chain(orders_to_change()) {
            cases.push(order_of(world, name, what, order, refusal));
        }
        let live = world.store.store.live_subscription(user(name));
        let title = format!("{name}'s subscription");
        cases.push(case(title, live, Refusal::SubscriptionNotFound));
    }
    for (name, what, order, refusal) in of_former_subscribers().into_iter().chain(of_subscribers())
    {
        cases.push(order_of(world, name, what, order, refusal));
    }
    cases
}

fn order_of<'a>(
    world: &'a World,
    name: &str,
    what: &str,
    order: SubscriptionOrder,
    refusal: Refusal,
) -> Case<'a> {
    let ordered = world.store.store.order_subscription(user(name), order);
    case(format!("{name}: {what}"), ordered, refusal)
}

/// What nobody can subscribe to.
fn orders_to_subscribe() -> Vec<(&'static str, SubscriptionOrder, Refusal)> {
    let later = Some(time("2026-11-10T12:00:01Z"));
    vec![
        (
            "a plan that is none",
            subscribe_to("none"),
            Refusal::PlanNotFound(plan("none")),
        ),
        (
            "a plan off the offer",
            subscribe_to("former"),
            Refusal::PlanInactive(plan("former")),
        ),
        (
            "a start that is to come",
            changed(subscribe_to("plan-pro"), |new| new.start = later),
            Refusal::field("start_time", "must not be in the future"),
        ),
        (
            "a fee that does not fit",
            changed(subscribe_to("dear"), |new| new.cycle = BillingCycle::Yearly),
            Refusal::SubscriptionTooLarge(NumberError::TooLarge),
        ),
    ]
}

/// What needs a live subscription.
fn orders_to_change() -> Vec<(&'static str, SubscriptionOrder, Refusal)> {
    let at_period_end = false;
    let orders = [
        (
            "a cancellation",
            SubscriptionOrder::Cancel { at_period_end },
        ),
        ("going on", SubscriptionOrder::Resume),
        ("another plan", change_plan("plan-pro")),
    ];
    let refused = orders.map(|(what, order)| (what, order, Refusal::SubscriptionNotFound));
    refused.into()
}

type OrderOfUser = (&'static str, &'static str, SubscriptionOrder, Refusal);

fn of_former_subscribers() -> Vec<OrderOfUser> {
    let before_its_end = Some(time("2026-10-11T00:00:00Z"));
    let overlapping = "must not be before the end of an earlier subscription";
    vec![
        (
            "carol",
            "a start within an earlier subscription",
            changed(subscribe_to("plan-pro"), |new| new.start = before_its_end),
            Refusal::field("start_time", overlapping),
        ),
        ("carol", "a second trial", trial(), Refusal::TrialUsed),
    ]
}

fn of_subscribers() -> Vec<OrderOfUser> {
    let at_period_end = true;
    let not_allowed = Refusal::SubscriptionTransition;
    vec![
        (
            "alice",
            "a second subscription",
            subscribe_to("plan-pro"),
            Refusal::SubscriptionExists,
        ),
        (
            "alice",
            "the same plan",
            change_plan("plan-basic"),
            not_allowed("the subscription is on this plan already"),
        ),
        (
            "alice",
            "a plan that is none",
            change_plan("none"),
            Refusal::PlanNotFound(plan("none")),
        ),
        (
            "alice",
            "going on with what goes on",
            SubscriptionOrder::Resume,
            not_allowed("the subscription renews already"),
        ),
        (
            "dave",
            "a second cancellation",
            SubscriptionOrder::Cancel { at_period_end },
            not_allowed("the subscription ends with its period already"),
        ),
        (
            "dave",
            "a cheaper plan after the end",
            change_plan("free"),
            not_allowed("the subscription ends with its period; resume it first"),
        ),
    ]
}
