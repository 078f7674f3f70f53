//! Amounts by month as JSON: an object of texts such as `{"2024-11":"14.24"}`.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use billing_core::{money::Money, month::Month};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Amounts in USD by month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amounts(pub(crate) BTreeMap<Month, Money>);

impl Serialize for Amounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = self.0.iter();
        serializer.collect_map(texts.map(|(month, amount)| (Text(month), Text(amount))))
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let amounts = texts
            .iter()
            .map(|(month, amount)| Ok((parsed(month)?, parsed(amount)?)));
        amounts.collect::<Result<_, _>>().map(Self)
    }
}

struct Text<'a, T>(&'a T);

impl<T: Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

fn parsed<T: FromStr<Err: Display>, E: Error>(text: &str) -> Result<T, E> {
    text.parse().map_err(E::custom)
}

/// A value that JSON carries as its text, for `#[serde(with = "as_text")]`.
pub(super) mod as_text {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer, parsed};

    pub(in crate::rows) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::rows) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        parsed(&String::deserialize(deserializer)?)
    }
}
