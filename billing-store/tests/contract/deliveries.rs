//! Carrying events to their outlets: once per outlet, under leases, and not again when it is over.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use billing_core::{
    catalog::PlanChange,
    delivery::{AttemptResult, DeliveryStatus, Outlet, OutletHealth},
    event_type::EventType,
    ids::WebhookEndpointId,
    webhook::{EndpointChange, EndpointFilter, WebhookEndpoint, WebhookSecret, WebhookSecrets},
};
use billing_store::{
    AttemptReport, BegunDelivery, EndedDelivery, EventFilter, Store, StoredEvent, StoredMail,
};
use chrono::{DateTime, TimeDelta, Utc};
use test_postgres::{Backend, on_both_databases};
use uuid::Uuid;

use crate::support::{TestStore, UNSPEAKABLE, plan, subscribe_to, unique, user};

on_both_databases!(
    an_event_has_one_delivery_per_endpoint_that_wants_it,
    nobody_begins_what_another_has_begun,
    a_delivery_whose_lease_is_over_is_begun_again_and_the_late_result_is_nothing,
    an_outlet_that_is_down_is_probed_and_then_drained,
    an_endpoint_that_takes_nothing_for_days_is_told_of_and_disabled,
    what_was_given_up_is_attempted_again_on_demand,
    what_is_over_is_forgotten_and_what_is_open_is_not,
    a_mail_is_kept_as_it_was_composed_first,
);

const LEASE: Duration = Duration::from_secs(60);

async fn endpoint(store: &TestStore, types: &[EventType]) -> WebhookEndpointId {
    let id = WebhookEndpointId::new(unique());
    let now = store.clock.now();
    let endpoint = WebhookEndpoint {
        id,
        url: "https://example.com/hook".to_owned(),
        description: String::new(),
        filter: EndpointFilter {
            event_types: types.to_vec(),
            user_ids: Vec::new(),
        },
        disabled: None,
        secrets: WebhookSecrets::new(WebhookSecret::trusted("whsec_AAAA".to_owned())),
        health: OutletHealth::default(),
        created_at: now,
        updated_at: now,
    };
    store.store.create_webhook_endpoint(endpoint).await.unwrap();
    id
}

async fn switch(store: &TestStore, id: WebhookEndpointId, enabled: bool) {
    let change = EndpointChange {
        enabled: Some(enabled),
        ..EndpointChange::default()
    };
    let changed = store.store.update_webhook_endpoint(id, change).await;
    assert_eq!(changed.unwrap().disabled.is_none(), enabled);
}

async fn subscribe(store: &TestStore, id: &str) {
    let order = subscribe_to("plan-basic");
    store
        .store
        .order_subscription(user(id), order)
        .await
        .unwrap();
    while store.store.place_events(100).await.unwrap() > 0 {}
}

async fn events(store: &TestStore) -> Vec<StoredEvent> {
    let listed = store.store.events(EventFilter::default(), None, 100).await;
    listed.unwrap()
}

/// An event's deliveries: outlets and their status.
async fn deliveries(store: &TestStore, event: &StoredEvent) -> Vec<(Outlet, DeliveryStatus)> {
    let found = store.store.deliveries(event).await.unwrap();
    found
        .iter()
        .map(|of| (of.outlet, of.delivery.status))
        .collect()
}

async fn begin(store: &Arc<dyn Store>, outlet: Outlet, lease: Uuid) -> Vec<BegunDelivery> {
    store.begin_deliveries(outlet, lease, LEASE).await.unwrap()
}

fn ended(begun: &BegunDelivery, result: AttemptResult) -> EndedDelivery {
    EndedDelivery {
        user_id: begun.event.user_id.clone(),
        sequence: begun.event.sequence,
        result,
        jitter: 0,
        report: AttemptReport {
            made_at: DateTime::<Utc>::UNIX_EPOCH,
            status_code: Some(500),
            error: None,
            answer: "no".to_owned(),
            took: Duration::from_millis(7),
        },
    }
}

/// Begins what may begin of an outlet, and ends it all alike. Answers how many.
async fn round(store: &TestStore, outlet: Outlet, result: AttemptResult) -> usize {
    let lease = unique();
    let begun = begin(&store.store, outlet, lease).await;
    let all: Vec<_> = begun.iter().map(|of| ended(of, result)).collect();
    let stored = store.store.end_deliveries(outlet, lease, all).await;
    assert_eq!(stored.unwrap(), begun.len());
    begun.len()
}

async fn an_event_has_one_delivery_per_endpoint_that_wants_it(backend: Backend) {
    let store = TestStore::open(backend).await;
    let all = endpoint(&store, &[]).await;
    let some = endpoint(&store, &[EventType::SubscriptionCreated]).await;
    let off = endpoint(&store, &[]).await;
    switch(&store, off, false).await;
    let change = PlanChange {
        name: Some(UNSPEAKABLE.to_owned()),
        ..PlanChange::default()
    };
    store
        .store
        .update_plan(plan("plan-pro"), change)
        .await
        .unwrap();
    subscribe(&store, "alice").await;
    let told = events(&store).await;
    let of_type = |kind| told.iter().find(|event| event.event_type == kind).unwrap();
    let mut found = deliveries(&store, of_type(EventType::SubscriptionCreated)).await;
    found.sort_by_key(|(outlet, _)| *outlet);
    let mut expected = vec![
        (Outlet::Endpoint(all), DeliveryStatus::Pending),
        (Outlet::Endpoint(some), DeliveryStatus::Pending),
        (Outlet::Endpoint(off), DeliveryStatus::Paused),
    ];
    expected.sort_by_key(|(outlet, _)| *outlet);
    assert_eq!(found, expected);
    let dead = deliveries(&store, of_type(EventType::PlanChanged)).await;
    assert!(
        dead.iter()
            .all(|(_, status)| *status == DeliveryStatus::Dead),
        "{dead:?}"
    );
    assert_eq!(dead.len(), 2);
    let due: BTreeSet<_> = store
        .store
        .due_outlets()
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(
        due,
        BTreeSet::from([Outlet::Endpoint(all), Outlet::Endpoint(some)])
    );
    switch(&store, off, true).await;
    assert_eq!(store.store.due_outlets().await.unwrap().len(), 3);
    store.store.delete_webhook_endpoint(some).await.unwrap();
    let found = deliveries(&store, of_type(EventType::SubscriptionCreated)).await;
    assert!(found.contains(&(Outlet::Endpoint(some), DeliveryStatus::Skipped)));
}

async fn nobody_begins_what_another_has_begun(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    let outlet = Outlet::Endpoint(endpoint(&store, &[EventType::SubscriptionCreated]).await);
    for number in 0..14 {
        subscribe(&store, &format!("user-{number}")).await;
    }
    let (one, other) = (unique(), unique());
    let first = begin(&store.store, outlet, one).await;
    assert_eq!(first.len(), 10);
    assert_eq!(begin(&second, outlet, other).await, []);
    let done: Vec<_> = first[..4]
        .iter()
        .map(|of| ended(of, AttemptResult::Delivered))
        .collect();
    assert_eq!(
        second
            .end_deliveries(outlet, other, done.clone())
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store.store.end_deliveries(outlet, one, done).await.unwrap(),
        4
    );
    let rest = begin(&second, outlet, other).await;
    assert_eq!(rest.len(), 4);
    let ids = |begun: &[BegunDelivery]| begun.iter().map(|of| of.event.id).collect::<BTreeSet<_>>();
    assert!(ids(&first).is_disjoint(&ids(&rest)));
}

async fn a_delivery_whose_lease_is_over_is_begun_again_and_the_late_result_is_nothing(
    backend: Backend,
) {
    let store = TestStore::open(backend).await;
    let outlet = Outlet::Endpoint(endpoint(&store, &[EventType::SubscriptionCreated]).await);
    subscribe(&store, "alice").await;
    let (dead, alive) = (unique(), unique());
    let over = Duration::ZERO;
    let begun = store
        .store
        .begin_deliveries(outlet, dead, over)
        .await
        .unwrap();
    let again = begin(&store.store, outlet, alive).await;
    assert_eq!(again, begun);
    let late = vec![ended(&begun[0], AttemptResult::Delivered)];
    assert_eq!(
        store
            .store
            .end_deliveries(outlet, dead, late.clone())
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .store
            .end_deliveries(outlet, alive, late.clone())
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .store
            .end_deliveries(outlet, alive, late)
            .await
            .unwrap(),
        0
    );
    let event = &begun[0].event;
    let stored = &store.store.deliveries(event).await.unwrap()[0];
    assert_eq!(stored.delivery.status, DeliveryStatus::Delivered);
    assert_eq!(stored.attempts.len(), 1);
    assert_eq!(stored.attempts[0].took, Duration::from_millis(7));
    assert_eq!(store.store.due_outlets().await.unwrap(), []);
}

async fn an_outlet_that_is_down_is_probed_and_then_drained(backend: Backend) {
    let store = TestStore::open(backend).await;
    let outlet = Outlet::Endpoint(endpoint(&store, &[EventType::SubscriptionCreated]).await);
    for number in 0..25 {
        subscribe(&store, &format!("user-{number}")).await;
    }
    let failed = AttemptResult::Failed(None);
    assert_eq!(round(&store, outlet, failed).await, 10);
    assert_eq!(round(&store, outlet, failed).await, 0);
    store.clock.advance(TimeDelta::seconds(30));
    assert_eq!(round(&store, outlet, failed).await, 1);
    store.clock.advance(TimeDelta::seconds(30));
    assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 1);
    assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 0);
    for expected in [10, 10] {
        store.clock.advance(TimeDelta::seconds(1));
        assert_eq!(
            round(&store, outlet, AttemptResult::Delivered).await,
            expected
        );
        assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 0);
    }
}

async fn an_endpoint_that_takes_nothing_for_days_is_told_of_and_disabled(backend: Backend) {
    let store = TestStore::open(backend).await;
    let id = endpoint(&store, &[EventType::SubscriptionCreated]).await;
    let outlet = Outlet::Endpoint(id);
    for number in 0..30 {
        subscribe(&store, &format!("user-{number}")).await;
    }
    let failed = AttemptResult::Failed(None);
    round(&store, outlet, failed).await;
    store.clock.advance(TimeDelta::hours(24));
    round(&store, outlet, failed).await;
    for _ in 0..9 {
        store.clock.advance(TimeDelta::hours(12));
        round(&store, outlet, failed).await;
    }
    while store.store.place_events(100).await.unwrap() > 0 {}
    let told = events(&store).await;
    let of_endpoint = told
        .iter()
        .filter(|event| event.event_type.name().starts_with("webhook"));
    let names: Vec<_> = of_endpoint.map(|event| event.event_type.name()).collect();
    assert_eq!(
        names,
        ["webhook_endpoint.failing", "webhook_endpoint.disabled"]
    );
    let disabled = store.store.webhook_endpoint(id).await.unwrap();
    assert!(disabled.disabled.is_some());
    assert_eq!(round(&store, outlet, failed).await, 0);
    let waiting = EventFilter {
        delivery_status: Some(DeliveryStatus::Paused),
        ..EventFilter::default()
    };
    assert!(store.store.events(waiting, None, 100).await.unwrap().len() >= 29);
    switch(&store, id, true).await;
    assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 10);
}

async fn what_was_given_up_is_attempted_again_on_demand(backend: Backend) {
    let store = TestStore::open(backend).await;
    let id = endpoint(&store, &[EventType::SubscriptionCreated]).await;
    let outlet = Outlet::Endpoint(id);
    subscribe(&store, "alice").await;
    let since = store.clock.now();
    assert_eq!(round(&store, outlet, AttemptResult::Refused).await, 1);
    let told = events(&store).await;
    let event = told.iter().find(|event| event.user_id.is_some()).unwrap();
    assert_eq!(
        deliveries(&store, event).await,
        [(outlet, DeliveryStatus::Dead)]
    );
    let later = since + TimeDelta::seconds(1);
    assert_eq!(store.store.recover_endpoint(id, later).await.unwrap(), 0);
    assert_eq!(store.store.recover_endpoint(id, since).await.unwrap(), 1);
    assert_eq!(round(&store, outlet, AttemptResult::Refused).await, 1);
    assert_eq!(
        store
            .store
            .redeliver_dead(Some(Outlet::Mail), 100)
            .await
            .unwrap(),
        0
    );
    assert_eq!(store.store.redeliver_dead(None, 100).await.unwrap(), 1);
    assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 1);
    assert_eq!(store.store.redeliver(event.id, None).await.unwrap(), 1);
    assert_eq!(round(&store, outlet, AttemptResult::Delivered).await, 1);
    let attempts = store.store.deliveries(event).await.unwrap()[0]
        .attempts
        .len();
    assert_eq!(attempts, 4);
}

async fn what_is_over_is_forgotten_and_what_is_open_is_not(backend: Backend) {
    let store = TestStore::open(backend).await;
    let done = Outlet::Endpoint(endpoint(&store, &[EventType::SubscriptionCreated]).await);
    let open = Outlet::Endpoint(endpoint(&store, &[EventType::SubscriptionCreated]).await);
    subscribe(&store, "alice").await;
    assert_eq!(round(&store, done, AttemptResult::Delivered).await, 1);
    store.clock.advance(TimeDelta::days(31));
    let before = store.clock.now();
    // The price's event, of which there is no delivery, and the delivery that was taken.
    assert_eq!(store.store.prune_deliveries(before, 100).await.unwrap(), 2);
    let told = events(&store).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        deliveries(&store, &told[0]).await,
        [(open, DeliveryStatus::Pending)]
    );
    assert_eq!(round(&store, open, AttemptResult::Refused).await, 1);
    store.clock.advance(TimeDelta::days(31));
    assert_eq!(store.store.prune_deliveries(before, 100).await.unwrap(), 0);
    store.clock.advance(TimeDelta::days(60));
    assert_eq!(store.store.prune_deliveries(before, 100).await.unwrap(), 2);
    assert_eq!(events(&store).await, []);
}

async fn a_mail_is_kept_as_it_was_composed_first(backend: Backend) {
    let store = TestStore::open(backend).await;
    subscribe(&store, "alice").await;
    let told = events(&store).await;
    let mail = |text: &str| StoredMail {
        sender: "billing@example.com".to_owned(),
        recipient: "alice@example.com".to_owned(),
        content: text.as_bytes().to_vec(),
    };
    let store = &store.store;
    assert_eq!(store.mail(&told[0], Outlet::Mail).await.unwrap(), None);
    let first = store.keep_mail(&told[0], Outlet::Mail, mail("first")).await;
    assert_eq!(first.unwrap(), mail("first"));
    let second = store
        .keep_mail(&told[0], Outlet::Mail, mail("second"))
        .await;
    assert_eq!(second.unwrap(), mail("first"));
    assert_eq!(
        store.mail(&told[0], Outlet::Mail).await.unwrap(),
        Some(mail("first"))
    );
    assert_eq!(store.mail(&told[0], Outlet::Operator).await.unwrap(), None);
}
