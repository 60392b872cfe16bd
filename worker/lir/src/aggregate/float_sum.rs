//! Exact sums of floats: integers times powers of two, rounded once when they are read. So a sum does not depend on the order of its
//! values and taking a value away leaves what was there before it came, which float addition can not do.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{ToPrimitive, Zero};
use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// `sum * 2^exponent`, where the sum fits 128 bits. It is odd, or zero with exponent zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FloatSum {
    sum: i128,
    count: i64,
    exponent: i16,
}

/// A finite float as an integer times a power of two.
fn split(value: f64) -> (i64, i16) {
    let bits = value.to_bits();
    let biased = (bits >> 52 & 0x7ff) as i16;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
    (if value.is_sign_negative() { -mantissa } else { mantissa }, exponent)
}

impl FloatSum {
    /// `None` for what needs the wide form: NaN, infinities and -0.0.
    pub(super) fn new(value: f64, diff: i64) -> Option<FloatSum> {
        if !value.is_finite() || (value == 0.0 && value.is_sign_negative()) {
            return None;
        }
        let (mantissa, exponent) = split(value);
        Some(FloatSum::odd(i128::from(mantissa) * i128::from(diff), exponent, diff))
    }

    fn odd(sum: i128, exponent: i16, count: i64) -> FloatSum {
        if sum == 0 {
            return FloatSum { sum: 0, exponent: 0, count };
        }
        let zeros = sum.trailing_zeros();
        FloatSum { sum: sum >> zeros, exponent: exponent + zeros as i16, count }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.sum == 0 && self.count == 0
    }

    pub(super) fn plus(self, other: &FloatSum) -> Option<FloatSum> {
        let count = self.count.wrapping_add(other.count);
        if self.sum == 0 {
            return Some(FloatSum { count, ..*other });
        }
        if other.sum == 0 {
            return Some(FloatSum { count, ..self });
        }
        let exponent = self.exponent.min(other.exponent);
        let a = shift_left(self.sum, self.exponent - exponent)?;
        let b = shift_left(other.sum, other.exponent - exponent)?;
        Some(FloatSum::odd(a.checked_add(b)?, exponent, count))
    }

    pub(super) fn times(self, factor: i64) -> Option<FloatSum> {
        let sum = self.sum.checked_mul(i128::from(factor))?;
        Some(FloatSum::odd(sum, self.exponent, self.count.wrapping_mul(factor)))
    }
}

/// `value << by` where no bit is lost.
fn shift_left(value: i128, by: i16) -> Option<i128> {
    let by = u32::try_from(by).ok()?;
    let spare = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    (by < spare).then(|| value << by)
}

/// Any floats: a big sum, and the values that are no numbers counted apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WideFloatSum {
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
    /// Among the finite ones. The sum of nothing but -0.0 is -0.0.
    negative_zeros: i64,
    /// Finite values.
    count: i64,
    exponent: i32,
    /// Two's complement, little-endian, in the fewest bytes; an odd number, or empty for zero, with exponent zero.
    sum: Vec<u8>,
}

impl From<FloatSum> for WideFloatSum {
    fn from(sum: FloatSum) -> WideFloatSum {
        let wide = WideFloatSum { count: sum.count, ..WideFloatSum::default() };
        wide.with_sum(BigInt::from(sum.sum), i32::from(sum.exponent))
    }
}

impl WideFloatSum {
    pub(super) fn new(value: f64, diff: i64) -> WideFloatSum {
        let mut wide = WideFloatSum::default();
        if value.is_nan() {
            wide.nans = diff;
        } else if value == f64::INFINITY {
            wide.infinities = diff;
        } else if value == f64::NEG_INFINITY {
            wide.negative_infinities = diff;
        } else {
            wide.count = diff;
            if value == 0.0 && value.is_sign_negative() {
                wide.negative_zeros = diff;
            }
            let (mantissa, exponent) = split(value);
            return wide.with_sum(BigInt::from(mantissa) * diff, exponent.into());
        }
        wide
    }

    fn with_sum(mut self, sum: BigInt, exponent: i32) -> WideFloatSum {
        match sum.trailing_zeros() {
            None => {
                self.exponent = 0;
                self.sum = Vec::new();
            }
            Some(zeros) => {
                self.exponent = exponent + zeros as i32;
                self.sum = (sum >> zeros).to_signed_bytes_le();
            }
        }
        self
    }

    fn sum(&self) -> BigInt {
        BigInt::from_signed_bytes_le(&self.sum)
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == WideFloatSum::default()
    }

    pub(super) fn narrow(&self) -> Option<FloatSum> {
        if [self.nans, self.infinities, self.negative_infinities, self.negative_zeros] != [0; 4] {
            return None;
        }
        let exponent = i16::try_from(self.exponent).ok()?;
        Some(FloatSum { sum: self.sum().to_i128()?, count: self.count, exponent })
    }

    pub(super) fn plus(&self, other: &WideFloatSum) -> WideFloatSum {
        let (a, b) = (self.sum(), other.sum());
        let wide = WideFloatSum {
            nans: self.nans.wrapping_add(other.nans),
            infinities: self.infinities.wrapping_add(other.infinities),
            negative_infinities: self.negative_infinities.wrapping_add(other.negative_infinities),
            negative_zeros: self.negative_zeros.wrapping_add(other.negative_zeros),
            count: self.count.wrapping_add(other.count),
            ..WideFloatSum::default()
        };
        if a.is_zero() {
            return wide.with_sum(b, other.exponent);
        }
        if b.is_zero() {
            return wide.with_sum(a, self.exponent);
        }
        // At most some 2,100 apart: the exponents of finite floats.
        let exponent = self.exponent.min(other.exponent);
        let sum = (a << (self.exponent - exponent) as u32) + (b << (other.exponent - exponent) as u32);
        wide.with_sum(sum, exponent)
    }

    pub(super) fn times(&self, factor: i64) -> WideFloatSum {
        let wide = WideFloatSum {
            nans: self.nans.wrapping_mul(factor),
            infinities: self.infinities.wrapping_mul(factor),
            negative_infinities: self.negative_infinities.wrapping_mul(factor),
            negative_zeros: self.negative_zeros.wrapping_mul(factor),
            count: self.count.wrapping_mul(factor),
            ..WideFloatSum::default()
        };
        wide.with_sum(self.sum() * factor, self.exponent)
    }

    /// How many values there are.
    pub(super) fn values(&self) -> i64 {
        self.count
            .wrapping_add(self.nans)
            .wrapping_add(self.infinities)
            .wrapping_add(self.negative_infinities)
    }

    /// Whether all values are -0.0.
    pub(super) fn is_negative_zero(&self) -> bool {
        self.negative_zeros != 0 && self.negative_zeros == self.values()
    }

    /// The sum, rounded to a float of `precision` significant bits whose smallest is `2^least` (53 and -1074 for float8, 24 and -149
    /// for float4).
    pub(super) fn rounded(&self, precision: i64, least: i64) -> Result<f64, EvalError> {
        if self.nans != 0 || (self.infinities != 0 && self.negative_infinities != 0) {
            return Ok(f64::NAN);
        }
        if self.infinities != 0 {
            return Ok(f64::INFINITY);
        }
        if self.negative_infinities != 0 {
            return Ok(f64::NEG_INFINITY);
        }
        let (sign, magnitude) = self.sum().into_parts();
        let bits = i64::try_from(magnitude.bits()).unwrap_or(i64::MAX);
        let exponent = i64::from(self.exponent);
        let unit = (bits + exponent - precision).max(least);
        let units = if unit <= exponent {
            magnitude << (exponent - unit) as u64
        } else {
            round_half_even(&magnitude, (unit - exponent) as u64)
        };
        // At most 2^precision, so exact as a float.
        let units = units.to_f64().unwrap_or(f64::INFINITY);
        if unit > 971 {
            return Err(EvalError::overflow());
        }
        let power = if unit >= -1022 {
            f64::from_bits(((unit + 1023) as u64) << 52)
        } else {
            f64::from_bits(1 << (unit + 1074))
        };
        let value = units * power;
        if value.is_infinite() {
            return Err(EvalError::overflow());
        }
        Ok(if sign == Sign::Minus { -value } else { value })
    }
}

/// `value / 2^by`, to the nearest integer, halves to even.
fn round_half_even(value: &BigUint, by: u64) -> BigUint {
    let quotient: BigUint = value >> by;
    let half = value.bit(by - 1);
    let below = value.trailing_zeros().is_some_and(|zeros| zeros < by - 1);
    if half && (below || quotient.bit(0)) { quotient + 1u32 } else { quotient }
}
