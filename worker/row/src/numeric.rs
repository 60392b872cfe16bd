//! `numeric`: exact decimals of up to 38 significant digits.
//!
//! Arithmetic answers what PostgreSQL answers, display scale included, or it is an error: never a rounded or wrong value.
//! The arithmetic itself is in `arithmetic.rs`, reading in `parse.rs`.

mod arithmetic;
mod parse;

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A PostgreSQL `numeric` value.
///
/// The scale is the display scale (`dscale`): `1.50` and `1.5` are equal in SQL but print differently, and both are kept.
/// A finite mantissa that this module made has at most 38 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Numeric {
    /// `mantissa / 10^scale`.
    Finite {
        mantissa: i128,
        scale: u8,
    },
    NaN,
    Infinity,
    NegativeInfinity,
}

/// Why an operation on numerics has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumericError {
    #[error("division by zero")]
    DivisionByZero,
    /// PostgreSQL would answer with more than the 38 digits that Offtake keeps, or with more than 255 decimals.
    #[error("numeric value needs more than the 38 digits that Offtake keeps")]
    TooManyDigits,
    /// The value does not fit `numeric(precision, scale)`.
    #[error("numeric field overflow")]
    FieldOverflow,
    /// The text is not a number.
    #[error("invalid input syntax for type numeric")]
    Syntax,
}

impl NumericError {
    /// PostgreSQL's five-character error code.
    pub fn sqlstate(self) -> &'static str {
        match self {
            NumericError::DivisionByZero => "22012",
            NumericError::TooManyDigits | NumericError::FieldOverflow => "22003",
            NumericError::Syntax => "22P02",
        }
    }
}

/// Powers of ten up to 10^38, the largest that an `i128` holds.
pub(crate) const POW10: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The first magnitude that has 39 digits.
pub(crate) const LIMIT: u128 = POW10[38] as u128;

/// The longest text of a numeric: a sign, `0.` and 255 decimals, or a sign, 39 digits and a point.
const TEXT_MAX: usize = 264;

impl Numeric {
    pub const ZERO: Numeric = Numeric::Finite { mantissa: 0, scale: 0 };

    /// `mantissa / 10^scale`, where that has at most 38 digits and 255 decimals.
    pub(crate) fn finite(mantissa: i128, scale: i64) -> Result<Numeric, NumericError> {
        match u8::try_from(scale) {
            Ok(scale) if mantissa.unsigned_abs() < LIMIT => Ok(Numeric::Finite { mantissa, scale }),
            _ => Err(NumericError::TooManyDigits),
        }
    }

    pub fn from_i64(value: i64) -> Numeric {
        Numeric::Finite { mantissa: i128::from(value), scale: 0 }
    }

    /// `mantissa / 10^scale`; an error where the mantissa has more than 38 digits.
    pub fn from_i128(mantissa: i128, scale: u8) -> Result<Numeric, NumericError> {
        Numeric::finite(mantissa, i64::from(scale))
    }

    /// The cast from `double precision`: 15 significant digits.
    pub fn from_f64(value: f64) -> Result<Numeric, NumericError> {
        Numeric::from_float(value, 15)
    }

    /// The cast from `real`: 6 significant digits.
    pub fn from_f32(value: f32) -> Result<Numeric, NumericError> {
        Numeric::from_float(f64::from(value), 6)
    }

    fn from_float(value: f64, digits: usize) -> Result<Numeric, NumericError> {
        if value.is_nan() {
            return Ok(Numeric::NaN);
        }
        if value.is_infinite() {
            return Ok(if value > 0.0 { Numeric::Infinity } else { Numeric::NegativeInfinity });
        }
        // C's `%.15g` and then numeric's input function: trailing zeros are not part of the answer.
        let text = format!("{value:.*e}", digits - 1);
        let (digits_text, exponent) = text.split_once('e').ok_or(NumericError::Syntax)?;
        let exponent: i64 = exponent.parse().map_err(|_| NumericError::Syntax)?;
        let mut mantissa: i128 = 0;
        let mut negative = false;
        for byte in digits_text.bytes() {
            match byte {
                b'-' => negative = true,
                b'0'..=b'9' => mantissa = mantissa * 10 + i128::from(byte - b'0'),
                _ => {}
            }
        }
        if mantissa == 0 {
            return Ok(Numeric::ZERO);
        }
        let mut scale = digits as i64 - 1 - exponent;
        while mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        if negative {
            mantissa = -mantissa;
        }
        if scale >= 0 {
            return Numeric::finite(mantissa, scale);
        }
        let power = POW10.get(-scale as usize).ok_or(NumericError::TooManyDigits)?;
        Numeric::finite(mantissa.checked_mul(*power).ok_or(NumericError::TooManyDigits)?, 0)
    }

    /// The cast to `double precision`: the nearest one.
    pub fn to_f64(&self) -> f64 {
        match *self {
            Numeric::NaN => f64::NAN,
            Numeric::Infinity => f64::INFINITY,
            Numeric::NegativeInfinity => f64::NEG_INFINITY,
            Numeric::Finite { mantissa, scale } => {
                // Both operands are exact doubles, so the one rounding of the division is the right one.
                if mantissa.unsigned_abs() < 1 << 53 && scale <= 22 {
                    return mantissa as f64 / POW10[usize::from(scale)] as f64;
                }
                // A numeric's text is always a number to Rust.
                self.spell(&mut [0; TEXT_MAX]).parse().unwrap_or(f64::NAN)
            }
        }
    }

    /// The cast to `real`: the nearest one. `None` where a number that is not zero is too small to be one (PostgreSQL: 22003).
    pub fn to_f32(&self) -> Option<f32> {
        match self {
            Numeric::NaN => Some(f32::NAN),
            Numeric::Infinity => Some(f32::INFINITY),
            Numeric::NegativeInfinity => Some(f32::NEG_INFINITY),
            // Not by way of f64, which would round twice.
            Numeric::Finite { mantissa, .. } => {
                let value: f32 = self.spell(&mut [0; TEXT_MAX]).parse().ok()?;
                (value != 0.0 || *mantissa == 0).then_some(value)
            }
        }
    }

    /// The nearest integer, halves away from zero; `None` where it is no `bigint` or not finite.
    pub fn to_i64_rounded(&self) -> Option<i64> {
        match *self {
            Numeric::Finite { mantissa, scale } => {
                i64::try_from(arithmetic::divide_pow10(mantissa, u32::from(scale))).ok()
            }
            _ => None,
        }
    }

    /// Whether it is one of NaN and the infinities.
    pub fn is_special(&self) -> bool {
        !matches!(self, Numeric::Finite { .. })
    }

    pub fn is_nan(&self) -> bool {
        matches!(self, Numeric::NaN)
    }

    pub fn is_zero(&self) -> bool {
        matches!(self, Numeric::Finite { mantissa: 0, .. })
    }

    pub fn is_negative(&self) -> bool {
        match self {
            Numeric::Finite { mantissa, .. } => *mantissa < 0,
            Numeric::NegativeInfinity => true,
            Numeric::NaN | Numeric::Infinity => false,
        }
    }

    /// The display scale: decimals that are printed; 0 for NaN and the infinities.
    pub fn scale(&self) -> u8 {
        match self {
            Numeric::Finite { scale, .. } => *scale,
            _ => 0,
        }
    }

    /// SQL's order: by value (`1.0` equals `1.00`), NaN equal to NaN and greater than everything else.
    pub fn cmp_sql(&self, other: &Numeric) -> Ordering {
        match (*self, *other) {
            (Numeric::Finite { mantissa: a, scale: s }, Numeric::Finite { mantissa: b, scale: t }) => {
                if s == t {
                    return a.cmp(&b);
                }
                if a.signum() != b.signum() {
                    return a.signum().cmp(&b.signum());
                }
                if s < t { compare_scaled(a, t - s, b) } else { compare_scaled(b, s - t, a).reverse() }
            }
            (a, b) => a.class().cmp(&b.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Numeric::NegativeInfinity => 0,
            Numeric::Finite { .. } => 1,
            Numeric::Infinity => 2,
            Numeric::NaN => 3,
        }
    }

    /// The same value without trailing zeros: numerics that are equal in SQL become equal representations.
    pub fn normalize(&self) -> Numeric {
        let Numeric::Finite { mut mantissa, mut scale } = *self else { return *self };
        if mantissa == 0 {
            return Numeric::ZERO;
        }
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Numeric::Finite { mantissa, scale }
    }

    /// Writes the text into the end of a buffer.
    fn spell<'a>(&self, buffer: &'a mut [u8; TEXT_MAX]) -> &'a str {
        let (mantissa, scale) = match *self {
            Numeric::NaN => return "NaN",
            Numeric::Infinity => return "Infinity",
            Numeric::NegativeInfinity => return "-Infinity",
            Numeric::Finite { mantissa, scale } => (mantissa, usize::from(scale)),
        };
        let mut rest = mantissa.unsigned_abs();
        let mut at = TEXT_MAX;
        let mut written = 0;
        // Nineteen digits at a time, because dividing 128 bits is slow.
        loop {
            let chunk =
                if rest >> 64 == 0 { rest as u64 } else { (rest % 10_000_000_000_000_000_000) as u64 };
            rest = if rest >> 64 == 0 { 0 } else { rest / 10_000_000_000_000_000_000 };
            let mut chunk = chunk;
            let mut left = 19;
            while chunk != 0 || (rest != 0 && left != 0) || written <= scale {
                if written == scale && scale != 0 {
                    at -= 1;
                    buffer[at] = b'.';
                }
                at -= 1;
                buffer[at] = b'0' + (chunk % 10) as u8;
                chunk /= 10;
                written += 1;
                left -= 1;
                if rest != 0 && left == 0 {
                    break;
                }
            }
            if rest == 0 {
                break;
            }
        }
        if mantissa < 0 {
            at -= 1;
            buffer[at] = b'-';
        }
        // Only ASCII was written.
        std::str::from_utf8(&buffer[at..]).unwrap_or_default()
    }

    /// Appends the text that PostgreSQL prints.
    pub fn write(&self, out: &mut String) {
        out.push_str(self.spell(&mut [0; TEXT_MAX]));
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.spell(&mut [0; TEXT_MAX]))
    }
}

impl FromStr for Numeric {
    type Err = NumericError;

    fn from_str(text: &str) -> Result<Numeric, NumericError> {
        Numeric::parse(text)
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Numeric {
        Numeric::from_i64(value)
    }
}

/// Compares `a * 10^shift` with `b`, which have the same sign.
fn compare_scaled(a: i128, shift: u8, b: i128) -> Ordering {
    let scaled = POW10.get(usize::from(shift)).and_then(|power| a.checked_mul(*power));
    match scaled {
        Some(scaled) => scaled.cmp(&b),
        // `a * 10^shift` is beyond every i128.
        None => a.cmp(&0),
    }
}
