//! Exact amounts, prices and rates, and the one function that rounds.
//!
//! Numbers are whole units of a fixed decimal scale in 128 bits, because a general decimal type
//! rounds silently when a product no longer fits its mantissa.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

/// Decimals of amounts that are charged.
pub const CENTS: u32 = 2;

/// An exact number with `SCALE` decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fixed<const SCALE: u32>(i128);

/// An amount in USD with 15 decimals: tokens x price / 1,000 is exact (contract, chapter 2).
pub type Money = Fixed<15>;
/// A price in USD with 12 decimals, per 1,000 tokens unless its name says otherwise.
pub type Price = Fixed<12>;
/// A rate with 4 decimals: 1 = all of it, 0.9 = 90 %.
pub type Rate = Fixed<4>;

/// Why a number was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not plain decimal digits.
    #[error("must be a decimal number")]
    Malformed,
    /// More decimals than the kind of number has.
    #[error("must have at most {0} decimals")]
    TooPrecise(u32),
    /// Larger than the kind of number holds.
    #[error("is too large")]
    TooLarge,
}

const fn power_of_ten(exponent: u32) -> i128 {
    10_i128.pow(exponent)
}

/// The largest magnitude there is, in units: what all databases hold exactly, 10^13 (ten trillion)
/// in USD.
const LIMIT: i128 = power_of_ten(28);

/// Divides and rounds half-up, away from zero: the only rounding of amounts there is.
/// `None` when the magnitude of `units` does not fit or `divisor` is not positive.
const fn divide_half_up(units: i128, divisor: i128) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    let magnitude = match units.checked_abs() {
        Some(magnitude) => magnitude,
        None => return None,
    };
    // Both divisions are by a positive number, so neither can fail.
    let (Some(whole), Some(rest)) = (
        magnitude.checked_div(divisor),
        magnitude.checked_rem(divisor),
    ) else {
        return None;
    };
    let rounded = if rest >= divisor.saturating_sub(rest) {
        whole.saturating_add(1)
    } else {
        whole
    };
    Some(if units < 0 {
        rounded.saturating_neg()
    } else {
        rounded
    })
}

/// `units` x `part` / `whole` rounded half-up, where the product may have more than 128 bits: long
/// multiplication by the bits of `part`, which keeps only the quotient and the rest.
fn multiply_divide(units: i128, part: i128, whole: i128) -> Option<i128> {
    let magnitude = units.checked_abs()?;
    let (step, step_rest) = (magnitude.checked_div(whole)?, magnitude.checked_rem(whole)?);
    let (mut quotient, mut rest) = (0_i128, 0_i128);
    for bit in (0..i128::BITS).rev() {
        let is_set = part.checked_shr(bit)? & 1 == 1;
        quotient = quotient.checked_mul(2)?;
        rest = rest.checked_mul(2)?;
        if is_set {
            quotient = quotient.checked_add(step)?;
            rest = rest.checked_add(step_rest)?;
        }
        quotient = quotient.checked_add(rest.checked_div(whole)?)?;
        rest = rest.checked_rem(whole)?;
    }
    let rounded = quotient.checked_add(divide_half_up(rest, whole)?)?;
    Some(if units < 0 {
        rounded.checked_neg()?
    } else {
        rounded
    })
}

/// Sign, digits before the point, and digits behind it without trailing zeros.
fn parts(text: &str) -> Result<(&str, &str, &str), NumberError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(NumberError::Malformed);
    }
    Ok((sign, whole, fraction.trim_end_matches('0')))
}

impl<const SCALE: u32> Fixed<SCALE> {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(power_of_ten(SCALE));
    /// Digits behind the decimal point.
    pub const SCALE: u32 = SCALE;

    /// The number of some units, within the limit.
    fn within(units: i128) -> Option<Self> {
        (-LIMIT..=LIMIT).contains(&units).then_some(Self(units))
    }

    fn decimals() -> usize {
        usize::try_from(SCALE).unwrap_or(usize::MAX)
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn whole(number: i64) -> Result<Self, NumberError> {
        i128::from(number)
            .checked_mul(power_of_ten(SCALE))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The same number with another count of decimals, exactly.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] when it has more than `TO` decimals, [`NumberError::TooLarge`]
    /// when it does not fit.
    pub fn rescaled<const TO: u32>(self) -> Result<Fixed<TO>, NumberError> {
        let (up, down) = (TO.saturating_sub(SCALE), SCALE.saturating_sub(TO));
        let divisor = power_of_ten(down);
        if self.0.checked_rem(divisor) != Some(0) {
            return Err(NumberError::TooPrecise(TO));
        }
        let number = self.0.checked_div(divisor);
        number
            .and_then(|number| number.checked_mul(power_of_ten(up)))
            .and_then(Fixed::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The same number, exactly.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] when it has more than `SCALE` decimals,
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn from_decimal(number: Decimal) -> Result<Self, NumberError> {
        let number = number.normalize();
        let shift = SCALE
            .checked_sub(number.scale())
            .ok_or(NumberError::TooPrecise(SCALE))?;
        number
            .mantissa()
            .checked_mul(power_of_ten(shift))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The same number as a general decimal without trailing zeros.
    ///
    /// # Errors
    /// Never within the limit of amounts.
    pub fn to_decimal(self) -> Result<Decimal, NumberError> {
        Decimal::try_from_i128_with_scale(self.0, SCALE)
            .map(|number| number.normalize())
            .map_err(|_| NumberError::TooLarge)
    }

    /// The number that `text` x 10^`shift` comes to, rounded half-up to `SCALE` decimals, and
    /// whether rounding changed it. An exponent is allowed, as in `2.5e-07`.
    ///
    /// # Errors
    /// [`NumberError::Malformed`] when it is no number, [`NumberError::TooLarge`] when it does not
    /// fit.
    pub fn read_rounded(text: &str, shift: i32) -> Result<(Self, bool), NumberError> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (sign, whole, fraction) = parts(mantissa)?;
        let exponent: i32 = exponent.parse().map_err(|_| NumberError::Malformed)?;
        let units: i128 = format!("{sign}{whole}{fraction}")
            .parse()
            .map_err(|_| NumberError::TooLarge)?;
        let decimals = i64::try_from(fraction.len()).map_err(|_| NumberError::TooLarge)?;
        let power = i64::from(SCALE)
            .saturating_add(shift.into())
            .saturating_add(exponent.into())
            .saturating_sub(decimals);
        let factor = u32::try_from(power.unsigned_abs())
            .ok()
            .and_then(|power| 10_i128.checked_pow(power));
        let read = match factor {
            _ if units == 0 => Some((0, false)),
            Some(factor) if power >= 0 => units.checked_mul(factor).map(|units| (units, false)),
            Some(factor) => divide_half_up(units, factor)
                .map(|rounded| (rounded, units.checked_rem(factor) != Some(0))),
            // What fits is less than half of a divisor that does not.
            None => (power < 0).then_some((0, true)),
        };
        let (units, changed) = read.ok_or(NumberError::TooLarge)?;
        Ok((Self(units), changed))
    }

    /// The number without its decimals, of which it must have none.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] when it has decimals, [`NumberError::TooLarge`] when it does not
    /// fit.
    pub fn to_i64(self) -> Result<i64, NumberError> {
        let one = Self::ONE.0;
        match (self.0.checked_rem(one), self.0.checked_div(one)) {
            (Some(0), Some(whole)) => i64::try_from(whole).map_err(|_| NumberError::TooLarge),
            _ => Err(NumberError::TooPrecise(0)),
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn plus(self, other: Self) -> Result<Self, NumberError> {
        self.0
            .checked_add(other.0)
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn minus(self, other: Self) -> Result<Self, NumberError> {
        self.0
            .checked_sub(other.0)
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// Whether the number is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The number in plain digits with at least `least` decimals and as many as it has.
    #[must_use]
    pub fn digits(self, least: usize) -> String {
        let magnitude = self.0.unsigned_abs().to_string();
        let scale = Self::decimals();
        let padded = format!("{magnitude:0>width$}", width = scale.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(scale));
        let kept = fraction.trim_end_matches('0').len().max(least);
        let sign = if self.0 < 0 { "-" } else { "" };
        match fraction.get(..kept.min(scale)) {
            Some(fraction) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

impl Money {
    /// What `tokens` cost at a price per 1,000 tokens, exactly:
    /// tokens x 10^-12 / 1,000 is a whole number of 10^-15.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn of_tokens(tokens: i64, price_per_k: Price) -> Result<Self, NumberError> {
        i128::from(tokens)
            .checked_mul(price_per_k.0)
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// What `tokens` cost at a price per token and a rate, rounded half-up to 15 decimals.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn of_extra_tokens(
        tokens: i64,
        price_per_token: Price,
        rate: Rate,
    ) -> Result<Self, NumberError> {
        // Scale 12 + 4 = 16, one decimal more than money has.
        i128::from(tokens)
            .checked_mul(price_per_token.0)
            .and_then(|units| units.checked_mul(rate.0))
            .and_then(|units| divide_half_up(units, 10))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The part of the amount that `rate` leaves, rounded half-up to 15 decimals.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn at_rate(self, rate: Rate) -> Result<Self, NumberError> {
        self.0
            .checked_mul(rate.0)
            .and_then(|units| divide_half_up(units, Rate::ONE.0))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The given percentage of the amount, rounded half-up to 15 decimals.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn percent(self, percent: Rate) -> Result<Self, NumberError> {
        let whole = Rate::ONE.0.saturating_mul(100);
        self.0
            .checked_mul(percent.0)
            .and_then(|units| divide_half_up(units, whole))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The amount `factor` times, exactly.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn times(self, factor: i64) -> Result<Self, NumberError> {
        self.0
            .checked_mul(factor.into())
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The share `part` of `whole` of the amount, rounded half-up to `decimals` decimals (at most
    /// 15).
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit or `whole` is not positive.
    pub fn share(self, part: i64, whole: i64, decimals: u32) -> Result<Self, NumberError> {
        let step = power_of_ten(Self::SCALE.saturating_sub(decimals));
        let units = self.0.checked_mul(part.into());
        units
            .zip(i128::from(whole).checked_mul(step))
            .and_then(|(units, divisor)| divide_half_up(units, divisor))
            .and_then(|units| units.checked_mul(step))
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The portion `part` of `whole` of the amount, rounded half-up to 15 decimals; nothing of
    /// nothing.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when `part` is negative or exceeds `whole`, or `whole` does not
    /// fit.
    pub fn portion(self, part: Self, whole: Self) -> Result<Self, NumberError> {
        if part == Self::ZERO {
            return Ok(Self::ZERO);
        }
        if part.is_negative() || part > whole {
            return Err(NumberError::TooLarge);
        }
        multiply_divide(self.0, part.0, whole.0)
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }

    /// The same amount, owed the other way.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn negated(self) -> Result<Self, NumberError> {
        Self::ZERO.minus(self)
    }

    /// The amount rounded half-up to `decimals` decimals (at most 15).
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn rounded(self, decimals: u32) -> Result<Self, NumberError> {
        self.divided(1, decimals)
    }

    /// Whether the amount can be charged as it is.
    #[must_use]
    pub fn is_whole_cents(self) -> bool {
        self.rounded(CENTS) == Ok(self)
    }

    /// The amount divided by `parts` and rounded half-up to `decimals` decimals (at most 15).
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit or `parts` is not positive.
    pub fn divided(self, parts: i64, decimals: u32) -> Result<Self, NumberError> {
        self.share(1, parts, decimals)
    }
}

impl<const SCALE: u32> FromStr for Fixed<SCALE> {
    type Err = NumberError;

    /// Plain digits with an optional minus and point; an exponent is refused, and so are decimals
    /// beyond `SCALE` unless they are zeros.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (sign, whole, fraction) = parts(text)?;
        let scale = Self::decimals();
        if fraction.len() > scale {
            return Err(NumberError::TooPrecise(SCALE));
        }
        // Only digits are left, so all that can fail is their number.
        format!("{sign}{whole}{fraction:0<scale$}")
            .parse()
            .ok()
            .and_then(Self::within)
            .ok_or(NumberError::TooLarge)
    }
}

impl<const SCALE: u32> fmt::Display for Fixed<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits(0);
        // Pads like an integer: a precision must never cut digits off.
        f.pad_integral(!self.is_negative(), "", digits.trim_start_matches('-'))
    }
}

impl<const SCALE: u32> fmt::Debug for Fixed<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails"
)]
mod tests;
