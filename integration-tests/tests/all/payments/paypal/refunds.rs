//! Payments at PayPal that are given back: by an operator, at PayPal's own site, and in disputes.

use integration_tests::{Backend, on_both_databases};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::world::{ALICE, World};
use crate::support::{call, record};

on_both_databases!(
    what_is_unused_is_given_back_once,
    a_refund_that_stays_pending_is_followed_to_its_end,
    a_refund_at_paypals_own_site_takes_tokens_back,
    a_dispute_freezes_tokens_until_it_is_settled,
    a_lost_dispute_has_an_invoice_asked_for_again,
);

async fn refund(world: &World, payment: &Value) -> integration_tests::server::Answer {
    let id = payment["id"].as_str().unwrap();
    let path = format!("/v1/billing/payments/transactions/{id}/refund?user_id={ALICE}");
    world.operator.post(&path, r#"{"request_id":"r-1"}"#).await
}

async fn what_is_unused_is_given_back_once(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (_, paid) = world.paid("order-1").await;
    // All of the quota, and a fifth of what was bought.
    record(&world.operator, &call("much", "gpt-4", 1_148_148, 0)).await;
    let back = refund(&world, &paid).await;
    assert_eq!(back.status, 200, "{}", back.body);
    let back = back.json();
    assert_eq!(
        (&back["provider"], &back["status"]),
        (&"paypal".into(), &"succeeded".into())
    );
    assert_eq!(back["amount"].to_string(), "80.0");
    assert_eq!(refund(&world, &paid).await.json(), back);
    let payment = world.transaction(paid["id"].as_str().unwrap()).await;
    assert_eq!(payment["status"], "partly_refunded");
    assert_eq!(world.paypal.refunded_total(), Decimal::new(8_000, 2));
    assert_eq!(world.tokens_left().await, 0);
}

async fn a_refund_that_stays_pending_is_followed_to_its_end(backend: Backend) {
    let world = World::with_buyer(backend).await;
    world.paypal.let_refunds_wait(true);
    let (_, paid) = world.paid("order-1").await;
    let back = refund(&world, &paid).await.json();
    assert_eq!(back["status"], "pending");
    assert_eq!(world.tokens_left().await, 1_000_000);
    let reference = back["provider_reference"].as_str().unwrap();
    world.paypal.fail_refund(reference);
    let event = world.paypal.refund_event(reference);
    assert_eq!(world.deliver(event).await.status, 200);
    world.until(&back, "failed").await;
    assert_eq!(world.tokens_left().await, 1_740_740);
    let payment = world.transaction(paid["id"].as_str().unwrap()).await;
    assert_eq!(payment["status"], "succeeded");
}

async fn a_refund_at_paypals_own_site_takes_tokens_back(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, paid) = world.paid("order-1").await;
    let half = Decimal::new(5_000, 2);
    let made = world.paypal.refund_at_dashboard(&order, half);
    let event = world.paypal.refund_event(&made);
    assert_eq!(world.deliver(event).await.status, 200);
    let payment = world.until(&paid, "partly_refunded").await;
    assert_eq!(payment["refunded_amount"].to_string(), "50.0");
    assert_eq!(world.tokens_left().await, 1_370_370);
    let refunds = world.transactions("?kind=refund").await;
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["provider_reference"], made);
    assert_eq!(refunds[0]["refund_of"], paid["id"]);
}

async fn a_dispute_freezes_tokens_until_it_is_settled(backend: Backend) {
    let world = World::with_buyer(backend).await;
    for (is_won, left) in [(true, 1_740_740), (false, 1_740_740)] {
        let (order, paid) = world.paid(&format!("order-{is_won}")).await;
        let before = world.tokens_left().await;
        let dispute = world.paypal.open_dispute(&order, "CHARGEBACK");
        let event = world
            .paypal
            .dispute_event("CUSTOMER.DISPUTE.CREATED", &dispute);
        assert_eq!(world.deliver(event).await.status, 200);
        world.until(&paid, "disputed").await;
        assert_eq!(world.tokens_left().await, before - 740_740);
        let not_now = refund(&world, &paid).await;
        assert_eq!(World::refusal(&not_now), (400, "PAYMENT_NOT_REFUNDABLE"));
        let end = if is_won {
            world.paypal.win_dispute(&dispute);
            "succeeded"
        } else {
            world.paypal.lose_dispute(&dispute);
            "charged_back"
        };
        let event = world
            .paypal
            .dispute_event("CUSTOMER.DISPUTE.RESOLVED", &dispute);
        assert_eq!(world.deliver(event).await.status, 200);
        world.until(&paid, end).await;
        assert_eq!(world.tokens_left().await, left, "{is_won}");
    }
}

async fn a_lost_dispute_has_an_invoice_asked_for_again(backend: Backend) {
    let world = World::start(backend).await;
    let invoice = world.invoice().await;
    let made = world
        .try_order(&json!({"invoice_id": invoice}), "")
        .await
        .json();
    let order = made["order_id"].as_str().unwrap();
    world.paypal.approve(order);
    let paid = world.capture(order).await.json();
    let dispute = world.paypal.open_dispute(order, "CHARGEBACK");
    world.paypal.lose_dispute(&dispute);
    for kind in ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED"] {
        let event = world.paypal.dispute_event(kind, &dispute);
        assert_eq!(world.deliver(event).await.status, 200);
    }
    world.until(&paid, "charged_back").await;
    let path = format!("/v1/billing/invoices/{invoice}");
    let shown = world.alice.get(&path).await.json();
    assert_eq!(shown["status"], "issued");
    assert_eq!(shown["amount_due"].to_string(), "30.0");
}
