//! Aggregates: which there are, and how groups are summed up.
//!
//! Accumulable ones ([`AggregateKind::Accumulable`]) are computed from [`Accumulator`]s, which form a group under addition: what is
//! added can be taken away exactly, floats included. Ordered ones (min, max) need the group's values.

mod accumulator;
mod finish;
mod float_sum;
mod numeric_sum;

use std::cmp::Ordering;

use offtake_row::{Datum, Type};
use serde::{Deserialize, Serialize};

pub use accumulator::Accumulator;
pub use float_sum::{FloatSum, WideFloatSum};
pub use numeric_sum::{DecimalSum, WideNumericSum};

use crate::{
    compare::{Blanks, compare_datums},
    scalar::Scalar,
};

/// One aggregate of a [`crate::Lir::Reduce`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aggregate {
    pub function: AggregateFunction,
    /// The argument, already cast; `None` for `count(*)`. With `distinct` it is also canonical ([`Scalar::group_key`]), so that equal
    /// values are equal bytes.
    pub arg: Option<Scalar>,
    /// `FILTER (WHERE …)`: rows for which it is not true are passed over, without evaluating `arg`.
    pub filter: Option<Scalar>,
    /// Each distinct value of `arg` once.
    pub distinct: bool,
}

/// An aggregate function with the type of its argument. All but `count(*)` pass over NULLs; all but the counts answer NULL for a
/// group without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AggregateFunction {
    /// `count(*)`: int8.
    CountStar,
    /// `count(x)`: int8.
    Count,
    /// `sum(int2 | int4)`: int8.
    SumInt4,
    /// `sum(int8)`: numeric.
    SumInt8,
    SumNumeric,
    SumFloat4,
    SumFloat8,
    /// `avg(int2 | int4 | int8)`: numeric.
    AvgInt,
    AvgNumeric,
    /// `avg(float4 | float8)`: float8.
    AvgFloat,
    Min(Blanks),
    Max(Blanks),
    BoolAnd,
    BoolOr,
}

/// How an aggregate is kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateKind {
    /// By adding and subtracting [`Accumulator`]s.
    Accumulable,
    /// By looking at the group's values in order.
    Ordered,
}

impl Aggregate {
    pub fn kind(&self) -> AggregateKind {
        match self.function {
            AggregateFunction::Min(_) | AggregateFunction::Max(_) => AggregateKind::Ordered,
            _ => AggregateKind::Accumulable,
        }
    }

    /// Of two values of an [`AggregateKind::Ordered`] aggregate's argument, the one it answers. Associative and commutative: of
    /// equal values with different forms (`1.0`, `1.00`) it is always the same. NULL gives way to the other.
    pub fn better<'a>(&self, a: Datum<'a>, b: Datum<'a>) -> Datum<'a> {
        let (blanks, wanted) = match self.function {
            AggregateFunction::Max(blanks) => (blanks, Ordering::Greater),
            AggregateFunction::Min(blanks) => (blanks, Ordering::Less),
            _ => return a,
        };
        if a.is_null() {
            return b;
        }
        if b.is_null() {
            return a;
        }
        let order = compare_datums(blanks, a, b).then_with(|| form(a).cmp(&form(b)));
        if order == Ordering::Equal || order == wanted { a } else { b }
    }
}

/// Orders the forms of values that are equal in SQL.
fn form(datum: Datum<'_>) -> (u64, usize) {
    match datum {
        Datum::Numeric(offtake_row::Numeric::Finite { scale, .. }) => (u64::from(scale), 0),
        Datum::Float8(value) => (u64::from(value.is_sign_negative()), 0),
        Datum::Float4(value) => (u64::from(value.is_sign_negative()), 0),
        Datum::Text(text) => (0, text.len()),
        _ => (0, 0),
    }
}

impl AggregateFunction {
    /// The result's type, given the argument's.
    pub fn result_type(self, arg: Option<Type>) -> Type {
        match self {
            AggregateFunction::CountStar | AggregateFunction::Count | AggregateFunction::SumInt4 => {
                Type::Int8
            }
            AggregateFunction::SumInt8
            | AggregateFunction::SumNumeric
            | AggregateFunction::AvgInt
            | AggregateFunction::AvgNumeric => Type::Numeric(None),
            AggregateFunction::SumFloat4 => Type::Float4,
            AggregateFunction::SumFloat8 | AggregateFunction::AvgFloat => Type::Float8,
            AggregateFunction::Min(_) | AggregateFunction::Max(_) => arg.unwrap_or(Type::Text),
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => Type::Bool,
        }
    }
}

#[cfg(test)]
mod tests;
