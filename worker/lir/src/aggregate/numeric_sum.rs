//! Exact sums of numerics that know which scales they are made of: a sum prints with the largest scale among its values, also after
//! values were taken away.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};
use offtake_row::Numeric;
use serde::{Deserialize, Serialize};

use crate::error::{EvalError, SqlState};

/// Values of one scale, whose sum fits 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DecimalSum {
    sum: i128,
    count: i64,
    scale: u8,
}

impl DecimalSum {
    /// `None` where the sum does not fit or the value is not finite.
    pub(super) fn new(value: Numeric, diff: i64) -> Option<DecimalSum> {
        match value {
            Numeric::Finite { mantissa, scale } => {
                Some(DecimalSum { sum: mantissa.checked_mul(i128::from(diff))?, count: diff, scale })
            }
            _ => None,
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.sum == 0 && self.count == 0
    }

    pub(super) fn plus(self, other: &DecimalSum) -> Option<DecimalSum> {
        if self.scale != other.scale {
            return None;
        }
        let sum = self.sum.checked_add(other.sum)?;
        Some(DecimalSum { sum, count: self.count.wrapping_add(other.count), scale: self.scale })
    }

    pub(super) fn times(self, factor: i64) -> Option<DecimalSum> {
        let sum = self.sum.checked_mul(i128::from(factor))?;
        Some(DecimalSum { sum, count: self.count.wrapping_mul(factor), scale: self.scale })
    }
}

/// Any values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WideNumericSum {
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
    /// By ascending scale; none is all zero.
    scales: Vec<ScaleSum>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct ScaleSum {
    scale: u8,
    count: i64,
    /// Two's complement, little-endian, in the fewest bytes.
    sum: Vec<u8>,
}

impl ScaleSum {
    fn new(scale: u8, count: i64, sum: &BigInt) -> ScaleSum {
        ScaleSum { scale, count, sum: sum.to_signed_bytes_le() }
    }

    fn sum(&self) -> BigInt {
        BigInt::from_signed_bytes_le(&self.sum)
    }
}

impl From<DecimalSum> for WideNumericSum {
    fn from(sum: DecimalSum) -> WideNumericSum {
        let scales = vec![ScaleSum::new(sum.scale, sum.count, &BigInt::from(sum.sum))];
        WideNumericSum { scales, ..WideNumericSum::default() }
    }
}

impl WideNumericSum {
    pub(super) fn new(value: Numeric, diff: i64) -> WideNumericSum {
        let mut sum = WideNumericSum::default();
        match value {
            Numeric::NaN => sum.nans = diff,
            Numeric::Infinity => sum.infinities = diff,
            Numeric::NegativeInfinity => sum.negative_infinities = diff,
            Numeric::Finite { mantissa, scale } => {
                sum.scales.push(ScaleSum::new(scale, diff, &(BigInt::from(mantissa) * diff)));
            }
        }
        sum
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == WideNumericSum::default()
    }

    pub(super) fn narrow(&self) -> Option<DecimalSum> {
        if self.nans != 0 || self.infinities != 0 || self.negative_infinities != 0 {
            return None;
        }
        match self.scales.as_slice() {
            [only] => Some(DecimalSum { sum: only.sum().to_i128()?, count: only.count, scale: only.scale }),
            _ => None,
        }
    }

    pub(super) fn plus(&self, other: &WideNumericSum) -> WideNumericSum {
        let mut scales: Vec<ScaleSum> = Vec::with_capacity(self.scales.len() + 1);
        let (mut left, mut right) = (self.scales.iter().peekable(), other.scales.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.scale == b.scale => {
                    scales.push(ScaleSum::new(a.scale, a.count.wrapping_add(b.count), &(a.sum() + b.sum())));
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) if a.scale < b.scale => scales.extend(left.next().cloned()),
                (Some(_), None) => scales.extend(left.next().cloned()),
                (_, Some(_)) => scales.extend(right.next().cloned()),
                (None, None) => break,
            }
        }
        self.with(other, scales, i64::wrapping_add)
    }

    pub(super) fn times(&self, factor: i64) -> WideNumericSum {
        let scales = self.scales.iter();
        let scales = scales
            .map(|s| ScaleSum::new(s.scale, s.count.wrapping_mul(factor), &(s.sum() * factor)))
            .collect();
        self.with(self, scales, |count, _| count.wrapping_mul(factor))
    }

    fn with(
        &self,
        other: &WideNumericSum,
        mut scales: Vec<ScaleSum>,
        count: impl Fn(i64, i64) -> i64,
    ) -> WideNumericSum {
        scales.retain(|scale| scale.count != 0 || !scale.sum().is_zero());
        WideNumericSum {
            nans: count(self.nans, other.nans),
            infinities: count(self.infinities, other.infinities),
            negative_infinities: count(self.negative_infinities, other.negative_infinities),
            scales,
        }
    }

    /// How many values there are.
    pub(super) fn count(&self) -> i64 {
        let finite = self.scales.iter().fold(0i64, |count, scale| count.wrapping_add(scale.count));
        finite.wrapping_add(self.nans).wrapping_add(self.infinities).wrapping_add(self.negative_infinities)
    }

    /// The sum, with the largest scale of its values.
    pub(super) fn sum(&self) -> Result<Numeric, EvalError> {
        if self.nans != 0 || (self.infinities != 0 && self.negative_infinities != 0) {
            return Ok(Numeric::NaN);
        }
        if self.infinities != 0 {
            return Ok(Numeric::Infinity);
        }
        if self.negative_infinities != 0 {
            return Ok(Numeric::NegativeInfinity);
        }
        let scale = self.scales.last().map_or(0, |last| last.scale);
        let total = self.scales.iter().fold(BigInt::zero(), |total, part| {
            total + part.sum() * BigInt::from(10).pow(u32::from(scale - part.scale))
        });
        let most = BigInt::from(10).pow(38);
        match total.to_i128() {
            Some(mantissa) if total.abs() < most => Ok(Numeric::Finite { mantissa, scale }),
            _ => Err(EvalError::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "the sum needs more than the 38 digits that Offtake keeps",
            )),
        }
    }
}
