//! Exact numbers of the form integer times a power of two: what sums of floats and of their products are.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{ToPrimitive, Zero};
use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// `digits * 2^exponent`. Canonical: equal numbers are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Dyadic {
    exponent: i32,
    /// Two's complement, little-endian, in the fewest bytes; an odd number, or empty for zero, with exponent zero.
    digits: Vec<u8>,
}

/// A finite float as an integer times a power of two.
pub(super) fn split(value: f64) -> (i64, i16) {
    let bits = value.to_bits();
    let biased = (bits >> 52 & 0x7ff) as i16;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
    (if value.is_sign_negative() { -mantissa } else { mantissa }, exponent)
}

impl Dyadic {
    /// `value * 2^exponent`.
    pub(super) fn new(value: BigInt, exponent: i32) -> Dyadic {
        match value.trailing_zeros() {
            None => Dyadic::default(),
            Some(zeros) => {
                Dyadic { exponent: exponent + zeros as i32, digits: (value >> zeros).to_signed_bytes_le() }
            }
        }
    }

    /// A finite float, exactly.
    pub(super) fn of(value: f64) -> Dyadic {
        let (mantissa, exponent) = split(value);
        Dyadic::new(mantissa.into(), exponent.into())
    }

    pub(super) fn digits(&self) -> BigInt {
        BigInt::from_signed_bytes_le(&self.digits)
    }

    pub(super) fn exponent(&self) -> i32 {
        self.exponent
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &Dyadic) -> Dyadic {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        // Some 4,300 apart at most: the exponents of finite floats' products.
        let exponent = self.exponent.min(other.exponent);
        let a = self.digits() << (self.exponent - exponent) as u32;
        let b = other.digits() << (other.exponent - exponent) as u32;
        Dyadic::new(a + b, exponent)
    }

    #[must_use]
    pub(super) fn minus(&self, other: &Dyadic) -> Dyadic {
        self.plus(&other.scaled(-1))
    }

    #[must_use]
    pub(super) fn times(&self, other: &Dyadic) -> Dyadic {
        Dyadic::new(self.digits() * other.digits(), self.exponent + other.exponent)
    }

    #[must_use]
    pub(super) fn scaled(&self, factor: i64) -> Dyadic {
        Dyadic::new(self.digits() * factor, self.exponent)
    }

    /// `self / divisor`, rounded to the nearest float of `precision` significant bits whose smallest is `2^least` (53 and -1074 for
    /// float8, 24 and -149 for float4), halves to even. `None` where it is beyond every float8.
    pub(super) fn over(&self, divisor: u64, precision: i64, least: i64) -> Option<f64> {
        let (sign, mut magnitude) = self.digits().into_parts();
        let mut exponent = i64::from(self.exponent);
        if divisor > 1 {
            // So many bits that what is cut off below decides no rounding but by being there.
            magnitude <<= 128u32;
            exponent -= 128;
            let divisor = BigUint::from(divisor);
            let rest = &magnitude % &divisor;
            magnitude /= divisor;
            if !rest.is_zero() {
                magnitude.set_bit(0, true);
            }
        }
        let bits = i64::try_from(magnitude.bits()).unwrap_or(i64::MAX);
        let unit = (bits + exponent - precision).max(least);
        let units = if unit <= exponent {
            magnitude << (exponent - unit) as u64
        } else {
            round_half_even(&magnitude, (unit - exponent) as u64)
        };
        // At most 2^precision, so exact as a float.
        let units = units.to_f64().unwrap_or(f64::INFINITY);
        if unit > 971 {
            return None;
        }
        let power = if unit >= -1022 {
            f64::from_bits(((unit + 1023) as u64) << 52)
        } else {
            f64::from_bits(1 << (unit + 1074))
        };
        let value = units * power;
        if value.is_infinite() {
            return None;
        }
        Some(if sign == Sign::Minus { -value } else { value })
    }

    /// The nearest float8; an error where it is beyond all.
    pub(super) fn rounded(&self) -> Result<f64, EvalError> {
        self.over(1, 53, -1074).ok_or_else(EvalError::overflow)
    }
}

/// `value / 2^by`, to the nearest integer, halves to even.
fn round_half_even(value: &BigUint, by: u64) -> BigUint {
    let quotient: BigUint = value >> by;
    let half = value.bit(by - 1);
    let below = value.trailing_zeros().is_some_and(|zeros| zeros < by - 1);
    if half && (below || quotient.bit(0)) { quotient + 1u32 } else { quotient }
}
