//! Webhooks as PayPal sends them, and its answer to who asks about one.

use std::collections::HashMap;

use serde_json::{Value, json, value::RawValue};

use super::{
    FakePaypal, WEBHOOK_ID,
    answers::{Answer, Step},
    disputes, orders, refunds,
    signer::{paypal, stranger},
    state::{State, shown},
};

/// Where the certificate is.
pub(super) const CERTIFICATE: &str = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77";

/// A webhook ready to be sent.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, which the signature covers byte for byte.
    pub body: Vec<u8>,
}

impl FakePaypal {
    /// An event about an order, such as `CHECKOUT.ORDER.APPROVED`.
    ///
    /// # Panics
    /// When there is no such order.
    #[must_use]
    pub fn order_event(&self, event_type: &str, order: &str) -> SignedWebhook {
        let resource = orders::show(&mut self.lock(), order, true).expect("an order");
        self.event(event_type, &resource)
    }

    /// An event about an order's capture, such as `PAYMENT.CAPTURE.COMPLETED`.
    ///
    /// # Panics
    /// When there is no such order, or it has no capture.
    #[must_use]
    pub fn capture_event(&self, event_type: &str, order: &str) -> SignedWebhook {
        let capture = self.capture_of(order);
        let resource = refunds::capture(&mut self.lock(), &capture).expect("a capture");
        self.event(event_type, &resource)
    }

    /// The event of a refund.
    ///
    /// # Panics
    /// When there is no such refund.
    #[must_use]
    pub fn refund_event(&self, refund: &str) -> SignedWebhook {
        let resource = refunds::show(&mut self.lock(), refund, true).expect("a refund");
        self.event("PAYMENT.CAPTURE.REFUNDED", &resource)
    }

    /// An event about a dispute, such as `CUSTOMER.DISPUTE.CREATED`.
    ///
    /// # Panics
    /// When there is no such dispute.
    #[must_use]
    pub fn dispute_event(&self, event_type: &str, dispute: &str) -> SignedWebhook {
        let resource = disputes::show(&self.lock(), dispute).expect("a dispute");
        self.event(event_type, &resource)
    }

    /// Any event, signed.
    #[must_use]
    pub fn event(&self, event_type: &str, resource: &Value) -> SignedWebhook {
        let mut state = self.lock();
        let (id, transmission) = (state.next_id("WH-"), state.next_id("transmission-"));
        let time = shown(state.now);
        let body = json!({
            "id": id,
            "event_version": "1.0",
            "create_time": time,
            "event_type": event_type,
            "resource": resource,
        });
        let body = body.to_string().into_bytes();
        let signer = if state.is_stranger {
            stranger()
        } else {
            paypal()
        };
        let signature = signer.sign(&transmission, &time, WEBHOOK_ID, &body);
        let headers = vec![
            ("paypal-transmission-id", transmission),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", signature),
            ("paypal-cert-url", format!("{}{CERTIFICATE}", state.base)),
            ("paypal-auth-algo", "SHA256withRSA".to_owned()),
        ];
        SignedWebhook { headers, body }
    }
}

/// Says whether a webhook is PayPal's.
pub(super) fn verify(state: &State, body: &[u8]) -> Step<Value> {
    let malformed = || Answer::invalid("MALFORMED_REQUEST_JSON");
    let fields: HashMap<String, Box<RawValue>> =
        serde_json::from_slice(body).map_err(|_| malformed())?;
    let text = |name: &str| -> Step<String> {
        let field = fields.get(name).ok_or_else(malformed)?;
        serde_json::from_str(field.get()).map_err(|_| malformed())
    };
    if fields.len() != 7 {
        return Err(Answer::invalid("UNKNOWN_FIELD"));
    }
    let event = fields.get("webhook_event").ok_or_else(malformed)?.get();
    let (id, time) = (text("transmission_id")?, text("transmission_time")?);
    let expected = paypal().sign(&id, &time, &text("webhook_id")?, event.as_bytes());
    // These signatures are alike each time, so the same one is the right one.
    let is_right = text("transmission_sig")? == expected
        && text("webhook_id")? == WEBHOOK_ID
        && text("auth_algo")? == "SHA256withRSA"
        && text("cert_url")? == format!("{}{CERTIFICATE}", state.base);
    let status = if is_right { "SUCCESS" } else { "FAILURE" };
    Ok(json!({ "verification_status": status }))
}
