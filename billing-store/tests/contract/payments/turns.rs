//! Whose provider is asked again, and when: by time, and by webhooks.

use std::collections::HashSet;

use billing_core::{
    ids::TransactionId,
    payment::{ChargeStatus, Provider, Transaction},
};
use billing_store::Store;
use chrono::TimeDelta;
use futures_util::future::join;
use test_postgres::{Backend, on_both_databases};

use super::world::{add, begin, follow, topped_up, topup, with_alice};
use crate::support::{TestStore, time};

on_both_databases!(
    what_is_open_has_its_turn_again_and_again,
    what_is_settled_has_no_turn,
    two_takers_share_what_is_due,
    a_webhook_is_noted_once_and_gives_a_turn,
);

async fn taken(store: &dyn Store) -> Vec<TransactionId> {
    let due = store.take_due_transactions(100).await.unwrap();
    due.into_iter().map(|of| of.id).collect()
}

async fn what_is_open_has_its_turn_again_and_again(backend: Backend) {
    let store = with_alice(backend).await;
    let open = begin(&store, topup("alice")).await;
    let opened = store.clock.now();
    for (after, is_due) in [(9, false), (10, true), (59, false), (60, true), (300, true)] {
        let at = opened + TimeDelta::seconds(after);
        store.clock.set(&at.to_rfc3339());
        let expected: &[_] = if is_due { &[open.id] } else { &[] };
        assert_eq!(
            taken(store.store.as_ref()).await,
            expected,
            "after {after} s"
        );
        assert!(taken(store.store.as_ref()).await.is_empty());
    }
}

async fn what_is_settled_has_no_turn(backend: Backend) {
    let store = with_alice(backend).await;
    topped_up(&store, "alice").await;
    store.clock.advance(TimeDelta::days(40));
    assert!(taken(store.store.as_ref()).await.is_empty());
}

async fn two_takers_share_what_is_due(backend: Backend) {
    let store = with_alice(backend).await;
    let second = store.second_server().await;
    let mut all = vec![begin(&store, topup("alice")).await.id];
    for number in 0..9 {
        let name = format!("user-{number}");
        add(&store, &name).await;
        all.push(begin(&store, topup(&name)).await.id);
    }
    store.clock.advance(TimeDelta::seconds(10));
    let (first, second) = join(taken(store.store.as_ref()), taken(second.as_ref())).await;
    let shared: HashSet<_> = first.iter().chain(&second).copied().collect();
    assert_eq!(first.len() + second.len(), 10);
    assert_eq!(shared, all.into_iter().collect());
    // Those that are due first come first, as many as are asked for.
    store.clock.advance(TimeDelta::minutes(1));
    let few = store.store.take_due_transactions(3).await.unwrap();
    assert_eq!(few.len(), 3);
    assert_eq!(taken(store.store.as_ref()).await.len(), 7);
}

async fn noted(store: &TestStore, provider: Provider, event: &str, about: Option<&Transaction>) {
    let charge = about.map(|of| of.provider_reference.clone().unwrap());
    let (event, kind) = (event.to_owned(), "charge.updated".to_owned());
    let noted = store.store.note_webhook(provider, event, kind, charge);
    noted.await.unwrap();
}

async fn a_webhook_is_noted_once_and_gives_a_turn(backend: Backend) {
    let store = with_alice(backend).await;
    let open = begin(&store, topup("alice")).await;
    let open = follow(&store, &open, ChargeStatus::Processing).await;
    add(&store, "bob").await;
    let settled = topped_up(&store, "bob").await;
    assert!(taken(store.store.as_ref()).await.is_empty());
    for (provider, event, about, due) in [
        (Provider::Stripe, "evt_1", Some(&open), vec![open.id]),
        // The same event again.
        (Provider::Stripe, "evt_1", Some(&open), vec![]),
        (Provider::Stripe, "evt_2", Some(&open), vec![open.id]),
        // What is settled may be disputed or given back.
        (Provider::Stripe, "evt_3", Some(&settled), vec![settled.id]),
        (Provider::Stripe, "evt_4", None, vec![]),
        // Another provider has ids of its own, of events and of charges.
        (Provider::Paypal, "evt_1", Some(&open), vec![]),
    ] {
        noted(&store, provider, event, about).await;
        assert_eq!(
            taken(store.store.as_ref()).await,
            due,
            "{provider:?} {event}"
        );
    }
    let events = store
        .texts("SELECT provider || ' ' || id FROM webhook_events ORDER BY 1")
        .await;
    let expected = [
        "paypal evt_1",
        "stripe evt_1",
        "stripe evt_2",
        "stripe evt_3",
        "stripe evt_4",
    ];
    assert_eq!(events, expected);
    assert_eq!(store.clock.now(), time(crate::support::NOON));
}
