use offtake_row::{Numeric, Row, RowPacker};
use proptest::prelude::*;

use super::*;
use crate::compare::Blanks;

const FUNCTIONS: [AggregateFunction; 17] = [
    AggregateFunction::CountStar,
    AggregateFunction::Count,
    AggregateFunction::SumInt4,
    AggregateFunction::SumInt8,
    AggregateFunction::AvgInt,
    AggregateFunction::SumNumeric,
    AggregateFunction::AvgNumeric,
    AggregateFunction::SumFloat4,
    AggregateFunction::SumFloat8,
    AggregateFunction::AvgFloat,
    AggregateFunction::BoolAnd,
    AggregateFunction::Bits(BitOperator::Xor),
    AggregateFunction::SpreadNumeric(Spread::DeviationSample),
    AggregateFunction::SpreadFloat(Spread::VariancePopulation),
    AggregateFunction::Regression(Regression::Slope),
    AggregateFunction::Regression(Regression::Count),
    AggregateFunction::Single,
];

fn aggregate(function: AggregateFunction) -> Aggregate {
    Aggregate { function, args: vec![Scalar::Column(0)], order_by: Vec::new(), filter: None, distinct: false }
}

/// A value that the function takes, or NULL.
fn value(function: AggregateFunction) -> BoxedStrategy<Datum<'static>> {
    let value = match function {
        AggregateFunction::SumNumeric
        | AggregateFunction::AvgNumeric
        | AggregateFunction::SpreadNumeric(_) => prop_oneof![
            8 => (any::<i64>(), 0u8..20).prop_map(|(mantissa, scale)| {
                Datum::Numeric(Numeric::Finite { mantissa: mantissa.into(), scale })
            }),
            4 => (-999i128..999).prop_map(|mantissa| Datum::Numeric(Numeric::Finite { mantissa, scale: 2 })),
            2 => (-1i128..1).prop_map(|half| {
                Datum::Numeric(Numeric::Finite { mantissa: half * 99_999_999_999_999_999_999_999_999_999_999_999_999, scale: 3 })
            }),
            1 => Just(Datum::Numeric(Numeric::NaN)),
            1 => Just(Datum::Numeric(Numeric::Infinity)),
            1 => Just(Datum::Numeric(Numeric::NegativeInfinity)),
        ]
        .boxed(),
        AggregateFunction::SumFloat8
        | AggregateFunction::AvgFloat
        | AggregateFunction::SpreadFloat(_)
        | AggregateFunction::Regression(_) => prop_oneof![
            8 => any::<f64>().prop_map(Datum::Float8),
            4 => (-100.0f64..100.0).prop_map(Datum::Float8),
            1 => prop_oneof![
                Just(0.0), Just(-0.0), Just(5e-324), Just(f64::MAX), Just(f64::MIN), Just(f64::INFINITY), Just(f64::NAN)
            ].prop_map(Datum::Float8),
        ]
        .boxed(),
        AggregateFunction::SumFloat4 => any::<f32>().prop_map(Datum::Float4).boxed(),
        AggregateFunction::BoolAnd => any::<bool>().prop_map(Datum::Bool).boxed(),
        _ => any::<i64>().prop_map(Datum::Int).boxed(),
    };
    prop_oneof![1 => Just(Datum::Null), 9 => value].boxed()
}

/// A function, what is in the group, and what comes and goes.
fn history() -> impl Strategy<Value = (AggregateFunction, Vec<Datum<'static>>, Vec<(Datum<'static>, i64)>)> {
    proptest::sample::select(FUNCTIONS.to_vec()).prop_flat_map(|function| {
        let kept = proptest::collection::vec(value(function), 0..6);
        let passing =
            proptest::collection::vec((value(function), prop_oneof![1i64..5, Just(i64::MAX)]), 0..6);
        (Just(function), kept, passing)
    })
}

/// What a row contributes, of two arguments that are the same: as [`Aggregate::input`] has it.
fn contribution(aggregate: &Aggregate, datum: Datum<'_>, diff: i64) -> Accumulator {
    let counts = matches!(aggregate.function, AggregateFunction::CountStar | AggregateFunction::Single);
    if datum.is_null() && !counts {
        return Accumulator::Zero;
    }
    aggregate.accumulate(&[datum, datum], diff)
}

fn finished(aggregate: &Aggregate, sum: &Accumulator) -> Result<Row, crate::EvalError> {
    let mut packer = RowPacker::new();
    aggregate.finish(sum, &mut packer)?;
    Ok(packer.finish())
}

proptest! {
    #[test]
    fn what_comes_and_goes_leaves_no_trace((function, kept, passing) in history(), seed in any::<u64>()) {
        let aggregate = aggregate(function);
        let mut plain = Accumulator::default();
        for datum in &kept {
            plain.plus_equals(&contribution(&aggregate, *datum, 1));
        }
        let mut changes: Vec<Accumulator> = kept.iter().map(|datum| contribution(&aggregate, *datum, 1)).collect();
        for (datum, diff) in &passing {
            changes.push(contribution(&aggregate, *datum, *diff));
            changes.push(contribution(&aggregate, *datum, -1).multiply(*diff));
        }
        // Any order.
        let mut state = seed;
        for place in (1..changes.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            changes.swap(place, (state >> 33) as usize % (place + 1));
        }
        let mut busy = Accumulator::default();
        changes.iter().for_each(|change| busy.plus_equals(change));
        prop_assert_eq!(&busy, &plain);
        prop_assert_eq!(finished(&aggregate, &busy), finished(&aggregate, &plain));
        busy.plus_equals(&plain.negate());
        prop_assert!(busy.is_zero());
    }

    #[test]
    fn a_sum_of_floats_is_the_exact_sum_rounded(values in proptest::collection::vec(-1_000_000i64..1_000_000, 1..20), by in 0i32..40) {
        let aggregate = aggregate(AggregateFunction::SumFloat8);
        let scale = 2f64.powi(-by);
        let mut sum = Accumulator::default();
        values.iter().for_each(|value| sum.plus_equals(&aggregate.accumulate(&[Datum::Float8(*value as f64 * scale), Datum::Null], 1)));
        // Small enough for float addition to be exact.
        let expected: f64 = values.iter().map(|value| *value as f64 * scale).sum();
        prop_assert_eq!(finished(&aggregate, &sum), Ok(Row::pack([Datum::Float8(expected)])));
    }

    #[test]
    fn one_float_is_its_own_sum(value in any::<f64>()) {
        let aggregate = aggregate(AggregateFunction::SumFloat8);
        let sum = aggregate.accumulate(&[Datum::Float8(value), Datum::Null], 1);
        prop_assert_eq!(finished(&aggregate, &sum), Ok(Row::pack([Datum::Float8(value)])));
    }

    #[test]
    fn one_real_is_its_own_sum(value in any::<f32>()) {
        let aggregate = aggregate(AggregateFunction::SumFloat4);
        let sum = aggregate.accumulate(&[Datum::Float4(value), Datum::Null], 1);
        prop_assert_eq!(finished(&aggregate, &sum), Ok(Row::pack([Datum::Float4(value)])));
    }

    #[test]
    fn the_better_value_does_not_depend_on_the_order((_, kept, _) in history(), max in any::<bool>()) {
        let function = if max { AggregateFunction::Max(Blanks::Count) } else { AggregateFunction::Min(Blanks::Count) };
        let aggregate = aggregate(function);
        let best = |values: &mut dyn Iterator<Item = &Datum<'static>>| {
            Row::pack([values.fold(Datum::Null, |best, datum| aggregate.better(best, *datum))])
        };
        prop_assert_eq!(best(&mut kept.iter()), best(&mut kept.iter().rev()));
    }
}

#[test]
fn a_sum_shows_the_scale_of_the_values_that_are_there() {
    let aggregate = aggregate(AggregateFunction::SumNumeric);
    let numeric = |mantissa, scale| Datum::Numeric(Numeric::Finite { mantissa, scale });
    let mut sum = aggregate.accumulate(&[numeric(15, 1), Datum::Null], 1);
    sum.plus_equals(&aggregate.accumulate(&[numeric(1000, 3), Datum::Null], 1));
    assert_eq!(finished(&aggregate, &sum), Ok(Row::pack([numeric(2500, 3)])));
    sum.plus_equals(&aggregate.accumulate(&[numeric(1000, 3), Datum::Null], -1));
    assert_eq!(finished(&aggregate, &sum), Ok(Row::pack([numeric(15, 1)])));
}

#[test]
fn an_accumulator_survives_serialisation() {
    let aggregate = aggregate(AggregateFunction::SumFloat8);
    let mut sum = aggregate.accumulate(&[Datum::Float8(1e300), Datum::Null], 1);
    sum.plus_equals(&aggregate.accumulate(&[Datum::Float8(1e-300), Datum::Null], 1));
    assert!(matches!(sum, Accumulator::WideFloat(_)));
    let text = serde_json::to_string(&sum).expect("serialises");
    assert_eq!(serde_json::from_str::<Accumulator>(&text).expect("comes back"), sum);
}
