//! How numbers and dates are printed.

use billing_core::money::{Fixed, Money, Rate};
use chrono::NaiveDate;

use super::document::Period;

/// A number with at least `least` decimals and as many as it has: "12,345.678".
pub(super) fn number<const SCALE: u32>(number: Fixed<SCALE>, least: usize) -> String {
    let digits = number.digits(least);
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    format!("{}{fraction}", grouped(whole))
}

/// A count: "1,234,567".
pub(super) fn count(count: i64) -> String {
    grouped(&count.to_string())
}

/// An amount with its currency: "USD 12.34".
pub(super) fn money(currency: &str, amount: Money) -> String {
    format!("{currency} {}", number(amount, 2))
}

/// A rate as a percentage: 0.075 is "7.5%".
pub(super) fn percent(rate: Rate) -> String {
    let digits = rate.digits(2);
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "00"));
    let (percent, rest) = fraction.split_at(fraction.len().min(2));
    let shifted = format!("{whole}{percent}");
    let shifted = shifted.trim_start_matches('0');
    let shifted = if shifted.is_empty() { "0" } else { shifted };
    if rest.is_empty() {
        format!("{shifted}%")
    } else {
        format!("{shifted}.{rest}%")
    }
}

/// "2024-11-30".
pub(super) fn date(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// "2024-11-01 – 2024-11-30".
pub(super) fn period(period: Period) -> String {
    format!("{} \u{2013} {}", date(period.first), date(period.last))
}

/// Whole digits, perhaps with a minus, in groups of three.
fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let places = (0..digits.len()).rev();
    let groups = digits.chars().zip(places).flat_map(|(digit, place)| {
        let comma = (place > 0 && place.is_multiple_of(3)).then_some(',');
        [Some(digit), comma].into_iter().flatten()
    });
    sign.chars().chain(groups).collect()
}

#[cfg(test)]
mod tests {
    use billing_core::money::Price;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", "0.00")]
    #[case("20.4", "20.40")]
    #[case("-3.85", "-3.85")]
    #[case("999.99", "999.99")]
    #[case("-1234.5", "-1,234.50")]
    #[case("10000000000000", "10,000,000,000,000.00")]
    #[case("0.9954995", "0.9954995")]
    fn amounts_have_cents_and_groups(#[case] amount: &str, #[case] printed: &str) {
        assert_eq!(number::<15>(amount.parse().unwrap(), 2), printed);
    }

    #[rstest]
    #[case("0.037091", "0.037091")]
    #[case("15", "15.00")]
    #[case("0.00000015", "0.00000015")]
    fn prices_have_all_their_decimals(#[case] price: &str, #[case] printed: &str) {
        let price: Price = price.parse().unwrap();
        assert_eq!(number(price, 2), printed);
    }

    #[rstest]
    #[case(0, "0")]
    #[case(999, "999")]
    #[case(1_000, "1,000")]
    #[case(-550_000, "-550,000")]
    #[case(i64::MIN, "-9,223,372,036,854,775,808")]
    fn counts_have_groups(#[case] number: i64, #[case] printed: &str) {
        assert_eq!(count(number), printed);
    }

    #[rstest]
    #[case("0", "0%")]
    #[case("0.1", "10%")]
    #[case("0.075", "7.5%")]
    #[case("0.0825", "8.25%")]
    #[case("0.005", "0.5%")]
    #[case("1", "100%")]
    fn rates_are_percentages(#[case] rate: &str, #[case] printed: &str) {
        assert_eq!(percent(rate.parse().unwrap()), printed);
    }

    #[test]
    fn dates_are_written_year_first() {
        let day = NaiveDate::from_ymd_opt(2024, 11, 3).unwrap();
        assert_eq!(date(day), "2024-11-03");
        let both = Period {
            first: day,
            last: day,
        };
        assert_eq!(period(both), "2024-11-03 \u{2013} 2024-11-03");
    }
}
