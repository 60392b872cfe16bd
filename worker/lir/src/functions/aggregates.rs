//! Aggregates.

use offtake_row::Type::{self, Bool, Float4, Float8, Int2, Int4, Int8};

use super::{ArgumentTypes, ResolveError, ResolvedAggregate, refused};
use crate::{aggregate::AggregateFunction, compare::Blanks};

const NUMERIC: Type = Type::Numeric(None);

const SUMS: &[(Type, AggregateFunction)] = &[
    (Int2, AggregateFunction::SumInt4),
    (Int4, AggregateFunction::SumInt4),
    (Int8, AggregateFunction::SumInt8),
    (NUMERIC, AggregateFunction::SumNumeric),
    (Float4, AggregateFunction::SumFloat4),
    (Float8, AggregateFunction::SumFloat8),
];

const AVERAGES: &[(Type, AggregateFunction)] = &[
    (Int2, AggregateFunction::AvgInt),
    (Int4, AggregateFunction::AvgInt),
    (Int8, AggregateFunction::AvgInt),
    (NUMERIC, AggregateFunction::AvgNumeric),
    (Float4, AggregateFunction::AvgFloat),
    (Float8, AggregateFunction::AvgFloat),
];

pub(super) fn exists(name: &str) -> bool {
    matches!(name, "count" | "sum" | "avg" | "min" | "max" | "bool_and" | "bool_or" | "every")
}

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<ResolvedAggregate, ResolveError> {
    let described = || format!("{name}({})", ArgumentTypes(args));
    let missing = || ResolveError::NoFunction(described());
    let resolved = match (name, args) {
        ("count", []) => aggregate(AggregateFunction::CountStar, None),
        ("count", [arg]) => aggregate(AggregateFunction::Count, Some(arg.unwrap_or(Type::Text))),
        ("sum", [arg]) => by_number(SUMS, *arg, &described)?,
        ("avg", [arg]) => by_number(AVERAGES, *arg, &described)?,
        ("min", [arg]) => ordered(AggregateFunction::Min, *arg, &described)?,
        ("max", [arg]) => ordered(AggregateFunction::Max, *arg, &described)?,
        ("bool_and" | "every", [None | Some(Bool)]) => aggregate(AggregateFunction::BoolAnd, Some(Bool)),
        ("bool_or", [None | Some(Bool)]) => aggregate(AggregateFunction::BoolOr, Some(Bool)),
        _ => return Err(refused::aggregate_name(name).unwrap_or_else(missing)),
    };
    Ok(resolved)
}

fn aggregate(function: AggregateFunction, arg: Option<Type>) -> ResolvedAggregate {
    ResolvedAggregate { function, args: arg.into_iter().collect(), result: function.result_type(arg) }
}

fn by_number(
    table: &[(Type, AggregateFunction)],
    arg: Option<Type>,
    described: &impl Fn() -> String,
) -> Result<ResolvedAggregate, ResolveError> {
    // An unknown argument fits all of them, intervals too: PostgreSQL can not choose.
    let Some(arg) = arg else { return Err(ResolveError::AmbiguousFunction(described())) };
    match table.iter().find(|(ty, _)| *ty == arg.base()) {
        Some((ty, function)) => Ok(aggregate(*function, Some(*ty))),
        None => Err(ResolveError::NoFunction(described())),
    }
}

fn ordered(
    function: fn(Blanks) -> AggregateFunction,
    arg: Option<Type>,
    described: &impl Fn() -> String,
) -> Result<ResolvedAggregate, ResolveError> {
    let arg = arg.unwrap_or(Type::Text);
    match arg {
        // PostgreSQL has no min and max of these.
        Type::Bool | Type::Uuid | Type::Bytea | Type::Json | Type::Jsonb => {
            Err(ResolveError::NoFunction(described()))
        }
        Type::Varchar(_) => Ok(aggregate(function(Blanks::Count), Some(Type::Text))),
        _ => Ok(aggregate(function(Blanks::of(arg)), Some(arg.base()))),
    }
}
