//! Functions in FROM.

use offtake_lir::{Func, Lir, Scalar, TableFunction, scalar::Number};
use offtake_row::{Datum, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::{NUMERIC, Relation, plan, scalar};

pub fn flat_map(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, mut types) = plan(rng, depth - 1, relations);
    let (function, args, ty) = match rng.random_range(0..3) {
        0 => {
            // Few rows around a number, forward or backward; a step of nothing is an error.
            let start = scalar(rng, &types, Type::Int8, 1);
            let number = |value| Scalar::literal(Datum::Int(value), Type::Int8);
            let stop =
                Scalar::call(Func::Add(Number::Int8), [start.clone(), number(rng.random_range(-3..4))]);
            let mut args = vec![start, stop];
            if rng.random() {
                args.push(number(if rng.random_ratio(1, 20) {
                    0
                } else {
                    *[-2, -1, 1, 2].choose(rng).unwrap()
                }));
            }
            (TableFunction::GenerateSeriesInt, args, Type::Int8)
        }
        1 => {
            let number = |value: i64| Scalar::literal(Datum::Numeric(value.into()), NUMERIC);
            let args = vec![number(rng.random_range(-2..2)), number(2)];
            (TableFunction::GenerateSeriesNumeric, args, NUMERIC)
        }
        _ => {
            let delimiter = Scalar::literal(Datum::Text(" "), Type::Text);
            let args = vec![scalar(rng, &types, Type::Text, 1), delimiter];
            (TableFunction::StringToTable, args, Type::Text)
        }
    };
    types.push(ty);
    let ordinality = rng.random();
    if ordinality {
        types.push(Type::Int8);
    }
    (Lir::FlatMap { input: Box::new(input), function, args, ordinality }, types)
}
