//! Numbers against tables and against independent arithmetic.

use proptest::prelude::*;
use rstest::rstest;
use rust_decimal::RoundingStrategy;

use super::*;

const MAX: &str = "10000000000000";
const MIN: &str = "-10000000000000";

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[rstest]
#[case::zero("0", "0")]
#[case::minus_zero("-0", "0")]
#[case::minus_zero_with_decimals("-0.00", "0")]
#[case::leading_zeros("007.50", "7.5")]
#[case::trailing_zeros("45.50", "45.5")]
#[case::whole_with_zeros("100", "100")]
#[case::negative("-1.5", "-1.5")]
#[case::smallest("0.000000000000001", "0.000000000000001")]
#[case::smallest_negative("-0.000000000000001", "-0.000000000000001")]
#[case::zeros_beyond_the_scale("1.000000000000000000000000000000", "1")]
#[case::zeros_beyond_the_scale_after_digits("0.10000000000000000000", "0.1")]
#[case::many_leading_zeros("00000000000000000000000000000000000000000001", "1")]
#[case::largest(MAX, MAX)]
#[case::most_negative(MIN, MIN)]
fn plain_digits_are_read_exactly(#[case] text: &str, #[case] written: &str) {
    assert_eq!(money(text).to_string(), written);
}

#[rstest]
fn anything_but_plain_digits_is_malformed(
    #[values(
        "",
        "-",
        ".",
        "-.",
        ".5",
        "-.5",
        "5.",
        "-5.",
        "+1",
        "--1",
        "-+1",
        "1e3",
        "1E-3",
        "NaN",
        "inf",
        "1_000",
        "1,000",
        "1,5",
        " 1",
        "1 ",
        "1\n",
        "\0",
        "0x10",
        "1.-5",
        "1.2.3",
        "1..0",
        "5.0.0",
        "1.50.00",
        "\u{ff11}",
        "1.\u{665}",
        "\u{bd}",
        "$1",
        "one"
    )]
    text: &str,
) {
    assert_eq!(text.parse::<Money>(), Err(NumberError::Malformed));
}

#[rstest]
#[case::one_decimal_more("0.0000000000000001")]
#[case::one_decimal_more_in_a_large_number("79228162514264337593543.0000000000000001")]
#[case::forty_decimals("0.0000000000000000000000000000000000000001")]
fn more_decimals_than_the_scale_are_refused(#[case] text: &str) {
    assert_eq!(text.parse::<Money>(), Err(NumberError::TooPrecise(15)));
}

#[rstest]
#[case::one_unit_too_many("10000000000000.000000000000001")]
#[case::one_unit_too_few("-10000000000000.000000000000001")]
#[case::more_than_96_bits("79228162514265")]
#[case::forty_digits("9999999999999999999999999999999999999999")]
#[case::negative_forty_digits("-9999999999999999999999999999999999999999.5")]
fn numbers_that_do_not_fit_are_refused(#[case] text: &str) {
    assert_eq!(text.parse::<Money>(), Err(NumberError::TooLarge));
}

#[rstest]
fn digits_without_end_are_too_large() {
    assert_eq!(
        "9".repeat(10_000).parse::<Money>(),
        Err(NumberError::TooLarge)
    );
}

#[test]
fn every_kind_of_number_has_its_own_scale() {
    assert_eq!("0.00001".parse::<Rate>(), Err(NumberError::TooPrecise(4)));
    assert_eq!(rate("0.9000").to_string(), "0.9");
    assert_eq!(
        "0.0000000000001".parse::<Price>(),
        Err(NumberError::TooPrecise(12))
    );
    assert_eq!("0.5".parse::<Fixed<0>>(), Err(NumberError::TooPrecise(0)));
    assert_eq!("12.0".parse::<Fixed<0>>(), Ok(Fixed(12)));
}

#[rstest]
#[case("45.5", "45.50")]
#[case("0.0123", "0.0123")]
#[case("0", "0.00")]
#[case("-1.5", "-1.50")]
#[case("-0.004", "-0.004")]
#[case("100", "100.00")]
#[case("0.000000000000001", "0.000000000000001")]
#[case("1234567.891", "1234567.891")]
fn money_is_written_with_two_decimals_or_as_many_as_it_has(
    #[case] amount: &str,
    #[case] written: &str,
) {
    assert_eq!(money(amount).digits(2), written);
}

#[test]
fn no_number_is_written_with_more_decimals_than_its_scale() {
    assert_eq!(rate("0.9").digits(9), "0.9000");
    assert_eq!(Fixed::<0>(7).digits(2), "7");
}

#[test]
fn padding_aligns_like_a_number_and_never_cuts_digits() {
    assert_eq!(format!("{:8}|", money("-1.5")), "    -1.5|");
    assert_eq!(format!("{:<8}|", money("45.5")), "45.5    |");
    assert_eq!(format!("{:.2}", money("150.505")), "150.505");
    assert_eq!(format!("{:?}", money("-0.1")), "-0.1");
}

#[rstest]
#[case::half("1.125", 2, "1.13")]
#[case::below_half("1.124999999999999", 2, "1.12")]
#[case::negative_half("-1.125", 2, "-1.13")]
#[case::negative_below_half("-1.124999999999999", 2, "-1.12")]
#[case::carry("0.9954995", 2, "1")]
#[case("2.13954995", 2, "2.14")]
#[case("3.85118991", 2, "3.85")]
#[case("20.294955", 2, "20.29")]
#[case("24.056991", 2, "24.06")]
#[case::to_whole("0.5", 0, "1")]
#[case::to_whole_negative("-0.5", 0, "-1")]
#[case::nothing_to_round("1.125", 15, "1.125")]
#[case::more_than_the_scale("1.125", 99, "1.125")]
fn rounding_is_half_up_away_from_zero(
    #[case] amount: &str,
    #[case] decimals: u32,
    #[case] rounded: &str,
) {
    assert_eq!(money(amount).rounded(decimals), Ok(money(rounded)));
}

#[rstest]
#[case::third("1", 3, 6, "0.333333")]
#[case::two_thirds("2", 3, 6, "0.666667")]
#[case::half("0.000003", 2, 6, "0.000002")]
#[case::negative_half("-0.000003", 2, 6, "-0.000002")]
#[case::rounded_once("0.0449", 1, 1, "0")]
fn dividing_rounds_once(
    #[case] amount: &str,
    #[case] parts: i64,
    #[case] decimals: u32,
    #[case] part: &str,
) {
    assert_eq!(money(amount).divided(parts, decimals), Ok(money(part)));
}

#[rstest]
fn dividing_by_nothing_is_refused(#[values(0, -1, i64::MIN)] parts: i64) {
    assert_eq!(Money::ONE.divided(parts, 2), Err(NumberError::TooLarge));
}

#[rstest]
#[case("15", "0.9", "13.5")]
#[case("0.8254995", "0.9", "0.74294955")]
#[case::all("0.000000000000001", "1", "0.000000000000001")]
#[case::nothing("15", "0", "0")]
#[case::half_a_unit("0.000000000000001", "0.5", "0.000000000000001")]
#[case::negative_half_a_unit("-0.000000000000001", "0.5", "-0.000000000000001")]
#[case::below_half_a_unit("0.000000000000001", "0.4999", "0")]
fn a_rate_leaves_its_part(#[case] amount: &str, #[case] part: &str, #[case] left: &str) {
    assert_eq!(money(amount).at_rate(rate(part)), Ok(money(left)));
}

#[rstest]
#[case(500_000, "0.03", "15")]
#[case(750_000, "0.0015", "1.125")]
#[case::smallest(1, "0.000000000001", "0.000000000000001")]
#[case::largest_record(1_000_000_000, "10000", "10000000000")]
fn tokens_cost_their_price_per_thousand(
    #[case] tokens: i64,
    #[case] per_k: &str,
    #[case] cost: &str,
) {
    assert_eq!(Money::of_tokens(tokens, price(per_k)), Ok(money(cost)));
}

#[rstest]
#[case::quota_exceeded(50_333, "0.00015", "0.9", "6.794955")]
#[case::whole_record(100_000, "0.00015", "0.9", "13.5")]
#[case::full_price(1, "0.00002", "1", "0.00002")]
#[case::half_a_unit_up(1, "0.000000000001", "0.0005", "0.000000000000001")]
#[case::below_half_a_unit(1, "0.000000000001", "0.0004", "0")]
fn extra_tokens_cost_their_price_per_token_at_a_rate(
    #[case] tokens: i64,
    #[case] per_token: &str,
    #[case] part: &str,
    #[case] cost: &str,
) {
    assert_eq!(
        Money::of_extra_tokens(tokens, price(per_token), rate(part)),
        Ok(money(cost))
    );
}

#[test]
fn what_does_not_fit_is_an_error_everywhere() {
    let (most, least) = (money(MAX), money(MIN));
    let too_large = Err(NumberError::TooLarge);
    assert_eq!(most.plus(Fixed(1)), too_large);
    assert_eq!(least.minus(Fixed(1)), too_large);
    assert_eq!(most.at_rate(rate("1.0001")), too_large);
    assert_eq!(least.at_rate(rate("1.0001")), too_large);
    assert_eq!(least.times(2), too_large);
    assert_eq!(most.rounded(2).map(|_| ()), Ok(()));
    assert_eq!(most.rounded(0).map(|_| ()), Ok(()));
    assert_eq!(Fixed::<15>(i128::MIN).rounded(2), too_large);
    assert_eq!(most.divided(i64::MAX, 0).map(|_| ()), Ok(()));
    assert_eq!(Money::of_tokens(i64::MAX, Fixed(i128::MAX)), too_large);
    let per_token = Fixed(10_i128.pow(20));
    assert_eq!(
        Money::of_extra_tokens(i64::MAX, per_token, Rate::ONE),
        too_large
    );
    assert_eq!(Fixed::<37>::whole(i64::MAX), Err(NumberError::TooLarge));
    // What is within the limit is held by every database.
    assert!(most.to_decimal().is_ok() && least.to_decimal().is_ok());
    let largest = Decimal::MAX;
    assert_eq!(Money::from_decimal(largest), too_large);
}

#[rstest]
#[case("12", Ok(12))]
#[case("-12.00", Ok(-12))]
#[case("12.5", Err(NumberError::TooPrecise(0)))]
#[case("9223372036854775807", Ok(i64::MAX))]
#[case("9223372036854775808", Err(NumberError::TooLarge))]
fn only_whole_numbers_become_integers(
    #[case] number: &str,
    #[case] integer: Result<i64, NumberError>,
) {
    assert_eq!(rate(number).to_i64(), integer);
}

/// n / d rounded half away from zero, by a formula of its own.
fn reference_division(n: i128, d: i128) -> i128 {
    n.signum() * ((2 * n.abs() + d) / (2 * d))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the reference must not be what is tested"
)]
fn reference_rounding(number: Decimal, decimals: u32) -> Decimal {
    number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

/// Units that a general decimal can multiply by a rate exactly.
fn small_units() -> impl Strategy<Value = i128> {
    prop_oneof![
        -10_i128.pow(22)..10_i128.pow(22),
        -20_000_i128..20_000,
        // Halves of every decimal place.
        (-999_i128..999, 0_u32..15).prop_map(|(n, place)| n * 5 * 10_i128.pow(place)),
    ]
}

proptest! {
    #[test]
    fn written_numbers_read_back(units in -LIMIT..=LIMIT, least in 0_usize..20) {
        prop_assert_eq!(Fixed::<15>(units).to_string().parse(), Ok(Fixed::<15>(units)));
        prop_assert_eq!(Fixed::<4>(units).digits(least).parse(), Ok(Fixed::<4>(units)));
        prop_assert_eq!(Fixed::<0>(units).to_string().parse(), Ok(Fixed::<0>(units)));
    }

    #[test]
    fn decimals_convert_both_ways(units in -LIMIT..=LIMIT) {
        let decimal = Fixed::<15>(units).to_decimal().unwrap();
        prop_assert_eq!(Money::from_decimal(decimal), Ok(Fixed(units)));
        prop_assert_eq!(decimal.to_string(), Fixed::<15>(units).to_string());
    }

    #[test]
    fn reading_agrees_with_a_general_decimal(text in "-?[0-9]{1,13}(\\.[0-9]{1,15})?") {
        let decimal = Decimal::from_str_exact(&text).unwrap();
        prop_assert_eq!(text.parse::<Money>().unwrap().to_decimal(), Ok(decimal.normalize()));
    }

    #[test]
    fn no_text_panics(text in prop_oneof!["[-+0-9._eE ]{0,60}", "\\PC{0,20}"]) {
        if let Ok(number) = text.parse::<Money>() {
            prop_assert_eq!(number.to_string().parse(), Ok(number));
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-'));
        }
    }

    #[test]
    fn rounding_agrees_with_a_general_decimal(units in small_units(), decimals in 0_u32..=15) {
        let exact = Fixed::<15>(units).to_decimal().unwrap();
        let rounded = Fixed::<15>(units).rounded(decimals).unwrap().to_decimal().unwrap();
        prop_assert_eq!(rounded, reference_rounding(exact, decimals));
    }

    #[test]
    fn rates_agree_with_a_general_decimal(units in small_units(), rate in 0_i128..20_000) {
        let exact = Fixed::<15>(units).to_decimal().unwrap();
        let product = exact * Decimal::from_i128_with_scale(rate, 4);
        let left = Fixed::<15>(units).at_rate(Fixed(rate)).unwrap().to_decimal().unwrap();
        prop_assert_eq!(left, reference_rounding(product, 15));
    }

    #[test]
    fn parts_agree_with_half_up_division(
        units in small_units(), parts in 1_i64..1_000_000, decimals in 0_u32..=15,
    ) {
        let step = 10_i128.pow(15 - decimals);
        let expected = reference_division(units, i128::from(parts) * step) * step;
        prop_assert_eq!(Fixed::<15>(units).divided(parts, decimals), Ok(Fixed(expected)));
    }

    #[test]
    fn token_costs_are_exact(tokens in 0_i64..=1_000_000_000, units in 0_i128..=10_i128.pow(16)) {
        let exact = Decimal::from(tokens) * Decimal::from_i128_with_scale(units, 15);
        let cost = Money::of_tokens(tokens, Fixed(units)).unwrap();
        prop_assert_eq!(cost.to_decimal(), Ok(exact.normalize()));
    }

    #[test]
    fn extra_token_costs_agree_with_half_up_division(
        tokens in 0_i64..=2_000_000_000, units in 0_i128..10_i128.pow(13), rate in 0_i128..=10_000,
    ) {
        let expected = reference_division(i128::from(tokens) * units * rate, 10);
        let cost = Money::of_extra_tokens(tokens, Fixed(units), Fixed(rate));
        prop_assert_eq!(cost, Ok(Fixed(expected)));
    }
}

#[rstest]
#[case::exponent("2.5e-07", 3, "0.00025", false)]
#[case::plain("0.0000025", 3, "0.0025", false)]
#[case::capital_and_plus("1.5E+2", 0, "150", false)]
#[case::noise_above("1.5000000000000002e-07", 3, "0.00015", true)]
#[case::noise_below("2.9999999999999997e-08", 3, "0.00003", true)]
#[case::half_goes_up("0.0000000000005", 0, "0.000000000001", true)]
#[case::half_goes_away_from_zero("-0.0000000000005", 0, "-0.000000000001", true)]
#[case::less_than_half_goes_down("4.999e-13", 0, "0", true)]
#[case::last_kept_decimal("1e-15", 3, "0.000000000001", false)]
#[case::far_below("1e-400", 0, "0", true)]
#[case::zero_of_any_size("0e999999", 3, "0", false)]
#[case::trailing_zeros("3.000000000000000000000e-06", 3, "0.003", false)]
fn other_peoples_numbers_are_rounded_half_up(
    #[case] text: &str,
    #[case] shift: i32,
    #[case] number: &str,
    #[case] changed: bool,
) {
    assert_eq!(
        Price::read_rounded(text, shift),
        Ok((price(number), changed))
    );
}

#[rstest]
#[case("", NumberError::Malformed)]
#[case("e5", NumberError::Malformed)]
#[case("1e", NumberError::Malformed)]
#[case("1e+-2", NumberError::Malformed)]
#[case("1e1.5", NumberError::Malformed)]
#[case("NaN", NumberError::Malformed)]
#[case("1e99999999999", NumberError::Malformed)]
#[case("1e30", NumberError::TooLarge)]
#[case("1e2147483647", NumberError::TooLarge)]
#[case(
    "0.1000000000000000055511151231257827021181583404541015625",
    NumberError::TooLarge
)]
fn what_cannot_be_read_is_not_rounded(#[case] text: &str, #[case] error: NumberError) {
    assert_eq!(Price::read_rounded(text, 3), Err(error));
}

#[test]
fn a_number_keeps_its_value_with_other_decimals_or_is_refused() {
    let rate: Rate = "12.5".parse().unwrap();
    let wide: Money = rate.rescaled().unwrap();
    assert_eq!(wide, "12.5".parse().unwrap());
    assert_eq!(wide.rescaled(), Ok(rate));
    let fine: Money = "0.00001".parse().unwrap();
    assert_eq!(fine.rescaled::<4>(), Err(NumberError::TooPrecise(4)));
}

#[rstest]
#[case("30", "30", "30", "30")]
#[case("10", "1", "3", "3.333333333333333")]
#[case("10", "2", "3", "6.666666666666667")]
#[case("-10", "2", "3", "-6.666666666666667")]
#[case("0", "0", "0", "0")]
#[case("9999999999999", "9999999999998", "9999999999999", "9999999999998")]
fn a_portion_is_exact_however_large_the_product(
    #[case] amount: Money,
    #[case] part: Money,
    #[case] whole: Money,
    #[case] portion: Money,
) {
    assert_eq!(amount.portion(part, whole), Ok(portion));
}

#[rstest]
#[case("-1", "3")]
#[case("4", "3")]
fn a_portion_is_no_more_than_the_whole(#[case] part: Money, #[case] whole: Money) {
    assert!(Money::ONE.portion(part, whole).is_err());
}
