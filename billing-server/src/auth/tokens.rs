//! Tokens: JSON Web Tokens that name a user and what his token allows.

mod claims;
mod reason;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Header, Validation};
use quick_cache::sync::Cache;
use serde::Serialize;

use self::claims::Claims;
use super::caller::{Caller, Scopes, check_subject};
use super::keys::SigningKey;
use crate::error::{ApiError, ErrorCode};

/// How far clocks may differ, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How many verified tokens are remembered.
const CACHED_TOKENS: usize = 10_000;
/// The longest life of a token that is minted here, in days.
const MAX_TTL_DAYS: i64 = 3_650;

/// Who issues the tokens and whom they are for; what is not configured is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenRules {
    /// The `iss` of every token.
    pub(crate) issuer: Option<String>,
    /// The `aud` of every token.
    pub(crate) audience: Option<String>,
}

/// The claims of a token that is minted here.
#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Why no token can be minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MintError {
    /// The subject is no valid user id.
    #[error("{0}")]
    Subject(&'static str),
    /// The life asked for is too short or too long.
    #[error("ttl must be between 1 second and 3650 days")]
    Ttl,
    /// The key file holds a public key.
    #[error("the key can only verify tokens: signing needs a private key or a secret")]
    VerifiesOnly,
    /// The key cannot sign.
    #[error("the token cannot be signed: {0}")]
    Signing(String),
}

/// Signs a token for `subject` that is valid for `ttl` (whole seconds) from `now`.
///
/// # Errors
/// An invalid subject or life, or a key that cannot sign.
pub(crate) fn mint(
    key: &SigningKey,
    rules: &TokenRules,
    subject: &str,
    scopes: Scopes,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<String, MintError> {
    check_subject(subject).map_err(MintError::Subject)?;
    let ttl = TimeDelta::from_std(ttl).map_err(|_| MintError::Ttl)?;
    if ttl < TimeDelta::seconds(1) || ttl > TimeDelta::days(MAX_TTL_DAYS) {
        return Err(MintError::Ttl);
    }
    let claims = NewClaims {
        sub: subject,
        iat: now.timestamp(),
        exp: now.timestamp().saturating_add(ttl.num_seconds()),
        scope: scopes.to_string(),
        iss: rules.issuer.as_deref(),
        aud: rules.audience.as_deref(),
    };
    let encoding = key.encoding().ok_or(MintError::VerifiesOnly)?;
    jsonwebtoken::encode(&Header::new(key.algorithm()), &claims, encoding)
        .map_err(|error| MintError::Signing(error.to_string()))
}

/// A token whose signature and claims were right; its time is checked on each use.
#[derive(Clone)]
struct Verified {
    caller: Arc<Caller>,
    /// Seconds since 1970.
    expires_at: i64,
}

impl Verified {
    fn caller_at(self, now: i64) -> Result<Arc<Caller>, ApiError> {
        if now >= self.expires_at.saturating_add(LEEWAY_SECONDS) {
            let message = "the token has expired";
            return Err(ApiError::new(ErrorCode::TokenExpired, message));
        }
        Ok(self.caller)
    }
}

/// Verifies tokens against one key and remembers them until they expire, because checking a
/// signature costs more than the rest of a call.
pub(crate) struct Verifier {
    key: SigningKey,
    rules: TokenRules,
    validation: Validation,
    cache: Cache<String, Verified>,
}

impl Verifier {
    /// A verifier of tokens that `key` signed and that obey `rules`.
    #[must_use]
    pub(crate) fn new(key: SigningKey, rules: &TokenRules) -> Self {
        Self {
            validation: validation(&key, rules),
            rules: rules.clone(),
            key,
            cache: Cache::new(CACHED_TOKENS),
        }
    }

    /// The holder of `token`, by the system's clock: a test clock never prolongs a token.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it is malformed or was not signed for us, `TOKEN_EXPIRED` when its
    /// time is over.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Caller>, ApiError> {
        self.verify_at(token, Utc::now().timestamp())
    }

    /// As [`Self::verify`] at `now`, in seconds since 1970.
    fn verify_at(&self, token: &str, now: i64) -> Result<Arc<Caller>, ApiError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid("the token is longer than 8 KiB"));
        }
        if let Some(known) = self.cache.get(token) {
            return known.caller_at(now).inspect_err(|_| {
                self.cache.remove(token);
            });
        }
        let verified = self.check(token, now)?;
        let caller = verified.clone().caller_at(now)?;
        self.cache.insert(token.to_owned(), verified);
        Ok(caller)
    }

    fn check(&self, token: &str, now: i64) -> Result<Verified, ApiError> {
        let token = jsonwebtoken::decode(token, self.key.decoding(), &self.validation)
            .map_err(|error| invalid(&reason::reason(&error, &self.key, &self.rules)))?;
        // RFC 7515: who does not know what is critical must refuse the token.
        if let Some(critical) = token.header.crit {
            let message = format!(
                "the token's crit names {}, which this server does not know",
                critical.join(", ")
            );
            return Err(invalid(&message));
        }
        let claims: Claims = token.claims;
        check_subject(&claims.sub).map_err(invalid)?;
        let valid_from = claims.nbf.map(|nbf| nbf.start());
        if valid_from.is_some_and(|from| from > now.saturating_add(LEEWAY_SECONDS)) {
            return Err(invalid("the token is not valid yet: its nbf is ahead"));
        }
        Ok(Verified {
            caller: Arc::new(Caller {
                subject: claims.sub,
                scopes: Scopes::from_claim(&claims.scope.into_text()),
            }),
            expires_at: claims.exp.end(),
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn validation(key: &SigningKey, rules: &TokenRules) -> Validation {
    let mut validation = Validation::new(key.algorithm());
    let mut required = vec!["sub", "exp"];
    // Time is checked by us, so that a cached token expires by the same rule.
    validation.validate_exp = false;
    if let Some(issuer) = &rules.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &rules.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    } else {
        validation.validate_aud = false;
    }
    validation.set_required_spec_claims(&required);
    validation
}

pub(super) fn invalid(message: &str) -> ApiError {
    ApiError::new(ErrorCode::TokenInvalid, message)
}

#[cfg(test)]
mod tests;
