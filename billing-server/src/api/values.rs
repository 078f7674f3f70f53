//! Amounts, decimals and ids.

use std::str::FromStr;

use billing_core::{
    document::TaxExemption,
    ids::{IdError, UserId, check},
    money::{Fixed, Money, NumberError},
    refusal::Refusal,
    text::{TextError, check_line},
};
use billing_proto::{
    google::r#type::Decimal,
    v1::{self, Amount},
};

use super::Violations;
use crate::{auth::ResolvedUser, error::ApiError};

/// The most money in one field, in USD.
const MAX_USD: i64 = 1_000_000_000;
/// The most characters of a description or reason.
const MAX_NOTE_CHARS: usize = 500;

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

/// Why no tax is charged, as it is sent; nothing when tax is charged.
pub(super) fn exemption(exemption: Option<TaxExemption>) -> Option<i32> {
    let sent = exemption.map(|exemption| match exemption {
        TaxExemption::ReverseCharge => v1::TaxExemption::ReverseCharge,
        TaxExemption::Exempt => v1::TaxExemption::Exempt,
        TaxExemption::OutsideScope => v1::TaxExemption::OutsideScope,
    });
    sent.map(i32::from)
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

/// Money that a coupon may be worth or ask for: from 0 to [`MAX_USD`].
pub(super) fn limited_money(text: &str) -> Result<Money, String> {
    let money: Money = text.parse().map_err(|e: NumberError| e.to_string())?;
    if money.is_negative() {
        return Err("must not be negative".to_owned());
    }
    match Money::whole(MAX_USD) {
        Ok(most) if money <= most => Ok(money),
        _ => Err(format!("must be at most {MAX_USD}")),
    }
}

/// Money in whole cents, above 0 and at most [`MAX_USD`].
pub(super) fn cents(text: &str) -> Result<Money, String> {
    let usd = limited_money(text)?;
    if usd == Money::ZERO {
        Err("must be above 0".to_owned())
    } else if !usd.is_whole_cents() {
        Err("must be in whole cents".to_owned())
    } else {
        Ok(usd)
    }
}

/// A sentence or two that people write.
pub(super) fn note(text: String) -> Result<String, TextError> {
    check_line(&text, MAX_NOTE_CHARS).map(|()| text)
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

/// An id that the service makes, as a caller wrote it. One that is an id but none of the service's
/// is answered like one that nothing has.
pub(super) fn made_id<T: FromStr>(
    field: &str,
    text: String,
    not_found: impl FnOnce(String) -> Refusal,
    violations: &mut Violations,
) -> Option<Result<T, Refusal>> {
    violations.check(field, check(&text))?;
    Some(text.parse().map_err(|_| not_found(text)))
}

/// The user of a request that says nothing else.
///
/// # Errors
/// When it is no user id.
pub(super) fn user(user: &ResolvedUser) -> Result<UserId, ApiError> {
    let mut violations = Violations::default();
    let user = violations.check("user_id", user.id());
    violations.finish(user)
}
