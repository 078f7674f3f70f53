//! Exact decimal numbers as text; nothing here ever becomes a float.

use rust_decimal::Decimal;

/// No exact number needs an exponent of more digits.
const MAX_EXPONENT_DIGITS: usize = 3;
/// No integer that is asked for has more digits.
const MAX_INTEGER_DIGITS: usize = 20;

/// Reads a decimal from a client. Plain digits are kept as they are; an exponent is written out.
/// `None` if it is no number or its value cannot be held exactly.
pub(super) fn read(text: &str) -> Option<String> {
    if Plain::parse(text).is_some() {
        return Some(text.to_owned());
    }
    let (mantissa, exponent) = split_exponent(text)?;
    Plain::parse(mantissa)?;
    // The scientific parser rounds a mantissa that is too long; the exact one refuses it.
    Decimal::from_str_exact(mantissa).ok()?;
    let value = Decimal::from_scientific(&format!("{mantissa}e{exponent}")).ok()?;
    Some(value.to_string())
}

/// Reads a whole number from a client, however it is written: `1000`, `1000.0` or `1e3`. `None` if
/// it is no number, has a fraction or does not fit.
pub(super) fn read_integer<T: TryFrom<i128>>(text: &str) -> Option<T> {
    let (mantissa, exponent) = split_exponent(text)?;
    let number = Plain::parse(mantissa)?;
    let digits = format!("{}{}", number.whole, number.fraction);
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return T::try_from(0).ok();
    }
    let behind_point = i64::try_from(number.fraction.len()).ok()?;
    let written = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
    let zeros = written.checked_add(exponent)?.checked_sub(behind_point)?;
    // Fewer than none: a fraction is left.
    let zeros = usize::try_from(zeros).ok()?;
    if zeros > MAX_INTEGER_DIGITS {
        return None;
    }
    let sign = if number.negative { "-" } else { "" };
    let value: i128 = format!("{sign}{significant}{:0<zeros$}", "").parse().ok()?;
    T::try_from(value).ok()
}

/// The mantissa and the exponent, which is 0 where none is written.
fn split_exponent(text: &str) -> Option<(&str, i64)> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Some((text, 0));
    };
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.len() > MAX_EXPONENT_DIGITS || !all_digits(digits) {
        return None;
    }
    Some((mantissa, exponent.parse().ok()?))
}

/// Writes money: at least two decimals and as many as it has.
pub(super) fn write_amount(text: &str) -> Option<String> {
    write(text, 2)
}

/// Writes a price or rate without trailing zeros.
pub(super) fn write_decimal(text: &str) -> Option<String> {
    write(text, 0)
}

fn write(text: &str, min_decimals: usize) -> Option<String> {
    let number = Plain::parse(if text.is_empty() { "0" } else { text })?;
    let whole = match number.whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = number.fraction.trim_end_matches('0');
    let sign = if number.negative && !(whole == "0" && fraction.is_empty()) {
        "-"
    } else {
        ""
    };
    let point = if fraction.is_empty() && min_decimals == 0 {
        ""
    } else {
        "."
    };
    Some(format!("{sign}{whole}{point}{fraction:0<min_decimals$}"))
}

/// A number without an exponent, in parts.
struct Plain<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Plain<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        all_digits(whole).then_some(Self {
            negative: digits.len() < text.len(),
            whole,
            fraction,
        })
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty_is_zero("", "0.00", "0")]
    #[case::zero("0", "0.00", "0")]
    #[case::negative_zero("-0.000", "0.00", "0")]
    #[case::cents("45.5", "45.50", "45.5")]
    #[case::fraction("0.0123", "0.0123", "0.0123")]
    #[case::trailing_zeros("50.0000", "50.00", "50")]
    #[case::leading_zeros("007.10", "7.10", "7.1")]
    #[case::negative("-2.450", "-2.45", "-2.45")]
    #[case::tiny("-0.000000000000001", "-0.000000000000001", "-0.000000000000001")]
    #[case::beyond_floats(
        "12345678901234567890.123456789012345",
        "12345678901234567890.123456789012345",
        "12345678901234567890.123456789012345"
    )]
    fn writes_exact_digits(#[case] text: &str, #[case] amount: &str, #[case] decimal: &str) {
        assert_eq!(write_amount(text).as_deref(), Some(amount));
        assert_eq!(write_decimal(text).as_deref(), Some(decimal));
    }

    #[rstest]
    #[case("1000", Some(1_000))]
    #[case("1000.0", Some(1_000))]
    #[case("1e3", Some(1_000))]
    #[case("1.5E+3", Some(1_500))]
    #[case("15000e-1", Some(1_500))]
    #[case("-1.0", Some(-1))]
    #[case("-0.0e7", Some(0))]
    #[case("0e999", Some(0))]
    #[case("007", Some(7))]
    #[case("9007199254740993.0", Some(9_007_199_254_740_993))]
    #[case("9223372036854775807", Some(i64::MAX))]
    #[case("-9223372036854775808", Some(i64::MIN))]
    #[case("9223372036854775808", None)]
    #[case("1000.5", None)]
    #[case("1e-1", None)]
    #[case("1e19", None)]
    #[case("1e999", None)]
    #[case("1e9999", None)]
    #[case("", None)]
    #[case("1.", None)]
    #[case("+1", None)]
    #[case(" 1", None)]
    #[case("1e", None)]
    #[case("0x10", None)]
    #[case("Infinity", None)]
    fn whole_numbers_are_read_however_they_are_written(
        #[case] text: &str,
        #[case] read_as: Option<i64>,
    ) {
        assert_eq!(read_integer(text), read_as);
    }

    #[rstest]
    #[case("0.10", Some("0.10"))]
    #[case("-5", Some("-5"))]
    #[case(
        "0.000000000000000000000000000000001",
        Some("0.000000000000000000000000000000001")
    )]
    #[case("1.5e3", Some("1500"))]
    #[case("2E-5", Some("0.00002"))]
    #[case("12.34e+1", Some("123.4"))]
    #[case("1e-29", None)]
    #[case("1e29", None)]
    #[case("1e99999999999", None)]
    #[case("1.00000000000000000000000000000000001e1", None)]
    #[case("", None)]
    #[case("-", None)]
    #[case(".5", None)]
    #[case("5.", None)]
    #[case("1,000", None)]
    #[case(" 1", None)]
    #[case("+1", None)]
    #[case("1e", None)]
    #[case("1e+-2", None)]
    #[case("NaN", None)]
    #[case("0x10", None)]
    #[case("1_000", None)]
    fn reads_only_numbers_that_are_kept_exactly(#[case] text: &str, #[case] read_as: Option<&str>) {
        assert_eq!(read(text).as_deref(), read_as);
    }
}
