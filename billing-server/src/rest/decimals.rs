//! How answers write decimals: as JSON numbers with exact digits, or as strings for callers whose
//! JSON numbers are floats.

use http::{HeaderMap, HeaderValue, header};

use super::problems::Problems;

/// The query parameter, and the parameter of `application/json`, that ask for a form.
pub(super) const PARAMETER: &str = "decimals";
/// The one form that can be asked for.
pub(super) const STRING: &str = "string";
/// What an answer says of itself when its decimals are strings.
pub(super) const STRING_MEDIA_TYPE: &str = "application/json;decimals=string";
/// What every other answer says of itself.
pub(super) const MEDIA_TYPE: &str = "application/json";

/// How an answer writes amounts, prices and rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Decimals {
    /// As numbers: `45.50`.
    #[default]
    Number,
    /// As strings: `"45.50"`.
    String,
}

impl Decimals {
    /// The form that the `Accept` header asks for.
    pub(super) fn accepted(headers: &HeaderMap, problems: &mut Problems) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let accepted = accepted.filter_map(|value| value.to_str().ok());
        let mut form = Self::Number;
        for range in accepted.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            if !is_json(parts.next().unwrap_or_default()) {
                continue;
            }
            for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
                if name.trim().eq_ignore_ascii_case(PARAMETER) {
                    form = Self::named(value.trim().trim_matches('"'), problems);
                }
            }
        }
        form
    }

    /// The form that a caller names, of which there is one.
    pub(super) fn named(name: &str, problems: &mut Problems) -> Self {
        if name != STRING {
            problems.invalid(PARAMETER, "must be string, or be left out");
        }
        Self::String
    }

    /// What an answer says of itself.
    pub(super) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Number => MEDIA_TYPE,
            Self::String => STRING_MEDIA_TYPE,
        })
    }

    /// Writes a number's digits.
    pub(super) fn write(self, digits: String) -> String {
        match self {
            Self::Number => digits,
            Self::String => format!("\"{digits}\""),
        }
    }
}

fn is_json(range: &str) -> bool {
    [MEDIA_TYPE, "application/*", "*/*"]
        .iter()
        .any(|known| range.eq_ignore_ascii_case(known))
}
