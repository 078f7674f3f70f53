//! What time and usage leave behind: alerts, events, fee lines and renewals, each exactly once.

use std::sync::Arc;

use billing_core::{
    ids::{PlanId, SubscriptionId},
    subscription::{
        BillingCycle, NewSubscription, Standing, SubscriptionOrder, SubscriptionRefusal,
    },
};
use billing_store::{Now, Store, StoreOptions, connect};
use futures_util::future::join_all;
use integration_tests::{Backend, on_both_databases};

use super::{TestStore, batch, made_at, noon, time, usage, user};

on_both_databases!(
    each_level_is_announced_once_however_many_calls_reach_it,
    renewals_that_meet_usage_and_each_other_charge_each_period_once,
    of_subscriptions_that_race_one_is_made,
    a_second_live_subscription_is_refused_by_the_database,
);

fn at(text: &str) -> Now {
    let time = time(text);
    Arc::new(move || time)
}

fn subscribe_to(plan: &str, id: &str) -> SubscriptionOrder {
    SubscriptionOrder::Subscribe(NewSubscription {
        id: SubscriptionId::parse(id).unwrap(),
        plan_id: PlanId::parse(plan).unwrap(),
        cycle: BillingCycle::Monthly,
        auto_renew: true,
        trial_days: 0,
        start: None,
    })
}

async fn subscribe(store: &dyn Store, name: &str) {
    let order = subscribe_to("plan-basic", &format!("sub-{name}"));
    let ordered = store.order_subscription(user(name), order, Arc::new(noon));
    ordered.await.unwrap().unwrap();
}

async fn each_level_is_announced_once_however_many_calls_reach_it(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(store.store.as_ref(), "alice").await;
    let calls = (0..40).map(|number| {
        let call = usage("alice", &format!("call-{number}"), 5_000, 0);
        let store = Arc::clone(&store.store);
        tokio::spawn(async move { store.commit_usage(&batch([call])).await.unwrap() })
    });
    join_all(calls.collect::<Vec<_>>()).await;
    let levels = store.texts("SELECT level FROM alerts ORDER BY level").await;
    assert_eq!(levels, ["100%", "80%"]);
    let events = "SELECT type || ' ' || payload FROM outbox ORDER BY sequence";
    let event = |level: &str, remaining: i64| {
        format!(
            "quota_alert {{\"level\":\"{level}\",\"tokens_remaining\":{remaining},\
             \"tokens_total\":100000,\"window_start\":\"2026-11-10T12:00:00Z\"}}"
        )
    };
    assert_eq!(
        store.texts(events).await,
        [event("80%", 20_000), event("100%", 0)]
    );
    // In the next window they are announced again.
    let later = usage("alice", "later", 100_000, 0);
    let mut later = made_at(later, "2026-12-11T00:00:00Z");
    later.received_at = later.created_at;
    store.commit(&batch([later])).await;
    let all = store.texts("SELECT level FROM alerts ORDER BY level").await;
    assert_eq!(all, ["100%", "100%", "80%", "80%"]);
}

async fn renewals_that_meet_usage_and_each_other_charge_each_period_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let names: Vec<_> = (0..30).map(|number| format!("user-{number:02}")).collect();
    for name in &names {
        subscribe(store.store.as_ref(), name).await;
    }
    // The second server; SQLite has one only.
    let other = match backend {
        Backend::Sqlite => Arc::clone(&store.store),
        Backend::Postgres => {
            let other = connect(&store.database, &StoreOptions::default()).await;
            other.unwrap()
        }
    };
    let now = "2027-02-15T00:00:00Z";
    let renewals = [&store.store, &other].repeat(3).into_iter().map(|store| {
        let store = Arc::clone(store);
        tokio::spawn(async move { while store.renew_due(time(now), 7).await.unwrap() > 0 {} })
    });
    let calls = names.iter().map(|name| {
        let mut call = made_at(usage(name, "call", 1_000, 0), now);
        call.received_at = call.created_at;
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
             FROM invoice_lines ORDER BY user_id, id",
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
        let live = store.store.live_subscription(user(name), time(now)).await;
        let live = live.unwrap().unwrap();
        assert_eq!(live.record.period.start, time("2027-02-10T12:00:00Z"));
        assert_eq!(live.record.standing, Standing::Active);
        assert_eq!(live.live.unwrap().tokens_remaining, 99_000);
    }
}

async fn of_subscriptions_that_race_one_is_made(backend: Backend) {
    let store = TestStore::open(backend).await;
    let orders = (0..8).map(|number| {
        let order = subscribe_to("plan-pro", &format!("sub-{number}"));
        let ordered =
            store
                .store
                .order_subscription(user("alice"), order, at("2026-11-11T00:00:00Z"));
        async move { ordered.await.unwrap() }
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(orders).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 7));
    let exists = |refusal| matches!(refusal, Err(SubscriptionRefusal::Exists));
    assert!(refused.into_iter().all(exists));
    let fees = store.texts("SELECT description FROM invoice_lines").await;
    assert_eq!(fees, ["Pro plan fee"]);
}

async fn a_second_live_subscription_is_refused_by_the_database(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(store.store.as_ref(), "alice").await;
    let again = "INSERT INTO subscriptions (user_id, id, plan_id, status, billing_cycle, \
        current_period_start, current_period_end, created_at, updated_at) \
        SELECT user_id, 'other', plan_id, 'trialing', billing_cycle, current_period_start, \
        current_period_end, created_at, updated_at FROM subscriptions RETURNING id";
    assert!(store.try_texts(again).await.is_err());
    let ended = again.replace("'trialing'", "'expired'");
    assert_eq!(store.try_texts(&ended).await.unwrap(), ["other"]);
}
