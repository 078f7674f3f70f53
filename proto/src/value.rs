//! Numbers and times of messages as values of Rust, to the last digit.
//!
//! A field that is missing or malformed is an error: a zero in its place would be money lost.

use std::{error::Error, fmt};

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use rust_decimal::Decimal;

use crate::{google, v1::Amount};

/// Why a field of a message has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueError {
    /// It is not set.
    Missing,
    /// It is no decimal number, or one of more digits than a [`Decimal`] holds.
    NotDecimal(String),
    /// It is no time of the calendar.
    NotTime(Timestamp),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a field is missing"),
            Self::NotDecimal(digits) => write!(f, "{digits:?} is no decimal number"),
            Self::NotTime(Timestamp { seconds, nanos }) => {
                write!(f, "{seconds} s and {nanos} ns are no time")
            }
        }
    }
}

impl Error for ValueError {}

impl Amount {
    /// The exact amount in USD.
    ///
    /// # Errors
    /// When the digits are no number, or more than a [`Decimal`] holds without rounding.
    pub fn decimal(&self) -> Result<Decimal, ValueError> {
        exact(&self.value)
    }
}

impl google::r#type::Decimal {
    /// The exact number.
    ///
    /// # Errors
    /// When the digits are no number, or more than a [`Decimal`] holds without rounding.
    pub fn decimal(&self) -> Result<Decimal, ValueError> {
        exact(&self.value)
    }
}

fn exact(digits: &str) -> Result<Decimal, ValueError> {
    Decimal::from_str_exact(digits).map_err(|_| ValueError::NotDecimal(digits.to_owned()))
}

impl From<Decimal> for Amount {
    fn from(usd: Decimal) -> Self {
        Self {
            value: usd.to_string(),
        }
    }
}

impl From<Decimal> for google::r#type::Decimal {
    fn from(number: Decimal) -> Self {
        Self {
            value: number.to_string(),
        }
    }
}

/// Reads the number of a field: `record.final_cost.decimal()?`.
pub trait ReadDecimal {
    /// The exact number.
    ///
    /// # Errors
    /// When the field is not set or malformed.
    fn decimal(&self) -> Result<Decimal, ValueError>;
}

impl ReadDecimal for Option<Amount> {
    fn decimal(&self) -> Result<Decimal, ValueError> {
        self.as_ref().ok_or(ValueError::Missing)?.decimal()
    }
}

impl ReadDecimal for Option<google::r#type::Decimal> {
    fn decimal(&self) -> Result<Decimal, ValueError> {
        self.as_ref().ok_or(ValueError::Missing)?.decimal()
    }
}

/// Reads the time of a field: `record.created_at.utc()?`.
pub trait ReadTime {
    /// The time.
    ///
    /// # Errors
    /// When the field is not set or malformed.
    fn utc(&self) -> Result<DateTime<Utc>, ValueError>;
}

impl ReadTime for Option<Timestamp> {
    fn utc(&self) -> Result<DateTime<Utc>, ValueError> {
        let time = self.as_ref().ok_or(ValueError::Missing)?;
        // chrono takes nanoseconds beyond the second for a leap second; a Timestamp has none.
        u32::try_from(time.nanos)
            .ok()
            .filter(|nanos| *nanos < 1_000_000_000)
            .and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos))
            .ok_or(ValueError::NotTime(*time))
    }
}

/// A time as it is sent.
#[must_use]
pub fn timestamp(time: DateTime<Utc>) -> Timestamp {
    // chrono counts a leap second as nanoseconds beyond the second; a Timestamp has none.
    let nanos = time.timestamp_subsec_nanos().min(999_999_999);
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(nanos).unwrap_or(i32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0.000000000000001")]
    #[case("9999999999999.123456789012345")]
    #[case("45.50")]
    #[case("-1.00")]
    fn decimals_keep_every_digit(#[case] digits: &str) {
        let number: Decimal = digits.parse().unwrap();
        let amount = Some(Amount::from(number));
        assert_eq!(amount.decimal().unwrap().to_string(), digits);
        let decimal = Some(google::r#type::Decimal::from(number));
        assert_eq!(decimal.decimal().unwrap().to_string(), digits);
    }

    #[rstest]
    #[case::empty("")]
    #[case::words("ten")]
    #[case::comma("1,50")]
    #[case::more_digits_than_fit("0.12345678901234567890123456789012345")]
    fn malformed_numbers_are_errors(#[case] digits: &str) {
        let value = digits.to_owned();
        let expected = Err(ValueError::NotDecimal(value.clone()));
        assert_eq!(Amount { value }.decimal(), expected);
    }

    #[test]
    fn what_is_not_set_is_no_zero() {
        assert_eq!(None::<Amount>.decimal(), Err(ValueError::Missing));
        let decimal = None::<google::r#type::Decimal>;
        assert_eq!(decimal.decimal(), Err(ValueError::Missing));
        assert_eq!(None::<Timestamp>.utc(), Err(ValueError::Missing));
    }

    #[test]
    fn times_survive_the_wire() {
        let made = DateTime::from_timestamp(1_700_158_546, 680_590_000).unwrap();
        assert_eq!(Some(timestamp(made)).utc(), Ok(made));
    }

    #[rstest]
    #[case(0, -1)]
    #[case(59, 1_000_000_000)]
    #[case(i64::MAX, 0)]
    fn times_outside_the_calendar_are_errors(#[case] seconds: i64, #[case] nanos: i32) {
        let time = Timestamp { seconds, nanos };
        assert_eq!(Some(time).utc(), Err(ValueError::NotTime(time)));
    }
}
