//! Window functions.

use offtake_lir::{
    AggregateFunction, Frame, FrameBound, FrameExclusion, FrameUnit, Lir, Order, Scalar, Window, WindowCall,
    WindowFunction,
};
use offtake_row::{Datum, Numeric, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::{Relation, aggregate, key, plan, scalar};

pub fn window(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, mut types) = plan(rng, depth - 1, relations);
    let partition = (0..rng.random_range(0..3))
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
    let mut calls = Vec::new();
    let arity = types.len();
    for _ in 0..rng.random_range(1..4) {
        let (call, ty) = call(rng, &types[..arity], &order_by);
        calls.push(call);
        types.push(ty);
    }
    (Lir::Window { input: Box::new(input), window: Window { partition, order_by, calls } }, types)
}

fn call(rng: &mut StdRng, types: &[Type], order_by: &[Order]) -> (WindowCall, Type) {
    let frame = frame(rng, order_by);
    let count = |rng: &mut StdRng| Scalar::literal(Datum::Int(rng.random_range(1..4)), Type::Int4);
    let ty = *types.choose(rng).unwrap();
    let (function, args, result) = match rng.random_range(0..12) {
        0 => (WindowFunction::RowNumber, Vec::new(), Type::Int8),
        1 => (WindowFunction::Rank, Vec::new(), Type::Int8),
        2 => (WindowFunction::CumeDist, Vec::new(), Type::Float8),
        3 => (WindowFunction::Ntile, vec![count(rng)], Type::Int8),
        4 => {
            let args = vec![scalar(rng, types, ty, 1), count(rng), scalar(rng, types, ty, 1)];
            (if rng.random() { WindowFunction::Lag } else { WindowFunction::Lead }, args, ty)
        }
        5 => (WindowFunction::FirstValue, vec![scalar(rng, types, ty, 1)], ty),
        6 => (WindowFunction::NthValue, vec![scalar(rng, types, ty, 1), count(rng)], ty),
        _ => loop {
            let (mut aggregate, ty) = aggregate(rng, types);
            // PostgreSQL has neither over a window, and no window has a subquery's one value.
            (aggregate.distinct, aggregate.order_by) = (false, Vec::new());
            if aggregate.function != AggregateFunction::Single {
                break (WindowFunction::Aggregate(aggregate), Vec::new(), ty);
            }
        },
    };
    (WindowCall { function, args, frame }, result)
}

fn frame(rng: &mut StdRng, order_by: &[Order]) -> Frame {
    let unit = *[FrameUnit::Rows, FrameUnit::Range, FrameUnit::Groups].choose(rng).unwrap();
    let distance = match (unit, order_by) {
        (FrameUnit::Rows | FrameUnit::Groups, _) => Some(Type::Int8),
        (FrameUnit::Range, [Order { ty, .. }]) if !matches!(ty, Type::Text | Type::Bool) => Some(*ty),
        (FrameUnit::Range, _) => None,
    };
    let offset = |rng: &mut StdRng| {
        let ty = distance?;
        let datum = match ty {
            Type::Int8 => Datum::Int(if rng.random_ratio(1, 40) { -1 } else { rng.random_range(0..3) }),
            Type::Float8 => Datum::Float8(*[0.0, 1.5, f64::INFINITY].choose(rng).unwrap()),
            _ => Datum::Numeric(Numeric::Finite { mantissa: rng.random_range(0..20), scale: 1 }),
        };
        Some(Scalar::literal(datum, ty))
    };
    let mut bound = |start: bool| {
        let unbounded = if start { FrameBound::UnboundedPreceding } else { FrameBound::UnboundedFollowing };
        match (rng.random_range(0..4), offset(rng)) {
            (0, _) | (_, None) => unbounded,
            (1, _) => FrameBound::CurrentRow,
            (2, Some(offset)) => FrameBound::Preceding(offset),
            (_, Some(offset)) => FrameBound::Following(offset),
        }
    };
    let (start, end) = (bound(true), bound(false));
    let exclude = match rng.random_range(0..8) {
        0 => FrameExclusion::CurrentRow,
        1 => FrameExclusion::Group,
        2 => FrameExclusion::Ties,
        _ => FrameExclusion::Nothing,
    };
    Frame { unit, start, end, exclude }
}
