//! Wire types from and to values.

use billing_proto::{google::r#type::Decimal as WireDecimal, v1::Amount};
use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use rust_decimal::Decimal;

use crate::Error;

pub(crate) fn amount(value: Option<Amount>, field: &'static str) -> Result<Decimal, Error> {
    exact(value.map(|amount| amount.value), field)
}

pub(crate) fn decimal(value: Option<WireDecimal>, field: &'static str) -> Result<Decimal, Error> {
    exact(value.map(|decimal| decimal.value), field)
}

pub(crate) fn optional_decimal(
    value: Option<WireDecimal>,
    field: &'static str,
) -> Result<Option<Decimal>, Error> {
    value.map(|value| decimal(Some(value), field)).transpose()
}

/// Refuses digits that a `Decimal` would have to round away.
fn exact(digits: Option<String>, field: &'static str) -> Result<Decimal, Error> {
    digits
        .and_then(|digits| Decimal::from_str_exact(&digits).ok())
        .ok_or(Error::Decode { field })
}

pub(crate) fn time(value: Option<Timestamp>, field: &'static str) -> Result<DateTime<Utc>, Error> {
    value
        .and_then(|time| DateTime::from_timestamp(time.seconds, u32::try_from(time.nanos).ok()?))
        .ok_or(Error::Decode { field })
}

pub(crate) fn optional_time(
    value: Option<Timestamp>,
    field: &'static str,
) -> Result<Option<DateTime<Utc>>, Error> {
    value.map(|value| time(Some(value), field)).transpose()
}

/// Messages of a list, each as its value.
pub(crate) fn list<M, T>(messages: Vec<M>) -> Result<Vec<T>, Error>
where
    T: TryFrom<M, Error = Error>,
{
    messages.into_iter().map(T::try_from).collect()
}

pub(crate) fn to_decimal(value: Decimal) -> WireDecimal {
    WireDecimal {
        value: value.to_string(),
    }
}

pub(crate) fn to_timestamp(time: DateTime<Utc>) -> Timestamp {
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
        let value = to_decimal(digits.parse().unwrap());
        assert_eq!(decimal(Some(value), "x").unwrap().to_string(), digits);
    }

    #[rstest]
    #[case::empty("")]
    #[case::words("ten")]
    #[case::more_digits_than_fit("0.12345678901234567890123456789012345")]
    fn malformed_amounts_name_their_field(#[case] digits: &str) {
        let value = Amount {
            value: digits.into(),
        };
        let error = amount(Some(value), "final_cost").unwrap_err();
        assert_eq!(
            error,
            Error::Decode {
                field: "final_cost"
            }
        );
    }

    #[test]
    fn times_survive_the_wire() {
        let made = DateTime::from_timestamp(1_700_158_546, 680_590_000).unwrap();
        assert_eq!(time(Some(to_timestamp(made)), "x").unwrap(), made);
    }

    #[test]
    fn a_time_with_negative_nanoseconds_is_malformed() {
        let value = Timestamp {
            seconds: 0,
            nanos: -1,
        };
        assert!(time(Some(value), "created_at").is_err());
    }
}
