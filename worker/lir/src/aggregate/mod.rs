//! Aggregates: which there are, and how groups are summed up.
//!
//! Accumulable ones ([`AggregateKind::Accumulable`]) are computed from [`Accumulator`]s, which form a group under addition: what is
//! added can be taken away exactly, floats included. Ordered ones (min, max) need the group's values, collected ones (`string_agg`)
//! its rows.

mod accumulator;
mod bits;
mod collected;
mod concatenation;
mod dyadic;
mod finish;
mod float_moments;
mod float_sum;
mod function;
mod input;
mod interval_sum;
mod numeric_moments;
mod numeric_sum;
mod ordered_set;
mod single;

use std::cmp::Ordering;

use offtake_row::{Datum, Row, Type};
use serde::{Deserialize, Serialize};

pub use accumulator::Accumulator;
pub use bits::BitCounts;
pub use float_moments::FloatMoments;
pub use float_sum::{FloatSum, WideFloatSum};
pub use function::{AggregateFunction, AggregateKind, BitOperator, Percentile, Regression, Spread};
pub use input::Input;
pub use interval_sum::IntervalSum;
pub use numeric_moments::NumericMoments;
pub use numeric_sum::{DecimalSum, WideNumericSum};
pub use single::SingleValue;

use crate::{
    compare::{Blanks, compare_datums},
    scalar::Scalar,
};

/// One aggregate of a [`crate::Lir::Reduce`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aggregate {
    pub function: AggregateFunction,
    /// The arguments, already cast; none for `count(*)`. They are as they are also with `distinct`, not in their canonical form, but
    /// for `char(n)` and `jsonb`, which only `count` takes so ([`Scalar::group_key`]).
    pub args: Vec<Scalar>,
    /// The order in which rows are taken, where that matters: of what is collected.
    pub order_by: Vec<AggregateOrder>,
    /// `FILTER (WHERE …)`: rows for which it is not true are passed over, without evaluating `args`.
    pub filter: Option<Scalar>,
    /// Each distinct combination of arguments once. Of equal ones with different forms (`1.0`, `1.00`) the shortest; PostgreSQL takes
    /// the one that its sort brings first.
    pub distinct: bool,
}

/// One key of an aggregate's ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AggregateOrder {
    /// Over the aggregate's input.
    pub key: Scalar,
    pub ty: Type,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Aggregate {
    /// Its expressions, to be changed.
    pub fn scalars_mut(&mut self) -> impl Iterator<Item = &mut Scalar> {
        let keys = self.order_by.iter_mut().map(|order| &mut order.key);
        self.args.iter_mut().chain(keys).chain(&mut self.filter)
    }

    pub fn kind(&self) -> AggregateKind {
        self.function.kind()
    }

    /// Of two values of an [`AggregateKind::Ordered`] aggregate's argument, the one it answers. Associative and commutative: of
    /// equal values with different forms (`1.0`, `1.00`) it is always the same. NULL gives way to the other.
    pub fn better<'a>(&self, a: Datum<'a>, b: Datum<'a>) -> Datum<'a> {
        if self.prefers(a, b) { a } else { b }
    }

    /// Whether [`Aggregate::better`] answers the first, or a value that is the same.
    pub(crate) fn prefers(&self, a: Datum<'_>, b: Datum<'_>) -> bool {
        let (blanks, wanted) = match self.function {
            AggregateFunction::Max(blanks) => (blanks, Ordering::Greater),
            AggregateFunction::Min(blanks) => (blanks, Ordering::Less),
            _ => return b.is_null() || (!a.is_null() && Row::pack([a]) <= Row::pack([b])),
        };
        if a.is_null() || b.is_null() {
            return b.is_null();
        }
        let order = compare_datums(blanks, a, b).then_with(|| compare_forms(blanks, a, b));
        order == Ordering::Equal || order == wanted
    }
}

/// Orders the forms of values that are equal in SQL.
fn compare_forms(blanks: Blanks, a: Datum<'_>, b: Datum<'_>) -> Ordering {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) if blanks == Blanks::Jsonb => a.cmp(b),
        (
            Datum::Interval { months, days, micros },
            Datum::Interval { months: other_months, days: other_days, micros: other_micros },
        ) => (months, days, micros).cmp(&(other_months, other_days, other_micros)),
        (Datum::Array(a), Datum::Array(b)) => {
            let orders = a.iter().zip(b).map(|(a, b)| compare_forms(blanks, a, b));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
        (a, b) => form(a).cmp(&form(b)),
    }
}

/// What tells the forms of equal values apart that are neither intervals nor arrays.
fn form(datum: Datum<'_>) -> (u64, usize) {
    match datum {
        Datum::Numeric(offtake_row::Numeric::Finite { scale, .. }) => (u64::from(scale), 0),
        Datum::Float8(value) => (u64::from(value.is_sign_negative()), 0),
        Datum::Float4(value) => (u64::from(value.is_sign_negative()), 0),
        Datum::Text(text) => (0, text.len()),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests;
