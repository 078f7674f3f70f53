//! Webhooks as Stripe would send them.

use std::fmt::Write;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use serde_json::Value;

use super::{FakeStripe, WEBHOOK_SECRET};

/// A webhook to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedWebhook {
    /// The event's id.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// The `Stripe-Signature` header.
    pub signature: String,
    /// The body, byte for byte.
    pub body: String,
}

impl SignedWebhook {
    fn of(event: &Value, at: i64) -> Self {
        let text = |name: &str| {
            let member = event.get(name).and_then(Value::as_str);
            member.unwrap_or_default().to_owned()
        };
        let body = event.to_string();
        Self {
            event_id: text("id"),
            event_type: text("type"),
            signature: signature(WEBHOOK_SECRET, at, &body),
            body,
        }
    }
}

/// The `Stripe-Signature` header of a body that is sent at a time, in seconds since 1970.
#[must_use]
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    let tag = sign(&key, format!("{at}.{body}").as_bytes());
    let mut header = format!("t={at},v1=");
    for byte in tag.as_ref() {
        write!(header, "{byte:02x}").expect("text takes everything");
    }
    header
}

impl FakeStripe {
    /// All events so far, oldest first, as they are sent at a time.
    #[must_use]
    pub fn webhooks(&self, at: i64) -> Vec<SignedWebhook> {
        let state = self.shared.state();
        let events = state.events.iter();
        events.map(|event| SignedWebhook::of(event, at)).collect()
    }

    /// A new event of a type about an object as it stands, as it is sent at a time.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn webhook(&self, event_type: &str, object: &str, at: i64) -> SignedWebhook {
        let mut state = self.shared.state();
        state.tell(event_type, object);
        let event = state.events.last().expect("it was just told");
        SignedWebhook::of(event, at)
    }
}
