//! Amounts by month in one column: a JSON object of texts such as `{"2024-11":"14.24"}`.

use std::collections::BTreeMap;

use billing_core::{money::Money, month::Month};

use super::month;
use crate::StoreError;

pub(super) fn format(amounts: &BTreeMap<Month, Money>) -> String {
    let members: Vec<_> = amounts
        .iter()
        .map(|(month, amount)| format!("\"{month}\":\"{amount}\""))
        .collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn parse(
    column: &'static str,
    json: &str,
) -> Result<BTreeMap<Month, Money>, StoreError> {
    let texts: BTreeMap<&str, &str> =
        serde_json::from_str(json).map_err(|error| StoreError::corrupt(column, error))?;
    texts
        .into_iter()
        .map(|(key, amount)| {
            let amount = amount
                .parse()
                .map_err(|error| StoreError::corrupt(column, error))?;
            Ok((month(column, key)?, amount))
        })
        .collect()
}
