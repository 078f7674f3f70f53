//! What is read from a token, in the forms that issuers write it.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Number;

/// The claims that are read; `iss` and `aud` are checked where the signature is.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: Date,
    pub(super) nbf: Option<Date>,
    #[serde(default)]
    pub(super) scope: Scope,
}

/// A date in seconds since 1970, which may have a fraction.
#[derive(Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct Date(Decimal);

impl TryFrom<Number> for Date {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        let text = number.to_string();
        let seconds = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
        let seconds = seconds.map_err(|_| format!("{text} is no date in seconds since 1970"))?;
        Ok(Self(seconds))
    }
}

impl Date {
    /// The first whole second at which the date is over.
    pub(super) fn end(&self) -> i64 {
        whole(self.0.ceil())
    }

    /// The whole second in which the date begins.
    pub(super) fn start(&self) -> i64 {
        whole(self.0.floor())
    }
}

/// A date beyond all times is as far away as can be.
fn whole(seconds: Decimal) -> i64 {
    let farthest = if seconds.is_sign_negative() {
        i64::MIN
    } else {
        i64::MAX
    };
    i64::try_from(seconds).unwrap_or(farthest)
}

/// Scopes, as one text with spaces or as a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "scope must be a text or a list of texts")]
pub(super) enum Scope {
    Text(String),
    List(Vec<String>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Scope {
    /// The scopes as one text with spaces.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(scopes) => scopes.join(" "),
        }
    }
}
