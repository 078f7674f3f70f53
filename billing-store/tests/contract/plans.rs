//! Plans: terms over time, and changes that meet.

use std::sync::Arc;

use billing_core::{catalog::PlanChange, refusal::Refusal};
use test_postgres::{Backend, on_both_databases};

use crate::support::{NOON, TestStore, plan, time};

on_both_databases!(
    the_past_keeps_the_terms_that_it_had,
    a_clock_that_stands_before_a_version_has_the_last_word,
    each_change_raises_the_version_once,
    of_plans_that_are_created_at_once_one_wins,
);

fn quota(tokens: i64) -> PlanChange {
    PlanChange {
        monthly_quota: Some(tokens),
        ..PlanChange::default()
    }
}

fn named(name: &str) -> PlanChange {
    PlanChange {
        name: Some(name.to_owned()),
        ..quota(1)
    }
}

/// Changes the quota of the plan "pro" at a time.
async fn change(store: &TestStore, tokens: i64, at: &str) {
    store.clock.set(at);
    let changed = store.store.update_plan(plan("plan-pro"), quota(tokens));
    assert_eq!(changed.await.unwrap().terms.monthly_quota, tokens);
}

/// The quota of the plan "pro" at each of these times, as usage sees it.
async fn quotas<const N: usize>(store: &TestStore, times: [&str; N]) -> [i64; N] {
    let catalog = store.store.catalog().await.unwrap();
    times.map(|at| {
        catalog
            .plan_at("plan-pro", time(at))
            .unwrap()
            .terms
            .monthly_quota
    })
}

async fn the_past_keeps_the_terms_that_it_had(backend: Backend) {
    let store = TestStore::open(backend).await;
    change(&store, 5, "2026-11-10T12:00:00Z").await;
    change(&store, 6, "2026-11-12T12:00:00Z").await;
    // In the same instant the last change counts.
    change(&store, 7, "2026-11-12T12:00:00Z").await;
    let seen = quotas(
        &store,
        [
            "2020-01-01T00:00:00Z",
            "2026-11-10T11:59:59.999999Z",
            "2026-11-10T12:00:00Z",
            "2026-11-12T11:59:59.999999Z",
            "2026-11-12T12:00:00Z",
        ],
    );
    assert_eq!(seen.await, [1_000_000, 1_000_000, 5, 5, 7]);
}

async fn a_clock_that_stands_before_a_version_has_the_last_word(backend: Backend) {
    let store = TestStore::open(backend).await;
    // The plans of the guide are of 21 November.
    change(&store, 5, "2024-11-15T12:00:00Z").await;
    change(&store, 6, "2024-11-20T12:00:00Z").await;
    change(&store, 7, "2024-11-18T12:00:00Z").await;
    let seen = quotas(
        &store,
        [
            "2024-11-15T11:59:59.999999Z",
            "2024-11-15T12:00:00Z",
            "2024-11-18T12:00:00Z",
            "2024-11-20T12:00:00Z",
            "2024-11-21T00:00:00Z",
            "2034-01-01T00:00:00Z",
        ],
    );
    assert_eq!(seen.await, [1_000_000, 5, 7, 7, 7, 7]);
}

async fn each_change_raises_the_version_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let plans = &store.store;
    let before = plans.catalog().await.unwrap().version();
    let pro = || plan("plan-pro");
    let new = || plan("new");

    let created = plans.create_plan(new(), named("New")).await.unwrap();
    // A setter sees its own change at once.
    assert_eq!(plans.cached_catalog().version(), before + 1);
    assert!(plans.cached_catalog().plan_is_active("new"));
    let again = plans.create_plan(new(), named("New")).await;
    assert_eq!(again.unwrap(), created);
    let other = plans.create_plan(new(), named("Other")).await.unwrap_err();
    assert_eq!(other.refusal(), Some(&Refusal::PlanExists(new())));
    let same = plans.update_plan(pro(), quota(1_000_000)).await;
    assert!(same.unwrap().updated_at < time(NOON));
    assert_eq!(plans.catalog().await.unwrap().version(), before + 1);

    for _ in 0..2 {
        let inactive = plans.deactivate_plan(pro(), false).await;
        assert!(!inactive.unwrap().is_active);
        assert!(!plans.cached_catalog().plan_is_active("plan-pro"));
    }
    assert_eq!(plans.catalog().await.unwrap().version(), before + 2);
    // What is off the offer keeps its terms.
    assert_eq!(quotas(&store, ["2026-11-10T12:00:00Z"]).await, [1_000_000]);
    let unknown = plans.update_plan(plan("none"), quota(1)).await.unwrap_err();
    assert_eq!(
        unknown.refusal(),
        Some(&Refusal::PlanNotFound(plan("none")))
    );
}

async fn of_plans_that_are_created_at_once_one_wins(backend: Backend) {
    let store = TestStore::open(backend).await;
    let before = store.store.catalog().await.unwrap().version();
    let creations = (0..8).map(|number| {
        let store = Arc::clone(&store.store);
        let content = named(&format!("Plan {number}"));
        tokio::spawn(async move { store.create_plan(plan("new"), content).await })
    });
    let mut created = 0;
    for creation in creations.collect::<Vec<_>>() {
        created += i32::from(creation.await.unwrap().is_ok());
    }
    assert_eq!(created, 1);
    assert_eq!(store.store.catalog().await.unwrap().version(), before + 1);
}
