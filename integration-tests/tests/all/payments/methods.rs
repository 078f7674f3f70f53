//! Saved payment methods.

use std::collections::HashSet;

use integration_tests::{Backend, on_both_databases, stripe::Behaviour};
use serde_json::json;

use super::world::{ALICE, World};
use crate::support::user;

on_both_databases!(
    a_saved_method_looks_as_documented,
    only_a_method_of_the_users_own_customer_is_saved,
    consent_is_the_users_own,
    the_default_moves_on,
    nobodys_request_id_is_in_the_way_of_anothers,
);

async fn a_saved_method_looks_as_documented(backend: Backend) {
    let world = World::start(backend).await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({"provider": "stripe", "provider_method_id": reference}).to_string();
    let path = "/v1/billing/payments/methods";
    let saved = world.alice.post(path, &wanted).await.body;
    let id = saved.split('"').nth(3).unwrap().to_owned();
    let expected = format!(
        r#"{{"id":"{id}","user_id":"alice","provider":"stripe","brand":"visa","last4":"4242","is_default":true,"topup_consented_at":null,"created_at":"2024-11-15T10:30:00Z","collect_consented_at":null,"expiry_month":8,"expiry_year":2030}}"#
    );
    assert_eq!(saved, expected);
    // Saving it again changes nothing.
    assert_eq!(world.alice.post(path, &wanted).await.body, expected);
    assert_eq!(
        world.alice.get(path).await.body,
        format!(r#"{{"methods":[{expected}]}}"#)
    );
}

async fn only_a_method_of_the_users_own_customer_is_saved(backend: Backend) {
    let world = World::start(backend).await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let mallory = user(&world.server, "mallory").await;
    let path = "/v1/billing/payments/methods";
    let wanted = json!({"provider_method_id": reference}).to_string();
    let no_customer = mallory.post(path, &wanted).await;
    assert_eq!(
        World::refusal(&no_customer),
        (400, "PAYMENT_METHOD_MISSING")
    );
    let setup = r#"{"return_url":"https://example.com/"}"#;
    mallory.post("/v1/billing/payments/setup", setup).await;
    let of_another = mallory.post(path, &wanted).await;
    assert_eq!(World::refusal(&of_another), (400, "PAYMENT_METHOD_MISSING"));
    let customer = json!({"provider_method_id": reference, "provider_customer_id": "cus_other"});
    let foreign = world.alice.post(path, &customer.to_string()).await;
    assert_eq!(World::refusal(&foreign), (400, "PAYMENT_METHOD_MISSING"));
    for (field, body) in [
        ("provider_method_id", json!({})),
        ("provider_method_id", json!({"provider_method_id": "a b"})),
        (
            "provider",
            json!({"provider_method_id": "pm_1", "provider": "manual"}),
        ),
    ] {
        let refused = world.alice.post(path, &body.to_string()).await;
        assert_eq!(World::refusal(&refused), (400, "INVALID_FIELD"));
        assert!(
            refused.body.contains(&format!(r#""field":"{field}""#)),
            "{}",
            refused.body
        );
    }
}

async fn consent_is_the_users_own(backend: Backend) {
    let world = World::start(backend).await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({
        "user_id": ALICE, "provider_method_id": reference, "topup_consent": true,
        "collect_consent": true,
    });
    let path = "/v1/billing/payments/methods";
    let by_operator = world.operator.post(path, &wanted.to_string()).await.json();
    assert!(by_operator["topup_consented_at"].is_null(), "{by_operator}");
    assert!(
        by_operator["collect_consented_at"].is_null(),
        "{by_operator}"
    );
    let own = world.attach(&wanted).await;
    assert_eq!(own["id"], by_operator["id"]);
    assert_eq!(own["topup_consented_at"], "2024-11-15T10:30:00Z");
    assert_eq!(own["collect_consented_at"], "2024-11-15T10:30:00Z");
}

async fn the_default_moves_on(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let second = world
        .attach(&json!({"provider_method_id": reference}))
        .await;
    assert_eq!(second["is_default"], false);
    let id = second["id"].as_str().unwrap();
    let path = format!("/v1/billing/payments/methods/{id}");
    let default = world.alice.post(&format!("{path}/default"), "{}").await;
    assert_eq!(default.json()["is_default"], true);
    let removed = world
        .alice
        .request(reqwest::Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(removed.status().as_u16(), 200);
    let left = world.alice.get("/v1/billing/payments/methods").await.json();
    let left = left["methods"].as_array().unwrap().clone();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (&left[0]["id"], &left[0]["is_default"]),
        (&world.method.as_str().into(), &true.into())
    );
    let gone = world
        .alice
        .request(reqwest::Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status().as_u16(), 400);
}

async fn nobodys_request_id_is_in_the_way_of_anothers(backend: Backend) {
    let world = World::start(backend).await;
    let (long_id, long_request) = ("u".repeat(128), "r".repeat(128));
    let mut setups = HashSet::new();
    for (id, request) in [
        ("a-b", "c"),
        ("a", "b-c"),
        (long_id.as_str(), long_request.as_str()),
    ] {
        let caller = user(&world.server, id).await;
        let wanted = json!({"return_url": "https://example.com/", "request_id": request});
        let path = "/v1/billing/payments/setup";
        let setup = caller.post(path, &wanted.to_string()).await;
        assert_eq!(setup.status, 200, "{id}: {}", setup.body);
        assert_eq!(caller.post(path, &wanted.to_string()).await, setup, "{id}");
        setups.insert(setup.json()["setup_id"].to_string());
    }
    assert_eq!(setups.len(), 3);
}
