//! Signatures as Standard Webhooks says: version 1, HMAC-SHA256 over id, time and body.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine, engine::general_purpose::STANDARD};
use billing_core::webhook::WebhookSecret;

use super::secret;

/// The value of `webhook-signature`: a signature by each secret, in their order. `timestamp` is in
/// seconds since 1970. `None` when a secret is none.
pub(super) fn signatures(
    secrets: &[WebhookSecret],
    id: &str,
    timestamp: i64,
    body: &str,
) -> Option<String> {
    let signed = format!("{id}.{timestamp}.{body}");
    let signatures = secrets.iter().map(|secret| {
        let key = Key::new(HMAC_SHA256, &secret::key(secret)?);
        let tag = sign(&key, signed.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(tag)))
    });
    let signatures: Vec<_> = signatures.collect::<Option<_>>()?;
    Some(signatures.join(" "))
}

#[cfg(test)]
mod tests;
