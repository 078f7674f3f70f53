//! The payment providers that the server was given accounts of.

use std::time::Duration;

use billing_core::payment::{AutomaticPayments, Provider};
use chrono::TimeDelta;
use rustls_pki_types::CertificateDer;

use super::{
    paypal::{PaypalClient, PaypalSettings},
    provider::{ProviderClient, SavedMethods},
    stripe::{Stripe, StripeAccount},
};
use crate::{
    config::{Config, ConfigError, secret},
    error::{ApiError, ErrorCode},
};

/// Where Stripe's API is unless told otherwise.
const STRIPE_API: &str = "https://api.stripe.com";
/// Where PayPal's API is unless told otherwise.
const PAYPAL_API: &str = "https://api-m.paypal.com";
/// The item that buyers read at PayPal unless told otherwise.
const ITEM: &str = "Oblivious AI Credits";
/// What payers read on a charge unless told otherwise.
const DESCRIPTION: &str = "Oblivious AI API Usage";
/// The longest that connecting to a provider may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a call to a provider may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The providers there are accounts of.
pub(crate) struct Providers {
    stripe: Option<Stripe>,
    paypal: Option<PaypalClient>,
    description: String,
    item: String,
}

impl Providers {
    /// The providers of the settings; files of secrets are read now.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let description = config.payment_description.as_deref();
        Ok(Self {
            stripe: stripe(config)?,
            paypal: paypal(config)?,
            description: description.unwrap_or(DESCRIPTION).to_owned(),
            item: config
                .paypal_item_name
                .as_deref()
                .unwrap_or(ITEM)
                .to_owned(),
        })
    }

    /// Whether there is any.
    pub(crate) const fn are_there(&self) -> bool {
        self.stripe.is_some() || self.paypal.is_some()
    }

    /// What is paid by itself, through the provider that keeps payment methods; `None` without one.
    pub(crate) fn automatic(&self, config: &Config) -> Option<AutomaticPayments> {
        let stripe = self.stripe.as_ref()?;
        let retries = config.collection_retries.iter();
        let retries = retries.filter_map(|wait| TimeDelta::from_std(**wait).ok());
        Some(AutomaticPayments {
            provider: Provider::Stripe,
            is_live: stripe.is_live(),
            least: stripe.least_charge(),
            retries: retries.collect(),
            limits: config.topup_limits(),
        })
    }

    /// What payers read on a charge of a provider.
    pub(crate) fn description(&self, provider: Provider) -> &str {
        match provider {
            Provider::Paypal => &self.item,
            Provider::Stripe | Provider::Manual => &self.description,
        }
    }

    /// A provider.
    ///
    /// # Errors
    /// `PAYMENT_PROVIDER_NOT_CONFIGURED`.
    pub(crate) fn get(&self, provider: Provider) -> Result<&dyn ProviderClient, ApiError> {
        let stripe = self.stripe.as_ref();
        let paypal = self.paypal.as_ref();
        let found = match provider {
            Provider::Stripe => stripe.map(|client| -> &dyn ProviderClient { client }),
            Provider::Paypal => paypal.map(|client| -> &dyn ProviderClient { client }),
            Provider::Manual => None,
        };
        found.ok_or_else(|| {
            let message = format!("no account at {} is configured", provider.name());
            ApiError::new(ErrorCode::PaymentProviderNotConfigured, message)
        })
    }

    /// A provider that keeps payment methods.
    ///
    /// # Errors
    /// As [`Self::get`], or when the provider keeps none.
    pub(crate) fn methods(&self, provider: Provider) -> Result<&dyn SavedMethods, ApiError> {
        let methods = self.get(provider)?.saved_methods();
        methods.ok_or_else(|| ApiError::violation("provider", "keeps no payment methods"))
    }
}

fn stripe(config: &Config) -> Result<Option<Stripe>, ConfigError> {
    let key = "stripe_secret_key";
    let secret = secret(
        key,
        &config.stripe_secret_key,
        &config.stripe_secret_key_file,
    )?;
    let webhook = "stripe_webhook_secret";
    let (given, file) = (
        &config.stripe_webhook_secret,
        &config.stripe_webhook_secret_file,
    );
    let webhooks = crate::config::secret(webhook, given, file)?;
    let Some(secret) = secret else {
        return Ok(None);
    };
    let webhooks = webhooks.unwrap_or_default();
    let webhooks = webhooks.split(',').map(str::trim);
    let webhooks: Vec<_> = webhooks.filter(|secret| !secret.is_empty()).collect();
    let account = StripeAccount {
        secret_key: &secret,
        webhook_secrets: &webhooks,
        api_base: config.stripe_api_base.as_deref().unwrap_or(STRIPE_API),
        connect_timeout: CONNECT_TIMEOUT,
        timeout: CALL_TIMEOUT,
    };
    let stripe = Stripe::new(&account);
    let stripe = stripe.map_err(|error| ConfigError::new(key, error.to_string()))?;
    Ok(Some(stripe))
}

fn paypal(config: &Config) -> Result<Option<PaypalClient>, ConfigError> {
    let key = "paypal_client_secret";
    let (given, file) = (
        &config.paypal_client_secret,
        &config.paypal_client_secret_file,
    );
    let (client_id, client_secret) = match (&config.paypal_client_id, secret(key, given, file)?) {
        (Some(id), Some(secret)) => (id.clone(), secret),
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(ConfigError::new(key, "is needed with paypal_client_id")),
        (None, Some(_)) => {
            let reason = "is needed with paypal_client_secret";
            return Err(ConfigError::new("paypal_client_id", reason));
        }
    };
    let api_base = config.paypal_api_base.as_deref().unwrap_or(PAYPAL_API);
    let client = PaypalClient::new(PaypalSettings {
        client_id,
        client_secret,
        webhook_id: config.paypal_webhook_id.clone().unwrap_or_default(),
        api_base: api_base.to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        timeout: CALL_TIMEOUT,
        trust_roots: trust_roots(),
    });
    let client = client.map_err(|error| ConfigError::new("paypal_api_base", error.to_string()))?;
    Ok(Some(client))
}

/// Whom the system trusts, or `SSL_CERT_FILE`. Without any PayPal is asked about each webhook, so
/// what cannot be read of them is no reason not to start.
fn trust_roots() -> Vec<CertificateDer<'static>> {
    let mut found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "trust roots of the system cannot be read");
    }
    // Systems trust some that are older than today's rules for certificates.
    found
        .certs
        .retain(|root| webpki::anchor_from_trusted_cert(root).is_ok());
    found.certs
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "secret-that-no-message-shows";

    fn app(id: Option<&str>, secret: Option<&str>, base: Option<&str>) -> Config {
        Config {
            paypal_client_id: id.map(str::to_owned),
            paypal_client_secret: secret.map(|secret| secret.parse().unwrap()),
            paypal_api_base: base.map(str::to_owned),
            ..Config::default()
        }
    }

    #[rstest]
    #[case::live(None, true)]
    #[case::sandbox(Some("https://api-m.sandbox.paypal.com"), false)]
    #[case::test(Some("http://127.0.0.1:9"), false)]
    fn an_app_at_paypal_is_live_by_its_address(#[case] base: Option<&str>, #[case] is_live: bool) {
        let providers = Providers::new(&app(Some("id"), Some(SECRET), base)).unwrap();
        let client = providers.get(Provider::Paypal).ok().unwrap();
        assert_eq!(client.is_live(), is_live);
        assert_eq!(providers.description(Provider::Paypal), ITEM);
        assert!(providers.methods(Provider::Paypal).is_err());
        assert!(providers.get(Provider::Stripe).is_err());
    }

    #[rstest]
    #[case::no_secret(Some("id"), None, None, "paypal_client_secret")]
    #[case::no_id(None, Some(SECRET), None, "paypal_client_id")]
    #[case::readable(
        Some("id"),
        Some(SECRET),
        Some("http://paypal.example"),
        "paypal_api_base"
    )]
    fn half_an_app_at_paypal_is_refused(
        #[case] id: Option<&str>,
        #[case] secret: Option<&str>,
        #[case] base: Option<&str>,
        #[case] names: &str,
    ) {
        let error = Providers::new(&app(id, secret, base)).err().unwrap();
        let said = error.to_string();
        assert!(said.contains(names) && !said.contains(SECRET), "{said}");
    }
}
