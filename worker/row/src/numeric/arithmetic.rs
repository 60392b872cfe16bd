//! Arithmetic of numerics, with PostgreSQL's result scales.
//!
//! Everything is done in `i128` where it fits and in big integers where it does not, so the only inexact step is the one
//! rounding that PostgreSQL makes too.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::{Numeric, NumericError, POW10};

/// PostgreSQL's `NUMERIC_MIN_SIG_DIGITS`: a quotient has at least that many significant digits.
const MIN_SIGNIFICANT_DIGITS: i64 = 16;
/// PostgreSQL's `NUMERIC_MAX_DISPLAY_SCALE`.
const MAX_DISPLAY_SCALE: i64 = 1000;
/// PostgreSQL's `NUMERIC_MAX_RESULT_SCALE`.
const MAX_RESULT_SCALE: i32 = 2000;

impl Numeric {
    pub fn add(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        use Numeric::{Finite, Infinity, NaN, NegativeInfinity};
        match (*self, *other) {
            (Finite { mantissa: a, scale: s }, Finite { mantissa: b, scale: t }) => {
                if s == t {
                    // Two magnitudes below 10^38 may still pass i128's 1.7 * 10^38.
                    return match a.checked_add(b) {
                        Some(sum) => Numeric::finite(sum, i64::from(s)),
                        None => Err(NumericError::TooManyDigits),
                    };
                }
                let scale = s.max(t);
                match (scale_up(a, scale - s), scale_up(b, scale - t)) {
                    (Some(a), Some(b)) => {
                        let sum = a.checked_add(b).ok_or(NumericError::TooManyDigits)?;
                        Numeric::finite(sum, i64::from(scale))
                    }
                    _ => {
                        from_big(&(scale_up_big(a, scale - s) + scale_up_big(b, scale - t)), i64::from(scale))
                    }
                }
            }
            (NaN, _) | (_, NaN) | (Infinity, NegativeInfinity) | (NegativeInfinity, Infinity) => Ok(NaN),
            (Infinity, _) | (_, Infinity) => Ok(Infinity),
            (NegativeInfinity, _) | (_, NegativeInfinity) => Ok(NegativeInfinity),
        }
    }

    pub fn sub(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        match (*self, *other) {
            (Numeric::Finite { mantissa: a, scale: s }, Numeric::Finite { mantissa: b, scale: t }) => {
                let product = a.checked_mul(b).ok_or(NumericError::TooManyDigits)?;
                Numeric::finite(product, i64::from(s) + i64::from(t))
            }
            (Numeric::NaN, _) | (_, Numeric::NaN) => Ok(Numeric::NaN),
            (a, b) => Ok(infinity(a.direction() * b.direction())),
        }
    }

    /// Division with as many decimals as PostgreSQL's `select_div_scale` gives, rounded half away from zero.
    pub fn div(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        match (*self, *other) {
            (Numeric::Finite { mantissa: a, scale: s }, Numeric::Finite { mantissa: b, scale: t }) => {
                if b == 0 {
                    return Err(NumericError::DivisionByZero);
                }
                let scale = division_scale(a, s, b, t);
                // Not negative: the scale is at least that of each operand.
                let shift = (scale + i64::from(t) - i64::from(s)) as usize;
                if let Some(numerator) = POW10.get(shift).and_then(|power| a.checked_mul(*power)) {
                    return Numeric::finite(divide_half_away(numerator, b), scale);
                }
                let numerator = BigInt::from(a) * BigInt::from(10).pow(shift as u32);
                let denominator = BigInt::from(b);
                let mut quotient = &numerator / &denominator;
                let remainder: BigInt = &numerator % &denominator;
                if remainder.abs() * 2 >= denominator.abs() {
                    quotient += if (a < 0) == (b < 0) { 1 } else { -1 };
                }
                from_big(&quotient, scale)
            }
            (Numeric::NaN, _) | (_, Numeric::NaN) => Ok(Numeric::NaN),
            (Numeric::Finite { .. }, _) => Ok(Numeric::ZERO),
            (_, b) if b.is_zero() => Err(NumericError::DivisionByZero),
            (_, b) if b.is_special() => Ok(Numeric::NaN),
            (a, b) => Ok(infinity(a.direction() * b.direction())),
        }
    }

    /// The remainder of the division that truncates towards zero: its sign is that of `self`.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric, NumericError> {
        match (*self, *other) {
            (Numeric::Finite { mantissa: a, scale: s }, Numeric::Finite { mantissa: b, scale: t }) => {
                if b == 0 {
                    return Err(NumericError::DivisionByZero);
                }
                let scale = s.max(t);
                match (scale_up(a, scale - s), scale_up(b, scale - t)) {
                    (Some(a), Some(b)) => Numeric::finite(a.checked_rem(b).unwrap_or(0), i64::from(scale)),
                    _ => {
                        from_big(&(scale_up_big(a, scale - s) % scale_up_big(b, scale - t)), i64::from(scale))
                    }
                }
            }
            (Numeric::NaN, _) | (_, Numeric::NaN) => Ok(Numeric::NaN),
            (a @ Numeric::Finite { .. }, _) => Ok(a),
            (_, b) if b.is_zero() => Err(NumericError::DivisionByZero),
            _ => Ok(Numeric::NaN),
        }
    }

    pub fn neg(&self) -> Numeric {
        match *self {
            Numeric::Finite { mantissa, scale } => {
                Numeric::Finite { mantissa: mantissa.saturating_neg(), scale }
            }
            Numeric::NaN => Numeric::NaN,
            Numeric::Infinity => Numeric::NegativeInfinity,
            Numeric::NegativeInfinity => Numeric::Infinity,
        }
    }

    pub fn abs(&self) -> Numeric {
        if self.is_negative() { self.neg() } else { *self }
    }

    /// -1, 0 or 1 as a numeric of scale 0; NaN for NaN.
    pub fn signum(&self) -> Numeric {
        match self {
            Numeric::NaN => Numeric::NaN,
            other => Numeric::from_i64(other.direction()),
        }
    }

    /// Rounds to `decimals` (negative: to tens, hundreds …), halves away from zero; the result prints with so many decimals.
    pub fn round(&self, decimals: i32) -> Result<Numeric, NumericError> {
        self.with_decimals(decimals.clamp(-MAX_RESULT_SCALE, MAX_RESULT_SCALE), divide_pow10)
    }

    /// Cuts off behind `decimals`, towards zero; the result prints with so many decimals.
    pub fn trunc(&self, decimals: i32) -> Result<Numeric, NumericError> {
        self.with_decimals(decimals.clamp(-MAX_RESULT_SCALE, MAX_RESULT_SCALE), |mantissa, n| {
            POW10.get(n as usize).map_or(0, |power| mantissa / power)
        })
    }

    fn with_decimals(&self, decimals: i32, cut: impl Fn(i128, u32) -> i128) -> Result<Numeric, NumericError> {
        let Numeric::Finite { mantissa, scale } = *self else { return Ok(*self) };
        let target = i64::from(decimals.max(0));
        let drop = i64::from(scale) - i64::from(decimals);
        if mantissa == 0 {
            return Numeric::finite(0, target);
        }
        let kept = if drop > 0 { cut(mantissa, drop as u32) } else { mantissa };
        // What is kept counts in units of 10^-decimals where something was dropped, else of 10^-scale.
        let lift = if drop > 0 { target - i64::from(decimals) } else { -drop };
        if kept == 0 {
            return Numeric::finite(0, target);
        }
        let power = POW10.get(lift as usize).ok_or(NumericError::TooManyDigits)?;
        Numeric::finite(kept.checked_mul(*power).ok_or(NumericError::TooManyDigits)?, target)
    }

    /// The smallest integer that is not less; prints without decimals.
    pub fn ceil(&self) -> Numeric {
        self.integer(|truncated, rest| truncated + i128::from(rest > 0))
    }

    /// The greatest integer that is not greater; prints without decimals.
    pub fn floor(&self) -> Numeric {
        self.integer(|truncated, rest| truncated - i128::from(rest < 0))
    }

    fn integer(&self, choose: impl Fn(i128, i128) -> i128) -> Numeric {
        let Numeric::Finite { mantissa, scale } = *self else { return *self };
        let (truncated, rest) = match POW10.get(usize::from(scale)) {
            Some(power) => (mantissa / power, mantissa % power),
            None => (0, mantissa),
        };
        Numeric::Finite { mantissa: choose(truncated, rest), scale: 0 }
    }

    /// Coerces to `numeric(precision, scale)`: rounds half away from zero, then [`NumericError::FieldOverflow`] where more than
    /// `precision - scale` digits are left before the point. NaN fits everywhere, an infinity nowhere.
    pub fn rescale(&self, precision: u16, scale: i16) -> Result<Numeric, NumericError> {
        match self {
            Numeric::Finite { .. } => {}
            Numeric::NaN => return Ok(Numeric::NaN),
            Numeric::Infinity | Numeric::NegativeInfinity => return Err(NumericError::FieldOverflow),
        }
        let fits = |mantissa: i128, at: u8| {
            // mantissa / 10^at < 10^(precision - scale)
            let digits = i64::from(precision) - i64::from(scale) + i64::from(at);
            match usize::try_from(digits) {
                Ok(digits) => POW10.get(digits).is_none_or(|limit| mantissa.unsigned_abs() < *limit as u128),
                Err(_) => mantissa == 0,
            }
        };
        match self.round(i32::from(scale)) {
            Ok(Numeric::Finite { mantissa, scale: at }) if !fits(mantissa, at) => {
                Err(NumericError::FieldOverflow)
            }
            // Digits that only the padding with zeros needs do not make a field overflow; a value too great for the field does.
            Err(NumericError::TooManyDigits) => match *self {
                Numeric::Finite { mantissa, scale: at } if !fits(mantissa, at) => {
                    Err(NumericError::FieldOverflow)
                }
                _ => Err(NumericError::TooManyDigits),
            },
            other => other,
        }
    }

    /// The sign as -1, 0 or 1; 0 for NaN.
    fn direction(&self) -> i64 {
        match self {
            Numeric::Finite { mantissa, .. } => mantissa.signum() as i64,
            Numeric::NaN => 0,
            Numeric::Infinity => 1,
            Numeric::NegativeInfinity => -1,
        }
    }
}

/// The infinity of a direction; NaN for none (`Infinity * 0`).
fn infinity(direction: i64) -> Numeric {
    match direction {
        1.. => Numeric::Infinity,
        0 => Numeric::NaN,
        _ => Numeric::NegativeInfinity,
    }
}

fn scale_up(mantissa: i128, by: u8) -> Option<i128> {
    if by == 0 || mantissa == 0 {
        return Some(mantissa);
    }
    POW10.get(usize::from(by)).and_then(|power| mantissa.checked_mul(*power))
}

fn scale_up_big(mantissa: i128, by: u8) -> BigInt {
    BigInt::from(mantissa) * BigInt::from(10).pow(u32::from(by))
}

fn from_big(mantissa: &BigInt, scale: i64) -> Result<Numeric, NumericError> {
    Numeric::finite(mantissa.to_i128().ok_or(NumericError::TooManyDigits)?, scale)
}

/// `mantissa / 10^n`, halves away from zero.
pub(super) fn divide_pow10(mantissa: i128, n: u32) -> i128 {
    if n == 0 {
        return mantissa;
    }
    // No mantissa reaches half of 10^39.
    POW10.get(n as usize).map_or(0, |power| divide_half_away(mantissa, *power))
}

fn divide_half_away(numerator: i128, denominator: i128) -> i128 {
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let (mut quotient, remainder) = (n / d, n % d);
    if remainder >= d - remainder {
        quotient += 1;
    }
    // The quotient is at most the numerator, whose magnitude is at most 2^127 and never that where it could matter.
    let quotient = i128::try_from(quotient).unwrap_or(i128::MAX);
    if (numerator < 0) == (denominator < 0) { quotient } else { -quotient }
}

/// PostgreSQL's `select_div_scale`: counts in digits of base 10,000, as the server stores numerics.
fn division_scale(a: i128, s: u8, b: i128, t: u8) -> i64 {
    let (weight_a, first_a) = leading_digit(a, s);
    let (weight_b, first_b) = leading_digit(b, t);
    let mut weight = weight_a - weight_b;
    if first_a <= first_b {
        weight -= 1;
    }
    (MIN_SIGNIFICANT_DIGITS - weight * 4).max(i64::from(s)).max(i64::from(t)).min(MAX_DISPLAY_SCALE)
}

/// The power and the value of the first digit in base 10,000; `(0, 0)` for zero.
fn leading_digit(mantissa: i128, scale: u8) -> (i64, i128) {
    let magnitude = mantissa.unsigned_abs();
    let Some(log) = magnitude.checked_ilog10() else { return (0, 0) };
    let weight = (i64::from(log) - i64::from(scale)).div_euclid(4);
    // The first digit is magnitude / 10^cut, where cut is below the magnitude's own count of digits.
    let cut = i64::from(scale) + weight * 4;
    let first = if cut >= 0 {
        magnitude / POW10[(cut as usize).min(38)] as u128
    } else {
        magnitude * POW10[(-cut as usize).min(38)] as u128
    };
    (weight, first as i128)
}
