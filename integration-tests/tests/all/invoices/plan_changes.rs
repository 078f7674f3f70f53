//! What a change of the plan does to usage, fees and invoices.

use billing_proto::v1::{ChangePlanRequest, SubscribeRequest, Subscription, SubscriptionStatus};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, digits, items, usage};

on_both_databases!(
    late_usage_from_before_an_upgrade_is_rated_by_the_old_plan,
    an_upgrade_ends_a_trial,
);

async fn subscribed(backend: Backend, plan: &str) -> World {
    let mut world = World::at(backend, "2024-11-01T00:00:00Z").await;
    world.subscribe(plan).await;
    world
}

async fn change(world: &mut World, plan: &str) -> Subscription {
    let request = ChangePlanRequest {
        user_id: ALICE.to_owned(),
        plan_id: plan.to_owned(),
    };
    let changed = world.wire.subscriptions.change_plan(request).await;
    changed.expect("the plan can be changed").into_inner()
}

async fn late_usage_from_before_an_upgrade_is_rated_by_the_old_plan(backend: Backend) {
    let mut world = subscribed(backend, "plan-basic").await;
    let first = world.use_gpt4("all of the quota", 100_000).await;
    world.advance("2024-11-30T23:59:59Z").await;
    change(&mut world, "plan-pro").await;
    let before = "2024-11-30T23:59:58.999999Z";
    for (request, now) in [
        ("in the window", "2024-11-30T23:59:59.5Z"),
        ("when it is over", "2024-12-01T10:00:00Z"),
    ] {
        world.advance(now).await;
        let late = world
            .record(created(usage(request, "gpt-4", 1_000_000), before))
            .await;
        assert_eq!(late.overage_tokens, 1_000_000, "{request}");
        assert_eq!(digits(late.overage_cost.as_ref()), "20.00", "{request}");
        assert_eq!(digits(late.final_cost.as_ref()), "20.00", "{request}");
        assert_eq!(late.plan_id, first.plan_id, "{request}");
        world.void_usage(&late).await;
    }
    let since = created(usage("since", "gpt-4", 1_000_000), "2024-11-30T23:59:59Z");
    let since = world.record(since).await;
    assert_eq!(digits(since.overage_cost.as_ref()), "135.00");
    assert_ne!(since.plan_id, first.plan_id);
    world.generate("2024-11").await;
    world.assert_reconciled(&["2024-11"]).await;
}

async fn an_upgrade_ends_a_trial(backend: Backend) {
    let mut world = World::at(backend, "2024-11-05T10:00:00Z").await;
    let trial = SubscribeRequest {
        user_id: ALICE.to_owned(),
        plan_id: "plan-basic".to_owned(),
        trial_days: 30,
        ..SubscribeRequest::default()
    };
    let subscribed = world.wire.subscriptions.subscribe(trial).await;
    subscribed.expect("alice may try Basic");
    let used = world.use_gpt4("in the trial", 60_000).await;
    world.advance("2024-11-10T12:00:00Z").await;
    let upgraded = change(&mut world, "plan-enterprise").await;
    assert_eq!(upgraded.status(), SubscriptionStatus::Active);
    assert_eq!(upgraded.tokens_quota, 10_000_000);
    assert_eq!(upgraded.tokens_remaining, 10_000_000);
    let text = |time: Option<prost_types::Timestamp>| time.unwrap_or_default().to_string();
    assert_eq!(text(upgraded.current_period_start), "2024-11-10T12:00:00Z");
    assert_eq!(text(upgraded.current_period_end), "2024-12-10T12:00:00Z");
    // Late usage of the trial takes what the trial left.
    let late = created(
        usage("late", "gpt-4", 50_000),
        "2024-11-10T11:59:59.999999Z",
    );
    let late = world.record(late).await;
    assert_eq!((late.overage_tokens, late.plan_id), (10_000, used.plan_id));
    world.advance("2024-12-01T00:00:00Z").await;
    let invoice = world.generate("2024-11").await;
    let fees = items(&invoice);
    assert!(
        fees.contains(&("Enterprise plan fee", 1, "999.99")),
        "{fees:?}"
    );
    world.assert_reconciled(&["2024-11"]).await;
}
