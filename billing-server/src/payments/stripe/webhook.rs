//! Webhooks: whether Stripe sent one, and what it is about.

use aws_lc_rs::{
    constant_time,
    hmac::{self, Context, HMAC_SHA256, Key},
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use serde_json::Value;

use super::objects::Event;
use crate::payments::provider::{Hint, HintObject, WebhookError};

/// The header with the time and the signatures.
const HEADER: &str = "Stripe-Signature";
/// How far its time may be from now, before or after.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// How a webhook secret begins.
const SECRET_START: &str = "whsec_";

/// What webhooks are signed with.
pub(super) struct WebhookKeys(Vec<Key>);

/// What the header says.
struct Signed<'a> {
    /// The time as it is signed.
    time: &'a str,
    /// The signatures of the scheme `v1`, in hexadecimal.
    signatures: Vec<&'a str>,
}

impl WebhookKeys {
    /// Keys of some secrets; `None` when one is no secret of a webhook.
    pub(super) fn new(secrets: &[&str]) -> Option<Self> {
        let key = |secret: &&str| {
            let is_secret = secret.len() > SECRET_START.len() && secret.starts_with(SECRET_START);
            is_secret.then(|| Key::new(HMAC_SHA256, secret.as_bytes()))
        };
        secrets.iter().map(key).collect::<Option<_>>().map(Self)
    }

    /// Whether Stripe signed this body at about this time.
    ///
    /// # Errors
    /// [`WebhookError::Forged`] when it did not.
    pub(super) fn verify(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        let header = headers
            .get(HEADER)
            .ok_or_else(|| forged("there is no Stripe-Signature header"))?;
        let signed = header
            .to_str()
            .ok()
            .and_then(signed)
            .ok_or_else(|| forged("the Stripe-Signature header is malformed"))?;
        if !self.0.iter().any(|key| signed.is_by(key, body)) {
            return Err(forged("no signature fits"));
        }
        let time = signed.time.parse().ok();
        let time = time
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or_else(|| forged("the Stripe-Signature header has no time"))?;
        if now.signed_duration_since(time).abs() > TOLERANCE {
            return Err(forged("it was signed more than 5 minutes from now"));
        }
        Ok(())
    }
}

impl Signed<'_> {
    /// Whether one of the signatures was made with a key. Takes as long for each wrong one.
    fn is_by(&self, key: &Key, body: &[u8]) -> bool {
        let mut context = Context::with_key(key);
        context.update(self.time.as_bytes());
        context.update(b".");
        context.update(body);
        let tag = hexadecimal(&context.sign());
        let fits = |signature: &&str| {
            constant_time::verify_slices_are_equal(tag.as_bytes(), signature.as_bytes()).is_ok()
        };
        self.signatures.iter().any(fits)
    }
}

/// Reads `t=...,v1=...,v1=...`; other schemes are left out. There is exactly one time.
fn signed(header: &str) -> Option<Signed<'_>> {
    let mut times = Vec::new();
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", time) => times.push(time),
            ("v1", signature) => signatures.push(signature),
            _ => {}
        }
    }
    match times.as_slice() {
        [time] if !signatures.is_empty() => Some(Signed { time, signatures }),
        _ => None,
    }
}

fn hexadecimal(tag: &hmac::Tag) -> String {
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn forged(reason: &str) -> WebhookError {
    WebhookError::Forged(reason.to_owned())
}

/// What a webhook is about, once it is known to be Stripe's.
///
/// # Errors
/// [`WebhookError::Forged`] when it is no event.
pub(super) fn hint(body: &[u8]) -> Result<Hint, WebhookError> {
    let event: Event = serde_json::from_slice(body).map_err(|_| forged("it is no event"))?;
    let about = event.data.and_then(|data| about(&event.kind, &data.object));
    Ok(Hint {
        about: about.unwrap_or(HintObject::Other),
        event_id: event.id,
        event_type: event.kind,
        is_live: event.livemode,
    })
}

/// What to look at after an event of a type.
fn about(kind: &str, object: &Value) -> Option<HintObject> {
    let id = text(object.get("id"));
    // An id, or the payment as a whole.
    let payment = object.get("payment_intent");
    let payment = text(payment).or_else(|| text(payment?.get("id")));
    match kind {
        "charge.refund.updated" => id.map(HintObject::Refund),
        // An update of a charge brings its fee, which is not known yet when it succeeds.
        "charge.refunded" | "charge.updated" => payment.map(HintObject::Charge),
        "payment_method.detached"
        | "payment_method.updated"
        | "payment_method.automatically_updated" => id.map(HintObject::Method),
        kind if kind.starts_with("charge.dispute.") => payment.map(HintObject::Charge),
        kind if kind.starts_with("payment_intent.") => id.map(HintObject::Charge),
        kind if kind.starts_with("refund.") => id.map(HintObject::Refund),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
