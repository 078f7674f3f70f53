//! A server with accounts at fakes of Stripe and PayPal, and a user with a card.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use integration_tests::{
    Backend, TestServer,
    paypal::{CLIENT_ID, CLIENT_SECRET, FakePaypal, WEBHOOK_ID},
    server::{Answer, Rest},
    stripe::{Behaviour, FakeStripe, SECRET_KEY, WEBHOOK_SECRET, signature},
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{advance, call, operator, record, set_example_prices, user};

pub(super) const ALICE: &str = "alice";
pub(super) const NOW: &str = "2024-11-15T10:30:00Z";
/// How long what the server does by itself may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) stripe: FakeStripe,
    pub(super) paypal: FakePaypal,
    pub(super) alice: Rest,
    pub(super) operator: Rest,
    /// Alice's default method.
    pub(super) method: String,
    /// Whom the server trusts, for as long as it runs.
    _trusted: NamedTempFile,
}

impl World {
    pub(super) async fn start(backend: Backend) -> Self {
        let now: DateTime<Utc> = NOW.parse().unwrap();
        let stripe = FakeStripe::start(now.timestamp()).await;
        let paypal = FakePaypal::start().await;
        let trusted = NamedTempFile::new().unwrap();
        std::fs::write(trusted.path(), paypal.trusted_roots()).unwrap();
        let server = TestServer::builder(backend)
            .clock(NOW)
            .env("BILLING_PAYPAL_CLIENT_SECRET", CLIENT_SECRET)
            .env("SSL_CERT_FILE", trusted.path().to_str().unwrap())
            .flag("--paypal-client-id", CLIENT_ID)
            .flag("--paypal-webhook-id", WEBHOOK_ID)
            .flag("--paypal-api-base", paypal.base())
            .env("BILLING_STRIPE_SECRET_KEY", SECRET_KEY)
            .env("BILLING_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .flag("--stripe-api-base", &stripe.api_base())
            .start()
            .await;
        let operator = operator(&server).await;
        set_example_prices(&operator).await;
        Self {
            alice: user(&server, ALICE).await,
            operator,
            server,
            stripe,
            paypal,
            method: String::new(),
            _trusted: trusted,
        }
    }

    pub(super) async fn with_card(backend: Backend, behaviour: Behaviour) -> Self {
        let mut world = Self::start(backend).await;
        let reference = world.saved_at_stripe(behaviour).await;
        let method = world
            .attach(&json!({"provider_method_id": reference}))
            .await;
        assert_eq!(method["is_default"], true);
        world.method = method["id"].as_str().unwrap().to_owned();
        world
    }

    /// Goes on with a server that has no account at PayPal any more.
    pub(super) async fn leave_paypal(&mut self) {
        self.server.kill9().await;
        self.server.leave_out("paypal");
        self.server.restart().await;
        self.reconnect().await;
    }

    /// Goes on with a server that was started again, on another port.
    pub(super) async fn reconnect(&mut self) {
        self.alice = user(&self.server, ALICE).await;
        self.operator = operator(&self.server).await;
    }

    /// The provider's id of a method that alice has saved there.
    pub(super) async fn saved_at_stripe(&self, behaviour: Behaviour) -> String {
        let body = r#"{"return_url":"https://example.com/back"}"#;
        let setup = self.alice.post("/v1/billing/payments/setup", body).await;
        assert_eq!(setup.status, 200, "{}", setup.body);
        let setup = setup.json();
        assert!(!setup["client_secret"].as_str().unwrap().is_empty());
        let id = setup["setup_id"].as_str().unwrap();
        self.stripe.finish_setup(id, behaviour)
    }

    pub(super) async fn attach(&self, wanted: &Value) -> Value {
        let path = "/v1/billing/payments/methods";
        let attached = self.alice.post(path, &wanted.to_string()).await;
        assert_eq!(attached.status, 200, "{}", attached.body);
        attached.json()
    }

    pub(super) async fn subscribe(&self, plan: &str) {
        let body = format!(r#"{{"plan_id":"{plan}"}}"#);
        let subscribed = self.alice.post("/v1/billing/subscription", &body).await;
        assert_eq!(subscribed.status, 200, "{}", subscribed.body);
    }

    /// An invoice of alice over 30.00 of usage in October.
    pub(super) async fn invoice(&self) -> String {
        self.invoice_over(1_000_000).await
    }

    /// An invoice of alice over tokens that she used in October.
    pub(super) async fn invoice_over(&self, tokens: i64) -> String {
        let mut usage = call("october", "gpt-4", tokens, 0);
        usage["created_at"] = "2024-10-20T00:00:00Z".into();
        record(&self.operator, &usage).await;
        let path = "/v1/billing/invoices/generate";
        let made = self
            .alice
            .post(path, r#"{"billing_month":"2024-10"}"#)
            .await;
        assert_eq!(made.status, 200, "{}", made.body);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn try_top_up(&self, amount: &str, request: &str) -> Answer {
        let body = format!(r#"{{"amount":{amount},"request_id":"{request}"}}"#);
        self.alice.post("/v1/billing/payments/top-up", &body).await
    }

    pub(super) async fn top_up(&self, amount: &str, request: &str) -> Value {
        let answer = self.try_top_up(amount, request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut transaction = answer.json();
        // Only the answer to the call that made it has one.
        transaction["client_secret"] = "".into();
        transaction
    }

    pub(super) async fn tokens_left(&self) -> i64 {
        let stats = self.alice.get("/v1/billing/stats").await.json();
        stats["tokens_remaining"].as_i64().unwrap()
    }

    pub(super) async fn transactions(&self, query: &str) -> Vec<Value> {
        let path = format!("/v1/billing/payments/transactions{query}");
        let listed = self.alice.get(&path).await;
        assert_eq!(listed.status, 200, "{}", listed.body);
        listed.json()["transactions"].as_array().unwrap().clone()
    }

    pub(super) async fn transaction(&self, id: &str) -> Value {
        let path = format!("/v1/billing/payments/transactions/{id}?user_id={ALICE}");
        self.operator.get(&path).await.json()
    }

    /// Waits until a transaction has a status.
    pub(super) async fn until(&self, transaction: &Value, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.transaction(transaction["id"].as_str().unwrap()).await;
            if found["status"] == status {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{found} is not {status}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until something holds.
    pub(super) async fn eventually(&self, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "it does not come");
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn advance(&self, to: &str) {
        advance(&self.server, to).await;
    }

    /// Sends the latest event, signed with a secret.
    pub(super) async fn webhook(&self, secret: &str) -> Answer {
        let at = Utc::now().timestamp();
        let webhooks = self.stripe.webhooks(at);
        let body = webhooks.last().unwrap().body.clone();
        self.send(&signature(secret, at, &body), body).await
    }

    /// Sends every event so far; answers the worst status.
    pub(super) async fn webhooks(&self) -> u16 {
        let mut worst = 200;
        for webhook in self.stripe.webhooks(Utc::now().timestamp()) {
            let answer = self.send(&webhook.signature, webhook.body).await;
            worst = worst.max(answer.status);
        }
        worst
    }

    async fn send(&self, signature: &str, body: String) -> Answer {
        let anonymous = self.server.rest("");
        let request = anonymous
            .request(reqwest::Method::POST, "/v1/webhooks/stripe")
            .header("stripe-signature", signature)
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    }

    /// The status and the code of a refusal.
    pub(super) fn refusal(answer: &Answer) -> (u16, &str) {
        let code = answer.body.split(r#""code":""#).nth(1).unwrap_or_default();
        (answer.status, code.split('"').next().unwrap_or_default())
    }
}
