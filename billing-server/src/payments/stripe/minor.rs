//! Amounts in a currency's smallest unit, as Stripe counts, and exact amounts.

use billing_core::money::{Money, NumberError};
use rust_decimal::Decimal;

/// Currencies that Stripe counts without decimals (docs.stripe.com/currencies). ISK and UGX have
/// none either, but Stripe counts them in hundredths.
const WHOLE: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];
/// Currencies that Stripe counts in thousandths.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// The smallest units of one USD.
const CENTS_OF_USD: i64 = 100;

/// An amount of a currency, whose name is in lower case.
///
/// # Errors
/// [`NumberError::TooLarge`] when it does not fit.
pub(super) fn from_minor(units: i64, currency: &str) -> Result<Money, NumberError> {
    let decimals = if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    };
    Decimal::try_from_i128_with_scale(units.into(), decimals)
        .map_err(|_| NumberError::TooLarge)
        .and_then(Money::from_decimal)
}

/// An amount in USD as cents.
///
/// # Errors
/// [`NumberError::TooPrecise`] when it is not in whole cents, [`NumberError::TooLarge`] when it
/// does not fit.
pub(super) fn to_cents(amount: Money) -> Result<i64, NumberError> {
    amount.times(CENTS_OF_USD)?.to_i64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1_050, "usd", "10.5")]
    #[case(1_050, "jpy", "1050")]
    #[case(1_050, "kwd", "1.05")]
    #[case(500, "ugx", "5")]
    #[case(-30, "usd", "-0.3")]
    #[case(99_999_999, "usd", "999999.99")]
    fn smallest_units_become_exact_amounts(
        #[case] units: i64,
        #[case] currency: &str,
        #[case] amount: &str,
    ) {
        assert_eq!(from_minor(units, currency).unwrap().to_string(), amount);
    }

    #[rstest]
    #[case("0.005")]
    #[case("10.001")]
    #[case("0.000000000000001")]
    fn an_amount_that_is_not_in_whole_cents_is_refused(#[case] amount: &str) {
        let refused = to_cents(amount.parse().unwrap());
        assert_eq!(refused, Err(NumberError::TooPrecise(0)));
    }

    #[test]
    fn an_amount_that_does_not_fit_is_refused() {
        assert_eq!(from_minor(i64::MAX, "jpy"), Err(NumberError::TooLarge));
    }

    proptest! {
        #[test]
        fn cents_come_back_as_they_went(cents in -1_000_000_000_000_i64..1_000_000_000_000) {
            prop_assert_eq!(to_cents(from_minor(cents, "usd").unwrap()), Ok(cents));
        }
    }
}
