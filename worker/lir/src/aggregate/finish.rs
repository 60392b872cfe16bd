//! From a group's accumulator to the aggregate's result.

use offtake_row::{Datum, Numeric, RowPacker};

use super::{
    Accumulator, Aggregate, AggregateFunction, FloatMoments, IntervalSum, WideFloatSum, WideNumericSum,
};
use crate::error::EvalError;

impl Aggregate {
    /// Packs the result for a group whose rows' contributions are summed up in `accumulator`. Only for accumulable aggregates.
    pub fn finish(&self, accumulator: &Accumulator, packer: &mut RowPacker) -> Result<(), EvalError> {
        let datum = match self.function {
            AggregateFunction::CountStar | AggregateFunction::Count => match accumulator {
                Accumulator::Count(count) => Datum::Int(*count),
                _ => Datum::Int(0),
            },
            AggregateFunction::SumInt4 => match integers(accumulator) {
                Some((sum, _)) => {
                    Datum::Int(i64::try_from(sum).map_err(|_| EvalError::out_of_range("bigint"))?)
                }
                None => Datum::Null,
            },
            AggregateFunction::SumInt8 => match integers(accumulator) {
                Some((sum, _)) => Datum::Numeric(Numeric::from_i128(sum, 0)?),
                None => Datum::Null,
            },
            AggregateFunction::AvgInt => match integers(accumulator) {
                Some((sum, count)) => {
                    Datum::Numeric(Numeric::from_i128(sum, 0)?.div(&Numeric::from_i64(count))?)
                }
                None => Datum::Null,
            },
            AggregateFunction::SumNumeric => match numerics(accumulator) {
                Some(sum) => Datum::Numeric(sum.sum()?),
                None => Datum::Null,
            },
            AggregateFunction::AvgNumeric => match numerics(accumulator) {
                Some(sum) => Datum::Numeric(sum.sum()?.div(&Numeric::from_i64(sum.count()))?),
                None => Datum::Null,
            },
            AggregateFunction::SumFloat8 => match floats(accumulator) {
                Some(sum) if sum.is_negative_zero() => Datum::Float8(-0.0),
                Some(sum) => Datum::Float8(sum.rounded(53, -1074)?),
                None => Datum::Null,
            },
            AggregateFunction::SumFloat4 => match floats(accumulator) {
                Some(sum) if sum.is_negative_zero() => Datum::Float4(-0.0),
                Some(sum) => {
                    let exact = sum.rounded(24, -149)?;
                    let value = exact as f32;
                    if value.is_infinite() && exact.is_finite() {
                        return Err(EvalError::overflow());
                    }
                    Datum::Float4(value)
                }
                None => Datum::Null,
            },
            AggregateFunction::AvgFloat => match floats(accumulator) {
                Some(sum) => Datum::Float8(sum.average()?),
                None => Datum::Null,
            },
            AggregateFunction::BoolAnd => match accumulator {
                Accumulator::Bool { trues, falses } if *trues > 0 || *falses > 0 => Datum::Bool(*falses <= 0),
                _ => Datum::Null,
            },
            AggregateFunction::BoolOr => match accumulator {
                Accumulator::Bool { trues, falses } if *trues > 0 || *falses > 0 => Datum::Bool(*trues > 0),
                _ => Datum::Null,
            },
            AggregateFunction::Bits(operator) => match accumulator {
                Accumulator::Bits(counts) => counts.result(operator).map_or(Datum::Null, Datum::Int),
                _ => Datum::Null,
            },
            AggregateFunction::SpreadNumeric(spread) => match accumulator {
                Accumulator::NumericMoments(moments) => {
                    moments.spread(spread)?.map_or(Datum::Null, Datum::Numeric)
                }
                _ => Datum::Null,
            },
            AggregateFunction::SpreadFloat(spread) => match accumulator {
                Accumulator::FloatMoments(moments) => moments.spread(spread)?,
                _ => Datum::Null,
            },
            AggregateFunction::Regression(regression) => match accumulator {
                Accumulator::FloatMoments(moments) => moments.regression(regression)?,
                _ => FloatMoments::default().regression(regression)?,
            },
            AggregateFunction::Single => match accumulator {
                Accumulator::Single(value) => {
                    packer.extend_from_row(&value.result()?);
                    return Ok(());
                }
                _ => Datum::Null,
            },
            AggregateFunction::SumInterval => match intervals(accumulator) {
                Some(sum) => sum.sum()?,
                None => Datum::Null,
            },
            AggregateFunction::AvgInterval => match intervals(accumulator) {
                Some(sum) => sum.average()?,
                None => Datum::Null,
            },
            AggregateFunction::Min(_)
            | AggregateFunction::Max(_)
            | AggregateFunction::AnyValue
            | AggregateFunction::StringAgg
            | AggregateFunction::ArrayAgg(_)
            | AggregateFunction::ArrayAggArrays(_)
            | AggregateFunction::JsonAgg(..)
            | AggregateFunction::JsonObjectAgg { .. }
            | AggregateFunction::Percentile { .. }
            | AggregateFunction::Mode => {
                return Err(EvalError::internal("an aggregate that is not accumulated"));
            }
        };
        packer.push(datum);
        Ok(())
    }
}

// Each answers `None` for a group without values.

fn integers(accumulator: &Accumulator) -> Option<(i128, i64)> {
    match accumulator {
        Accumulator::Int { sum, count } if *count > 0 => Some((*sum, *count)),
        _ => None,
    }
}

fn numerics(accumulator: &Accumulator) -> Option<WideNumericSum> {
    let sum = match accumulator {
        Accumulator::Decimal(sum) => WideNumericSum::from(*sum),
        Accumulator::Numeric(sum) => WideNumericSum::clone(sum),
        _ => return None,
    };
    (sum.count() > 0).then_some(sum)
}

fn floats(accumulator: &Accumulator) -> Option<WideFloatSum> {
    let sum = match accumulator {
        Accumulator::Float(sum) => WideFloatSum::from(*sum),
        Accumulator::WideFloat(sum) => WideFloatSum::clone(sum),
        _ => return None,
    };
    (sum.values() > 0).then_some(sum)
}

fn intervals(accumulator: &Accumulator) -> Option<&IntervalSum> {
    match accumulator {
        Accumulator::Interval(sum) if sum.count() > 0 => Some(sum),
        _ => None,
    }
}
