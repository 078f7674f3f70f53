//! Amounts as PayPal writes them: decimal strings with the decimals of their currency.

use billing_core::money::{CENTS, Money};
use serde::Deserialize;

use super::{NAME, http::malformed};
use crate::payments::provider::ProviderError;

/// What is charged in.
pub(super) const USD: &str = "USD";

/// An amount with its currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Amount {
    /// ISO 4217, upper case.
    pub(super) currency_code: String,
    /// A decimal number, such as `10.00`, `1000` in yen or `.50`.
    pub(super) value: String,
}

impl Amount {
    /// The number, in its own currency: PayPal never writes minor units, so no exponent is needed.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] when it is no number.
    pub(super) fn money(&self) -> Result<Money, ProviderError> {
        let value = if self.value.starts_with('.') {
            format!("0{}", self.value)
        } else {
            self.value.clone()
        };
        let read = value.parse::<Money>();
        read.map_err(|error| malformed(format!("the amount {:?} {error}", self.value)))
    }
}

/// The least that PayPal takes: a cent.
pub(super) fn least_charge() -> Money {
    Money::ONE.divided(100, CENTS).unwrap_or(Money::ONE)
}

/// An amount in USD as PayPal wants it: exactly two decimals.
///
/// # Errors
/// [`ProviderError::Refused`] for parts of a cent and for what is not above nothing.
pub(super) fn usd(amount: Money) -> Result<String, ProviderError> {
    if !amount.is_whole_cents() || amount < least_charge() {
        return Err(ProviderError::Refused {
            provider: NAME,
            code: "INVALID_AMOUNT".to_owned(),
            message: format!("{} is no amount of whole cents above 0", amount.digits(2)),
        });
    }
    Ok(amount.digits(2))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_cent_is_the_least() {
        assert_eq!(least_charge(), "0.01".parse().unwrap());
    }

    #[rstest]
    #[case("10", "10.00")]
    #[case("0.01", "0.01")]
    #[case("1234.5", "1234.50")]
    fn dollars_have_two_decimals(#[case] amount: &str, #[case] written: &str) {
        assert_eq!(usd(amount.parse().unwrap()), Ok(written.to_owned()));
    }

    #[rstest]
    #[case("0")]
    #[case("-1")]
    #[case("0.001")]
    fn other_amounts_are_not_asked_for(#[case] amount: &str) {
        assert!(usd(amount.parse().unwrap()).is_err());
    }

    #[rstest]
    #[case("USD", "10.00", "10")]
    #[case("JPY", "1000", "1000")]
    #[case("TND", "1.234", "1.234")]
    #[case("USD", ".50", "0.5")]
    #[case("USD", "-3.49", "-3.49")]
    fn amounts_are_read_with_the_decimals_of_their_currency(
        #[case] currency: &str,
        #[case] value: &str,
        #[case] amount: &str,
    ) {
        let written = Amount {
            currency_code: currency.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(written.money(), Ok(amount.parse().unwrap()));
    }
}
