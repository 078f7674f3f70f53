//! Whatever fails on the way: what was charged at Stripe is what has succeeded here.

use integration_tests::{
    Backend, on_both_databases,
    stripe::{Behaviour, Endpoint, Fault},
};

use super::world::World;

on_both_databases!(
    a_call_that_fails_is_looked_up_and_never_charged_twice,
    a_kill_between_call_and_effect_loses_and_doubles_nothing,
    money_for_an_invoice_that_was_paid_meanwhile_is_credit,
    a_user_who_never_acts_is_charged_nothing,
);

async fn a_call_that_fails_is_looked_up_and_never_charged_twice(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let faults = [
        (Endpoint::CreateIntent, Fault::CutBefore),
        (Endpoint::CreateIntent, Fault::CutAfter),
        (Endpoint::CreateIntent, Fault::FailBefore),
        (Endpoint::CreateIntent, Fault::FailAfter),
        (Endpoint::CreateIntent, Fault::TooMany(1)),
        (Endpoint::ConfirmIntent, Fault::CutBefore),
        (Endpoint::ConfirmIntent, Fault::CutAfter),
        (Endpoint::ConfirmIntent, Fault::FailBefore),
        (Endpoint::ConfirmIntent, Fault::FailAfter),
        (Endpoint::ConfirmIntent, Fault::TooMany(1)),
        (Endpoint::GetIntent, Fault::CutBefore),
    ];
    for ((endpoint, fault), number) in faults.into_iter().zip(1..) {
        let what = format!("{endpoint:?} {fault:?}");
        world.stripe.fault(endpoint, fault, 1);
        if endpoint == Endpoint::GetIntent {
            // It is looked up only when the call before has not told.
            let confirm = Endpoint::ConfirmIntent;
            world.stripe.fault(confirm, Fault::CutAfter, 1);
        }
        let topup = world.top_up("100.00", &what).await;
        world
            .advance(&format!("2024-11-15T10:{}:00Z", 30 + number))
            .await;
        let done = world.until(&topup, "succeeded").await;
        assert_eq!(world.stripe.charged(), 10_000 * number, "{what}");
        let bought = 740_740 * number;
        assert_eq!(world.tokens_left().await, 1_000_000 + bought, "{what}");
        assert_eq!(done["attention"], "", "{what}");
    }
}

async fn a_kill_between_call_and_effect_loses_and_doubles_nothing(backend: Backend) {
    for endpoint in [Endpoint::CreateIntent, Endpoint::ConfirmIntent] {
        let mut world = World::with_card(backend, Behaviour::Pays).await;
        world.subscribe("plan-pro").await;
        world.stripe.fault(endpoint, Fault::Hold, 1);
        let alice = world.alice.clone();
        let asked = tokio::spawn(async move {
            let body = r#"{"amount":100,"request_id":"top-1"}"#;
            let path = "/v1/billing/payments/top-up";
            drop(
                alice
                    .request(reqwest::Method::POST, path)
                    .header("content-type", "application/json")
                    .body(body)
                    .send()
                    .await,
            );
        });
        world.stripe.held().await;
        world.server.kill9().await;
        world.stripe.release();
        asked.await.unwrap();
        world.server.restart().await;
        world.reconnect().await;
        let begun = world.transactions("").await;
        assert_eq!(begun.len(), 1, "{endpoint:?}");
        world.advance("2024-11-15T10:30:11Z").await;
        world.until(&begun[0], "succeeded").await;
        assert_eq!(world.stripe.charged(), 10_000, "{endpoint:?}");
        assert_eq!(world.tokens_left().await, 1_740_740, "{endpoint:?}");
        let again = world.top_up("100", "top-1").await;
        assert_eq!(again["id"], begun[0]["id"], "{endpoint:?}");
    }
}

async fn money_for_an_invoice_that_was_paid_meanwhile_is_credit(backend: Backend) {
    let world = World::with_card(backend, Behaviour::PaysLater).await;
    let invoice = world.invoice().await;
    let path = format!("/v1/billing/invoices/{invoice}");
    let paid = world.alice.post(&format!("{path}/pay"), "{}").await.json();
    assert_eq!(paid["status"], "pending");
    let by_hand = r#"{"user_id":"alice","payment_method":"bank transfer"}"#;
    let marked = world
        .operator
        .post(&format!("{path}/mark-paid"), by_hand)
        .await;
    assert_eq!(marked.status, 200, "{}", marked.body);
    world
        .stripe
        .settle(paid["provider_reference"].as_str().unwrap());
    world.webhooks().await;
    let done = world.until(&paid, "succeeded").await;
    assert!(
        done["attention"].as_str().unwrap().contains("30.00 USD"),
        "{done}"
    );
    let account = world
        .operator
        .get("/v1/billing/accounts/alice")
        .await
        .json();
    assert_eq!(account["credit_balance"].to_string(), "30.0");
    let shown = world.alice.get(&path).await.json();
    assert_eq!(shown["payment_method"], "bank transfer");
}

async fn a_user_who_never_acts_is_charged_nothing(backend: Backend) {
    let world = World::with_card(backend, Behaviour::WantsUser).await;
    world.subscribe("plan-pro").await;
    let asked = world.top_up("100.00", "top-1").await;
    assert_eq!(asked["status"], "requires_action");
    assert_eq!(asked["expires_at"], "2024-11-16T10:30:00Z");
    world.advance("2024-11-16T10:30:01Z").await;
    world.until(&asked, "failed").await;
    assert_eq!(world.stripe.charged(), 0);
    assert_eq!(world.tokens_left().await, 1_000_000);
}
