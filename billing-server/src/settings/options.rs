//! The settings as flags: every one may be left out.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::LogFormat;

/// All settings that flags or the environment may give.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Options {
    /// For every command.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
    /// The listener.
    #[command(flatten)]
    #[serde(flatten)]
    pub listener: ListenerOptions,
    /// Tokens.
    #[command(flatten)]
    #[serde(flatten)]
    pub keys: KeyOptions,
    /// The running server.
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerOptions,
    /// The database's limits.
    #[command(flatten)]
    #[serde(flatten)]
    pub database: DatabaseOptions,
}

/// What every command on the server's machine takes.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct CommonOptions {
    /// TOML file with settings, in snake_case
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME [default: sqlite://billing.db]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<SecretText>,
    /// How log lines are written to stderr [default: text]
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
}

/// What the listener takes.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ListenerOptions {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// PEM certificate chain; serves TLS together with --tls-key
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// PEM private key of --tls-cert
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Allow others to connect without TLS, as behind a proxy that adds it
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<bool>,
    /// Web origin that browsers may call from, or * for all [default: none]
    #[arg(long, value_name = "ORIGIN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origin: Option<String>,
    /// Let the API's description be read without a token
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reflection_public: Option<bool>,
}

/// What decides which tokens are accepted.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct KeyOptions {
    /// Ed25519 key (PEM) or HS256 secret for tokens; required with PostgreSQL [default:
    /// billing.key beside the SQLite file, created when missing]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_key_file: Option<PathBuf>,
    /// The iss that tokens must have [default: not checked]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_issuer: Option<String>,
    /// The aud that tokens must have [default: not checked]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_audience: Option<String>,
}

/// How the running server works and how much it takes on.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ServerOptions {
    /// Bring a PostgreSQL schema up to date at start; SQLite always is
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_migrate: Option<bool>,
    /// Largest message [default: 16777216]
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_message_bytes: Option<usize>,
    /// Usage records that may wait for the database [default: 8192]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_records: Option<usize>,
    /// Database connections that read [default: 4]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_read_pool: Option<usize>,
    /// Database connections that write usage [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_writers: Option<usize>,
    /// Time that running calls get to finish at the end [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(
        with = "humantime_serde::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub shutdown_timeout: Option<Duration>,
    /// Time after a month's end when its invoices are made [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(
        with = "humantime_serde::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub month_end_grace: Option<Duration>,
}

/// How long the database may take.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct DatabaseOptions {
    /// Longest wait for a database connection [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(
        with = "humantime_serde::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub db_acquire_timeout: Option<Duration>,
    /// Longest run of one database statement [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(
        with = "humantime_serde::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub db_statement_timeout: Option<Duration>,
}

/// Text that may hold a password and is never shown.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
