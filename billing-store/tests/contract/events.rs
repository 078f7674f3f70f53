//! What the world is told: with what it tells of, in an order that hides nothing.

use std::{collections::BTreeSet, sync::Arc};

use billing_core::{
    catalog::PlanChange,
    event::UnpricedModel,
    event_type::EventType,
    ids::{InvoiceId, ModelId},
    refusal::Refusal,
};
use billing_store::{EventFilter, InvoiceOrder, Store, StoreError, StoredEvent};
use chrono::TimeDelta;
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};

use crate::support::{
    MODEL, TestStore, UNSPEAKABLE, batch, month, of_model, plan, subscribe_to, unique, usage, user,
};

on_both_databases!(
    what_is_refused_is_told_to_nobody,
    users_events_are_numbered_by_themselves,
    an_event_that_commits_late_comes_after_those_that_were_read,
    servers_that_give_places_together_give_each_once,
    a_list_is_filtered_and_goes_on_where_it_ended,
    a_change_of_which_nothing_can_be_told_is_made_all_the_same,
    a_model_without_a_price_is_told_of_once_an_hour,
    an_invoice_that_falls_overdue_is_told_of_once,
);

async fn placed(store: &dyn Store) -> usize {
    store.place_events(500).await.unwrap()
}

async fn events(store: &TestStore, filter: EventFilter) -> Vec<StoredEvent> {
    while placed(store.store.as_ref()).await > 0 {}
    store.store.events(filter, None, 1_000).await.unwrap()
}

fn types(events: &[StoredEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.event_type.name()).collect()
}

fn of_user(id: &str) -> EventFilter {
    EventFilter {
        user_id: Some(user(id)),
        ..EventFilter::default()
    }
}

async fn subscribe(store: &TestStore, id: &str) {
    let order = subscribe_to("plan-basic");
    let ordered = store.store.order_subscription(user(id), order);
    ordered.await.unwrap();
}

async fn what_is_refused_is_told_to_nobody(backend: Backend) {
    let store = TestStore::open(backend).await;
    let order = subscribe_to("plan-nobody-has");
    let ordered = store.store.order_subscription(user("alice"), order).await;
    assert!(matches!(
        ordered,
        Err(StoreError::Rejected(Refusal::PlanNotFound(_)))
    ));
    assert!(events(&store, of_user("alice")).await.is_empty());
    let again = subscribe_to("plan-basic");
    subscribe(&store, "alice").await;
    let refused = store.store.order_subscription(user("alice"), again).await;
    assert!(refused.is_err());
    let told = events(&store, of_user("alice")).await;
    assert_eq!(types(&told), ["subscription.created"]);
}

async fn users_events_are_numbered_by_themselves(backend: Backend) {
    let store = TestStore::open(backend).await;
    for name in ["alice", "bob"] {
        subscribe(&store, name).await;
        store
            .commit(&batch([usage(name, "call-1", 100_000, 0)]))
            .await;
    }
    for name in ["alice", "bob"] {
        let told = events(&store, of_user(name)).await;
        let expected = [
            "subscription.created",
            "usage.quota_warning",
            "usage.quota_exhausted",
        ];
        assert_eq!(types(&told), expected, "{name}");
        assert!(
            told.is_sorted_by(|a, b| a.sequence < b.sequence),
            "{told:?}"
        );
    }
    let all = events(&store, EventFilter::default()).await;
    let shared = all.iter().filter(|event| event.user_id.is_none());
    let shared: Vec<_> = shared
        .map(|event| (event.sequence, event.event_type))
        .collect();
    assert_eq!(shared, [(1, EventType::PriceChanged)]);
    let places: Vec<_> = all.iter().map(|event| event.position).collect();
    assert_eq!(places, (1..=7).collect::<Vec<_>>());
}

/// A row as a transaction writes it; its time is long before all others.
const LATE: &str = "INSERT INTO events (user_id, sequence, id, type, body, created_at) ";

async fn an_event_that_commits_late_comes_after_those_that_were_read(backend: Backend) {
    let store = TestStore::open(backend).await;
    match backend {
        Backend::Sqlite => {
            subscribe(&store, "alice").await;
            assert_eq!(placed(store.store.as_ref()).await, 2);
            let insert = format!(
                "{LATE} VALUES ('bob', 1, zeroblob(16), 'coupon.applied', '{{}}', 0) RETURNING type"
            );
            assert_eq!(store.texts(&insert).await, ["coupon.applied"]);
        }
        Backend::Postgres => {
            let writer = store.postgres().await;
            writer.batch_execute("BEGIN").await.unwrap();
            let id = "'00000000-0000-0000-0000-000000000001'::uuid";
            let insert = format!(
                "{LATE} VALUES ('bob', 1, {id}, 'coupon.applied', '{{}}', to_timestamp(0))"
            );
            writer.batch_execute(&insert).await.unwrap();
            subscribe(&store, "alice").await;
            assert_eq!(placed(store.store.as_ref()).await, 2);
            writer.batch_execute("COMMIT").await.unwrap();
        }
    }
    let read = store
        .store
        .events(EventFilter::default(), None, 100)
        .await
        .unwrap();
    let last = read.last().map(|event| event.position);
    assert_eq!(placed(store.store.as_ref()).await, 1);
    let rest = store
        .store
        .events(EventFilter::default(), last, 100)
        .await
        .unwrap();
    assert_eq!(types(&rest), ["coupon.applied"]);
    assert_eq!(rest[0].position, 3);
}

async fn servers_that_give_places_together_give_each_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    for number in 0..40 {
        subscribe(&store, &format!("user-{number}")).await;
    }
    let rounds = (0..10).map(|round| {
        let server = Arc::clone(if round % 2 == 0 {
            &store.store
        } else {
            &second
        });
        tokio::spawn(async move { server.place_events(7).await.unwrap() })
    });
    let given: usize = join_all(rounds).await.into_iter().map(Result::unwrap).sum();
    let rest = events(&store, EventFilter::default()).await;
    assert!(given <= 41, "{given}");
    let places: BTreeSet<_> = rest.iter().map(|event| event.position).collect();
    assert_eq!(places, (1..=41).collect());
}

async fn a_list_is_filtered_and_goes_on_where_it_ended(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(&store, "alice").await;
    store.clock.advance(TimeDelta::hours(1));
    subscribe(&store, "bob").await;
    let all = events(&store, EventFilter::default()).await;
    let list = |filter: EventFilter, after, limit| store.store.events(filter, after, limit);
    let first = list(EventFilter::default(), None, 2).await.unwrap();
    assert_eq!(first, all[..2]);
    let rest = list(EventFilter::default(), Some(first[1].position), 2)
        .await
        .unwrap();
    assert_eq!(rest, all[2..]);
    let of_type = EventFilter {
        event_type: Some(EventType::PriceChanged),
        ..EventFilter::default()
    };
    assert_eq!(
        types(&list(of_type, None, 9).await.unwrap()),
        ["price.changed"]
    );
    let since = EventFilter {
        since: Some(store.clock.now()),
        ..EventFilter::default()
    };
    assert_eq!(list(since, None, 9).await.unwrap(), all[2..]);
    let one = store.store.event(all[1].id).await.unwrap();
    assert_eq!(one, all[1]);
    let none = store
        .store
        .event(billing_core::ids::EventId::new(unique()))
        .await;
    assert!(matches!(
        none,
        Err(StoreError::Rejected(Refusal::EventNotFound(_)))
    ));
}

async fn a_change_of_which_nothing_can_be_told_is_made_all_the_same(backend: Backend) {
    let store = TestStore::open(backend).await;
    let change = PlanChange {
        name: Some(UNSPEAKABLE.to_owned()),
        ..PlanChange::default()
    };
    let changed = store.store.update_plan(plan("plan-pro"), change).await;
    assert_eq!(changed.unwrap().name, UNSPEAKABLE);
    let told = events(&store, EventFilter::default()).await;
    let last = told.last().unwrap();
    assert_eq!(last.event_type, EventType::PlanChanged);
    assert_eq!(last.fault.as_deref(), Some("it is unspeakable"));
    assert_eq!(last.body, "");
}

async fn a_model_without_a_price_is_told_of_once_an_hour(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    let note = |server: Arc<dyn Store>, model: String| async move {
        let model = UnpricedModel {
            model_id: ModelId::parse(model).unwrap(),
            provider: String::new(),
        };
        server.note_unpriced(model).await.unwrap();
    };
    for server in [&store.store, &second, &store.store] {
        note(Arc::clone(server), "gpt-9".to_owned()).await;
    }
    let unpriced = EventFilter {
        event_type: Some(EventType::UsageUnpriced),
        ..EventFilter::default()
    };
    assert_eq!(events(&store, unpriced.clone()).await.len(), 1);
    store.clock.advance(TimeDelta::hours(1));
    for number in 0..110 {
        note(Arc::clone(&second), format!("model-{number}")).await;
    }
    assert_eq!(events(&store, unpriced).await.len(), 101);
    let kept = store.texts("SELECT model_id FROM unpriced_models").await;
    assert_eq!(kept.len(), 100);
}

async fn an_invoice_that_falls_overdue_is_told_of_once(backend: Backend) {
    let store = TestStore::open(backend).await;
    store.clock.set("2026-11-05T00:00:00Z");
    let call = of_model(usage("alice", "call-1", 100_000, 0), MODEL);
    store.commit(&batch([call])).await;
    store.clock.set("2026-12-01T00:00:00Z");
    let order = InvoiceOrder {
        user_id: user("alice"),
        month: month("2026-11"),
        id: InvoiceId::new(unique()),
        keep_draft: false,
    };
    store.store.generate_invoice(order).await.unwrap();
    store.clock.set("2027-02-01T00:00:00Z");
    while store.store.mark_overdue(1).await.unwrap() > 0 {}
    assert_eq!(store.store.mark_overdue(1).await.unwrap(), 0);
    let told = events(&store, of_user("alice")).await;
    assert_eq!(types(&told), ["invoice.issued", "invoice.overdue"]);
    assert_eq!(told[1].body, r#"{"status":"overdue"}"#);
}
