//! What the fake refuses, so that the other tests mean something.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::payments::{paypal::http::Call, provider::ProviderError};

/// A body that is right.
fn right() -> Value {
    let amount = json!({ "currency_code": "USD", "value": "10.00" });
    json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "custom_id": PAYMENT,
            "invoice_id": PAYMENT,
            "items": [{ "name": "Credits", "quantity": "1", "category": "DIGITAL_GOODS",
                "unit_amount": amount }],
            "amount": { "currency_code": "USD", "value": "10.00",
                "breakdown": { "item_total": amount } },
        }],
        "payment_source": { "paypal": { "experience_context": {
            "return_url": "https://shop.example/back",
            "cancel_url": "https://shop.example/no",
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        } } },
    })
}

async fn refused(body: &Value, key: Option<&str>) -> Option<String> {
    let (_fake, client) = paypal().await;
    let call = Call::post("/v2/checkout/orders".to_owned(), body).unwrap();
    let call = match key {
        Some(key) => call.once(key),
        None => call,
    };
    match client.api.send::<Value>(call).await {
        Ok(_) => None,
        Err(ProviderError::Refused { code, .. }) => Some(code),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn what_is_right_is_taken() {
    assert_eq!(refused(&right(), Some("c1")).await, None);
}

#[tokio::test]
async fn an_order_needs_a_key() {
    let code = refused(&right(), None).await;
    assert_eq!(code.as_deref(), Some("PAYPAL_REQUEST_ID_REQUIRED"));
}

#[rstest]
#[case("/purchase_units/0/amount/value", json!("10.01"), "AMOUNT_MISMATCH")]
#[case("/purchase_units/0/items/0/unit_amount/value", json!("9.99"), "ITEM_TOTAL_MISMATCH")]
#[case("/purchase_units/0/items/0/quantity", json!("2"), "ITEM_TOTAL_MISMATCH")]
#[case("/purchase_units/0/amount/value", json!("10.0"), "DECIMAL_PRECISION")]
#[case("/purchase_units/0/amount/value", json!("-1.00"), "CANNOT_BE_ZERO_OR_NEGATIVE")]
#[case("/purchase_units/0/amount/value", json!(10), "MISSING_REQUIRED_PARAMETER")]
#[case("/purchase_units/0/items/0/name", json!("x".repeat(128)), "INVALID_STRING_LENGTH")]
#[case("/purchase_units", json!([]), "INVALID_ARRAY_LENGTH")]
#[case("/payment_source/paypal", json!({"unheard_of": 1}), "UNKNOWN_FIELD")]
#[tokio::test]
async fn what_is_wrong_is_refused(#[case] place: &str, #[case] value: Value, #[case] code: &str) {
    let mut body = right();
    *body.pointer_mut(place).unwrap() = value;
    assert_eq!(refused(&body, Some("c1")).await.as_deref(), Some(code));
}

#[tokio::test]
async fn an_invoice_is_paid_once() {
    let (fake, client) = paypal().await;
    paid(&fake, &client, "10").await;
    let again = client.create_charge("c2", &order("10")).await;
    assert!(matches!(again, Err(ProviderError::Refused { code, .. })
        if code == "DUPLICATE_INVOICE_ID"));
}
