//! Stripe: PaymentIntents on saved methods, over its HTTP API.

mod charges;
mod decline;
mod http;
mod methods;
mod minor;
mod objects;
mod refunds;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};
use async_trait::async_trait;
use billing_core::{
    money::Money,
    payment::{Charge, RefundReport},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::{http::Http, webhook::WebhookKeys};
use super::{
    provider::{
        ChargeOrder, CreatedCharge, Hint, ProviderClient, ProviderError, RefundOrder, SavedMethods,
        WebhookError,
    },
    way,
};

/// Its name in errors.
const NAME: &str = "Stripe";
/// The least that it charges, in cents of USD.
const LEAST_CENTS: i64 = 50;
/// How keys begin that move real money; restricted ones too.
const LIVE_KEYS: [&str; 2] = ["sk_live_", "rk_live_"];
/// How keys begin that move none.
const TEST_KEYS: [&str; 2] = ["sk_test_", "rk_test_"];

/// What is to be known of a Stripe account.
pub(crate) struct StripeAccount<'a> {
    /// The secret or restricted key.
    pub(crate) secret_key: &'a str,
    /// What webhooks are signed with. Two while one replaces the other.
    pub(crate) webhook_secrets: &'a [&'a str],
    /// Where the API is: `https://api.stripe.com`.
    pub(crate) api_base: &'a str,
    /// The longest that connecting may take.
    pub(crate) connect_timeout: Duration,
    /// The longest that a call may take.
    pub(crate) timeout: Duration,
}

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StripeAccountError {
    /// No key of Stripe.
    #[error("Stripe's secret key must begin with sk_test_, sk_live_, rk_test_ or rk_live_")]
    SecretKey,
    /// No secret of a webhook.
    #[error("a webhook secret of Stripe must begin with whsec_")]
    WebhookSecret,
    /// No address, or one where the key could be read on the way.
    #[error("Stripe's API base must be an https address, or http on this machine")]
    ApiBase,
    /// TLS cannot be set up.
    #[error("the way to Stripe cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// A Stripe account.
pub(crate) struct Stripe {
    http: Http,
    webhook_keys: WebhookKeys,
    is_live: bool,
}

impl Stripe {
    /// The way to an account. Nothing is sent yet.
    ///
    /// # Errors
    /// [`StripeAccountError`] when it cannot be used.
    pub(crate) fn new(account: &StripeAccount<'_>) -> Result<Self, StripeAccountError> {
        let is_live = is_live(account.secret_key).ok_or(StripeAccountError::SecretKey)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", account.secret_key))
            .map_err(|_| StripeAccountError::SecretKey)?;
        authorization.set_sensitive(true);
        let webhook_keys =
            WebhookKeys::new(account.webhook_secrets).ok_or(StripeAccountError::WebhookSecret)?;
        let base = way::api_base(account.api_base).ok_or(StripeAccountError::ApiBase)?;
        let client = way::client(&base, account.connect_timeout, account.timeout)?;
        Ok(Self {
            http: Http::new(client, base, authorization),
            webhook_keys,
            is_live,
        })
    }
}

/// Whether a key moves real money; `None` when it is no key.
fn is_live(key: &str) -> Option<bool> {
    let begins = |starts: [&str; 2]| starts.iter().any(|start| key.starts_with(start));
    match (begins(LIVE_KEYS), begins(TEST_KEYS)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// A number of seconds since 1970 as a time.
fn time(seconds: i64) -> Result<DateTime<Utc>, ProviderError> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| http::malformed(&format!("{seconds} is no time")))
}

/// An amount that Stripe tells.
fn amount(units: i64, currency: &str) -> Result<Money, ProviderError> {
    minor::from_minor(units, currency)
        .map_err(|error| http::malformed(&format!("the amount {units} {error}")))
}

/// An amount in cents, for Stripe.
fn cents(amount: Money) -> Result<String, ProviderError> {
    minor::to_cents(amount)
        .map(|cents| cents.to_string())
        .map_err(|_| http::refused("amount_invalid", &format!("{amount} is not in whole cents")))
}

#[async_trait]
impl ProviderClient for Stripe {
    fn is_live(&self) -> bool {
        self.is_live
    }

    fn least_charge(&self) -> Money {
        // Always fits.
        minor::from_minor(LEAST_CENTS, "usd").unwrap_or(Money::ZERO)
    }

    fn saved_methods(&self) -> Option<&dyn SavedMethods> {
        Some(self)
    }

    async fn create_charge(
        &self,
        key: &str,
        order: &ChargeOrder,
    ) -> Result<CreatedCharge, ProviderError> {
        self.create_intent(key, order).await
    }

    async fn confirm_charge(
        &self,
        key: &str,
        reference: &str,
        off_session: bool,
    ) -> Result<Charge, ProviderError> {
        self.confirm_intent(key, reference, off_session).await
    }

    async fn charge(&self, reference: &str) -> Result<Charge, ProviderError> {
        self.intent(reference).await
    }

    async fn cancel_charge(&self, key: &str, reference: &str) -> Result<Charge, ProviderError> {
        self.cancel_intent(key, reference).await
    }

    async fn refund(&self, key: &str, order: &RefundOrder) -> Result<RefundReport, ProviderError> {
        self.create_refund(key, order).await
    }

    async fn refund_report(&self, reference: &str) -> Result<RefundReport, ProviderError> {
        self.one_refund(reference).await
    }

    async fn refunds_of(&self, charge: &str) -> Result<Vec<RefundReport>, ProviderError> {
        self.all_refunds(charge).await
    }

    async fn charges_made(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, ProviderError> {
        self.intents_made(from, until).await
    }

    async fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Hint, WebhookError> {
        self.webhook_keys.verify(headers, body, now)?;
        webhook::hint(body)
    }
}
