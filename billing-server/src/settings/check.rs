//! What the settings must be, alone and together.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderValue;
use http::uri::Uri;

use super::{Settings, SettingsError};

/// Bytes in a message: less holds no request, more than gRPC can frame is none.
const MESSAGE_BYTES: RangeInclusive<usize> = 1_024..=1_073_741_824;
/// Usage records in the queue.
const QUEUE_RECORDS: RangeInclusive<usize> = 1..=10_000_000;
/// Connections in a pool.
const POOL: RangeInclusive<usize> = 1..=1_000;
/// The longest timeout.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest grace of a month's end: the next one has not come by then.
const MAX_GRACE: Duration = Duration::from_secs(28 * 24 * 60 * 60);

impl Settings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        in_range("max_message_bytes", self.max_message_bytes, MESSAGE_BYTES)?;
        in_range("queue_records", self.queue_records, QUEUE_RECORDS)?;
        in_range("db_read_pool", self.db_read_pool, POOL)?;
        in_range("db_writers", self.db_writers, POOL)?;
        timeout("db_acquire_timeout", self.db_acquire_timeout)?;
        timeout("db_statement_timeout", self.db_statement_timeout)?;
        timeout("shutdown_timeout", self.shutdown_timeout)?;
        grace("month_end_grace", self.month_end_grace)?;
        not_empty("jwt_issuer", self.jwt_issuer.as_deref())?;
        not_empty("jwt_audience", self.jwt_audience.as_deref())?;
        self.cors_origin.as_deref().map_or(Ok(()), origin)
    }

    /// Checks what only a server needs: that its listener is safe, and that its key is one that
    /// other servers on the same database share.
    ///
    /// # Errors
    /// The combination of settings that is refused, and what to do.
    pub fn check_serve(&self) -> Result<(), SettingsError> {
        self.check_listener()?;
        if self.database_url.is_postgres() && self.jwt_key_file.is_none() {
            return Err(key_required());
        }
        Ok(())
    }

    fn check_listener(&self) -> Result<(), SettingsError> {
        let loopback = self.listen.ip().to_canonical().is_loopback();
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => return Err(SettingsError::new("tls_cert", "needs tls_key too")),
            (None, Some(_)) => return Err(SettingsError::new("tls_key", "needs tls_cert too")),
            (None, None) if !loopback && !self.plaintext => {
                let reason = format!(
                    "{} can be reached by others and would be served without TLS: set tls_cert \
                     and tls_key, or plaintext behind a proxy that adds TLS",
                    self.listen
                );
                return Err(SettingsError::new("listen", reason));
            }
            _ => {}
        }
        if self.test_clock.is_some() && !loopback {
            let reason = "a test clock needs a loopback address in listen, such as 127.0.0.1:8080";
            return Err(SettingsError::new("BILLING_TEST_CLOCK", reason));
        }
        Ok(())
    }
}

/// Several servers may share a PostgreSQL database, and each must accept the others' tokens.
pub(super) fn key_required() -> SettingsError {
    let reason = "several servers: a signing key must be configured, the same for all servers on \
                  a PostgreSQL database";
    SettingsError::new("jwt_key_file", reason)
}

fn in_range<T: PartialOrd + Display>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), SettingsError> {
    if range.contains(&value) {
        return Ok(());
    }
    let reason = format!(
        "must be between {} and {}, is {value}",
        range.start(),
        range.end()
    );
    Err(SettingsError::new(key, reason))
}

fn timeout(key: &str, value: Duration) -> Result<(), SettingsError> {
    if !value.is_zero() && value <= MAX_TIMEOUT {
        return Ok(());
    }
    let value = humantime::format_duration(value);
    Err(SettingsError::new(
        key,
        format!("must be more than 0s and at most 1day, is {value}"),
    ))
}

fn grace(key: &str, value: Duration) -> Result<(), SettingsError> {
    if value <= MAX_GRACE {
        return Ok(());
    }
    let value = humantime::format_duration(value);
    Err(SettingsError::new(
        key,
        format!("must be at most 28days, is {value}"),
    ))
}

fn not_empty(key: &str, value: Option<&str>) -> Result<(), SettingsError> {
    match value {
        Some("") => Err(SettingsError::new(key, "must not be empty")),
        _ => Ok(()),
    }
}

/// An origin as browsers send it: scheme and host, without a path.
fn origin(text: &str) -> Result<(), SettingsError> {
    let valid = text == "*"
        || text.parse::<Uri>().is_ok_and(|uri| {
            let origin = uri.scheme_str().zip(uri.authority());
            origin.is_some_and(|(scheme, host)| text == format!("{scheme}://{host}"))
        });
    if valid && HeaderValue::from_str(text).is_ok() {
        return Ok(());
    }
    let reason = "must be * or an origin such as https://app.example.com, without a path";
    Err(SettingsError::new("cors_origin", reason))
}
