//! Payments that are given back: by an operator, at Stripe's own site, and by the payer's bank.

use integration_tests::{
    Backend, on_both_databases,
    stripe::{Behaviour, Endpoint, Fault},
};
use serde_json::Value;

use super::world::{ALICE, World};
use crate::support::{call, record};

on_both_databases!(
    what_is_unused_of_a_topup_is_given_back_once,
    a_refund_at_stripes_own_site_takes_tokens_back,
    a_dispute_freezes_tokens_until_it_is_settled,
    a_lost_dispute_has_an_invoice_asked_for_again,
    a_refund_that_takes_its_time_is_made_once,
    what_a_webhook_tells_while_another_is_looked_into_is_seen,
);

async fn refund(world: &World, payment: &Value, body: &str) -> integration_tests::server::Answer {
    let id = payment["id"].as_str().unwrap();
    let path = format!("/v1/billing/payments/transactions/{id}/refund?user_id={ALICE}");
    world.operator.post(&path, body).await
}

async fn what_is_unused_of_a_topup_is_given_back_once(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("100.00", "top-1").await;
    // All of the quota, and a fifth of what was bought.
    record(&world.operator, &call("much", "gpt-4", 1_148_148, 0)).await;
    assert_eq!(world.tokens_left().await, 592_592);
    let back = refund(&world, &topup, r#"{"request_id":"r-1"}"#).await;
    assert_eq!(back.status, 200, "{}", back.body);
    let back = back.json();
    assert_eq!(
        (&back["kind"], &back["status"]),
        (&"refund".into(), &"succeeded".into())
    );
    assert_eq!(back["amount"].to_string(), "80.0");
    assert_eq!(back["refund_of"], topup["id"]);
    assert_eq!(
        refund(&world, &topup, r#"{"request_id":"r-1"}"#)
            .await
            .json(),
        back
    );
    assert_eq!(world.tokens_left().await, 0);
    let payment = world.transaction(topup["id"].as_str().unwrap()).await;
    assert_eq!(payment["status"], "partly_refunded");
    assert_eq!(payment["refunded_amount"].to_string(), "80.0");
    let nothing = refund(&world, &topup, "{}").await;
    assert_eq!(World::refusal(&nothing), (400, "PAYMENT_NOT_REFUNDABLE"));
    let seen = world.stripe.intents();
    assert_eq!((seen[0].received, seen[0].refunded), (10_000, 8_000));
}

async fn a_refund_at_stripes_own_site_takes_tokens_back(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("100.00", "top-1").await;
    world
        .stripe
        .refund(topup["provider_reference"].as_str().unwrap(), 5_000);
    assert_eq!(world.webhooks().await, 200);
    let payment = world.until(&topup, "partly_refunded").await;
    assert_eq!(payment["refunded_amount"].to_string(), "50.0");
    assert_eq!(world.tokens_left().await, 1_370_370);
    let refunds = world.transactions("?kind=refund").await;
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["refund_of"], topup["id"]);
}

async fn a_dispute_freezes_tokens_until_it_is_settled(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    for (number, is_won, left) in [(1, true, 1_074_074), (2, false, 1_074_074)] {
        let topup = world.top_up("10.00", &format!("top-{number}")).await;
        let intent = topup["provider_reference"].as_str().unwrap();
        let dispute = world.stripe.dispute(intent, false);
        world.webhooks().await;
        world.until(&topup, "disputed").await;
        let not_now = refund(&world, &topup, "{}").await;
        assert_eq!(World::refusal(&not_now), (400, "PAYMENT_NOT_REFUNDABLE"));
        world.stripe.close_dispute(&dispute, is_won);
        world.webhooks().await;
        let end = if is_won { "succeeded" } else { "charged_back" };
        world.until(&topup, end).await;
        assert_eq!(world.tokens_left().await, left, "{number}");
    }
}

async fn a_lost_dispute_has_an_invoice_asked_for_again(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let invoice = world.invoice().await;
    let path = format!("/v1/billing/invoices/{invoice}");
    let paid = world.alice.post(&format!("{path}/pay"), "{}").await.json();
    let dispute = world
        .stripe
        .dispute(paid["provider_reference"].as_str().unwrap(), false);
    world.webhooks().await;
    world.until(&paid, "disputed").await;
    world.stripe.close_dispute(&dispute, false);
    world.webhooks().await;
    world.until(&paid, "charged_back").await;
    let shown = world.alice.get(&path).await.json();
    assert_eq!(shown["status"], "issued");
    assert_eq!(shown["amount_due"].to_string(), "30.0");
}

async fn a_refund_that_takes_its_time_is_made_once(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("100.00", "top-1").await;
    world.stripe.fault(Endpoint::CreateRefund, Fault::Hold, 1);
    let part = r#"{"amount":10,"request_id":"r-1"}"#;
    let looked = async {
        world.stripe.held().await;
        // Neither a repeat nor the looks at what is open begin it again.
        let again = refund(&world, &topup, part).await.json();
        assert_eq!(again["status"], "pending");
        let tries = world.stripe.calls(Endpoint::CreateRefund);
        world.advance("2024-11-15T10:30:11Z").await;
        let has_looked = || world.stripe.calls(Endpoint::CreateRefund) > tries;
        world.eventually(has_looked).await;
        world.stripe.release();
    };
    let (back, ()) = tokio::join!(refund(&world, &topup, part), looked);
    let back = world.until(&back.json(), "succeeded").await;
    assert_eq!(back["amount"].to_string(), "10.0");
    assert_eq!(world.stripe.intents()[0].refunded, 1_000);
    assert_eq!(world.transactions("?kind=refund").await.len(), 1);
}

async fn what_a_webhook_tells_while_another_is_looked_into_is_seen(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("100.00", "top-1").await;
    let intent = topup["provider_reference"].as_str().unwrap();
    world.stripe.fault(Endpoint::ListRefunds, Fault::Hold, 1);
    world.stripe.refund(intent, 5_000);
    assert_eq!(world.webhooks().await, 200);
    world.stripe.held().await;
    drop(world.stripe.dispute(intent, false));
    assert_eq!(world.webhooks().await, 200);
    world.stripe.release();
    let disputed = world.until(&topup, "disputed").await;
    assert_eq!(disputed["refunded_amount"].to_string(), "50.0");
}
