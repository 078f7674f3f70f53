//! The payment providers that the server was given accounts of.

use std::{fs, path::Path, time::Duration};

use billing_core::payment::{AutomaticPayments, Provider};
use chrono::TimeDelta;

use super::{
    provider::{ProviderClient, SavedMethods},
    stripe::{Stripe, StripeAccount},
};
use crate::{
    config::{Config, ConfigError, SecretText},
    error::{ApiError, ErrorCode},
};

/// Where Stripe's API is unless told otherwise.
const STRIPE_API: &str = "https://api.stripe.com";
/// What payers read on a charge unless told otherwise.
const DESCRIPTION: &str = "Oblivious AI API Usage";
/// The longest that connecting to a provider may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a call to a provider may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The providers there are accounts of.
pub(crate) struct Providers {
    stripe: Option<Stripe>,
    description: String,
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
            description: description.unwrap_or(DESCRIPTION).to_owned(),
        })
    }

    /// Whether there is any.
    pub(crate) const fn are_there(&self) -> bool {
        self.stripe.is_some()
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

    /// What payers read on a charge.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// A provider.
    ///
    /// # Errors
    /// `PAYMENT_PROVIDER_NOT_CONFIGURED`.
    pub(crate) fn get(&self, provider: Provider) -> Result<&dyn ProviderClient, ApiError> {
        let found = match provider {
            Provider::Stripe => self.stripe.as_ref(),
            Provider::Paypal | Provider::Manual => None,
        };
        let found = found.map(|client| -> &dyn ProviderClient { client });
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
    let webhooks = self::secret(webhook, given, file)?;
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

/// A secret that is given, or stands in a file.
fn secret(
    key: &str,
    given: &Option<SecretText>,
    file: &Option<impl AsRef<Path>>,
) -> Result<Option<String>, ConfigError> {
    match (given, file) {
        (Some(_), Some(_)) => {
            let reason = format!("is given twice: leave out {key} or {key}_file");
            Err(ConfigError::new(key, reason))
        }
        (Some(given), None) => Ok(Some(given.expose().to_owned())),
        (None, None) => Ok(None),
        (None, Some(file)) => {
            let file = file.as_ref();
            let text = fs::read_to_string(file).map_err(|error| {
                ConfigError::new(
                    format!("{key}_file"),
                    format!("{}: {error}", file.display()),
                )
            })?;
            Ok(Some(text.trim().to_owned()))
        }
    }
}
