//! Amounts and prices in whole units, for quotients that are cut off and never rounded.

use crate::money::{CENTS, Fixed, Money, NumberError, Price, Rate};

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

/// The part `part` of `whole` of an amount of whole cents, cut off after the cent.
///
/// # Errors
/// [`NumberError::TooLarge`] when it does not fit or `whole` is 0.
pub(super) fn floor_share(amount: Money, part: i64, whole: i64) -> Result<Money, NumberError> {
    let share = i128::from(cents(amount)?)
        .checked_mul(part.into())
        .and_then(|product| product.checked_div(whole.into()))
        .and_then(|cents| i64::try_from(cents).ok())
        .ok_or(NumberError::TooLarge)?;
    Money::whole(share)?.divided(CENTS_PER_USD, CENTS)
}

/// How many of `count` things an `amount` out of `whole` pays for, where a part counts as one.
///
/// # Errors
/// [`NumberError::TooLarge`] when it does not fit or `whole` is 0.
pub(super) fn ceil_count(count: i64, amount: Money, whole: Money) -> Result<i64, NumberError> {
    let (amount, whole) = (i128::from(cents(amount)?), i128::from(cents(whole)?));
    i128::from(count)
        .checked_mul(amount)
        .and_then(|product| product.checked_add(whole.checked_sub(1)?))
        .and_then(|product| product.checked_div(whole))
        .and_then(|count| i64::try_from(count).ok())
        .ok_or(NumberError::TooLarge)
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
    #[case("100", 1, 3, "33.33")]
    #[case("100", 2, 3, "66.66")]
    #[case("0.01", 999, 1_000, "0")]
    #[case("9999999999.99", i64::MAX, i64::MAX, "9999999999.99")]
    fn a_share_is_cut_off_after_the_cent(
        #[case] amount: &str,
        #[case] part: i64,
        #[case] whole: i64,
        #[case] share: &str,
    ) {
        assert_eq!(floor_share(money(amount), part, whole), Ok(money(share)));
    }

    #[test]
    fn nothing_is_shared_among_nobody() {
        let shared = floor_share(Money::ONE, 0, 0);
        assert_eq!(shared, Err(NumberError::TooLarge));
        let counted = ceil_count(1, Money::ONE, Money::ZERO);
        assert_eq!(counted, Err(NumberError::TooLarge));
    }

    #[rstest]
    #[case(3, "0.50", "1", 2)]
    #[case(3, "1", "1", 3)]
    #[case(3, "0", "1", 0)]
    #[case(740_740, "0.01", "100", 75)]
    fn a_part_of_a_thing_counts_as_one(
        #[case] count: i64,
        #[case] amount: &str,
        #[case] whole: &str,
        #[case] paid_for: i64,
    ) {
        let counted = ceil_count(count, money(amount), money(whole));
        assert_eq!(counted, Ok(paid_for));
    }

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
