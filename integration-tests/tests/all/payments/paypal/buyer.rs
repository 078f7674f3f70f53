//! A buyer who pays at a fake of PayPal, and what has to add up afterwards.

use integration_tests::{Backend, paypal::SignedWebhook, server::Answer};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::world::World;

pub(super) const ORDERS: &str = "/v1/billing/payments/paypal/orders";
const PRO_QUOTA: i64 = 1_000_000;
const HAS_NO_MONEY: [&str; 3] = ["pending", "requires_action", "failed"];

impl World {
    /// Alice on the plan Pro, who pays by PayPal.
    pub(super) async fn with_buyer(backend: Backend) -> Self {
        let world = Self::start(backend).await;
        world.subscribe("plan-pro").await;
        world
    }

    /// Asks for an order over an amount or an invoice.
    pub(super) async fn try_order(&self, over: &Value, request: &str) -> Answer {
        let mut wanted = json!({
            "return_url": "https://shop.example/back",
            "cancel_url": "https://shop.example/no",
            "request_id": request,
        });
        for (key, value) in over.as_object().unwrap() {
            wanted[key] = value.clone();
        }
        self.alice.post(ORDERS, &wanted.to_string()).await
    }

    /// The id and the transaction of a new order over 100.00 USD.
    pub(super) async fn order(&self, request: &str) -> (String, Value) {
        let answer = self.try_order(&json!({"amount": 100}), request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let made = answer.json();
        assert_eq!(made["transaction"]["status"], "requires_action");
        let id = made["order_id"].as_str().unwrap().to_owned();
        (id, made["transaction"].clone())
    }

    /// The same, which is approved.
    pub(super) async fn approved(&self, request: &str) -> (String, Value) {
        let made = self.order(request).await;
        self.paypal.approve(&made.0);
        made
    }

    /// The same, which is paid.
    pub(super) async fn paid(&self, request: &str) -> (String, Value) {
        let (order, _) = self.approved(request).await;
        let paid = self.capture(&order).await;
        assert_eq!(paid.status, 200, "{}", paid.body);
        (order, paid.json())
    }

    pub(super) async fn capture(&self, order: &str) -> Answer {
        let path = format!("{ORDERS}/{order}/capture");
        self.alice.post(&path, "{}").await
    }

    /// Has PayPal send a webhook.
    pub(super) async fn deliver(&self, webhook: SignedWebhook) -> Answer {
        let anonymous = self.server.rest("");
        let mut request = anonymous
            .request(Method::POST, "/v1/webhooks/paypal")
            .header("content-type", "application/json");
        for (name, value) in webhook.headers {
            request = request.header(name, value);
        }
        let answer = request.body(webhook.body).send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    }

    /// What was captured at PayPal is what has succeeded here, and nothing is credited twice.
    pub(super) async fn adds_up(&self) {
        let all = self.transactions("").await;
        let received = all.iter().filter(|of| {
            let status = of["status"].as_str().unwrap();
            of["provider"] == "paypal" && of["kind"] != "refund" && !HAS_NO_MONEY.contains(&status)
        });
        let (mut money, mut tokens) = (Decimal::ZERO, PRO_QUOTA);
        for of in received {
            money += of["amount"].to_string().parse::<Decimal>().unwrap();
            tokens += of["tokens"].as_i64().unwrap();
        }
        assert_eq!(self.paypal.captured_total(), money, "{all:?}");
        assert_eq!(self.tokens_left().await, tokens, "{all:?}");
    }
}
