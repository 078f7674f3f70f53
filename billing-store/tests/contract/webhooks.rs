//! Webhook endpoints.

use std::sync::Arc;

use billing_core::{
    delivery::OutletHealth,
    event_type::EventType,
    ids::WebhookEndpointId,
    refusal::Refusal,
    webhook::{
        Disabled, DisabledReason, EndpointChange, EndpointFilter, OldSecret, WebhookEndpoint,
        WebhookSecret, WebhookSecrets,
    },
};
use futures_util::future::join_all;
use test_postgres::{Backend, on_both_databases};

use crate::support::{NOON, TestStore, time, unique, user};

on_both_databases!(
    an_endpoint_is_kept_with_all_that_it_has,
    endpoints_are_listed_newest_first_page_by_page,
    a_change_sets_what_it_names_and_nothing_else,
    a_deleted_endpoint_is_gone,
    old_secrets_are_kept_for_a_day_unless_revoked,
    rotations_that_meet_lose_none_but_the_oldest,
);

const LATER: &str = "2026-11-10T13:00:00Z";

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::trusted(text.to_owned())
}

fn endpoint(url: &str) -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::new(unique()),
        url: url.to_owned(),
        description: String::new(),
        filter: EndpointFilter::default(),
        disabled: None,
        secrets: WebhookSecrets::new(secret("first")),
        health: OutletHealth::default(),
        created_at: time(NOON),
        updated_at: time(NOON),
    }
}

/// Has a value in every column.
fn full() -> WebhookEndpoint {
    WebhookEndpoint {
        description: "Büro".to_owned(),
        filter: EndpointFilter {
            event_types: EventType::ALL.to_vec(),
            user_ids: vec![user("alice"), user("bob/\"\u{1f980}")],
        },
        disabled: Some(Disabled {
            reason: DisabledReason::Gone,
            at: time(LATER),
        }),
        secrets: WebhookSecrets {
            current: secret("third"),
            old: ["second", "first"]
                .map(|old| OldSecret {
                    secret: secret(old),
                    expires_at: time("2026-11-11T12:00:00.000001Z"),
                })
                .to_vec(),
        },
        health: OutletHealth {
            failures: 7,
            failing_since: Some(time(NOON)),
            succeeded_at: Some(time(NOON)),
            probe_at: Some(time(LATER)),
            drained_to: Some(time(LATER)),
            told_at: Some(time(LATER)),
        },
        ..endpoint("https://example.com/hook?a=b")
    }
}

async fn create(store: &TestStore, endpoint: WebhookEndpoint) -> WebhookEndpoint {
    let created = store.store.create_webhook_endpoint(endpoint.clone()).await;
    assert_eq!(created.unwrap(), endpoint);
    endpoint
}

async fn read(store: &TestStore, id: WebhookEndpointId) -> WebhookEndpoint {
    store.store.webhook_endpoint(id).await.unwrap()
}

fn signing(endpoint: &WebhookEndpoint, at: &str) -> Vec<String> {
    let secrets = endpoint.secrets.signing(time(at));
    secrets.map(|secret| secret.reveal().to_owned()).collect()
}

async fn an_endpoint_is_kept_with_all_that_it_has(backend: Backend) {
    let store = TestStore::open(backend).await;
    for endpoint in [full(), endpoint("https://example.com/")] {
        let kept = create(&store, endpoint).await;
        assert_eq!(read(&store, kept.id).await, kept);
    }
}

async fn endpoints_are_listed_newest_first_page_by_page(backend: Backend) {
    let store = TestStore::open(backend).await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(create(&store, endpoint(&format!("https://example.com/{number}"))).await);
    }
    all.reverse();
    let store = store.store.as_ref();
    assert_eq!(store.webhook_endpoints(None, 10).await.unwrap(), all);
    let first = store.webhook_endpoints(None, 2).await.unwrap();
    assert_eq!(first, all[..2]);
    let after = Some(first[1].id);
    assert_eq!(store.webhook_endpoints(after, 10).await.unwrap(), all[2..]);
}

async fn a_change_sets_what_it_names_and_nothing_else(backend: Backend) {
    let store = TestStore::open(backend).await;
    let [before, other] = [full(), full()];
    create(&store, before.clone()).await;
    create(&store, other.clone()).await;
    store.clock.set(LATER);
    let change = EndpointChange {
        event_types: Some(vec![EventType::InvoicePaid]),
        enabled: Some(true),
        ..EndpointChange::default()
    };
    let changed = store.store.update_webhook_endpoint(before.id, change);
    let changed = changed.await.unwrap();
    let expected = WebhookEndpoint {
        filter: EndpointFilter {
            event_types: vec![EventType::InvoicePaid],
            ..before.filter.clone()
        },
        disabled: None,
        health: OutletHealth {
            succeeded_at: before.health.succeeded_at,
            ..OutletHealth::default()
        },
        updated_at: time(LATER),
        ..before
    };
    assert_eq!(changed, expected);
    assert_eq!(read(&store, expected.id).await, expected);
    assert_eq!(read(&store, other.id).await, other);
}

async fn a_deleted_endpoint_is_gone(backend: Backend) {
    let store = TestStore::open(backend).await;
    let [one, other] = [endpoint("https://one.example/"), full()];
    create(&store, one.clone()).await;
    create(&store, other.clone()).await;
    let deleted = store.store.delete_webhook_endpoint(one.id).await;
    assert_eq!(deleted.unwrap(), one);
    let gone = store.store.webhook_endpoint(one.id).await.unwrap_err();
    let expected = Refusal::WebhookEndpointNotFound(one.id.to_string());
    assert_eq!(gone.refusal(), Some(&expected));
    let left = store.store.webhook_endpoints(None, 10).await.unwrap();
    assert_eq!(left, [other]);
}

async fn old_secrets_are_kept_for_a_day_unless_revoked(backend: Backend) {
    let store = TestStore::open(backend).await;
    let id = create(&store, endpoint("https://example.com/")).await.id;
    let rotate = async |text: &str, revoke| {
        let rotated = store.store.rotate_webhook_secret(id, secret(text), revoke);
        let rotated = rotated.await.unwrap();
        assert_eq!(read(&store, id).await, rotated);
        rotated
    };
    rotate("second", false).await;
    store.clock.set(LATER);
    let third = rotate("third", false).await;
    assert_eq!(third.updated_at, time(LATER));
    let late = "2026-11-11T11:59:59.999999Z";
    assert_eq!(signing(&third, late), ["third", "second", "first"]);
    assert_eq!(signing(&third, "2026-11-11T12:00:00Z"), ["third", "second"]);
    assert_eq!(signing(&third, "2026-11-11T13:00:00Z"), ["third"]);
    let fourth = rotate("fourth", true).await;
    assert_eq!(signing(&fourth, LATER), ["fourth"]);
}

async fn rotations_that_meet_lose_none_but_the_oldest(backend: Backend) {
    let store = TestStore::open(backend).await;
    let second = store.second_server().await;
    let id = create(&store, endpoint("https://example.com/")).await.id;
    let rotations = (0..6).map(|number| {
        let of = if number % 2 == 0 {
            &store.store
        } else {
            &second
        };
        let of = Arc::clone(of);
        tokio::spawn(async move {
            let new = secret(&number.to_string());
            of.rotate_webhook_secret(id, new, false).await.unwrap()
        })
    });
    let rotated = join_all(rotations.collect::<Vec<_>>()).await;
    let rotated: Vec<_> = rotated.into_iter().map(Result::unwrap).collect();
    let last = signing(&read(&store, id).await, NOON);
    assert_eq!(last.len(), 3);
    // Each one saw what the one before it had left.
    let place = |name: &str| rotated.iter().find(|seen| signing(seen, NOON)[0] == name);
    let before = signing(place(&last[0]).unwrap(), NOON);
    assert_eq!(before, last);
    assert_eq!(signing(place(&last[1]).unwrap(), NOON)[..2], last[1..]);
}
