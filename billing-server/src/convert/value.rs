//! Amounts, decimals and ids.

use billing_core::{
    ids::IdError,
    money::{Fixed, Money, NumberError},
};
use billing_proto::{google::r#type::Decimal, v1::Amount};

use super::Violations;

/// Money as it is sent: at least two decimals and as many as it has.
pub(super) fn amount(money: Money) -> Option<Amount> {
    Some(Amount {
        value: money.digits(2),
    })
}

/// A price, rate or value as it is sent: without trailing zeros.
pub(super) fn decimal<const SCALE: u32>(number: Fixed<SCALE>) -> Option<Decimal> {
    Some(Decimal {
        value: number.to_string(),
    })
}

pub(super) fn fixed<const SCALE: u32>(
    decimal: &Option<Decimal>,
) -> Result<Option<Fixed<SCALE>>, NumberError> {
    decimal.as_ref().map(|d| d.value.parse()).transpose()
}

/// Money that may be left out.
pub(super) fn money(amount: &Option<Amount>) -> Result<Option<Money>, NumberError> {
    amount.as_ref().map(|a| a.value.parse()).transpose()
}

/// An id that may be left out.
pub(super) fn optional_id<T>(
    field: &str,
    text: String,
    parse: impl FnOnce(String) -> Result<T, IdError>,
    violations: &mut Violations,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    violations.check(field, parse(text))
}
