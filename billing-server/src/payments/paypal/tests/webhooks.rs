//! Webhooks that are PayPal's, and those that are not.

use ::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use integration_tests::paypal::{Fault, SignedWebhook};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::payments::provider::{Hint, HintObject, WebhookError};

async fn verify(
    client: &PaypalClient,
    webhook: &SignedWebhook,
    now: DateTime<Utc>,
) -> Result<Hint, WebhookError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &webhook.headers {
        headers.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    let body = Bytes::from(webhook.body.clone());
    client.verify_webhook(&headers, &body, now).await
}

/// Calls whose path ends so.
fn calls(fake: &FakePaypal, end: &str) -> usize {
    fake.calls()
        .iter()
        .filter(|call| call.contains(end))
        .count()
}

const ASK: &str = "/verify-webhook-signature";
const CERTIFICATE: &str = "/certs/";

/// A webhook with another header.
fn with(mut webhook: SignedWebhook, name: &str, value: &str) -> SignedWebhook {
    for (header, old) in &mut webhook.headers {
        if *header == name {
            value.clone_into(old);
        }
    }
    webhook
}

#[tokio::test]
async fn a_certificate_is_fetched_once_and_paypal_is_not_asked() {
    let (fake, client) = paypal().await;
    let reference = made(&client, "10").await;
    for _ in 0..3 {
        let webhook = fake.order_event("CHECKOUT.ORDER.APPROVED", &reference);
        let hint = verify(&client, &webhook, fake.now()).await.unwrap();
        assert_eq!(hint.about, HintObject::Charge(reference.clone()));
        assert_eq!(hint.event_type, "CHECKOUT.ORDER.APPROVED");
        assert!(hint.event_id.starts_with("WH-") && !hint.is_live);
    }
    assert_eq!((calls(&fake, CERTIFICATE), calls(&fake, ASK)), (1, 0));
}

#[tokio::test]
async fn each_event_names_its_object() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    let refund = fake.refund_at_dashboard(&charge, "1.00".parse().unwrap());
    let dispute = fake.open_dispute(&charge, "INQUIRY");
    let of_charge = HintObject::Charge(charge.clone());
    for (webhook, about) in [
        (
            fake.capture_event("PAYMENT.CAPTURE.COMPLETED", &charge),
            of_charge.clone(),
        ),
        (
            fake.capture_event("PAYMENT.CAPTURE.DENIED", &charge),
            of_charge.clone(),
        ),
        (
            fake.dispute_event("CUSTOMER.DISPUTE.CREATED", &dispute),
            of_charge,
        ),
        (
            fake.refund_event(&refund),
            HintObject::Refund(refund.clone()),
        ),
        (
            fake.event("BILLING.PLAN.CREATED", &json!({ "id": "P-1" })),
            HintObject::Other,
        ),
        (
            fake.event("PAYMENT.CAPTURE.COMPLETED", &json!({ "id": "OTHERS" })),
            HintObject::Other,
        ),
    ] {
        let hint = verify(&client, &webhook, fake.now()).await.unwrap();
        assert_eq!(hint.about, about, "{}", hint.event_type);
    }
}

#[tokio::test]
async fn a_changed_body_is_forged() {
    let (fake, client) = paypal().await;
    let mut webhook = fake.event("BILLING.PLAN.CREATED", &json!({}));
    webhook.body.push(b' ');
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Forged(_))));
    assert_eq!(calls(&fake, ASK), 0);
}

#[rstest]
#[case("paypal-transmission-id", "other")]
#[case("paypal-transmission-time", "2026-01-01T00:00:00Z")]
#[case("paypal-transmission-sig", "AAAA")]
#[case("paypal-transmission-sig", "no base64")]
#[case(
    "paypal-cert-url",
    "https://evil.example/v1/notifications/certs/CERT-1"
)]
#[case("paypal-auth-algo", "NONE")]
#[tokio::test]
async fn a_changed_header_is_forged(#[case] name: &str, #[case] value: &str) {
    let (fake, client) = paypal().await;
    let webhook = with(fake.event("BILLING.PLAN.CREATED", &json!({})), name, value);
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Forged(_))));
}

#[tokio::test]
async fn a_webhook_of_another_address_is_forged() {
    let fake = FakePaypal::start().await;
    let mut settings = settings(fake.base(), fake.trust_root());
    settings.webhook_id = "ANOTHER".to_owned();
    let client = PaypalClient::new(settings).unwrap();
    let webhook = fake.event("BILLING.PLAN.CREATED", &json!({}));
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Forged(_))));
}

#[tokio::test]
async fn paypal_is_asked_where_the_certificate_cannot_be_had() {
    let (fake, client) = paypal().await;
    fake.serve_certificate(false);
    let webhook = fake.event("BILLING.PLAN.CREATED", &json!({ "b": 1, "a": [1.50] }));
    verify(&client, &webhook, fake.now()).await.unwrap();
    assert_eq!(calls(&fake, ASK), 1);
    let forged = with(webhook, "paypal-transmission-sig", "AAAA");
    let result = verify(&client, &forged, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Forged(_))));
}

#[tokio::test]
async fn a_stranger_with_paypals_name_is_not_believed() {
    let (fake, client) = paypal().await;
    fake.be_stranger(true);
    let webhook = fake.event("BILLING.PLAN.CREATED", &json!({}));
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Forged(_))));
    assert_eq!(calls(&fake, ASK), 1);
}

#[tokio::test]
async fn a_certificate_is_good_only_in_its_time() {
    let (fake, client) = paypal().await;
    let webhook = fake.event("BILLING.PLAN.CREATED", &json!({}));
    for year in ["1999", "2095"] {
        let now = format!("{year}-01-01T00:00:00Z").parse().unwrap();
        verify(&client, &webhook, now).await.unwrap();
    }
    assert_eq!(calls(&fake, ASK), 2);
}

#[tokio::test]
async fn what_cannot_be_verified_now_has_to_come_again() {
    let (fake, client) = paypal().await;
    fake.serve_certificate(false);
    fake.fail_next(1, Fault::ServerError);
    let webhook = fake.event("BILLING.PLAN.CREATED", &json!({}));
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Unavailable(_))));
    verify(&client, &webhook, fake.now()).await.unwrap();
}

#[tokio::test]
async fn an_event_whose_order_cannot_be_asked_for_has_to_come_again() {
    let (fake, client) = paypal().await;
    let charge = paid(&fake, &client, "10").await;
    let dispute = fake.open_dispute(&charge, "CHARGEBACK");
    let webhook = fake.dispute_event("CUSTOMER.DISPUTE.CREATED", &dispute);
    fake.fail_next(1, Fault::CutBefore);
    let result = verify(&client, &webhook, fake.now()).await;
    assert!(matches!(result, Err(WebhookError::Unavailable(_))));
    let hint = verify(&client, &webhook, fake.now()).await.unwrap();
    assert_eq!(hint.about, HintObject::Charge(charge));
}
