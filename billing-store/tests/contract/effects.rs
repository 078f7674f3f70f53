//! What time and usage leave behind: alerts, events, fee lines and renewals, each exactly once.

use std::sync::Arc;

use billing_core::{refusal::Refusal, subscription::SubscriptionState};
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_postgres::{Backend, on_both_databases};

use crate::support::{TestStore, batch, made_at, received, subscribe_to, time, usage, user};

on_both_databases!(
    each_level_is_announced_once_however_many_calls_reach_it,
    renewals_that_meet_usage_and_each_other_charge_each_period_once,
    of_subscriptions_that_race_one_is_made,
    a_second_live_subscription_is_refused_by_the_database,
);

async fn subscribe(store: &TestStore, name: &str) {
    let order = subscribe_to("plan-basic");
    let ordered = store.store.order_subscription(user(name), order);
    ordered.await.unwrap();
}

/// The names and contents of what usage has told.
async fn events(store: &TestStore) -> Vec<(String, Value)> {
    let query = "SELECT type || ' ' || body FROM events WHERE type LIKE 'usage.%' \
                 ORDER BY sequence";
    let events = store.texts(query).await.into_iter();
    let read = |event: String| {
        let (name, payload) = event.split_once(' ').unwrap();
        (name.to_owned(), serde_json::from_str(payload).unwrap())
    };
    events.map(read).collect()
}

fn quota_event(name: &str, level: &str, remaining: i64) -> (String, Value) {
    let payload = json!({
        "level": level, "tokens_remaining": remaining, "tokens_total": 100_000,
        "window_start": "2026-11-10T12:00:00Z",
    });
    (name.to_owned(), payload)
}

async fn each_level_is_announced_once_however_many_calls_reach_it(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(&store, "alice").await;
    let calls = (0..40).map(|number| {
        let call = usage("alice", &format!("call-{number}"), 5_000, 0);
        let store = Arc::clone(&store.store);
        tokio::spawn(async move { store.commit_usage(&batch([call])).await.unwrap() })
    });
    join_all(calls.collect::<Vec<_>>()).await;
    let levels = store.texts("SELECT level FROM alerts ORDER BY level").await;
    assert_eq!(levels, ["100%", "80%"]);
    assert_eq!(
        events(&store).await,
        [
            quota_event("usage.quota_warning", "80%", 20_000),
            quota_event("usage.quota_exhausted", "100%", 0)
        ]
    );
    // In the next window they are announced again.
    let later = "2026-12-11T00:00:00Z";
    store.clock.set(later);
    let call = made_at(usage("alice", "later", 100_000, 0), later);
    store.commit(&batch([received(call, later)])).await;
    let all = store.texts("SELECT level FROM alerts ORDER BY level").await;
    assert_eq!(all, ["100%", "100%", "80%", "80%"]);
}

async fn renewals_that_meet_usage_and_each_other_charge_each_period_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let names: Vec<_> = (0..30).map(|number| format!("user-{number:02}")).collect();
    for name in &names {
        subscribe(&store, name).await;
    }
    let other = store.second_server().await;
    let now = "2027-02-15T00:00:00Z";
    store.clock.set(now);
    let renewals = [&store.store, &other].repeat(3).into_iter().map(|store| {
        let store = Arc::clone(store);
        tokio::spawn(async move { while store.renew_due(7).await.unwrap() > 0 {} })
    });
    let calls = names.iter().map(|name| {
        let call = received(made_at(usage(name, "call", 1_000, 0), now), now);
        let store = Arc::clone(&store.store);
        tokio::spawn(async move {
            store.commit_usage(&batch([call])).await.unwrap();
        })
    });
    for done in join_all(renewals.chain(calls).collect::<Vec<_>>()).await {
        done.unwrap();
    }
    let fees = store
        .texts(
            "SELECT user_id || ' ' || billing_month || ' ' || CAST(amount AS TEXT) \
             FROM invoice_lines ORDER BY user_id, sequence",
        )
        .await;
    let months = ["2026-11", "2026-12", "2027-01", "2027-02"];
    let expected: Vec<_> = names
        .iter()
        .flat_map(|name| months.map(|month| format!("{name} {month} 9.99")))
        .collect();
    assert_eq!(fees, expected);
    let periods = "SELECT CAST(count(*) AS TEXT) FROM subscription_periods";
    assert_eq!(store.texts(periods).await, ["90"]);
    for name in &names {
        let live = store.store.live_subscription(user(name)).await.unwrap();
        assert_eq!(live.record.period.start, time("2027-02-10T12:00:00Z"));
        assert_eq!(live.record.state, SubscriptionState::Active);
        assert_eq!(live.live.unwrap().tokens_remaining, 99_000);
    }
}

async fn of_subscriptions_that_race_one_is_made(backend: Backend) {
    let store = TestStore::open(backend).await;
    let orders = (0..8).map(|_| {
        let order = subscribe_to("plan-pro");
        store.store.order_subscription(user("alice"), order)
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(orders).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 7));
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::SubscriptionExists));
    }
    let fees = store.texts("SELECT description FROM invoice_lines").await;
    assert_eq!(fees, ["Pro plan fee"]);
}

async fn a_second_live_subscription_is_refused_by_the_database(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(&store, "alice").await;
    let other = store.either(
        "x'000102030405060708090a0b0c0d0e0f'",
        "UUID '00010203-0405-0607-0809-0a0b0c0d0e0f'",
    );
    let again = "INSERT INTO subscriptions (user_id, id, plan_id, status, billing_cycle, \
        current_period_start, current_period_end, created_at, updated_at) \
        SELECT user_id, {other}, plan_id, 'trialing', billing_cycle, current_period_start, \
        current_period_end, created_at, updated_at FROM subscriptions RETURNING status";
    let again = again.replace("{other}", other);
    assert!(store.try_texts(&again).await.is_err());
    let ended = again.replace("'trialing'", "'expired'");
    assert_eq!(store.try_texts(&ended).await.unwrap(), ["expired"]);
}
