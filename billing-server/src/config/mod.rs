//! What the server is told at start: by flags, the environment, a TOML file, or defaults. A new
//! setting is a new line of `table`.
//!
//! A setting `db_writers` is the flag `--db-writers`, the variable `BILLING_DB_WRITERS` and the
//! key `db_writers` of the file; the first of these that names it wins. `BILLING_TEST_CLOCK` is a
//! variable only, so that no file can leave a server on a clock that stands still.

mod check;
mod database_url;
mod declare;
mod listen;
mod load;
mod networks;
mod period;
mod periods;
mod secret;
mod table;
mod usd;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use billing_core::{
    document::{DocumentOptions, Seller, SeriesName},
    payment::TopupLimits,
};
use billing_store::Database;
use serde::{Deserialize, Serialize};

pub(crate) use database_url::DatabaseUrl;
pub(crate) use listen::ListenAddress;
pub(crate) use load::check_variables;
pub(crate) use networks::Networks;
pub(crate) use period::Period;
pub(crate) use periods::Periods;
pub(crate) use secret::{SecretText, secret};
pub(crate) use table::{CommonOptions, Config, DatabaseOptions, KeyOptions, MailOptions, Options};
pub(crate) use usd::Usd;

use crate::{
    auth::{KeyError, SigningKey, TokenRules},
    delivery::webhook::AddressRules,
};

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub(crate) struct ConfigError {
    /// The setting at fault, as it was given: a flag, a variable or a key of the file.
    pub(crate) key: String,
    /// What is wrong with it and what to do, in a lowercase sentence without secrets.
    pub(crate) reason: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            reason: reason.into(),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The certificate and key of the listener, both PEM files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TlsFiles<'a> {
    /// The certificate chain.
    pub(crate) cert: &'a Path,
    /// Its private key.
    pub(crate) key: &'a Path,
}

impl Config {
    /// The certificate and key to serve TLS with, if it is configured.
    #[must_use]
    pub(crate) fn tls(&self) -> Option<TlsFiles<'_>> {
        Some(TlsFiles {
            cert: self.tls_cert.as_deref()?,
            key: self.tls_key.as_deref()?,
        })
    }

    /// What a top-up may cost, and how many there may be by themselves.
    #[must_use]
    pub(crate) fn topup_limits(&self) -> TopupLimits {
        TopupLimits {
            least: self.topup_min.0,
            most: self.topup_max.0,
            per_day: self.topup_max_per_day,
            per_month: self.topup_max_per_month,
        }
    }

    /// Where webhooks may be sent.
    #[must_use]
    pub(crate) fn webhook_addresses(&self) -> AddressRules {
        AddressRules {
            allow_http: self.webhook_allow_http,
            allowed: self.webhook_allow_cidr.to_vec(),
        }
    }

    /// What documents say of the seller, and in which series they are numbered.
    ///
    /// # Errors
    /// When both series are one.
    pub(crate) fn documents(&self) -> Result<DocumentOptions, ConfigError> {
        let series = |key, name: &String| {
            let parsed = SeriesName::parse(name.as_str());
            parsed.map_err(|error| ConfigError::new(key, error.to_string()))
        };
        let invoice_series = series("invoice_series", &self.invoice_series)?;
        let credit_note_series = series("credit_note_series", &self.credit_note_series)?;
        if invoice_series == credit_note_series {
            let reason = format!("must not be {invoice_series}, which is invoice_series too");
            return Err(ConfigError::new("credit_note_series", reason));
        }
        let text = |setting: &Option<String>| setting.clone().unwrap_or_default();
        Ok(DocumentOptions {
            seller: Seller {
                name: text(&self.seller_name),
                address: text(&self.seller_address),
                country: text(&self.seller_country).to_ascii_uppercase(),
                tax_id: text(&self.seller_tax_id),
                registration: text(&self.seller_registration),
                footer: text(&self.seller_footer),
            },
            invoice_series,
            credit_note_series,
        })
    }

    /// What tokens must name besides their subject.
    #[must_use]
    pub(crate) fn token_rules(&self) -> TokenRules {
        TokenRules {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
        }
    }

    /// Loads the key that signs and verifies tokens: the configured file, or `billing.key` beside
    /// an SQLite database, created when it is missing.
    ///
    /// # Errors
    /// The file cannot be used, or PostgreSQL is the database and no file is configured.
    pub(crate) fn load_signing_key(&self) -> Result<SigningKey, ConfigError> {
        let loaded = match (&self.jwt_key_file, self.database_url.database()) {
            (Some(configured), _) => SigningKey::load(configured),
            (None, Database::Sqlite(file)) => SigningKey::load_or_create(&beside(file)),
            (None, Database::Postgres(_)) => return Err(check::key_required()),
        };
        loaded.map_err(key_error)
    }

    /// Whether the server makes the key that it lacks when it starts.
    #[must_use]
    pub(crate) fn makes_key(&self) -> bool {
        match (&self.jwt_key_file, self.database_url.database()) {
            (None, Database::Sqlite(file)) => !beside(file).exists(),
            _ => false,
        }
    }

    /// As [`Self::load_signing_key`], but a missing key is an error: a key that is made beside a
    /// running server is not the server's.
    ///
    /// # Errors
    /// The file is missing or cannot be used.
    pub(crate) fn load_existing_signing_key(&self) -> Result<SigningKey, ConfigError> {
        match (&self.jwt_key_file, self.database_url.database()) {
            (Some(configured), _) => existing(configured, "name another with --jwt-key-file"),
            (None, Database::Sqlite(file)) => existing(
                &beside(file),
                "start the server, which makes it, or name its key file with --jwt-key-file",
            ),
            (None, Database::Postgres(_)) => Err(check::key_required()),
        }
    }
}

/// The key in a file that must be there; `advice` is what to do when it is not.
fn existing(path: &Path, advice: &str) -> Result<SigningKey, ConfigError> {
    SigningKey::load(path).map_err(|error| match error {
        KeyError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
            let path = path.display();
            ConfigError::new(
                "jwt_key_file",
                format!(
                    "there is no key file {path}: {advice}, or make one with `billing-server \
                     keygen {path}`"
                ),
            )
        }
        error => key_error(error),
    })
}

/// The key file beside an SQLite database.
fn beside(database: &Path) -> PathBuf {
    database.with_file_name("billing.key")
}

fn key_error(error: KeyError) -> ConfigError {
    ConfigError::new("jwt_key_file", error.to_string())
}

#[cfg(test)]
mod tests;
