//! Random plans over a small list of types and functions. Every plan is well-typed; division by zero and overflow make rows in error.

use offtake_lir::{
    Aggregate, AggregateFunction, Blanks, CollectionId, Func, JoinStage, Lir, Mfp, Scalar,
    scalar::{Comparison, Number},
};
use offtake_row::{Datum, Numeric, Row, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

pub const NUMERIC: Type = Type::Numeric(None);

/// A relation that plans can read.
pub type Relation = (CollectionId, Vec<Type>);

/// A value out of few, so that keys meet and rows come twice.
pub fn datum(rng: &mut StdRng, ty: Type) -> Datum<'static> {
    if rng.random_ratio(1, 6) {
        return Datum::Null;
    }
    match ty {
        Type::Int8 => Datum::Int(
            *[0, 1, 2, 3, -1, 7, i64::MAX].choose_weighted(rng, |n| if *n > 3 { 1 } else { 4 }).unwrap(),
        ),
        Type::Float8 => Datum::Float8(*[0.0, -0.0, 0.1, 1.5, -2.25, 1e300, f64::NAN].choose(rng).unwrap()),
        Type::Bool => Datum::Bool(rng.random()),
        Type::Text => Datum::Text(
            ["", "a", "b", "a long text that does not fit in a row's inline bytes"].choose(rng).unwrap(),
        ),
        _ => {
            let (mantissa, scale) =
                *[(0, 0), (1, 0), (100, 2), (10, 1), (-5, 1), (25, 1), (1, 3)].choose(rng).unwrap();
            Datum::Numeric(Numeric::Finite { mantissa, scale })
        }
    }
}

pub fn row(rng: &mut StdRng, types: &[Type]) -> Row {
    Row::pack(types.iter().map(|ty| datum(rng, *ty)).collect::<Vec<_>>())
}

/// About how many rows a plan makes, where its collections have so many. Joins of joins of joins grow beyond all bounds.
pub fn size(lir: &Lir, collections: &dyn Fn(CollectionId) -> f64) -> f64 {
    let size = |lir: &Lir| size(lir, collections);
    match lir {
        Lir::Constant { rows } => rows.len() as f64,
        Lir::Get { id } => collections(*id),
        Lir::Mfp { input, .. } | Lir::Reduce { input, .. } | Lir::Distinct { input } => size(input),
        Lir::Union { inputs } => inputs.iter().map(size).sum(),
        Lir::Join { inputs, stages } => {
            // There are few values, of which nearly half are equal to another.
            let meet = |stage: &JoinStage| if stage.stream_key.is_empty() { 1.0 } else { 0.4 };
            inputs.iter().map(size).product::<f64>() * stages.iter().map(meet).product::<f64>()
        }
    }
}

/// A plan with its columns' types.
pub fn plan(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if depth == 0 {
        return leaf(rng, relations);
    }
    match rng.random_range(0..12) {
        0 => leaf(rng, relations),
        1..=2 => mapped(rng, depth, relations),
        3..=6 => join(rng, depth, relations),
        7..=9 => reduce(rng, depth, relations),
        10 => distinct(rng, depth, relations),
        _ => union(rng, depth, relations),
    }
}

fn leaf(rng: &mut StdRng, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if rng.random_ratio(1, 20) {
        let types = vec![Type::Int8, Type::Text];
        let rows = (0..rng.random_range(0..3)).map(|_| (row(rng, &types), rng.random_range(1..3))).collect();
        return (Lir::Constant { rows }, types);
    }
    let (id, types) = relations.choose(rng).unwrap().clone();
    (Lir::Get { id }, types)
}

fn mapped(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, types) = plan(rng, depth - 1, relations);
    let (mfp, types) = mfp(rng, &types);
    (Lir::Mfp { input: Box::new(input), mfp }, types)
}

fn mfp(rng: &mut StdRng, input: &[Type]) -> (Mfp, Vec<Type>) {
    let mut types = input.to_vec();
    let mut expressions = Vec::new();
    for _ in 0..rng.random_range(0..3) {
        let ty = *[Type::Int8, Type::Bool, NUMERIC].choose(rng).unwrap();
        expressions.push(scalar(rng, &types, ty, 2));
        types.push(ty);
    }
    let predicates = (0..rng.random_range(0..2)).map(|_| scalar(rng, &types, Type::Bool, 2)).collect();
    let width = rng.random_range(1..=types.len().min(4));
    let projection: Vec<usize> = (0..width).map(|_| rng.random_range(0..types.len())).collect();
    let output = projection.iter().map(|column| types[*column]).collect();
    (Mfp { input_arity: input.len(), expressions, predicates, projection }, output)
}

fn join(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (first, mut types) = join_input(rng, depth, relations);
    let mut inputs = vec![first];
    let mut stages = Vec::new();
    for _ in 0..rng.random_range(1..3) {
        let (input, other) = join_input(rng, depth, relations);
        let (mut stream_key, mut lookup_key) = (Vec::new(), Vec::new());
        // Cross joins are rare: they grow.
        for _ in 0..if rng.random_ratio(1, 12) { 0 } else { rng.random_range(1..3) } {
            let ty = *other.choose(rng).unwrap();
            let right = columns(&other, ty);
            let left = columns(&types, ty);
            if rng.random_ratio(4, 5) && !left.is_empty() {
                stream_key.push(key(Scalar::Column(*left.choose(rng).unwrap()), ty));
            } else {
                stream_key.push(key(scalar(rng, &types, ty, 1), ty));
            }
            lookup_key.push(key(Scalar::Column(*right.choose(rng).unwrap()), ty));
        }
        let all: Vec<Type> = types.iter().chain(&other).copied().collect();
        let (closure, output) = mfp(rng, &all);
        stages.push(JoinStage { stream_key, lookup_key, closure });
        inputs.push(input);
        types = output;
    }
    (Lir::Join { inputs, stages }, types)
}

/// Bare collections often, so that indexes are shared.
fn join_input(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if rng.random_ratio(2, 3) { leaf(rng, relations) } else { plan(rng, depth - 1, relations) }
}

fn reduce(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, types) = plan(rng, depth - 1, relations);
    let mut output = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..rng.random_range(0..3) {
        let ty = *types.choose(rng).unwrap();
        keys.push(key(scalar(rng, &types, ty, 1), ty));
        output.push(ty);
    }
    let mut aggregates = Vec::new();
    for _ in 0..rng.random_range(if keys.is_empty() { 1 } else { 0 }..4) {
        let (aggregate, ty) = aggregate(rng, &types);
        aggregates.push(aggregate);
        output.push(ty);
    }
    if output.is_empty() {
        return (input, types);
    }
    (Lir::Reduce { input: Box::new(input), key: keys, aggregates }, output)
}

fn aggregate(rng: &mut StdRng, types: &[Type]) -> (Aggregate, Type) {
    use AggregateFunction::*;
    let ty = *types.choose(rng).unwrap();
    let functions: &[AggregateFunction] = match ty {
        Type::Int8 => &[CountStar, Count, SumInt8, AvgInt, Min(Blanks::Count), Max(Blanks::Count)],
        Type::Float8 => &[Count, SumFloat8, AvgFloat, Min(Blanks::Count), Max(Blanks::Count)],
        Type::Bool => &[Count, BoolAnd, BoolOr],
        Type::Text => &[Count, Min(Blanks::Count), Max(Blanks::Count)],
        _ => &[Count, SumNumeric, AvgNumeric, Min(Blanks::Count), Max(Blanks::Count)],
    };
    let function = *functions.choose(rng).unwrap();
    let distinct = function != CountStar && rng.random_ratio(1, 4);
    let arg = (function != CountStar).then(|| {
        let arg = scalar(rng, types, ty, 1);
        if distinct { key(arg, ty) } else { arg }
    });
    let filter = rng.random_ratio(1, 4).then(|| scalar(rng, types, Type::Bool, 1));
    let result = function.result_type(arg.as_ref().map(|_| ty));
    (Aggregate { function, arg, filter, distinct }, result)
}

fn distinct(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (input, types) = plan(rng, depth - 1, relations);
    let arity = types.len();
    let expressions: Vec<Scalar> =
        types.iter().enumerate().map(|(i, ty)| key(Scalar::Column(i), *ty)).collect();
    let mfp = Mfp {
        input_arity: arity,
        expressions,
        predicates: Vec::new(),
        projection: (arity..2 * arity).collect(),
    };
    let input = Lir::Mfp { input: Box::new(input), mfp };
    (Lir::Distinct { input: Box::new(input) }, types)
}

fn union(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let wanted: Vec<Type> = (0..rng.random_range(1..3))
        .map(|_| *[Type::Int8, NUMERIC, Type::Text].choose(rng).unwrap())
        .collect();
    let inputs = (0..rng.random_range(1..4))
        .map(|_| {
            let (input, types) = plan(rng, depth - 1, relations);
            let expressions: Vec<Scalar> = wanted.iter().map(|ty| scalar(rng, &types, *ty, 1)).collect();
            let projection = (types.len()..types.len() + wanted.len()).collect();
            let mfp = Mfp { input_arity: types.len(), expressions, predicates: Vec::new(), projection };
            Lir::Mfp { input: Box::new(input), mfp }
        })
        .collect();
    (Lir::Union { inputs }, wanted)
}

/// What the planner puts around keys whose type has several forms of one value.
fn key(scalar: Scalar, ty: Type) -> Scalar {
    match ty {
        Type::Float8 | Type::Numeric(_) => {
            Scalar::Call { func: Func::EqualityKey(Blanks::Count), args: vec![scalar] }
        }
        _ => scalar,
    }
}

fn columns(types: &[Type], wanted: Type) -> Vec<usize> {
    (0..types.len()).filter(|column| types[*column] == wanted).collect()
}

fn scalar(rng: &mut StdRng, types: &[Type], wanted: Type, depth: usize) -> Scalar {
    let columns = columns(types, wanted);
    if depth == 0 || rng.random_ratio(1, 2) {
        return match columns.choose(rng) {
            Some(column) if rng.random_ratio(9, 10) => Scalar::Column(*column),
            _ => Scalar::Literal { value: Row::pack([datum(rng, wanted)]), ty: wanted },
        };
    }
    let call = |func, args| Scalar::Call { func, args };
    let of = |rng: &mut StdRng, ty| scalar(rng, types, ty, depth - 1);
    match wanted {
        Type::Int8 | NUMERIC => {
            let number = if wanted == Type::Int8 { Number::Int8 } else { Number::Numeric };
            let func = *[Func::Add(number), Func::Subtract(number), Func::Divide(number)]
                .choose_weighted(rng, |func| if matches!(func, Func::Divide(_)) { 1 } else { 6 })
                .unwrap();
            call(func, vec![of(rng, wanted), of(rng, wanted)])
        }
        Type::Bool => match rng.random_range(0..4) {
            0 => call(Func::IsNotNull, vec![of(rng, Type::Int8)]),
            1 => Scalar::Or(vec![of(rng, Type::Bool), of(rng, Type::Bool)]),
            _ => {
                let ty = *types.choose(rng).unwrap();
                let comparison =
                    *[Comparison::Equal, Comparison::Less, Comparison::GreaterOrEqual, Comparison::NotEqual]
                        .choose(rng)
                        .unwrap();
                call(Func::Compare(comparison, Blanks::Count), vec![of(rng, ty), of(rng, ty)])
            }
        },
        _ => Scalar::Coalesce(vec![of(rng, wanted), of(rng, wanted)]),
    }
}
