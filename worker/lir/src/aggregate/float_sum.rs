//! Exact sums of floats, rounded once when they are read. So a sum does not depend on the order of its values and taking a value away
//! leaves what was there before it came, which float addition can not do.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::dyadic::{Dyadic, split};
use crate::error::EvalError;

/// `sum * 2^exponent`, where the sum fits 128 bits. It is odd, or zero with exponent zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FloatSum {
    sum: i128,
    count: i64,
    exponent: i16,
}

/// From here on squares are kept ([`WideFloatSum::average`]). Far below the root of the greatest float, so that no million of smaller
/// values can make squares that overflow.
const HUGE: f64 = 2.582_249_878_086_908_6e120; // 2^400

impl FloatSum {
    /// `None` for what needs the wide form: NaN, infinities, huge values and -0.0.
    pub(super) fn new(value: f64, diff: i64) -> Option<FloatSum> {
        if value.is_nan() || value.abs() >= HUGE || (value == 0.0 && value.is_sign_negative()) {
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

/// How many values are no finite numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Specials {
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
}

impl Specials {
    /// `None` for a finite value.
    pub(super) fn of(value: f64, diff: i64) -> Option<Specials> {
        let none = Specials::default();
        if value.is_nan() {
            Some(Specials { nans: diff, ..none })
        } else if value == f64::INFINITY {
            Some(Specials { infinities: diff, ..none })
        } else if value == f64::NEG_INFINITY {
            Some(Specials { negative_infinities: diff, ..none })
        } else {
            None
        }
    }

    #[must_use]
    pub(super) fn plus(self, other: Specials) -> Specials {
        Specials {
            nans: self.nans.wrapping_add(other.nans),
            infinities: self.infinities.wrapping_add(other.infinities),
            negative_infinities: self.negative_infinities.wrapping_add(other.negative_infinities),
        }
    }

    #[must_use]
    pub(super) fn times(self, factor: i64) -> Specials {
        Specials {
            nans: self.nans.wrapping_mul(factor),
            infinities: self.infinities.wrapping_mul(factor),
            negative_infinities: self.negative_infinities.wrapping_mul(factor),
        }
    }

    pub(super) fn count(self) -> i64 {
        self.nans.wrapping_add(self.infinities).wrapping_add(self.negative_infinities)
    }

    /// What a sum with them in it is; `None` where there are none.
    pub(super) fn sum(self) -> Option<f64> {
        if self.nans != 0 || (self.infinities != 0 && self.negative_infinities != 0) {
            Some(f64::NAN)
        } else if self.infinities != 0 {
            Some(f64::INFINITY)
        } else if self.negative_infinities != 0 {
            Some(f64::NEG_INFINITY)
        } else {
            None
        }
    }
}

/// Any floats: a big sum, and the values that are no numbers counted apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WideFloatSum {
    specials: Specials,
    /// Among the finite ones. The sum of nothing but -0.0 is -0.0.
    negative_zeros: i64,
    /// Finite values.
    count: i64,
    sum: Dyadic,
    /// The sum of the squares of [`HUGE`] values.
    squares: Dyadic,
}

impl From<FloatSum> for WideFloatSum {
    fn from(sum: FloatSum) -> WideFloatSum {
        let total = Dyadic::new(BigInt::from(sum.sum), i32::from(sum.exponent));
        WideFloatSum { count: sum.count, sum: total, ..WideFloatSum::default() }
    }
}

impl WideFloatSum {
    pub(super) fn new(value: f64, diff: i64) -> WideFloatSum {
        if let Some(specials) = Specials::of(value, diff) {
            return WideFloatSum { specials, ..WideFloatSum::default() };
        }
        let exact = Dyadic::of(value);
        let huge = value.abs() >= HUGE;
        WideFloatSum {
            negative_zeros: if value == 0.0 && value.is_sign_negative() { diff } else { 0 },
            count: diff,
            squares: if huge { exact.times(&exact).scaled(diff) } else { Dyadic::default() },
            sum: exact.scaled(diff),
            ..WideFloatSum::default()
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == WideFloatSum::default()
    }

    pub(super) fn narrow(&self) -> Option<FloatSum> {
        if self.specials != Specials::default() || self.negative_zeros != 0 || !self.squares.is_zero() {
            return None;
        }
        let exponent = i16::try_from(self.sum.exponent()).ok()?;
        Some(FloatSum { sum: self.sum.digits().to_i128()?, count: self.count, exponent })
    }

    pub(super) fn plus(&self, other: &WideFloatSum) -> WideFloatSum {
        WideFloatSum {
            specials: self.specials.plus(other.specials),
            negative_zeros: self.negative_zeros.wrapping_add(other.negative_zeros),
            count: self.count.wrapping_add(other.count),
            sum: self.sum.plus(&other.sum),
            squares: self.squares.plus(&other.squares),
        }
    }

    pub(super) fn times(&self, factor: i64) -> WideFloatSum {
        WideFloatSum {
            specials: self.specials.times(factor),
            negative_zeros: self.negative_zeros.wrapping_mul(factor),
            count: self.count.wrapping_mul(factor),
            sum: self.sum.scaled(factor),
            squares: self.squares.scaled(factor),
        }
    }

    /// How many values there are.
    pub(super) fn values(&self) -> i64 {
        self.count.wrapping_add(self.specials.count())
    }

    /// Whether all values are -0.0.
    pub(super) fn is_negative_zero(&self) -> bool {
        self.negative_zeros != 0 && self.negative_zeros == self.values()
    }

    /// The sum, rounded to a float of `precision` significant bits whose smallest is `2^least` (53 and -1074 for float8, 24 and -149
    /// for float4).
    pub(super) fn rounded(&self, precision: i64, least: i64) -> Result<f64, EvalError> {
        match self.specials.sum() {
            Some(special) => Ok(special),
            None => self.sum.over(1, precision, least).ok_or_else(EvalError::overflow),
        }
    }

    /// The average of at least one value. PostgreSQL computes the sum of squared deviations beside it and raises an overflow when that
    /// is beyond all floats (`float8_accum`).
    pub(super) fn average(&self) -> Result<f64, EvalError> {
        let (count, sum) = (self.values(), self.rounded(53, -1074)?);
        if !self.squares.is_zero() && self.specials == Specials::default() {
            centered(count, &self.squares, &self.sum, &self.sum)?;
        }
        Ok(sum / count as f64)
    }
}

/// `products - a * b / count`: a sum of products of deviations from the averages, of a sum of products and two sums. An overflow where
/// PostgreSQL's step by step computation has one in any order of two values.
pub(super) fn centered(count: i64, products: &Dyadic, a: &Dyadic, b: &Dyadic) -> Result<f64, EvalError> {
    let exact = products.scaled(count).minus(&a.times(b));
    let value = exact.over(count.unsigned_abs(), 53, -1074).ok_or_else(EvalError::overflow)?;
    if (2.0 * value).is_infinite() { Err(EvalError::overflow()) } else { Ok(value) }
}
