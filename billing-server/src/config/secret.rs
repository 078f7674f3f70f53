//! Text that may hold a password.

use std::{convert::Infallible, fmt, fs, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Text that may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// The text, for the one place that needs it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
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

/// A secret that is given as the setting `key`, or stands in the file of `key` with `_file`.
///
/// # Errors
/// It is given twice, or the file cannot be read.
pub(crate) fn secret(
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
