//! Amounts and prices in whole units, for quotients that are cut off and never rounded.

use crate::money::{Fixed, Money, NumberError, Price, Rate};

/// Cents of a dollar.
const CENTS_PER_USD: i64 = 100;

/// An amount of whole cents, in cents.
///
/// # Errors
/// [`NumberError::TooPrecise`] when it has parts of a cent, [`NumberError::TooLarge`] when it does
/// not fit.
pub(super) fn cents(amount: Money) -> Result<i64, NumberError> {
    units(amount, CENTS_PER_USD)
}

/// What a rate is in units of 0.0001.
///
/// # Errors
/// [`NumberError::TooLarge`] when it does not fit.
pub(super) fn rate_units(rate: Rate) -> Result<i64, NumberError> {
    units(rate.rescaled()?, 10_000)
}

/// How many whole tokens an amount of whole cents buys at a price per token and a rate; `None` when
/// they cost nothing.
///
/// # Errors
/// [`NumberError::TooLarge`] when it does not fit.
pub(super) fn tokens_for(
    amount: Money,
    price_per_token: Price,
    rate: Rate,
) -> Result<Option<i64>, NumberError> {
    let price = i128::from(units(price_per_token.rescaled()?, 1_000_000_000_000)?);
    let price = price.checked_mul(rate_units(rate)?.into());
    let price = price.ok_or(NumberError::TooLarge)?;
    if price == 0 {
        return Ok(None);
    }
    // A price in units of 10^-16, so a cent is 10^14 of them.
    let tokens = i128::from(cents(amount)?)
        .checked_mul(10_i128.pow(14))
        .and_then(|amount| amount.checked_div(price))
        .and_then(|tokens| i64::try_from(tokens).ok());
    tokens.map(Some).ok_or(NumberError::TooLarge)
}

/// A number in units of which one has `per_one`.
fn units(number: Fixed<15>, per_one: i64) -> Result<i64, NumberError> {
    number.times(per_one)?.to_i64()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{money, rate};

    #[rstest]
    #[case("100", "0.00015", "0.9", Some(740_740))]
    #[case("100", "0.00015", "1", Some(666_666))]
    #[case("0.01", "10", "1", Some(0))]
    #[case("100", "0", "1", None)]
    #[case("100", "0.00015", "0", None)]
    fn tokens_are_cut_off_after_the_last_whole_one(
        #[case] amount: &str,
        #[case] price: &str,
        #[case] discount: &str,
        #[case] tokens: Option<i64>,
    ) {
        let bought = tokens_for(money(amount), price.parse().unwrap(), rate(discount));
        assert_eq!(bought, Ok(tokens));
    }
}
