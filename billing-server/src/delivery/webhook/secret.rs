//! The secrets that webhooks are signed with: `whsec_` and the base64 of 32 random bytes.

use aws_lc_rs::{error::Unspecified, rand};
use base64::{Engine, engine::general_purpose::STANDARD};
use billing_core::webhook::WebhookSecret;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret's key.
const KEY_BYTES: usize = 32;

/// A new secret.
///
/// # Errors
/// When the system has no random bytes.
pub(crate) fn generate() -> Result<WebhookSecret, Unspecified> {
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key)?;
    let text = format!("{PREFIX}{}", STANDARD.encode(key));
    Ok(WebhookSecret::trusted(text))
}

/// The key of a secret; `None` when it is none.
pub(super) fn key(secret: &WebhookSecret) -> Option<Vec<u8>> {
    let encoded = secret.reveal().strip_prefix(PREFIX)?;
    let key = STANDARD.decode(encoded).ok()?;
    (key.len() == KEY_BYTES).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_32_random_bytes_in_base64() {
        let [one, other] = [generate().unwrap(), generate().unwrap()];
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), PREFIX.len() + 44);
        assert_eq!(key(&one).unwrap().len(), 32);
        assert_ne!(key(&one), key(&other));
    }

    #[test]
    fn a_secret_is_never_shown_by_accident() {
        let secret = generate().unwrap();
        let (_, encoded) = secret.reveal().split_once('_').unwrap();
        assert!(!format!("{secret:?}").contains(encoded));
    }

    #[rstest::rstest]
    #[case::nothing("")]
    #[case::no_prefix("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    #[case::no_base64("whsec_%%%")]
    #[case::too_short("whsec_AAAA")]
    fn other_text_has_no_key(#[case] text: &str) {
        assert_eq!(key(&WebhookSecret::trusted(text.to_owned())), None);
    }
}
