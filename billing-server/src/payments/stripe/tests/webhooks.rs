//! Webhooks of what really happens at Stripe.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue};
use integration_tests::stripe::{SignedWebhook, signature};

use super::*;
use crate::payments::provider::{Hint, HintObject, WebhookError};

async fn verify(scene: &Scene, webhook: &SignedWebhook) -> Result<Hint, WebhookError> {
    let mut headers = HeaderMap::new();
    let signature = HeaderValue::from_str(&webhook.signature).unwrap();
    headers.insert("stripe-signature", signature);
    let body = Bytes::from(webhook.body.clone());
    let now: DateTime<Utc> = DateTime::from_timestamp(NOW, 0).unwrap();
    scene.stripe.verify_webhook(&headers, &body, now).await
}

/// What the events about a charge's life say to look at, by their types.
async fn hints(scene: &Scene) -> Vec<(String, HintObject)> {
    let mut hints = Vec::new();
    for webhook in scene.fake.webhooks(NOW) {
        let hint = verify(scene, &webhook).await.unwrap();
        assert_eq!(hint.event_id, webhook.event_id);
        assert!(!hint.is_live);
        hints.push((hint.event_type, hint.about));
    }
    hints
}

#[tokio::test]
async fn events_say_what_to_look_at_in_order() {
    let scene = Scene::new().await;
    let method = scene.fake.add_method(&scene.customer, Behaviour::PaysLater);
    let order = scene.order_with(1, "10", method.clone());
    let created = scene.stripe.create_charge("k", &order).await.unwrap();
    let reference = created.charge.reference;
    scene
        .stripe
        .confirm_charge("c", &reference, true)
        .await
        .unwrap();
    scene.fake.settle(&reference);
    let refund = scene.fake.refund(&reference, 100);
    let dispute = scene.fake.dispute(&reference, false);
    scene.fake.close_dispute(&dispute, true);
    scene.fake.detach(&method);
    let charge = || HintObject::Charge(reference.clone());
    let expected = [
        ("payment_intent.created", charge()),
        ("payment_intent.processing", charge()),
        ("payment_intent.succeeded", charge()),
        ("charge.succeeded", HintObject::Other),
        ("refund.created", HintObject::Refund(refund)),
        ("charge.refunded", charge()),
        ("charge.dispute.created", charge()),
        ("charge.dispute.closed", charge()),
        ("payment_method.detached", HintObject::Method(method)),
    ];
    assert_eq!(
        hints(&scene).await,
        expected.map(|(kind, about)| (kind.to_owned(), about))
    );
}

#[tokio::test]
async fn a_webhook_of_an_unknown_object_is_a_hint_too() {
    let scene = Scene::new().await;
    let webhook = scene
        .fake
        .webhook("payment_intent.succeeded", "pi_none", NOW);
    let hint = verify(&scene, &webhook).await.unwrap();
    assert_eq!(hint.about, HintObject::Charge("pi_none".to_owned()));
}

#[tokio::test]
async fn a_forged_webhook_is_refused() {
    let scene = Scene::new().await;
    let reference = scene
        .created(1, "10", Behaviour::Pays)
        .await
        .charge
        .reference;
    let genuine = scene
        .fake
        .webhook("payment_intent.succeeded", &reference, NOW);
    assert!(verify(&scene, &genuine).await.is_ok());
    let signed_by_others = SignedWebhook {
        signature: signature("whsec_other", NOW, &genuine.body),
        ..genuine.clone()
    };
    let changed = SignedWebhook {
        body: genuine.body.replace("pi_", "pi_x"),
        ..genuine
    };
    let late = scene
        .fake
        .webhook("payment_intent.succeeded", &reference, NOW - 301);
    for forged in [signed_by_others, changed, late] {
        let refused = verify(&scene, &forged).await;
        assert!(
            matches!(refused, Err(WebhookError::Forged(_))),
            "{refused:?}"
        );
    }
}
