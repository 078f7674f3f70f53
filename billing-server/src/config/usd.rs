//! Amounts of money in settings.

use std::{fmt, str::FromStr};

use billing_core::money::{Money, NumberError};
use serde::{Deserialize, Serialize};

/// An amount in USD, written in plain digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Usd(pub(crate) Money);

impl Usd {
    /// Whole dollars.
    pub(crate) fn whole(dollars: i64) -> Self {
        Self(Money::whole(dollars).unwrap_or(Money::ZERO))
    }
}

impl FromStr for Usd {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for Usd {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<Usd> for String {
    fn from(usd: Usd) -> Self {
        usd.to_string()
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.digits(2))
    }
}
