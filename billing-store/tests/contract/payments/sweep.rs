//! Which day is swept, by whom, and what belongs to it.

use billing_core::payment::{ChargeStatus, Provider};
use chrono::{NaiveDate, TimeDelta};
use futures_util::future::join;
use test_postgres::{Backend, on_both_databases};

use super::world::{add, begin, follow, topped_up, topup, with_alice};
use crate::support::{TestStore, time};

on_both_databases!(
    one_server_sweeps_a_day_and_another_one_goes_on_when_it_dies,
    days_that_were_missed_follow_one_by_one,
    payments_belong_to_the_time_in_which_their_money_arrived,
);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn one_server_sweeps_a_day_and_another_one_goes_on_when_it_dies(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    let last = day("2026-11-09");
    for _ in 0..2 {
        let (here, there) = join(store.store.take_sweep(last), second.take_sweep(last)).await;
        let mut taken = [here.unwrap(), there.unwrap()];
        taken.sort();
        assert_eq!(taken, [None, Some(last)]);
        store.clock.advance(TimeDelta::minutes(59));
        assert_eq!(second.take_sweep(last).await.unwrap(), None);
        // Whoever took it did not come to its end.
        store.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(second.take_sweep(last).await.unwrap(), Some(last));
    second.note_swept(last).await.unwrap();
    store.clock.advance(TimeDelta::hours(2));
    assert_eq!(store.store.take_sweep(last).await.unwrap(), None);
}

async fn days_that_were_missed_follow_one_by_one(backend: Backend) {
    let store = TestStore::open(backend).await;
    let take = |last| {
        let taken = store.store.take_sweep(day(last));
        async { taken.await.unwrap() }
    };
    // Nothing is older than the first sweep.
    assert_eq!(take("2026-11-09").await, Some(day("2026-11-09")));
    store.store.note_swept(day("2026-11-09")).await.unwrap();
    for expected in ["2026-11-10", "2026-11-11", "2026-11-12"] {
        assert_eq!(take("2026-11-12").await, Some(day(expected)));
        store.store.note_swept(day(expected)).await.unwrap();
    }
    assert_eq!(take("2026-11-12").await, None);
}

async fn payments_belong_to_the_time_in_which_their_money_arrived(backend: Backend) {
    let store = with_alice(backend).await;
    let pending = begin(&store, topup("alice")).await;
    add(&store, "bob").await;
    let failed = begin(&store, topup("bob")).await;
    follow(&store, &failed, ChargeStatus::Cancelled).await;
    store.clock.set("2026-11-11T00:00:00Z");
    let first = follow(&store, &pending, ChargeStatus::Succeeded).await;
    store.clock.set("2026-11-12T00:00:00Z");
    let second = topped_up(&store, "bob").await;
    for (provider, from, until, expected) in [
        (Provider::Stripe, "2026-11-10", "2026-11-11", vec![]),
        (
            Provider::Stripe,
            "2026-11-11",
            "2026-11-12",
            vec![first.clone()],
        ),
        (
            Provider::Stripe,
            "2026-11-11",
            "2026-11-13",
            vec![first, second],
        ),
        (Provider::Paypal, "2026-11-11", "2026-11-13", vec![]),
    ] {
        let [from, until] = [from, until].map(|day| time(&format!("{day}T00:00:00Z")));
        let found = store.store.payments_succeeded(provider, from, until);
        assert_eq!(found.await.unwrap(), expected, "{provider:?} {from}");
    }
}
