//! What an aggregate takes of one row.

use offtake_row::{Datum, Numeric, Row, RowPacker};

use super::{
    Accumulator, Aggregate, AggregateFunction, BitCounts, FloatMoments, IntervalSum, NumericMoments,
    SingleValue,
};
use crate::{
    arena::Arena,
    compare::{Blanks, canonical},
    error::EvalError,
};

/// The arguments' values of one row; those that the aggregate does not have are NULL.
pub type Input<'a> = [Datum<'a>; 2];

impl Aggregate {
    /// Evaluates filter and arguments for one row: what is to be accumulated or ordered. `None` for a row that is passed over, because
    /// the filter is not true of it or an argument is NULL. Not for what is collected: see [`Aggregate::collect`].
    pub fn input<'a>(&'a self, row: &[Datum<'a>], arena: &'a Arena) -> Result<Option<Input<'a>>, EvalError> {
        if !self.passes(row, arena)? {
            return Ok(None);
        }
        let mut input = [Datum::Null; 2];
        for (datum, arg) in input.iter_mut().zip(&self.args) {
            *datum = arg.eval(row, arena)?;
        }
        let complete = match self.function {
            AggregateFunction::CountStar | AggregateFunction::Single => true,
            AggregateFunction::Regression(_) => input.iter().all(|datum| !datum.is_null()),
            _ => !input[0].is_null(),
        };
        Ok(complete.then_some(input))
    }

    /// Whether the filter lets a row pass.
    pub(super) fn passes<'a>(&'a self, row: &[Datum<'a>], arena: &'a Arena) -> Result<bool, EvalError> {
        match &self.filter {
            Some(filter) => Ok(filter.eval(row, arena)? == Datum::Bool(true)),
            None => Ok(true),
        }
    }

    /// Of an accumulable aggregate with DISTINCT: appends to `key` what makes an input one of the distinct ones. The answer is the form
    /// that it has where that is another (`1.50` of `1.5`), else an empty row. Of several forms the first is accumulated
    /// ([`Aggregate::distinct_input`]).
    pub fn distinct(&self, input: &Input<'_>, arena: &Arena, key: &mut RowPacker) -> Row {
        let values = &input[..self.args.len().min(2)];
        let canonical: Vec<Datum<'_>> =
            values.iter().map(|datum| canonical(Blanks::Count, *datum, arena)).collect();
        canonical.iter().for_each(|datum| key.push(*datum));
        if canonical == values { Row::empty() } else { Row::pack(values.iter().copied()) }
    }

    /// The input that [`Aggregate::distinct`] took apart, from the datums it appended and the form.
    pub fn distinct_input<'a>(&self, mut key: impl Iterator<Item = Datum<'a>>, form: &'a Row) -> Input<'a> {
        let mut form = form.iter();
        let mut next = || form.next();
        match next() {
            Some(first) => [first, next().unwrap_or(Datum::Null)],
            None => [key.next().unwrap_or(Datum::Null), key.next().unwrap_or(Datum::Null)],
        }
    }

    /// The contribution of `diff` rows with this input. Values that are not of the aggregate's type contribute nothing; so do all values
    /// of an ordered aggregate.
    pub fn accumulate(&self, input: &Input<'_>, diff: i64) -> Accumulator {
        if diff == 0 {
            return Accumulator::Zero;
        }
        let [first, second] = *input;
        match self.function {
            AggregateFunction::CountStar | AggregateFunction::Count => Accumulator::Count(diff),
            AggregateFunction::SumInt4 | AggregateFunction::SumInt8 | AggregateFunction::AvgInt => {
                match first {
                    Datum::Int(value) => {
                        Accumulator::Int { sum: i128::from(value) * i128::from(diff), count: diff }
                    }
                    _ => Accumulator::Zero,
                }
            }
            AggregateFunction::SumNumeric | AggregateFunction::AvgNumeric => match first {
                Datum::Numeric(value) => Accumulator::of_numeric(value, diff),
                _ => Accumulator::Zero,
            },
            AggregateFunction::SumFloat4 | AggregateFunction::SumFloat8 | AggregateFunction::AvgFloat => {
                float(first).map_or(Accumulator::Zero, |value| Accumulator::of_float(value, diff))
            }
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => match first {
                Datum::Bool(true) => Accumulator::Bool { trues: diff, falses: 0 },
                Datum::Bool(false) => Accumulator::Bool { trues: 0, falses: diff },
                _ => Accumulator::Zero,
            },
            AggregateFunction::Bits(_) => match first {
                Datum::Int(value) => Accumulator::Bits(Box::new(BitCounts::of(value, diff))),
                _ => Accumulator::Zero,
            },
            AggregateFunction::SpreadNumeric(_) => {
                let value = match first {
                    Datum::Int(value) => Numeric::from_i64(value),
                    Datum::Numeric(value) => value,
                    _ => return Accumulator::Zero,
                };
                Accumulator::NumericMoments(Box::new(NumericMoments::of(value, diff)))
            }
            AggregateFunction::SpreadFloat(_) => float(first).map_or(Accumulator::Zero, |value| {
                Accumulator::FloatMoments(Box::new(FloatMoments::of(value, diff)))
            }),
            AggregateFunction::Regression(_) => match (float(first), float(second)) {
                (Some(y), Some(x)) => Accumulator::FloatMoments(Box::new(FloatMoments::of_pair(y, x, diff))),
                _ => Accumulator::Zero,
            },
            AggregateFunction::Single => Accumulator::Single(Box::new(SingleValue::of(first, diff))),
            AggregateFunction::SumInterval | AggregateFunction::AvgInterval => {
                match IntervalSum::of(first, diff) {
                    Some(sum) => Accumulator::Interval(Box::new(sum)),
                    None => Accumulator::Zero,
                }
            }
            AggregateFunction::Min(_)
            | AggregateFunction::Max(_)
            | AggregateFunction::AnyValue
            | AggregateFunction::StringAgg
            | AggregateFunction::ArrayAgg(_)
            | AggregateFunction::ArrayAggArrays(_)
            | AggregateFunction::JsonAgg(..)
            | AggregateFunction::JsonObjectAgg { .. }
            | AggregateFunction::Percentile { .. }
            | AggregateFunction::Mode => Accumulator::Zero,
        }
    }
}

fn float(datum: Datum<'_>) -> Option<f64> {
    match datum {
        Datum::Float8(value) => Some(value),
        Datum::Float4(value) => Some(value.into()),
        _ => None,
    }
}
