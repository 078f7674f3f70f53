//! Idempotency keys.

use integration_tests::stripe::{Endpoint, Fault};

use super::*;
use crate::payments::{provider::ProviderError, stripe::NAME};

/// How long keys are known, in seconds.
const LIFE: i64 = 24 * 60 * 60;

#[tokio::test]
async fn a_known_key_answers_what_the_first_call_did() {
    let scene = Scene::new().await;
    let order = scene.order(1, "10", Behaviour::Pays);
    let first = scene.stripe.create_charge("k", &order).await.unwrap();
    let again = scene.stripe.create_charge("k", &order).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(scene.fake.intents().len(), 1);
    let reference = first.charge.reference;
    for _ in 0..2 {
        let charge = scene
            .stripe
            .confirm_charge("c", &reference, true)
            .await
            .unwrap();
        assert_eq!(charge.status, ChargeStatus::Succeeded);
    }
    assert_eq!(scene.fake.charged(), 1_000);
}

#[tokio::test]
async fn a_decline_is_answered_again_for_its_key() {
    let scene = Scene::new().await;
    let method = scene
        .fake
        .add_method(&scene.customer, Behaviour::declines("do_not_honor"));
    let order = scene.order_with(1, "10", method.clone());
    let created = scene.stripe.create_charge("k", &order).await.unwrap();
    let reference = created.charge.reference;
    let first = scene
        .stripe
        .confirm_charge("c", &reference, true)
        .await
        .unwrap();
    scene.fake.behave(&method, Behaviour::Pays);
    let again = scene
        .stripe
        .confirm_charge("c", &reference, true)
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(decline(again).code, "do_not_honor");
    assert_eq!(scene.fake.charged(), 0);
}

#[tokio::test]
async fn a_key_with_other_parameters_is_refused() {
    let scene = Scene::new().await;
    let order = scene.order(1, "10", Behaviour::Pays);
    scene.stripe.create_charge("k", &order).await.unwrap();
    let other = ChargeOrder {
        amount: money("11"),
        ..order
    };
    let refused = scene.stripe.create_charge("k", &other).await.unwrap_err();
    let is_key = |code: &str| code == "idempotency_error";
    assert!(matches!(refused, ProviderError::Refused { code, .. } if is_key(&code)));
}

#[tokio::test]
async fn a_key_at_another_endpoint_is_refused() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    let refused = scene
        .stripe
        .confirm_charge("create-1", &reference, true)
        .await;
    let refused = refused.unwrap_err();
    let is_key = |code: &str| code == "idempotency_error";
    assert!(matches!(refused, ProviderError::Refused { code, .. } if is_key(&code)));
    assert_eq!(scene.fake.charged(), 0);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let scene = Scene::new().await;
    let order = scene.order(1, "10", Behaviour::Pays);
    let first = scene.stripe.create_charge("k", &order).await.unwrap();
    scene.fake.advance(LIFE - 1);
    let again = scene.stripe.create_charge("k", &order).await.unwrap();
    assert_eq!(first, again);
    scene.fake.advance(1);
    let second = scene.stripe.create_charge("k", &order).await.unwrap();
    assert_ne!(first.charge.reference, second.charge.reference);
}

#[tokio::test]
async fn a_key_is_in_use_while_its_call_is_running() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    scene.fake.fault(Endpoint::ConfirmIntent, Fault::Hold, 1);
    let first = scene.stripe.confirm_charge("c", &reference, true);
    let second = async {
        scene.fake.held().await;
        let second = scene.stripe.confirm_charge("c", &reference, true).await;
        scene.fake.release();
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().status, ChargeStatus::Succeeded);
    assert_eq!(second, Err(ProviderError::Running(NAME)));
    let third = scene.stripe.confirm_charge("c", &reference, true).await;
    assert_eq!(third.unwrap().status, ChargeStatus::Succeeded);
    assert_eq!(scene.fake.charged(), 1_000);
}
