//! What a change of the plan does to usage, fees and invoices.

use billing_proto::v1::{
    BillingCycle, ChangePlanRequest, CouponType, InvoiceItem, ItemType, SubscribeRequest,
    Subscription, SubscriptionStatus,
};
use integration_tests::{Backend, on_both_databases};

use super::world::{ALICE, World, created, digits, invalid, items, precondition, refused, usage};

on_both_databases!(
    late_usage_from_before_an_upgrade_is_rated_by_the_old_plan,
    an_upgrade_ends_a_trial,
    an_upgrade_gives_back_what_a_fee_has_really_cost,
    an_upgrade_gives_back_what_credit_notes_have_left_with_the_tax_that_was_charged,
    a_fee_that_a_coupon_will_make_free_gives_nothing_back,
    a_yearly_subscription_becomes_monthly_and_back,
);

async fn subscribed(backend: Backend, plan: &str) -> World {
    let mut world = World::at(backend, "2024-11-01T00:00:00Z").await;
    world.subscribe(plan).await;
    world
}

async fn change(world: &mut World, plan: &str) -> Subscription {
    choose(world, plan, BillingCycle::Unspecified).await
}

async fn choose(world: &mut World, plan: &str, cycle: BillingCycle) -> Subscription {
    let request = ChangePlanRequest {
        user_id: ALICE.to_owned(),
        plan_id: plan.to_owned(),
        billing_cycle: cycle.into(),
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

async fn yearly_pro(world: &mut World) {
    let request = SubscribeRequest {
        user_id: ALICE.to_owned(),
        plan_id: "plan-pro".to_owned(),
        billing_cycle: BillingCycle::Yearly.into(),
        ..SubscribeRequest::default()
    };
    let subscribed = world.wire.subscriptions.subscribe(request).await;
    subscribed.expect("alice has no subscription");
}

async fn an_upgrade_gives_back_what_a_fee_has_really_cost(backend: Backend) {
    let mut world = World::at(backend, "2025-01-04T00:00:00Z").await;
    yearly_pro(&mut world).await;
    world.redeem("HALF", CouponType::Percentage, "50").await;
    world.advance("2025-02-01T00:00:00Z").await;
    let first = world.generate("2025-01").await;
    assert_eq!(digits(first.final_amount.as_ref()), "599.94");
    let period = |item: &InvoiceItem| {
        let times = [item.period_start, item.period_end];
        times.map(|time| time.expect("a fee is for a time").to_string())
    };
    let year = ["2025-01-04T00:00:00Z", "2026-01-04T00:00:00Z"];
    assert_eq!(period(&first.items[0]), year);
    change(&mut world, "plan-enterprise").await;
    world.advance("2025-03-01T00:00:00Z").await;
    let second = world.generate("2025-02").await;
    // 337 of 365 days of 599.94 and of 11,999.88.
    let shares = [
        ("Unused Pro", 1, "-553.92"),
        ("Enterprise, remaining time", 1, "11079.34"),
    ];
    assert_eq!(items(&second), shares);
    for item in &second.items {
        assert_eq!(item.r#type(), ItemType::Proration);
        let rest = ["2025-02-01T00:00:00Z", "2026-01-04T00:00:00Z"];
        assert_eq!(period(item), rest);
    }
    assert_eq!(digits(second.final_amount.as_ref()), "10525.42");
    world.assert_reconciled(&["2025-01", "2025-02"]).await;
    // What was given back cannot be credited once more.
    let rest = world.credit(&first.id, "46.03", "too much").await;
    assert_eq!(refused(rest), invalid("amount"));
    let rest = world.credit(&first.id, "46.02", "the rest").await;
    rest.expect("that much is left");
}

async fn an_upgrade_gives_back_what_credit_notes_have_left_with_the_tax_that_was_charged(
    backend: Backend,
) {
    let mut world = World::at(backend, "2024-11-16T00:00:00Z").await;
    world.tax("0.2").await;
    world.subscribe("plan-pro").await;
    world.advance("2024-12-01T00:00:00Z").await;
    let first = world.generate("2024-11").await;
    assert_eq!(digits(first.final_amount.as_ref()), "119.99");
    let note = world.credit(&first.id, "80.00", "goodwill").await;
    note.expect("less than the fee");
    world.tax("0.3").await;
    change(&mut world, "plan-enterprise").await;
    world.advance("2025-01-01T00:00:00Z").await;
    let balance = world.credit_balance().await;
    let second = world.generate("2024-12").await;
    // 15 of 30 days of 99.99 are 50.00; 19.99 are left, and 4.00 of the tax.
    let shares = [
        ("Unused Pro", 1, "-19.99"),
        ("Enterprise, remaining time", 1, "500.00"),
        ("Enterprise plan fee", 1, "999.99"),
        ("Moved to the credit balance", 1, "19.99"),
    ];
    assert_eq!(items(&second), shares);
    assert_eq!(balance, "0.00");
    assert_eq!(digits(second.credit_applied.as_ref()), "23.99");
    world.assert_reconciled(&["2024-11", "2024-12"]).await;
}

async fn a_fee_that_a_coupon_will_make_free_gives_nothing_back(backend: Backend) {
    let mut world = World::at(backend, "2024-01-04T00:00:00Z").await;
    yearly_pro(&mut world).await;
    world.redeem("ALL", CouponType::Percentage, "100").await;
    // January is over and not invoiced yet.
    world.advance("2024-02-01T00:00:01Z").await;
    change(&mut world, "plan-enterprise").await;
    world.advance("2024-03-01T00:00:00Z").await;
    let first = world.generate("2024-01").await;
    assert_eq!(digits(first.final_amount.as_ref()), "0.00");
    let second = world.generate("2024-02").await;
    let names: Vec<_> = items(&second).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["Enterprise, remaining time"]);
    world.assert_reconciled(&["2024-01", "2024-02"]).await;
}

async fn a_yearly_subscription_becomes_monthly_and_back(backend: Backend) {
    let mut world = World::at(backend, "2024-01-31T00:00:00Z").await;
    yearly_pro(&mut world).await;
    let chosen = choose(&mut world, "plan-pro", BillingCycle::Monthly).await;
    assert_eq!(chosen.billing_cycle(), BillingCycle::Yearly);
    assert_eq!(chosen.next_billing_cycle(), BillingCycle::Monthly);
    let text = |time: Option<prost_types::Timestamp>| time.unwrap_or_default().to_string();
    assert_eq!(text(chosen.current_period_end), "2025-01-31T00:00:00Z");
    world.advance("2025-02-01T00:00:00Z").await;
    let back = choose(&mut world, "plan-pro", BillingCycle::Yearly).await;
    assert_eq!(back.billing_cycle(), BillingCycle::Monthly);
    assert_eq!(text(back.current_period_end), "2025-02-28T00:00:00Z");
    world.advance("2025-03-01T00:00:00Z").await;
    let taken_back = ChangePlanRequest {
        user_id: ALICE.to_owned(),
        plan_id: "plan-pro".to_owned(),
        ..ChangePlanRequest::default()
    };
    let nothing_to_take_back = world.wire.subscriptions.change_plan(taken_back).await;
    let refusal = precondition("SUBSCRIPTION_MOVE_NOT_ALLOWED");
    assert_eq!(refused(nothing_to_take_back), refusal);
    for (month, fee) in [
        ("2024-01", "1199.88"),
        ("2025-01", "99.99"),
        ("2025-02", "1199.88"),
    ] {
        let invoice = world.generate(month).await;
        assert_eq!(items(&invoice), [("Pro plan fee", 1, fee)], "{month}");
    }
}
