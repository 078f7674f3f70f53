//! What a change of the plan does to usage, fees and invoices.

use billing_proto::v1::{ChangePlanRequest, Subscription};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, digits, usage};

on_both_databases!(late_usage_from_before_an_upgrade_is_rated_by_the_old_plan);

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
