//! Invoices that are collected by themselves.

use std::time::Instant;

use integration_tests::{
    Backend, on_both_databases,
    stripe::{Behaviour, Endpoint, Fault},
};
use serde_json::{Value, json};

use super::world::{PATIENCE, PAUSE, World};
use crate::support::{call, record};

on_both_databases!(
    an_issued_invoice_is_charged_to_the_default_method,
    without_consent_no_invoice_is_collected,
    a_collection_is_retried_and_then_the_subscription_is_past_due,
    paying_by_hand_ends_what_is_past_due,
    small_invoices_wait_for_the_next_and_never_fall_overdue,
    an_invoice_that_was_paid_meanwhile_is_not_charged,
    a_charge_back_is_due_again_and_not_collected_by_itself,
    a_payment_that_waits_for_the_user_gives_way,
    a_collection_that_waits_for_the_user_gives_way_to_paypal,
    a_kill_while_collecting_charges_once,
);

const PAY: &str = r#"{"user_id":"alice","payment_method":"bank transfer"}"#;

impl World {
    /// A subscriber of Pro who agreed to be charged for invoices.
    async fn collected_from(backend: Backend, behaviour: Behaviour) -> Self {
        let mut world = Self::start(backend).await;
        let reference = world.saved_at_stripe(behaviour).await;
        let wanted = json!({"provider_method_id": reference, "collect_consent": true});
        let method = world.attach(&wanted).await;
        assert_eq!(method["collect_consented_at"], "2024-11-15T10:30:00Z");
        world.method = reference;
        world
    }

    /// The latest payment of an invoice once it has a status.
    async fn collected(&self, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let payments = self.transactions("?kind=invoice_payment").await;
            if let Some(latest) = payments.first() {
                return self.until(latest, status).await;
            }
            assert!(begun.elapsed() < PATIENCE, "no invoice is collected");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn payments(&self) -> usize {
        self.transactions("?kind=invoice_payment").await.len()
    }

    /// Waits until so many payments were begun, and the latest has a status.
    async fn tries(&self, count: usize, status: &str) -> Value {
        let begun = Instant::now();
        while self.payments().await < count {
            assert!(begun.elapsed() < PATIENCE, "there is no try {count}");
            tokio::time::sleep(PAUSE).await;
        }
        let latest = self.collected(status).await;
        assert_eq!(self.payments().await, count);
        latest
    }

    async fn shown(&self, invoice: &str) -> Value {
        let path = format!("/v1/billing/invoices/{invoice}");
        self.alice.get(&path).await.json()
    }

    async fn subscription(&self) -> Value {
        let shown = self.alice.get("/v1/billing/subscription").await;
        shown.json()["status"].clone()
    }
}

async fn an_issued_invoice_is_charged_to_the_default_method(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::Pays).await;
    let invoice = world.invoice().await;
    let paid = world.collected("succeeded").await;
    assert_eq!(paid["automatic"], true);
    assert_eq!(paid["invoice_id"], invoice);
    assert_eq!(world.stripe.charged(), 3_000);
    let shown = world.shown(&invoice).await;
    assert_eq!(shown["status"], "paid");
    assert_eq!(shown["transaction_id"], paid["id"]);
    world.advance("2024-12-15T00:00:00Z").await;
    assert_eq!(world.stripe.charged(), 3_000);
}

async fn without_consent_no_invoice_is_collected(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.invoice().await;
    world.advance("2024-11-16T00:00:00Z").await;
    // What is bought by hand is charged by the same server, after it could have collected.
    world.subscribe("plan-pro").await;
    world.top_up("10.00", "top").await;
    assert_eq!(world.payments().await, 0);
    // Consent that comes later is for what is unpaid, too.
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({
        "provider_method_id": reference, "collect_consent": true, "make_default": true,
    });
    world.attach(&wanted).await;
    world.collected("succeeded").await;
    assert_eq!(world.stripe.charged(), 4_000);
}

async fn a_collection_is_retried_and_then_the_subscription_is_past_due(backend: Backend) {
    let declines = Behaviour::declines("insufficient_funds");
    let world = World::collected_from(backend, declines).await;
    world.subscribe("plan-pro").await;
    let invoice = world.invoice().await;
    world.tries(1, "failed").await;
    for (count, day) in [(2, "16"), (3, "19"), (4, "26")] {
        assert_eq!(world.subscription().await, "active", "{count}");
        world.advance(&format!("2024-11-{day}T10:30:01Z")).await;
        world.tries(count, "failed").await;
    }
    assert_eq!(world.subscription().await, "past_due");
    assert_eq!(world.shown(&invoice).await["status"], "issued");
    world.advance("2024-12-10T00:00:00Z").await;
    assert_eq!(world.payments().await, 4);
    // Usage goes on, and another card ends it.
    record(&world.operator, &call("more", "gpt-4", 5, 0)).await;
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({
        "provider_method_id": reference, "collect_consent": true, "make_default": true,
    });
    world.attach(&wanted).await;
    world.tries(5, "succeeded").await;
    assert_eq!(world.subscription().await, "active");
    assert_eq!(world.shown(&invoice).await["status"], "paid");
    // November's invoice, which came while nothing was tried, is paid with it: the fee of Pro.
    assert_eq!(world.stripe.charged(), 12_999);
}

async fn paying_by_hand_ends_what_is_past_due(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::declines("stolen_card")).await;
    world.subscribe("plan-pro").await;
    let invoice = world.invoice().await;
    world.tries(1, "failed").await;
    // The card is known not to pay: it is not tried again.
    for day in ["16", "19", "26"] {
        world.advance(&format!("2024-11-{day}T10:30:01Z")).await;
    }
    assert_eq!(world.payments().await, 1);
    let path = format!("/v1/billing/invoices/{invoice}/mark-paid");
    let marked = world.operator.post(&path, PAY).await;
    assert_eq!(marked.status, 200, "{}", marked.body);
    assert_eq!(world.subscription().await, "active");
    assert_eq!(world.stripe.charged(), 0);
}

async fn small_invoices_wait_for_the_next_and_never_fall_overdue(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::Pays).await;
    let small = world.invoice_over(10_000).await;
    let shown = world.shown(&small).await;
    assert_eq!(shown["amount_due"].to_string(), "0.3");
    assert_eq!(shown["due_date"], "2024-12-15T10:30:00Z");
    world.advance("2025-01-20T00:00:00Z").await;
    let shown = world.shown(&small).await;
    assert_eq!(
        (&shown["status"], &shown["due_date"]),
        (&"issued".into(), &Value::Null)
    );
    record(&world.operator, &call("january", "gpt-4", 20_000, 0)).await;
    world.advance("2025-02-03T00:00:00Z").await;
    let paid = world.collected("succeeded").await;
    assert_eq!(paid["amount"].to_string(), "0.9");
    assert_eq!(paid["invoice_id"], "");
    assert_eq!(paid["allocations"].as_array().unwrap().len(), 2);
    assert_eq!(world.shown(&small).await["status"], "paid");
    assert_eq!(world.stripe.charged(), 90);
}

async fn an_invoice_that_was_paid_meanwhile_is_not_charged(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::Pays).await;
    world.stripe.fault(Endpoint::CreateIntent, Fault::Hold, 1);
    let invoice = world.invoice().await;
    world.stripe.held().await;
    let path = format!("/v1/billing/invoices/{invoice}/mark-paid");
    assert_eq!(world.operator.post(&path, PAY).await.status, 200);
    world.stripe.release();
    let dropped = world.collected("failed").await;
    assert_eq!(dropped["failure_code"], "cancelled");
    assert_eq!(world.stripe.charged(), 0);
    assert_eq!(
        world.shown(&invoice).await["payment_method"],
        "bank transfer"
    );
}

async fn a_charge_back_is_due_again_and_not_collected_by_itself(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::Pays).await;
    let invoice = world.invoice().await;
    let paid = world.collected("succeeded").await;
    let reference = paid["provider_reference"].as_str().unwrap();
    let dispute = world.stripe.dispute(reference, false);
    world.webhooks().await;
    world.until(&paid, "disputed").await;
    world.stripe.close_dispute(&dispute, false);
    world.webhooks().await;
    world.until(&paid, "charged_back").await;
    assert_eq!(world.shown(&invoice).await["status"], "issued");
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({
        "provider_method_id": reference, "collect_consent": true, "make_default": true,
    });
    world.attach(&wanted).await;
    // The next invoice is collected, and alone.
    record(&world.operator, &call("november", "gpt-4", 100_000, 0)).await;
    world.advance("2024-12-03T00:00:00Z").await;
    let second = world.tries(2, "succeeded").await;
    assert_eq!(second["amount"].to_string(), "3.0");
    assert_eq!(second["allocations"].as_array().unwrap().len(), 1);
    assert_eq!(world.shown(&invoice).await["status"], "issued");
}

async fn a_payment_that_waits_for_the_user_gives_way(backend: Backend) {
    let world = World::with_card(backend, Behaviour::WantsUser).await;
    let invoice = world.invoice().await;
    let path = format!("/v1/billing/invoices/{invoice}/pay");
    let waiting = world.alice.post(&path, "{}").await.json();
    assert_eq!(waiting["status"], "requires_action");
    let reference = world.saved_at_stripe(Behaviour::Pays).await;
    let wanted = json!({
        "provider_method_id": reference, "collect_consent": true, "make_default": true,
    });
    world.attach(&wanted).await;
    world.until(&waiting, "failed").await;
    world.advance("2024-11-15T10:31:01Z").await;
    let paid = world.tries(2, "succeeded").await;
    assert_eq!(paid["invoice_id"], invoice);
    assert_eq!(world.stripe.charged(), 3_000);
}

async fn a_collection_that_waits_for_the_user_gives_way_to_paypal(backend: Backend) {
    let world = World::collected_from(backend, Behaviour::WantsUser).await;
    let invoice = world.invoice().await;
    let waiting = world.collected("requires_action").await;
    let wanted = json!({
        "invoice_id": invoice, "return_url": "https://shop.example/back",
        "cancel_url": "https://shop.example/no",
    });
    let path = "/v1/billing/payments/paypal/orders";
    let made = world.alice.post(path, &wanted.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.until(&waiting, "failed").await;
    let order = made.json()["order_id"].as_str().unwrap().to_owned();
    world.paypal.approve(&order);
    let paid = world
        .alice
        .post(&format!("{path}/{order}/capture"), "{}")
        .await;
    assert_eq!(paid.json()["status"], "succeeded");
    assert_eq!(world.shown(&invoice).await["payment_method"], "paypal");
    assert_eq!(world.stripe.charged(), 0);
}

async fn a_kill_while_collecting_charges_once(backend: Backend) {
    for endpoint in [Endpoint::CreateIntent, Endpoint::ConfirmIntent] {
        let mut world = World::collected_from(backend, Behaviour::Pays).await;
        world.stripe.fault(endpoint, Fault::Hold, 1);
        let invoice = world.invoice().await;
        world.stripe.held().await;
        world.server.kill9().await;
        world.stripe.release();
        world.server.restart().await;
        world.reconnect().await;
        world.advance("2024-11-15T10:30:11Z").await;
        world.collected("succeeded").await;
        assert_eq!(world.stripe.charged(), 3_000, "{endpoint:?}");
        assert_eq!(world.shown(&invoice).await["status"], "paid");
        assert_eq!(world.payments().await, 1, "{endpoint:?}");
    }
}
