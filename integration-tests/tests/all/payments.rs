//! Money that comes in through Stripe and PayPal, from the wire to the provider and back.

mod automation;
mod collection;
mod command_line;
mod crowd;
mod faults;
mod methods;
mod paypal;
mod refunds;
mod report;
mod sweep;
mod world;

use integration_tests::{Backend, TestServer, on_both_databases, stripe::Behaviour};
use serde_json::Value;

use self::world::{ALICE, World};
use crate::support::{operator, user};

on_both_databases!(
    a_topup_buys_tokens_once_however_often_it_is_asked_for,
    a_declined_card_buys_nothing_and_is_told,
    an_invoice_is_paid_by_the_default_method,
    money_that_comes_later_counts_when_it_comes,
    without_a_provider_nothing_pretends_to_charge,
    a_topup_needs_a_plan_and_an_amount_within_the_limits,
    a_topup_has_a_receipt_that_is_no_invoice_of_the_month,
    transactions_are_listed_by_what_they_are,
    others_see_no_payment,
);

async fn a_topup_buys_tokens_once_however_often_it_is_asked_for(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let first = world.top_up("100.00", "top-1").await;
    assert_eq!(first["status"], "succeeded");
    assert_eq!(first["tokens"], 740_740);
    assert_eq!(first["fee"], Value::Null);
    assert!(
        first["provider_reference"]
            .as_str()
            .unwrap()
            .starts_with("pi_")
    );
    assert_eq!(world.top_up("100.00", "top-1").await, first);
    assert_eq!(world.stripe.charged(), 10_000);
    assert_eq!(world.tokens_left().await, 1_740_740);
    let other = world.try_top_up("100.01", "top-1").await;
    assert_eq!(World::refusal(&other), (409, "PAYMENT_REQUEST_CONFLICT"));
    world.top_up("100.00", "top-2").await;
    assert_eq!(world.stripe.charged(), 20_000);
    assert_eq!(world.tokens_left().await, 2_481_480);
}

async fn a_declined_card_buys_nothing_and_is_told(backend: Backend) {
    let declines = Behaviour::declines("insufficient_funds");
    let world = World::with_card(backend, declines).await;
    world.subscribe("plan-pro").await;
    let refused = world.try_top_up("100.00", "top-1").await;
    assert_eq!(World::refusal(&refused), (400, "PAYMENT_DECLINED"));
    let again = world.try_top_up("100.00", "top-1").await;
    assert_eq!(again, refused);
    let failed = world.transactions("?status=failed").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["failure_code"], "insufficient_funds");
    assert_eq!(world.stripe.charged(), 0);
    assert_eq!(world.tokens_left().await, 1_000_000);
}

async fn an_invoice_is_paid_by_the_default_method(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let invoice = world.invoice().await;
    let path = format!("/v1/billing/invoices/{invoice}/pay");
    let paid = world.alice.post(&path, r#"{"request_id":"p-1"}"#).await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    let paid = paid.json();
    assert_eq!(
        (&paid["kind"], &paid["status"]),
        (&"invoice_payment".into(), &"succeeded".into())
    );
    assert_eq!(paid["invoice_id"], invoice);
    let shown = world
        .alice
        .get(&format!("/v1/billing/invoices/{invoice}"))
        .await
        .json();
    assert_eq!(shown["status"], "paid");
    assert_eq!(shown["payment_method"], "stripe");
    assert_eq!(shown["transaction_id"], paid["id"]);
    assert_eq!(world.stripe.charged(), 3_000);
    // A paid invoice is not charged again.
    let again = world.alice.post(&path, "{}").await;
    assert_eq!(World::refusal(&again), (400, "INVOICE_MOVE_NOT_ALLOWED"));
    assert_eq!(world.stripe.charged(), 3_000);
}

async fn money_that_comes_later_counts_when_it_comes(backend: Backend) {
    let world = World::with_card(backend, Behaviour::PaysLater).await;
    world.subscribe("plan-pro").await;
    let pending = world.top_up("10.00", "top-1").await;
    assert_eq!(pending["status"], "pending");
    // A second try would be a second charge.
    let second = world.try_top_up("10.00", "top-2").await;
    assert_eq!(World::refusal(&second), (409, "PAYMENT_IN_FLIGHT"));
    world
        .stripe
        .settle(pending["provider_reference"].as_str().unwrap());
    let forged = world.webhook("whsec_other").await;
    assert_eq!(World::refusal(&forged), (400, "WEBHOOK_SIGNATURE"));
    for _ in 0..2 {
        assert_eq!(world.webhooks().await, 200);
    }
    let done = world.until(&pending, "succeeded").await;
    assert_eq!(done["tokens"], 74_074);
    assert_eq!(world.tokens_left().await, 1_074_074);
    assert_eq!(world.stripe.charged(), 1_000);
}

async fn without_a_provider_nothing_pretends_to_charge(backend: Backend) {
    let server = TestServer::builder(backend).start().await;
    let alice = user(&server, ALICE).await;
    for (path, body) in [
        ("payments/setup", r#"{"return_url":"https://example.com/"}"#),
        ("payments/methods", r#"{"provider_method_id":"pm_1"}"#),
        ("payments/top-up", r#"{"amount":100}"#),
        (
            "payments/paypal/orders",
            r#"{"amount":100,"return_url":"https://a.example/","cancel_url":"https://a.example/"}"#,
        ),
        ("payments/paypal/orders/5O190127TN364715T/capture", "{}"),
        ("invoices/inv-00000000000000000000000000000000/pay", "{}"),
    ] {
        let answer = alice.post(&format!("/v1/billing/{path}"), body).await;
        let refusal = World::refusal(&answer);
        assert_eq!(refusal, (400, "PAYMENT_PROVIDER_NOT_CONFIGURED"), "{path}");
    }
    let none = alice.get("/v1/billing/payments/transactions").await;
    assert_eq!(none.body, r#"{"transactions":[],"next_page_token":""}"#);
    let none = alice.get("/v1/billing/payments/methods").await;
    assert_eq!(none.body, r#"{"methods":[]}"#);
}

async fn a_topup_needs_a_plan_and_an_amount_within_the_limits(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let no_plan = world.try_top_up("100.00", "").await;
    assert_eq!(World::refusal(&no_plan), (400, "TOPUP_NO_PRICE"));
    world.subscribe("plan-pro").await;
    for (amount, code) in [
        ("0.99", "TOPUP_LIMIT"),
        ("10000.01", "TOPUP_LIMIT"),
        ("1.001", "INVALID_FIELD"),
        ("-1", "INVALID_FIELD"),
    ] {
        let refused = world.try_top_up(amount, "").await;
        assert_eq!(World::refusal(&refused), (400, code), "{amount}");
    }
    assert_eq!(world.stripe.intents(), []);
    assert!(world.transactions("").await.is_empty());
}

async fn a_topup_has_a_receipt_that_is_no_invoice_of_the_month(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    let taxed = r#"{"tax_rate":0.1}"#;
    let taxed = world.operator.put("/v1/billing/accounts/alice/tax", taxed);
    assert_eq!(taxed.await.status, 200);
    world.subscribe("plan-pro").await;
    for number in 1..=2 {
        let topup = world.top_up("110.00", &format!("top-{number}")).await;
        assert_eq!(topup["tokens"], 740_740);
        let number = format!("INV-alice-2024-11-T{number}");
        let path = "/v1/billing/invoices?status=paid&page_size=1";
        let listed = world.alice.get(path).await.json();
        let receipt = &listed["invoices"][0];
        assert_eq!(receipt["invoice_number"], number);
        let path = format!("/v1/billing/invoices/{}", receipt["id"].as_str().unwrap());
        let receipt = world.alice.get(&path).await.json();
        assert_eq!(receipt["transaction_id"], topup["id"]);
        let amounts = ["amount", "tax_amount", "final_amount", "amount_due"];
        let amounts = amounts.map(|name| receipt[name].to_string());
        assert_eq!(amounts, ["100.0", "10.0", "110.0", "0.0"]);
        assert_eq!(receipt["items"][0]["type"], "topup");
        assert_eq!(
            receipt["items"][0]["description"],
            "Top-up of 740740 tokens"
        );
        let body = r#"{"user_id":"alice","amount":1,"reason":"no"}"#;
        let noted = world
            .operator
            .post(&format!("{path}/credit-notes"), body)
            .await;
        assert_eq!(
            World::refusal(&noted),
            (400, "INVALID_FIELD"),
            "{}",
            noted.body
        );
    }
    world.advance("2024-12-02T12:00:00Z").await;
    let output = world
        .server
        .cli(&["invoices", "reconcile", "--month", "2024-11"])
        .await;
    assert!(output.status.success(), "{output:?}");
    let report = world
        .operator
        .get("/v1/billing/reports/monthly?month=2024-11");
    let report = report.await.json();
    let figures = ["invoiced", "tax", "collected"].map(|name| report[name].to_string());
    // The fee of Pro is invoiced; its tax, and that of two top-ups.
    assert_eq!(figures, ["99.99", "30.0", "0.0"]);
}

async fn transactions_are_listed_by_what_they_are(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let invoice = world.invoice().await;
    let topup = world.top_up("10.00", "top-1").await;
    let path = format!("/v1/billing/invoices/{invoice}/pay");
    let paid = world.alice.post(&path, "{}").await.json();
    let ids = |list: &[Value]| -> Vec<Value> { list.iter().map(|t| t["id"].clone()).collect() };
    let all = world.transactions("").await;
    assert_eq!(ids(&all), [paid["id"].clone(), topup["id"].clone()]);
    let topups = world.transactions("?kind=topup").await;
    assert_eq!(ids(&topups), [topup["id"].clone()]);
    let of_invoice = world.transactions(&format!("?invoice_id={invoice}")).await;
    assert_eq!(ids(&of_invoice), [paid["id"].clone()]);
    let first = world
        .alice
        .get("/v1/billing/payments/transactions?page_size=1")
        .await
        .json();
    let token = first["next_page_token"].as_str().unwrap();
    let second = world
        .transactions(&format!("?page_size=1&page_token={token}"))
        .await;
    assert_eq!(ids(&second), [topup["id"].clone()]);
    let operator = operator(&world.server).await;
    let everybodys = operator
        .get("/v1/billing/payments/transactions?user_id=-")
        .await;
    assert_eq!(
        everybodys.json()["transactions"].as_array().unwrap().len(),
        2
    );
}

async fn others_see_no_payment(backend: Backend) {
    let world = World::with_card(backend, Behaviour::Pays).await;
    world.subscribe("plan-pro").await;
    let topup = world.top_up("10.00", "top-1").await;
    let id = topup["id"].as_str().unwrap();
    let mallory = user(&world.server, "mallory").await;
    let path = format!("/v1/billing/payments/transactions/{id}");
    assert_eq!(
        World::refusal(&mallory.get(&path).await),
        (404, "TRANSACTION_NOT_FOUND")
    );
    let named = mallory.get(&format!("{path}?user_id={ALICE}")).await;
    assert_eq!(World::refusal(&named), (403, "OTHER_USER"));
    let method = world.method.clone();
    let body = format!(r#"{{"amount":10,"payment_method_id":"{method}"}}"#);
    let charged = mallory.post("/v1/billing/payments/top-up", &body).await;
    assert_eq!(World::refusal(&charged), (400, "PAYMENT_METHOD_MISSING"));
    assert_eq!(world.stripe.charged(), 1_000);
}
