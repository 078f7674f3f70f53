//! Whatever fails on the way: what was captured at PayPal is what has succeeded here.

use integration_tests::{
    Backend, on_both_databases, paypal::Fault, server::Rest, stripe::Behaviour,
};
use serde_json::{Value, json};

use super::{super::world::World, buyer::ORDERS};

on_both_databases!(
    an_order_that_fails_to_be_made_is_asked_for_again,
    an_order_that_nobody_makes_is_given_up,
    a_capture_that_fails_is_looked_up_and_never_made_twice,
    a_token_that_has_ended_is_renewed,
    a_capture_without_an_answer_is_found,
    a_kill_at_any_step_loses_and_doubles_nothing,
    an_order_of_an_account_that_is_gone_keeps_no_other_payment_waiting,
);

const FAULTS: [Fault; 4] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::ServerError,
    Fault::TooMany,
];

async fn an_order_that_fails_to_be_made_is_asked_for_again(backend: Backend) {
    let world = World::with_buyer(backend).await;
    for fault in FAULTS {
        let request = format!("{fault:?}");
        world.paypal.fail_next_writes(1, fault);
        let failed = world.try_order(&json!({"amount": 100}), &request).await;
        let refusal = World::refusal(&failed);
        assert_eq!(refusal, (503, "PAYMENT_PROVIDER_UNAVAILABLE"), "{fault:?}");
        let (_, paid) = world.paid(&request).await;
        assert_eq!(paid["status"], "succeeded", "{fault:?}");
        let orders = world.paypal.orders_of(paid["id"].as_str().unwrap());
        assert_eq!(orders.len(), 1, "{fault:?}");
        world.adds_up().await;
    }
}

async fn an_order_that_nobody_makes_is_given_up(backend: Backend) {
    let world = World::with_buyer(backend).await;
    world.paypal.fail_next_writes(1, Fault::CutAfter);
    world.try_order(&json!({"amount": 100}), "order-1").await;
    let begun = &world.transactions("").await[0];
    assert_eq!(begun["status"], "pending");
    world.advance("2024-11-15T10:31:00Z").await;
    let failed = world.until(begun, "failed").await;
    assert_eq!(failed["failure_code"], "order_not_made");
    // PayPal has it all the same, and nobody captures it.
    let order = world
        .paypal
        .orders_of(begun["id"].as_str().unwrap())
        .remove(0);
    world.paypal.approve(&order);
    let event = world.paypal.order_event("CHECKOUT.ORDER.APPROVED", &order);
    assert_eq!(world.deliver(event).await.status, 200);
    world.paid("order-2").await;
    world.adds_up().await;
}

async fn a_capture_that_fails_is_looked_up_and_never_made_twice(backend: Backend) {
    let world = World::with_buyer(backend).await;
    for (fault, number) in FAULTS.into_iter().zip(1..) {
        let (order, transaction) = world.approved(&format!("{fault:?}")).await;
        world.paypal.fail_next_writes(1, fault);
        assert_eq!(world.capture(&order).await.status, 200, "{fault:?}");
        world.adds_up().await;
        world
            .advance(&format!("2024-11-15T10:{}:00Z", 30 + number))
            .await;
        let done = world.until(&transaction, "succeeded").await;
        assert_eq!(done["attention"], "", "{fault:?}");
        world.adds_up().await;
    }
    // The look before it fails, and the look after it.
    for fails in [1, 2] {
        let (order, _) = world.approved(&format!("looks-{fails}")).await;
        world.paypal.fail_next(fails, Fault::CutBefore);
        assert_eq!(world.capture(&order).await.status, 200);
        world.capture(&order).await;
        assert_eq!(world.capture(&order).await.json()["status"], "succeeded");
        world.adds_up().await;
    }
}

async fn a_token_that_has_ended_is_renewed(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, _) = world.approved("order-1").await;
    world.paypal.revoke_tokens();
    assert_eq!(world.capture(&order).await.json()["status"], "succeeded");
    world.adds_up().await;
}

async fn a_capture_without_an_answer_is_found(backend: Backend) {
    let world = World::with_buyer(backend).await;
    let (order, _) = world.approved("order-1").await;
    world.paypal.fail_next_writes(1, Fault::NoAnswer);
    assert_eq!(world.capture(&order).await.json()["status"], "succeeded");
    world.adds_up().await;
}

/// Kills the server once PayPal has got a call, and starts it again.
async fn kill_at(world: &mut World, body: &'static str, path: String, call: &str) {
    let alice: Rest = world.alice.clone();
    let asked = tokio::spawn(async move {
        let request = alice.request(reqwest::Method::POST, &path);
        let request = request.header("content-type", "application/json");
        drop(request.body(body).send().await);
    });
    let calls = |world: &World| {
        let calls = world.paypal.calls();
        calls.iter().filter(|seen| *seen == call).count()
    };
    let before = calls(world);
    world.eventually(|| calls(world) > before).await;
    world.server.kill9().await;
    asked.await.unwrap();
    world.server.restart().await;
    world.reconnect().await;
}

async fn a_kill_at_any_step_loses_and_doubles_nothing(backend: Backend) {
    const ORDER: &str = r#"{"amount":100,"return_url":"https://shop.example/back","cancel_url":"https://shop.example/no","request_id":"order-1"}"#;
    for fault in [Fault::Swallowed, Fault::NoAnswer] {
        // Between the row and the call, and between the call and its effect.
        let mut world = World::with_buyer(backend).await;
        world.paypal.fail_next_writes(1, fault);
        let create = "POST /v2/checkout/orders";
        kill_at(&mut world, ORDER, ORDERS.to_owned(), create).await;
        let begun: Vec<Value> = world.transactions("").await;
        assert_eq!((begun.len(), &begun[0]["status"]), (1, &"pending".into()));
        let (order, again) = world.approved("order-1").await;
        assert_eq!(again["id"], begun[0]["id"], "{fault:?}");
        world.paypal.fail_next_writes(1, fault);
        let capture = format!("POST /v2/checkout/orders/{order}/capture");
        let path = format!("{ORDERS}/{order}/capture");
        kill_at(&mut world, "{}", path, &capture).await;
        world.advance("2024-11-15T10:30:11Z").await;
        let done = world.until(&again, "succeeded").await;
        assert_eq!(done["attention"], "", "{fault:?}");
        world.adds_up().await;
    }
}

async fn an_order_of_an_account_that_is_gone_keeps_no_other_payment_waiting(backend: Backend) {
    let mut world = World::with_card(backend, Behaviour::PaysLater).await;
    world.subscribe("plan-pro").await;
    let invoice = world.invoice().await;
    let order = world.try_order(&json!({"invoice_id": invoice}), "").await;
    assert_eq!(order.status, 200, "{}", order.body);
    // Its turn comes after the order's.
    world.advance("2024-11-15T10:30:01Z").await;
    let topup = world.top_up("100.00", "top-1").await;
    world.leave_paypal().await;
    world
        .stripe
        .settle(topup["provider_reference"].as_str().unwrap());
    world.advance("2024-11-15T10:30:11Z").await;
    world.until(&topup, "succeeded").await;
    let order = order.json()["transaction"]["id"].clone();
    let waits = world.transaction(order.as_str().unwrap()).await;
    assert_eq!(waits["status"], "requires_action");
}
