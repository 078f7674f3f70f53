//! Webhooks of PayPal: believed when they are signed, and then only as hints.

use integration_tests::{
    Backend, on_both_databases,
    paypal::{Fault, SignedWebhook},
};
use serde_json::json;

use super::super::world::World;

on_both_databases!(
    a_forged_webhook_changes_nothing,
    a_webhook_that_cannot_be_checked_comes_again,
    a_webhook_that_comes_again_or_tells_of_nothing_is_taken,
    a_webhook_that_is_too_long_is_refused,
);

/// Alice's approved order, and the webhook about it.
async fn approved(backend: Backend) -> (World, serde_json::Value, SignedWebhook) {
    let world = World::with_buyer(backend).await;
    let (order, transaction) = world.approved("order-1").await;
    let event = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", &order);
    (world, transaction, event)
}

async fn a_forged_webhook_changes_nothing(backend: Backend) {
    let (world, transaction, event) = approved(backend).await;
    let mut altered = event.clone();
    let body = String::from_utf8(altered.body).unwrap();
    altered.body = body.replace("ORDER.APPROVED", "ORDER.VOIDED").into_bytes();
    let mut unsigned = event.clone();
    unsigned.headers.clear();
    let mut elsewhere = event.clone();
    for (name, value) in &mut elsewhere.headers {
        if *name == "paypal-cert-url" {
            *value = "https://evil.example/v1/notifications/certs/CERT-1".to_owned();
        }
    }
    world.paypal.be_stranger(true);
    let order = transaction["provider_reference"].as_str().unwrap();
    let strangers = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", order);
    for forged in [altered.clone(), unsigned, elsewhere, strangers] {
        let answer = world.deliver(forged).await;
        assert_eq!(World::refusal(&answer), (400, "WEBHOOK_SIGNATURE"));
    }
    world.paypal.be_stranger(false);
    let answer = world.deliver(altered).await;
    assert_eq!(World::refusal(&answer), (400, "WEBHOOK_SIGNATURE"));
    let id = transaction["id"].as_str().unwrap();
    assert_eq!(world.transaction(id).await["status"], "requires_action");
    world.adds_up().await;
    // The real one is still believed.
    assert_eq!(world.deliver(event).await.status, 200);
    world.until(&transaction, "succeeded").await;
    world.adds_up().await;
}

async fn a_webhook_that_cannot_be_checked_comes_again(backend: Backend) {
    let (world, transaction, event) = approved(backend).await;
    world.paypal.serve_certificate(false);
    world.paypal.fail_next_writes(1, Fault::ServerError);
    let answer = world.deliver(event.clone()).await;
    let refusal = World::refusal(&answer);
    assert_eq!(refusal, (503, "PAYMENT_PROVIDER_UNAVAILABLE"));
    // PayPal itself says whether it sent it.
    assert_eq!(world.deliver(event).await.status, 200);
    world.until(&transaction, "succeeded").await;
    world.adds_up().await;
}

async fn a_webhook_that_comes_again_or_tells_of_nothing_is_taken(backend: Backend) {
    let (world, transaction, event) = approved(backend).await;
    for _ in 0..3 {
        assert_eq!(world.deliver(event.clone()).await.status, 200);
    }
    world.until(&transaction, "succeeded").await;
    assert_eq!(world.deliver(event).await.status, 200);
    for (kind, resource) in [
        (
            "CHECKOUT.ORDER.APPROVED",
            json!({"id": "5O190127TN364715T"}),
        ),
        (
            "PAYMENT.CAPTURE.REFUNDED",
            json!({"id": "1JU08902781691411"}),
        ),
        (
            "PAYMENT.CAPTURE.COMPLETED",
            json!({"id": "3C679366HH908993F"}),
        ),
        (
            "BILLING.PLAN.CREATED",
            json!({"id": "P-5ML4271244454362WXNWU5NQ"}),
        ),
        ("CUSTOMER.DISPUTE.CREATED", json!(7)),
    ] {
        let event = world.paypal.event(kind, &resource);
        assert_eq!(world.deliver(event).await.status, 200, "{kind}");
    }
    world.adds_up().await;
}

async fn a_webhook_that_is_too_long_is_refused(backend: Backend) {
    let (world, _, event) = approved(backend).await;
    let mut long = event;
    long.body = vec![b' '; 1 << 20];
    assert_eq!(world.deliver(long).await.status, 413);
    world.adds_up().await;
}
