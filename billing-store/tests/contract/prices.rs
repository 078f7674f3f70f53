//! Prices: versions, caches and changes that meet.

use std::sync::Arc;

use billing_core::catalog::PriceDecision;
use billing_store::{Database, connect};
use test_postgres::{Backend, on_both_databases};

use crate::support::{
    MODEL, TestStore, batch, made_at, of_model, options, price, received, recorded, usage,
};

on_both_databases!(
    each_change_raises_the_version_once,
    usage_is_priced_as_of_its_time_whatever_the_cache_holds,
    changes_that_meet_are_decided_one_after_another,
);

async fn each_change_raises_the_version_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let before = store.store.catalog().await.unwrap().version();
    let changes = vec![
        price("one", "1", "2"),
        price("two", "1", "2"),
        price("one", "1", "2"),
    ];
    let decisions = store.store.set_prices(changes.clone()).await.unwrap();
    assert!(matches!(decisions[0], Ok(PriceDecision::Set(_))));
    assert!(matches!(decisions[2], Ok(PriceDecision::Unchanged(_))));
    // A setter sees its own change at once.
    assert_eq!(store.store.cached_catalog().version(), before + 1);
    let same = store.store.set_prices(changes).await.unwrap();
    assert!(
        same.iter()
            .all(|d| matches!(d, Ok(PriceDecision::Unchanged(_))))
    );
    assert_eq!(store.store.catalog().await.unwrap().version(), before + 1);
}

async fn usage_is_priced_as_of_its_time_whatever_the_cache_holds(backend: Backend) {
    let store = TestStore::open(backend).await;
    store.clock.set("2026-11-10T12:30:00Z");
    store.set_price(MODEL, "0.3", "0.6").await;
    let now = "2026-11-10T13:00:00Z";
    store.clock.set(now);
    let call = |at: &str, id: &str| received(made_at(usage("alice", id, 1_000, 0), at), now);
    let calls = [
        call("2026-11-10T12:29:59.999999Z", "before"),
        call("2026-11-10T12:30:00Z", "from then on"),
    ];
    let outcomes = store.commit(&batch(calls)).await;
    let costs: Vec<_> = outcomes
        .iter()
        .map(|o| recorded(o).charge.cost_usd.to_string())
        .collect();
    assert_eq!(costs, ["0.03", "0.3"]);
}

async fn changes_that_meet_are_decided_one_after_another(backend: Backend) {
    let store = TestStore::open(backend).await;
    let before = store.store.catalog().await.unwrap().version();
    let changes = (0..16).map(|i| {
        let store = Arc::clone(&store.store);
        let model = format!("model-{}", i % 4);
        let change = vec![price(&model, "1", "2")];
        tokio::spawn(async move { store.set_prices(change).await.unwrap() })
    });
    let mut set = 0;
    for change in changes.collect::<Vec<_>>() {
        set += i32::from(matches!(
            change.await.unwrap()[0],
            Ok(PriceDecision::Set(_))
        ));
    }
    assert_eq!(set, 4);
    let catalog = store.store.catalog().await.unwrap();
    assert_eq!(catalog.version(), before + 4);
    assert_eq!(catalog.prices_of("model-3").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stores_change_is_seen_by_usage_at_once_and_by_the_cache_after_a_look() {
    let one = TestStore::open(Backend::Postgres).await;
    let other = one.second_server().await;
    let before = other.catalog().await.unwrap().version();
    one.set_price("new", "1", "1").await;
    assert!(other.cached_catalog().prices_of("new").is_empty());
    let call = of_model(usage("alice", "call-1", 1_000, 0), "new");
    let outcomes = other.commit_usage(&batch([call])).await.unwrap();
    assert_eq!(recorded(&outcomes[0]).charge.cost_usd.to_string(), "1");
    assert_eq!(other.catalog().await.unwrap().version(), before + 1);
    assert_eq!(other.cached_catalog().prices_of("new").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sqlite_file_serves_one_server() {
    let store = TestStore::open(Backend::Sqlite).await;
    assert!(matches!(store.database, Database::Sqlite(_)));
    let second = connect(&store.database, &options(), store.clock.clock()).await;
    let error = second.map(drop).unwrap_err().to_string();
    assert!(error.contains("in use by another server"), "{error}");
}
