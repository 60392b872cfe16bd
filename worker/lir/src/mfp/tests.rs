use offtake_row::Type;
use proptest::prelude::*;

use super::*;
use crate::{
    compare::Blanks,
    scalar::{Comparison, Func, Number},
};

/// Integer expressions over columns below `arity`; division may raise errors.
fn number(arity: usize) -> BoxedStrategy<Scalar> {
    let leaf = prop_oneof![
        (0..arity.max(1)).prop_map(move |column| if arity == 0 { int(1) } else { Scalar::Column(column) }),
        (-3i64..4).prop_map(int),
        Just(Scalar::null(Type::Int8)),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let func = prop_oneof![
            Just(Func::Add(Number::Int8)),
            Just(Func::Multiply(Number::Int8)),
            Just(Func::Divide(Number::Int8)),
        ];
        (func, inner.clone(), inner).prop_map(|(func, left, right)| Scalar::call(func, [left, right]))
    })
    .boxed()
}

fn int(value: i64) -> Scalar {
    Scalar::literal(Datum::Int(value), Type::Int8)
}

fn predicate(arity: usize) -> impl Strategy<Value = Scalar> {
    let comparison =
        prop_oneof![Just(Comparison::Less), Just(Comparison::NotEqual), Just(Comparison::GreaterOrEqual)];
    (comparison, number(arity), number(arity)).prop_map(|(comparison, left, right)| {
        Scalar::call(Func::Compare(comparison, Blanks::Count), [left, right])
    })
}

fn step(input_arity: usize) -> impl Strategy<Value = Mfp> {
    let first = number(input_arity);
    let second = number(input_arity + 1);
    let arity = input_arity + 2;
    let predicates = proptest::collection::vec(predicate(arity), 0..3);
    let projection = proptest::collection::vec(0..arity, 1..4);
    (first, second, predicates, projection).prop_map(move |(first, second, predicates, projection)| Mfp {
        input_arity,
        expressions: vec![first, second],
        predicates,
        projection,
    })
}

fn two_steps() -> impl Strategy<Value = (Mfp, Mfp)> {
    step(3).prop_flat_map(|first| {
        let arity = first.output_arity();
        (Just(first), step(arity))
    })
}

proptest! {
    #[test]
    fn fused_steps_answer_what_they_answer_in_sequence(
        (first, second) in two_steps(),
        values in proptest::array::uniform3(proptest::option::of(-3i64..4)),
    ) {
        let row = Row::pack(values.map(|value| value.map_or(Datum::Null, Datum::Int)));
        let mut scratch = Scratch::new();
        let fused = first.clone().compose(second.clone());
        let in_sequence = first.eval(&row, &mut scratch).and_then(|row| match row {
            Some(row) => second.eval(&row, &mut scratch),
            None => Ok(None),
        });
        let at_once = fused.eval(&row, &mut scratch);
        // Where the sequence raises an error, one step may find that nobody needs the value that there is none of.
        if let Ok(answer) = in_sequence {
            prop_assert_eq!(at_once, Ok(answer));
        }
        let left = Row::pack(row.iter().take(1));
        let right = Row::pack(row.iter().skip(1));
        prop_assert_eq!(fused.eval_pair(&left, &right, &mut scratch), fused.eval(&row, &mut scratch));
    }

    #[test]
    fn pruning_changes_no_answer(step in step(3), values in proptest::array::uniform3(-3i64..4)) {
        let row = Row::pack(values.map(Datum::Int));
        let mut scratch = Scratch::new();
        let mut pruned = step.clone();
        pruned.prune();
        prop_assert!(pruned.expressions.len() <= step.expressions.len());
        if let Ok(answer) = step.eval(&row, &mut scratch) {
            prop_assert_eq!(pruned.eval(&row, &mut scratch), Ok(answer));
        }
    }
}

#[test]
fn a_row_that_is_dropped_raises_no_error() {
    let quotient = Scalar::call(Func::Divide(Number::Int4), [int(1), Scalar::Column(0)]);
    let not_zero =
        Scalar::call(Func::Compare(Comparison::NotEqual, Blanks::Count), [Scalar::Column(0), int(0)]);
    let small = Scalar::call(Func::Compare(Comparison::Less, Blanks::Count), [Scalar::Column(1), int(9)]);
    let mut scratch = Scratch::new();
    let zero = Row::pack([Datum::Int(0)]);
    let mut step = Mfp {
        input_arity: 1,
        expressions: vec![quotient],
        predicates: vec![small.clone(), not_zero.clone()],
        projection: vec![1],
    };
    assert_eq!(
        step.eval(&zero, &mut scratch),
        Err(EvalError::division_by_zero()),
        "the first predicate needs it"
    );
    step.predicates = vec![not_zero, small];
    assert_eq!(step.eval(&zero, &mut scratch), Ok(None));
    assert_eq!(step.eval(&Row::pack([Datum::Int(1)]), &mut scratch), Ok(Some(Row::pack([Datum::Int(1)]))));
}

#[test]
fn an_error_of_the_data_leaves_the_scratch_usable() {
    let quotient = Scalar::call(Func::Divide(Number::Int4), [int(6), Scalar::Column(0)]);
    let step =
        Mfp { input_arity: 1, expressions: vec![quotient], predicates: vec![], projection: vec![1, 0] };
    let mut scratch = Scratch::new();
    for value in [2, 0, 3] {
        let answer = step.eval(&Row::pack([Datum::Int(value)]), &mut scratch);
        if value == 0 {
            assert_eq!(answer, Err(EvalError::division_by_zero()));
        } else {
            assert_eq!(answer, Ok(Some(Row::pack([Datum::Int(6 / value), Datum::Int(value)]))));
        }
    }
}
