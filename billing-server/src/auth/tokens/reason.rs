//! What is wrong with a token, in words.

use jsonwebtoken::errors::{Error, ErrorKind};

use super::TokenRules;
use crate::auth::keys::SigningKey;

/// Says why a token is refused. The signature is checked before any claim, so whoever cannot sign
/// learns nothing but that.
pub(super) fn reason(error: &Error, key: &SigningKey, rules: &TokenRules) -> String {
    match error.kind() {
        ErrorKind::InvalidToken => "the token has not the three parts of a jwt".to_owned(),
        ErrorKind::Base64(_) | ErrorKind::Utf8(_) => {
            "a part of the token is not the base64 of a text".to_owned()
        }
        ErrorKind::InvalidSignature => {
            "the token's signature is not of the key that this server verifies with".to_owned()
        }
        ErrorKind::InvalidAlgorithm => format!(
            "the token's alg is not that of this server's key, which takes {:?} alone",
            key.algorithm()
        ),
        ErrorKind::MissingRequiredClaim(claim) => {
            format!("the token's claim {claim} is missing or of the wrong type")
        }
        ErrorKind::InvalidIssuer => format!("the token's iss is not {}", named(&rules.issuer)),
        ErrorKind::InvalidAudience => format!("the token's aud is not {}", named(&rules.audience)),
        // Where in the text it is helps nobody: what is counted is the decoded part.
        ErrorKind::Json(error) => {
            let fault = error.to_string();
            let fault = fault.split(" at line ").next().unwrap_or_default();
            format!("the token cannot be read: {fault}")
        }
        _ => "the token is not valid".to_owned(),
    }
}

fn named(expected: &Option<String>) -> &str {
    expected.as_deref().unwrap_or("the one that is expected")
}
