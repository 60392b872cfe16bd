//! Sums of rows' contributions: an abelian group, so that they serve as differences.

use offtake_row::Numeric;
use serde::{Deserialize, Serialize};

use super::{
    BitCounts, DecimalSum, FloatMoments, FloatSum, IntervalSum, NumericMoments, SingleValue, WideFloatSum,
    WideNumericSum,
};

/// What some rows contribute to one aggregate. Exact and canonical: contributions that cancel leave [`Accumulator::Zero`], and
/// two accumulators of the same multiset of values are equal. Arithmetic wraps at limits (of counts of 2^63) that no data reach, so that
/// it stays a group and nothing panics.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Accumulator {
    #[default]
    Zero,
    /// `count`.
    Count(i64),
    /// Sums and averages of integers.
    Int { sum: i128, count: i64 },
    /// Sums and averages of numerics of one scale.
    Decimal(DecimalSum),
    /// Sums and averages of numerics, in general.
    Numeric(Box<WideNumericSum>),
    /// Sums and averages of floats that fit a narrow window of exponents.
    Float(FloatSum),
    /// Sums and averages of floats, in general.
    WideFloat(Box<WideFloatSum>),
    /// `bool_and`, `bool_or`.
    Bool { trues: i64, falses: i64 },
    /// `bit_and`, `bit_or`, `bit_xor`.
    Bits(Box<BitCounts>),
    /// Variances of integers and numerics.
    NumericMoments(Box<NumericMoments>),
    /// Variances of floats, covariances and regressions.
    FloatMoments(Box<FloatMoments>),
    /// Sums and averages of intervals.
    Interval(Box<IntervalSum>),
    /// A subquery's one value.
    Single(Box<SingleValue>),
}

impl Accumulator {
    /// Bytes of heap that it takes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Accumulator::Zero
            | Accumulator::Count(_)
            | Accumulator::Int { .. }
            | Accumulator::Decimal(_)
            | Accumulator::Float(_)
            | Accumulator::Bool { .. } => 0,
            Accumulator::Numeric(_) => size_of::<WideNumericSum>(),
            Accumulator::WideFloat(_) => size_of::<WideFloatSum>(),
            Accumulator::Bits(counts) => counts.heap_bytes(),
            Accumulator::NumericMoments(moments) => moments.heap_bytes(),
            Accumulator::FloatMoments(_) => size_of::<FloatMoments>(),
            Accumulator::Interval(_) => size_of::<IntervalSum>(),
            Accumulator::Single(value) => value.heap_bytes(),
        }
    }
}

impl Accumulator {
    pub(super) fn of_numeric(value: Numeric, diff: i64) -> Accumulator {
        match DecimalSum::new(value, diff) {
            Some(sum) => Accumulator::Decimal(sum),
            None => Accumulator::from(WideNumericSum::new(value, diff)),
        }
    }

    pub(super) fn of_float(value: f64, diff: i64) -> Accumulator {
        match FloatSum::new(value, diff) {
            Some(sum) => Accumulator::Float(sum),
            None => Accumulator::from(WideFloatSum::new(value, diff)),
        }
    }

    /// Whether nothing has been added, or everything was taken away again.
    pub fn is_zero(&self) -> bool {
        matches!(self, Accumulator::Zero)
    }

    /// Adds another aggregate's contribution of the same kind.
    pub fn plus_equals(&mut self, other: &Accumulator) {
        let sum = match (std::mem::take(self), other) {
            (sum, Accumulator::Zero) => sum,
            (Accumulator::Zero, other) => other.clone(),
            (Accumulator::Count(a), Accumulator::Count(b)) => Accumulator::Count(a.wrapping_add(*b)),
            (Accumulator::Int { sum: a, count: m }, Accumulator::Int { sum: b, count: n }) => {
                Accumulator::Int { sum: a.wrapping_add(*b), count: m.wrapping_add(*n) }
            }
            (Accumulator::Bool { trues: a, falses: m }, Accumulator::Bool { trues: b, falses: n }) => {
                Accumulator::Bool { trues: a.wrapping_add(*b), falses: m.wrapping_add(*n) }
            }
            (Accumulator::Decimal(a), Accumulator::Decimal(b)) => match a.plus(b) {
                Some(sum) => Accumulator::Decimal(sum),
                None => Accumulator::from(WideNumericSum::from(a).plus(&WideNumericSum::from(*b))),
            },
            (Accumulator::Decimal(a), Accumulator::Numeric(b)) => {
                Accumulator::from(WideNumericSum::from(a).plus(b))
            }
            (Accumulator::Numeric(a), Accumulator::Decimal(b)) => {
                Accumulator::from(a.plus(&WideNumericSum::from(*b)))
            }
            (Accumulator::Numeric(a), Accumulator::Numeric(b)) => Accumulator::from(a.plus(b)),
            (Accumulator::Float(a), Accumulator::Float(b)) => match a.plus(b) {
                Some(sum) => Accumulator::Float(sum),
                None => Accumulator::from(WideFloatSum::from(a).plus(&WideFloatSum::from(*b))),
            },
            (Accumulator::Float(a), Accumulator::WideFloat(b)) => {
                Accumulator::from(WideFloatSum::from(a).plus(b))
            }
            (Accumulator::WideFloat(a), Accumulator::Float(b)) => {
                Accumulator::from(a.plus(&WideFloatSum::from(*b)))
            }
            (Accumulator::WideFloat(a), Accumulator::WideFloat(b)) => Accumulator::from(a.plus(b)),
            (Accumulator::Bits(a), Accumulator::Bits(b)) => Accumulator::Bits(Box::new(a.plus(b))),
            (Accumulator::NumericMoments(a), Accumulator::NumericMoments(b)) => {
                Accumulator::NumericMoments(Box::new(a.plus(b)))
            }
            (Accumulator::FloatMoments(a), Accumulator::FloatMoments(b)) => {
                Accumulator::FloatMoments(Box::new(a.plus(b)))
            }
            (Accumulator::Interval(a), Accumulator::Interval(b)) => {
                Accumulator::Interval(Box::new(a.plus(b)))
            }
            (Accumulator::Single(a), Accumulator::Single(b)) => Accumulator::Single(Box::new(a.plus(b))),
            // Contributions of two aggregates never meet.
            (sum, _) => sum,
        };
        *self = sum.canonical();
    }

    /// `factor` times this.
    #[must_use]
    pub fn multiply(&self, factor: i64) -> Accumulator {
        let product = match self {
            Accumulator::Zero => Accumulator::Zero,
            Accumulator::Count(count) => Accumulator::Count(count.wrapping_mul(factor)),
            Accumulator::Int { sum, count } => Accumulator::Int {
                sum: sum.wrapping_mul(i128::from(factor)),
                count: count.wrapping_mul(factor),
            },
            Accumulator::Bool { trues, falses } => {
                Accumulator::Bool { trues: trues.wrapping_mul(factor), falses: falses.wrapping_mul(factor) }
            }
            Accumulator::Decimal(sum) => match sum.times(factor) {
                Some(product) => Accumulator::Decimal(product),
                None => Accumulator::from(WideNumericSum::from(*sum).times(factor)),
            },
            Accumulator::Numeric(sum) => Accumulator::from(sum.times(factor)),
            Accumulator::Float(sum) => match sum.times(factor) {
                Some(product) => Accumulator::Float(product),
                None => Accumulator::from(WideFloatSum::from(*sum).times(factor)),
            },
            Accumulator::WideFloat(sum) => Accumulator::from(sum.times(factor)),
            Accumulator::Bits(counts) => Accumulator::Bits(Box::new(counts.times(factor))),
            Accumulator::NumericMoments(moments) => {
                Accumulator::NumericMoments(Box::new(moments.times(factor)))
            }
            Accumulator::FloatMoments(moments) => Accumulator::FloatMoments(Box::new(moments.times(factor))),
            Accumulator::Interval(sum) => Accumulator::Interval(Box::new(sum.times(factor))),
            Accumulator::Single(value) => Accumulator::Single(Box::new(value.times(factor))),
        };
        product.canonical()
    }

    /// What takes this away again.
    #[must_use]
    pub fn negate(&self) -> Accumulator {
        self.multiply(-1)
    }

    fn canonical(self) -> Accumulator {
        let zero = match &self {
            Accumulator::Zero => true,
            Accumulator::Count(count) => *count == 0,
            Accumulator::Int { sum, count } => *sum == 0 && *count == 0,
            Accumulator::Bool { trues, falses } => *trues == 0 && *falses == 0,
            Accumulator::Decimal(sum) => sum.is_zero(),
            Accumulator::Float(sum) => sum.is_zero(),
            Accumulator::Numeric(_) | Accumulator::WideFloat(_) => false,
            Accumulator::Bits(counts) => counts.is_zero(),
            Accumulator::NumericMoments(moments) => moments.is_zero(),
            Accumulator::FloatMoments(moments) => moments.is_zero(),
            Accumulator::Interval(sum) => sum.is_zero(),
            Accumulator::Single(value) => value.is_zero(),
        };
        if zero { Accumulator::Zero } else { self }
    }
}

impl From<WideNumericSum> for Accumulator {
    /// The narrow form where it fits, so that equal sums are equal accumulators.
    fn from(sum: WideNumericSum) -> Accumulator {
        if sum.is_zero() {
            return Accumulator::Zero;
        }
        match sum.narrow() {
            Some(sum) => Accumulator::Decimal(sum),
            None => Accumulator::Numeric(Box::new(sum)),
        }
    }
}

impl From<WideFloatSum> for Accumulator {
    /// The narrow form where it fits, so that equal sums are equal accumulators.
    fn from(sum: WideFloatSum) -> Accumulator {
        if sum.is_zero() {
            return Accumulator::Zero;
        }
        match sum.narrow() {
            Some(sum) => Accumulator::Float(sum),
            None => Accumulator::WideFloat(Box::new(sum)),
        }
    }
}
