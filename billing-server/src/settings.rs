//! What the server is told at start: by flags, the environment, a TOML file, or defaults.
//!
//! A setting `db_writers` is the flag `--db-writers`, the variable `BILLING_DB_WRITERS` and the
//! key `db_writers` of the file; the first of these that names it wins. `BILLING_TEST_CLOCK` is a
//! variable only, so that no file can leave a server on a clock that stands still.

mod check;
mod database_url;
mod load;
mod options;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use billing_store::Database;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use database_url::DatabaseUrl;
pub use options::{
    CommonOptions, DatabaseOptions, KeyOptions, ListenerOptions, Options, SecretText, ServerOptions,
};

use crate::auth::{KeyError, SigningKey, TokenRules};

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct SettingsError {
    /// The setting at fault, as it was given: a flag, a variable or a key of the file.
    pub key: String,
    /// What is wrong with it and what to do, in a lowercase sentence without secrets.
    pub reason: String,
}

impl SettingsError {
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
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The certificate and key of the listener, both PEM files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFiles<'a> {
    /// The certificate chain.
    pub cert: &'a Path,
    /// Its private key.
    pub key: &'a Path,
}

/// Everything the server is told, after all sources are merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the server listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The database.
    pub database_url: DatabaseUrl,
    /// Whether `serve` brings a PostgreSQL schema up to date; an SQLite file always is.
    pub auto_migrate: bool,
    /// The configured key file; see [`Settings::load_signing_key`].
    pub jwt_key_file: Option<PathBuf>,
    /// The `iss` that tokens must have.
    pub jwt_issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub jwt_audience: Option<String>,
    /// The listener's certificate chain; see [`Settings::tls`].
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key; see [`Settings::tls`].
    pub tls_key: Option<PathBuf>,
    /// Whether a listener that others can reach may go without TLS.
    pub plaintext: bool,
    /// The web origin that browsers may call from, or `*`.
    pub cors_origin: Option<String>,
    /// Whether the API's description may be read without a token.
    pub reflection_public: bool,
    /// The largest message, in bytes.
    pub max_message_bytes: usize,
    /// How many usage records may wait for the database.
    pub queue_records: usize,
    /// How many connections read.
    pub db_read_pool: usize,
    /// How many connections write.
    pub db_writers: usize,
    /// How long a call waits for a connection.
    #[serde(with = "humantime_serde")]
    pub db_acquire_timeout: Duration,
    /// How long the database may work on one statement.
    #[serde(with = "humantime_serde")]
    pub db_statement_timeout: Duration,
    /// How long running calls may take to finish once the server is told to stop.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    /// How long after its end a month is closed, so that late usage is still on its invoices.
    #[serde(with = "humantime_serde")]
    pub month_end_grace: Duration,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Where the test clock starts; without it the server runs on the system's clock.
    #[serde(skip)]
    pub test_clock: Option<DateTime<Utc>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database_url: DatabaseUrl::default(),
            auto_migrate: false,
            jwt_key_file: None,
            jwt_issuer: None,
            jwt_audience: None,
            tls_cert: None,
            tls_key: None,
            plaintext: false,
            cors_origin: None,
            reflection_public: false,
            max_message_bytes: 16 * 1024 * 1024,
            queue_records: 8_192,
            db_read_pool: 4,
            db_writers: 1,
            db_acquire_timeout: Duration::from_secs(5),
            db_statement_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(30),
            month_end_grace: Duration::from_secs(24 * 60 * 60),
            log_format: LogFormat::Text,
            test_clock: None,
        }
    }
}

impl Settings {
    /// The certificate and key to serve TLS with, if it is configured.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFiles<'_>> {
        Some(TlsFiles {
            cert: self.tls_cert.as_deref()?,
            key: self.tls_key.as_deref()?,
        })
    }

    /// What tokens must name besides their subject.
    #[must_use]
    pub fn token_rules(&self) -> TokenRules {
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
    pub fn load_signing_key(&self) -> Result<SigningKey, SettingsError> {
        let loaded = match (&self.jwt_key_file, self.database_url.database()) {
            (Some(configured), _) => SigningKey::load(configured),
            (None, Database::Sqlite(file)) => SigningKey::load_or_create(&beside(file)),
            (None, Database::Postgres(_)) => return Err(check::key_required()),
        };
        loaded.map_err(key_error)
    }

    /// As [`Self::load_signing_key`], but a missing key is an error: a key that is made beside a
    /// running server is not the server's.
    ///
    /// # Errors
    /// The file is missing or cannot be used.
    pub fn load_existing_signing_key(&self) -> Result<SigningKey, SettingsError> {
        let loaded = match (&self.jwt_key_file, self.database_url.database()) {
            (Some(configured), _) => SigningKey::load(configured),
            (None, Database::Sqlite(file)) => SigningKey::load(&beside(file)),
            (None, Database::Postgres(_)) => return Err(check::key_required()),
        };
        loaded.map_err(key_error)
    }
}

/// The key file beside an SQLite database.
fn beside(database: &Path) -> PathBuf {
    database.with_file_name("billing.key")
}

fn key_error(error: KeyError) -> SettingsError {
    SettingsError::new("jwt_key_file", error.to_string())
}

#[cfg(test)]
mod tests;
