//! PayPal: orders that a buyer approves at PayPal's own page.
//!
//! A charge is an order with intent CAPTURE; its reference is the order's id. Money moves only by
//! the capture. Nothing is saved for later, so there is no automation with it.

mod certificate;
mod charge;
mod disputes;
mod event;
mod http;
mod money;
mod orders;
mod refunds;
mod reports;
#[cfg(test)]
mod tests;
mod token;
mod webhook;

use std::time::Duration;

use ::http::HeaderMap;
use async_trait::async_trait;
use billing_core::{
    money::Money,
    payment::{Charge, RefundReport},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;

use self::{http::Api, webhook::Webhooks};
use super::{
    provider::{
        ChargeOrder, CreatedCharge, Hint, ProviderClient, ProviderError, RefundOrder, SavedMethods,
        WebhookError,
    },
    way,
};

/// PayPal's name in errors.
const NAME: &str = "PayPal";
/// The host whose calls move real money.
const LIVE_HOST: &str = "api-m.paypal.com";

/// What the client needs to know. It has no `Debug`, so that the secret cannot get into a log.
pub(crate) struct PaypalSettings {
    /// The app's client id.
    pub(crate) client_id: String,
    /// The app's secret.
    pub(crate) client_secret: String,
    /// The id PayPal gave the webhook's address; signatures cover it.
    pub(crate) webhook_id: String,
    /// Where the API is: https, or http on this machine.
    pub(crate) api_base: String,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// How long a whole call may take.
    pub(crate) timeout: Duration,
    /// Whom to trust for the certificates that sign webhooks.
    pub(crate) trust_roots: Vec<CertificateDer<'static>>,
}

/// Why there is no client with these settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Not a URL, or one over which secrets would be readable.
    #[error("PayPal's API base must be an https URL, or an http one of this machine")]
    ApiBase,
    /// No HTTP client can be made.
    #[error("no HTTP client for PayPal: {0}")]
    Client(#[from] reqwest::Error),
    /// A root that is no certificate.
    #[error("a trust root for PayPal's webhooks is not a certificate: {0}")]
    TrustRoot(String),
}

/// PayPal over its REST API.
pub(crate) struct PaypalClient {
    api: Api,
    webhooks: Webhooks,
    is_live: bool,
}

impl PaypalClient {
    /// A client. It does not call PayPal yet.
    ///
    /// # Errors
    /// When the API base is no address for secrets, or a trust root is no certificate.
    pub(crate) fn new(settings: PaypalSettings) -> Result<Self, SettingsError> {
        let base = way::api_base(&settings.api_base).ok_or(SettingsError::ApiBase)?;
        let is_live = base.host_str() == Some(LIVE_HOST);
        let http = way::client(&base, settings.connect_timeout, settings.timeout)?;
        let webhooks = Webhooks::new(
            http.clone(),
            &base,
            settings.webhook_id,
            is_live,
            &settings.trust_roots,
        )?;
        Ok(Self {
            api: Api::new(http, &base, settings.client_id, settings.client_secret),
            webhooks,
            is_live,
        })
    }
}

#[async_trait]
impl ProviderClient for PaypalClient {
    fn is_live(&self) -> bool {
        self.is_live
    }

    fn least_charge(&self) -> Money {
        money::least_charge()
    }

    fn saved_methods(&self) -> Option<&dyn SavedMethods> {
        None
    }

    async fn create_charge(
        &self,
        key: &str,
        order: &ChargeOrder,
    ) -> Result<CreatedCharge, ProviderError> {
        self.create_order(key, order).await
    }

    /// The buyer has approved before, so it makes no difference whether they are there.
    async fn confirm_charge(
        &self,
        key: &str,
        reference: &str,
        _off_session: bool,
    ) -> Result<Charge, ProviderError> {
        self.capture(key, reference).await
    }

    async fn charge(&self, reference: &str) -> Result<Charge, ProviderError> {
        self.order_as_charge(reference).await
    }

    async fn cancel_charge(&self, _key: &str, reference: &str) -> Result<Charge, ProviderError> {
        self.abandon(reference).await
    }

    async fn refund(&self, key: &str, order: &RefundOrder) -> Result<RefundReport, ProviderError> {
        self.refund_capture(key, order).await
    }

    async fn refund_report(&self, reference: &str) -> Result<RefundReport, ProviderError> {
        self.one_refund(reference).await
    }

    async fn refunds_of(&self, charge: &str) -> Result<Vec<RefundReport>, ProviderError> {
        self.refunds_of_order(charge).await
    }

    async fn charges_made(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, ProviderError> {
        self.captured_between(from, until).await
    }

    async fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Hint, WebhookError> {
        self.webhooks.verify(&self.api, headers, body, now).await?;
        self.hint(body).await
    }
}
