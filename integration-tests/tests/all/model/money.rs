//! Amounts in whole 10^-15 USD, so that nothing is ever rounded but where the contract says so.

/// 10^-15 USD.
pub(super) type Femto = i128;

pub(super) const USD: Femto = 1_000_000_000_000_000;
pub(super) const CENT: Femto = USD / 100;

/// `dividend / divisor` in whole numbers, halves up.
pub(super) fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor).div_euclid(2 * divisor)
}

/// Rounded half-up to the cent; what is owed the other way is rounded alike.
pub(super) fn cents(value: Femto) -> Femto {
    value.signum() * half_up(value.abs(), CENT) * CENT
}

/// `amount * part / whole`, rounded to the cent.
pub(super) fn cents_of_share(amount: Femto, part: i64, whole: i64) -> Femto {
    half_up(amount * i128::from(part), CENT * i128::from(whole)) * CENT
}

/// A number with so many decimals as plain digits, with at least `least` decimals.
fn digits(value: i128, decimals: usize, least: usize) -> String {
    let scale = 10_i128.pow(u32::try_from(decimals).expect("few decimals"));
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) = (value.abs() / scale, value.abs() % scale);
    let mut fraction = format!("{fraction:0decimals$}");
    while fraction.len() > least && fraction.ends_with('0') {
        fraction.pop();
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// An amount as the API writes it.
pub(super) fn amount(value: Femto) -> String {
    digits(value, 15, 2)
}

/// A price, rate or percentage, given in units of its last possible decimal.
pub(super) fn decimal(value: i128, decimals: usize) -> String {
    digits(value, decimals, 0)
}

#[test]
fn amounts_are_written_and_rounded_as_the_contract_says() {
    assert_eq!(amount(45 * USD + 50 * CENT), "45.50");
    assert_eq!(amount(-USD / 10_000 * 123), "-0.0123");
    assert_eq!(amount(0), "0.00");
    assert_eq!(decimal(1_500_000_000, 12), "0.0015");
    assert_eq!(decimal(500_000, 4), "50");
    assert_eq!(
        [half_up(15, 10), half_up(14, 10), half_up(-15, 10)],
        [2, 1, -1]
    );
    for (exact, rounded) in [(1_125, 113), (1_124, 112), (-1_125, -113), (4, 0)] {
        assert_eq!(cents(exact * CENT / 10), rounded * CENT);
    }
    assert_eq!(cents_of_share(999 * CENT, 1, 2), 500 * CENT);
}
