//! First rows of groups.

use offtake_lir::{Func, Lir, Order, Scalar, TopK, scalar::Number};
use offtake_row::{Datum, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::{Relation, key, plan, scalar};

pub fn top_k(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, types) = plan(rng, depth - 1, relations);
    let group = (0..rng.random_range(0..3))
        .map(|_| {
            let ty = *types.choose(rng).unwrap();
            key(scalar(rng, &types, ty, 1), ty)
        })
        .collect();
    let order_by: Vec<Order> = (0..rng.random_range(0..3))
        .map(|_| {
            let column = rng.random_range(0..types.len());
            Order { column, ty: types[column], descending: rng.random(), nulls_first: rng.random() }
        })
        .collect();
    let limit = count(rng);
    let offset = if rng.random_ratio(1, 3) { count(rng) } else { None };
    let with_ties = limit.is_some() && !order_by.is_empty() && rng.random_ratio(1, 3);
    let top = TopK { group, order_by, limit, offset, with_ties };
    (Lir::TopK { input: Box::new(input), top }, types)
}

fn count(rng: &mut StdRng) -> Option<Scalar> {
    let number = |count| Scalar::literal(Datum::Int(count), Type::Int8);
    match rng.random_range(0..40) {
        0 => Some(number(-1)),
        1 => Some(Scalar::call(Func::Divide(Number::Int8), [number(1), number(0)])),
        2 => Some(Scalar::null(Type::Int8)),
        3..=5 => None,
        6 => Some(number(i64::MAX)),
        _ => Some(number(rng.random_range(0..6))),
    }
}
