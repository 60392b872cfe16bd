//! Sums of rows' contributions: an abelian group, so that they serve as differences.

use offtake_row::{Datum, Numeric};
use serde::{Deserialize, Serialize};

use super::{Aggregate, AggregateFunction, DecimalSum, FloatSum, WideFloatSum, WideNumericSum};
use crate::{arena::Arena, error::EvalError};

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
}

impl Accumulator {
    /// Bytes of heap that it takes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Accumulator::Numeric(_) => size_of::<WideNumericSum>(),
            Accumulator::WideFloat(_) => size_of::<WideFloatSum>(),
            _ => 0,
        }
    }
}

impl Aggregate {
    /// Evaluates filter and argument for one row: what is to be accumulated or ordered, NULL included; `None` if the filter passes
    /// the row over. For `count(*)` it is a value that counts.
    pub fn input<'a>(&'a self, row: &[Datum<'a>], arena: &'a Arena) -> Result<Option<Datum<'a>>, EvalError> {
        if let Some(filter) = &self.filter
            && filter.eval(row, arena)? != Datum::Bool(true)
        {
            return Ok(None);
        }
        match &self.arg {
            Some(arg) => arg.eval(row, arena).map(Some),
            None => Ok(Some(Datum::Bool(true))),
        }
    }

    /// The contribution of `diff` rows with this value. NULLs and values that are not of the aggregate's type contribute nothing; so do
    /// all values of an ordered aggregate.
    pub fn accumulate(&self, datum: Datum<'_>, diff: i64) -> Accumulator {
        if diff == 0 {
            return Accumulator::Zero;
        }
        match (self.function, datum) {
            (AggregateFunction::CountStar, _) => Accumulator::Count(diff),
            (_, Datum::Null) => Accumulator::Zero,
            (AggregateFunction::Count, _) => Accumulator::Count(diff),
            (
                AggregateFunction::SumInt4 | AggregateFunction::SumInt8 | AggregateFunction::AvgInt,
                Datum::Int(value),
            ) => Accumulator::Int { sum: i128::from(value) * i128::from(diff), count: diff },
            (AggregateFunction::SumNumeric | AggregateFunction::AvgNumeric, Datum::Numeric(value)) => {
                Accumulator::of_numeric(value, diff)
            }
            (
                AggregateFunction::SumFloat4 | AggregateFunction::SumFloat8 | AggregateFunction::AvgFloat,
                Datum::Float8(value),
            ) => Accumulator::of_float(value, diff),
            (
                AggregateFunction::SumFloat4 | AggregateFunction::SumFloat8 | AggregateFunction::AvgFloat,
                Datum::Float4(value),
            ) => Accumulator::of_float(value.into(), diff),
            (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, Datum::Bool(value)) => {
                Accumulator::Bool {
                    trues: if value { diff } else { 0 },
                    falses: if value { 0 } else { diff },
                }
            }
            _ => Accumulator::Zero,
        }
    }
}

impl Accumulator {
    fn of_numeric(value: Numeric, diff: i64) -> Accumulator {
        match DecimalSum::new(value, diff) {
            Some(sum) => Accumulator::Decimal(sum),
            None => Accumulator::from(WideNumericSum::new(value, diff)),
        }
    }

    fn of_float(value: f64, diff: i64) -> Accumulator {
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
