//! What the settings must be, alone and together.

use std::{fmt::Display, net::SocketAddr};

use http::{HeaderValue, uri::Uri};

use billing_core::{
    document::{SeriesName, is_country},
    money::Money,
    text::{check_line, check_lines},
};

use super::{Config, ConfigError, Period, Usd};

/// The longest timeout.
const MAX_TIMEOUT: Period = Period::seconds(24 * 60 * 60);

/// What is wrong with a value, in a lowercase sentence.
type Checked = Result<(), String>;

impl Config {
    /// Checks what only a server needs: that its listener is safe, and that its key is one that
    /// other servers on the same database share. Answers where to listen; looked up once, so that
    /// what was found safe is what is used.
    ///
    /// # Errors
    /// The combination of settings that is refused, and what to do.
    pub(crate) fn check_serve(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let addresses = self.listen.resolve().map_err(|error| {
            ConfigError::new("listen", format!("cannot look up {}: {error}", self.listen))
        })?;
        self.check_listener(&addresses)?;
        self.documents()?;
        if self.database_url.is_postgres() && self.jwt_key_file.is_none() {
            return Err(key_required());
        }
        Ok(addresses)
    }

    fn check_listener(&self, addresses: &[SocketAddr]) -> Result<(), ConfigError> {
        let mut addresses = addresses.iter().map(|address| address.ip().to_canonical());
        let loopback = addresses.all(|address| address.is_loopback());
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => return Err(ConfigError::new("tls_cert", "needs tls_key too")),
            (None, Some(_)) => return Err(ConfigError::new("tls_key", "needs tls_cert too")),
            (None, None) if !loopback && !self.plaintext => {
                let reason = format!(
                    "{} can be reached by others and would be served without TLS: set tls_cert \
                     and tls_key, or plaintext behind a proxy that adds TLS",
                    self.listen
                );
                return Err(ConfigError::new("listen", reason));
            }
            _ => {}
        }
        if self.test_clock.is_some() && !loopback {
            let reason = "a test clock needs a loopback address in listen, such as 127.0.0.1:8080";
            return Err(ConfigError::new("BILLING_TEST_CLOCK", reason));
        }
        Ok(())
    }
}

/// Several servers may share a PostgreSQL database, and each must accept the others' tokens.
pub(super) fn key_required() -> ConfigError {
    let reason = "several servers: a signing key must be configured, the same for all servers on \
                  a PostgreSQL database";
    ConfigError::new("jwt_key_file", reason)
}

/// Every value of the type will do.
#[expect(clippy::unnecessary_wraps, reason = "a check like all others")]
pub(super) fn any<T>(_: &T) -> Checked {
    Ok(())
}

/// A number between two others, themselves included.
pub(super) fn between<T: PartialOrd + Display>([least, most]: [T; 2]) -> impl Fn(&T) -> Checked {
    move |value| {
        if (&least..=&most).contains(&value) {
            return Ok(());
        }
        Err(format!("must be between {least} and {most}, is {value}"))
    }
}

/// An amount that can be charged.
pub(super) fn cents(usd: &Usd) -> Checked {
    if usd.0.is_whole_cents() && usd.0 > Money::ZERO {
        return Ok(());
    }
    Err(format!("must be above 0 and in whole cents, is {usd}"))
}

/// A time that something may take.
pub(super) fn timeout(value: &Period) -> Checked {
    if !value.is_zero() && **value <= *MAX_TIMEOUT {
        return Ok(());
    }
    Err(format!(
        "must be more than 0s and at most {MAX_TIMEOUT}, is {value}"
    ))
}

/// A time no longer than another.
pub(super) fn at_most(most: Period) -> impl Fn(&Period) -> Checked {
    move |value| {
        if **value <= *most {
            return Ok(());
        }
        Err(format!("must be at most {most}, is {value}"))
    }
}

/// Text, if any.
pub(super) fn not_empty(value: &Option<String>) -> Checked {
    match value.as_deref() {
        Some("") => Err("must not be empty".to_owned()),
        _ => Ok(()),
    }
}

/// Text of one line, at most this many characters.
pub(super) fn line(most: usize) -> impl Fn(&Option<String>) -> Checked {
    move |value| {
        let checked = check_line(value.as_deref().unwrap_or_default(), most);
        checked.map_err(|error| error.to_string())
    }
}

/// Text of one line or several, at most this many characters.
pub(super) fn lines(most: usize) -> impl Fn(&Option<String>) -> Checked {
    move |value| {
        let checked = check_lines(value.as_deref().unwrap_or_default(), most);
        checked.map_err(|error| error.to_string())
    }
}

/// The code of a country, if any.
pub(super) fn country(value: &Option<String>) -> Checked {
    match value.as_deref() {
        Some(code) if !is_country(&code.to_ascii_uppercase()) => {
            Err("must be the code of a country, such as DE (ISO 3166-1)".to_owned())
        }
        _ => Ok(()),
    }
}

/// The name of a series of documents.
pub(super) fn series(name: &str) -> Checked {
    let parsed = SeriesName::parse(name);
    parsed.map(drop).map_err(|error| error.to_string())
}

/// An origin as browsers send it: scheme and host, without a path.
pub(super) fn origin(value: &Option<String>) -> Checked {
    let is_origin = |text: &str| {
        text.parse::<Uri>().is_ok_and(|uri| {
            let origin = uri.scheme_str().zip(uri.authority());
            origin.is_some_and(|(scheme, host)| text == format!("{scheme}://{host}"))
        })
    };
    match value.as_deref() {
        None | Some("*") => Ok(()),
        Some(text) if is_origin(text) && HeaderValue::from_str(text).is_ok() => Ok(()),
        Some(_) => {
            Err("must be * or an origin such as https://app.example.com, without a path".to_owned())
        }
    }
}
