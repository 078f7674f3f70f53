//! Lengths of time in settings that take several.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Period;

/// Lengths of time, written like 1d,3d,7d; nothing stands for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Periods(Vec<Period>);

impl Periods {
    /// So many days each.
    pub(crate) fn days(days: &[u64]) -> Self {
        let day = |days: &u64| Period::seconds(days.saturating_mul(24 * 60 * 60));
        Self(days.iter().map(day).collect())
    }

    /// The lengths of time, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Period> {
        self.0.iter()
    }
}

impl FromStr for Periods {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<String> for Periods {
    type Error = humantime::DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Periods> for String {
    fn from(periods: Periods) -> Self {
        periods.to_string()
    }
}

impl fmt::Display for Periods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(","))
    }
}
