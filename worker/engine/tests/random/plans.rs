//! Random plans of all nodes over a small list of types and functions. Every plan is well-typed; division by zero and overflow make rows in error.

mod flat_map;
mod join;
mod named;
mod recursive;
mod set;
pub mod size;
mod top_k;
mod window;

use offtake_lir::{
    Aggregate, AggregateFunction, AggregateOrder, Blanks, Func, Lir, Mfp, Scalar,
    aggregate::{BitOperator, Spread},
    scalar::{Comparison, Number},
};
use offtake_row::{Datum, Numeric, Row, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

pub const NUMERIC: Type = Type::Numeric(None);

/// A relation that plans can read, and its columns.
pub type Relation = (Lir, Vec<Type>);

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

/// A plan with its columns' types.
pub fn plan(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if depth == 0 {
        return leaf(rng, relations);
    }
    match rng.random_range(0..28) {
        0 => leaf(rng, relations),
        1..=2 => mapped(rng, depth, relations),
        3..=8 => join::join(rng, depth, relations),
        9..=11 => reduce(rng, depth, relations),
        12 => distinct(rng, depth, relations),
        13 => union(rng, depth, relations),
        14..=15 => set::difference(rng, depth, relations),
        16..=17 => top_k::top_k(rng, depth, relations),
        18..=20 => window::window(rng, depth, relations),
        21..=22 => recursive::recursive(rng, depth, relations),
        23..=24 => flat_map::flat_map(rng, depth, relations),
        _ => named::shared(rng, depth, relations),
    }
}

fn leaf(rng: &mut StdRng, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if rng.random_ratio(1, 20) {
        let types = vec![Type::Int8, Type::Text];
        let rows = (0..rng.random_range(0..3)).map(|_| (row(rng, &types), rng.random_range(1..3))).collect();
        return (Lir::Constant { rows }, types);
    }
    relations.choose(rng).unwrap().clone()
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
    let blanks = Blanks::Count;
    let functions: &[AggregateFunction] = match ty {
        Type::Int8 => {
            let spread = SpreadNumeric(Spread::VariancePopulation);
            &[CountStar, Count, SumInt8, AvgInt, Min(blanks), Max(blanks), Bits(BitOperator::Xor), spread]
        }
        Type::Float8 => {
            let spread = SpreadFloat(Spread::DeviationSample);
            let slope = Regression(offtake_lir::aggregate::Regression::Slope);
            &[Count, SumFloat8, AvgFloat, Min(blanks), Max(blanks), spread, slope]
        }
        Type::Bool => &[Count, BoolAnd, BoolOr],
        Type::Text => &[Count, Min(blanks), Max(blanks), StringAgg, StringAgg],
        _ => &[Count, SumNumeric, AvgNumeric, Min(blanks), Max(blanks)],
    };
    let function = if rng.random_ratio(1, 30) { Single } else { *functions.choose(rng).unwrap() };
    let distinct = !matches!(function, CountStar | Single) && rng.random_ratio(1, 4);
    let mut args = Vec::new();
    if function != CountStar {
        args.push(scalar(rng, types, ty, 1));
    }
    match function {
        StringAgg => args.push(Scalar::literal(Datum::Text(","), Type::Text)),
        Regression(_) => args.push(scalar(rng, types, ty, 1)),
        _ => {}
    }
    let order_by = (function == StringAgg && rng.random())
        .then(|| {
            // With DISTINCT only arguments can be ordered by.
            let (key, ty) = if distinct {
                (args[0].clone(), ty)
            } else {
                let ty = *types.choose(rng).unwrap();
                (scalar(rng, types, ty, 1), ty)
            };
            AggregateOrder { key, ty, descending: rng.random(), nulls_first: rng.random() }
        })
        .into_iter()
        .collect();
    let filter = rng.random_ratio(1, 4).then(|| scalar(rng, types, Type::Bool, 1));
    let result = function.result_type(args.first().map(|_| ty));
    (Aggregate { function, args, order_by, filter, distinct }, result)
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
    let wanted = alike(rng);
    let inputs = (0..rng.random_range(1..4)).map(|_| shaped(rng, depth, relations, &wanted)).collect();
    (Lir::Union { inputs }, wanted)
}

/// Columns that inputs of a set operation have.
fn alike(rng: &mut StdRng) -> Vec<Type> {
    (0..rng.random_range(1..3)).map(|_| *[Type::Int8, NUMERIC, Type::Text].choose(rng).unwrap()).collect()
}

/// A plan of given columns, whose equal rows are equal bytes.
fn shaped(rng: &mut StdRng, depth: usize, relations: &[Relation], wanted: &[Type]) -> Lir {
    let (input, types) = plan(rng, depth - 1, relations);
    let expressions = wanted.iter().map(|ty| key(scalar(rng, &types, *ty, 1), *ty)).collect();
    let projection = (types.len()..types.len() + wanted.len()).collect();
    let mfp = Mfp { input_arity: types.len(), expressions, predicates: Vec::new(), projection };
    Lir::Mfp { input: Box::new(input), mfp }
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
