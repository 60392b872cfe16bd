//! Window functions that are no aggregates, and the distances of RANGE frames.

use offtake_row::Type::{self, Float8, Int2, Int4, Int8};

use super::{
    ArgumentTypes, ResolveError, ResolvedWindow, common_type,
    conversion::{CastContext, context},
};
use crate::node::WindowFunction;

pub(super) fn exists(name: &str) -> bool {
    matches!(
        name,
        "row_number"
            | "rank"
            | "dense_rank"
            | "percent_rank"
            | "cume_dist"
            | "ntile"
            | "lag"
            | "lead"
            | "first_value"
            | "last_value"
            | "nth_value"
    )
}

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<ResolvedWindow, ResolveError> {
    let missing = || ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)));
    let rank = |function, result| Ok(ResolvedWindow { function, args: Vec::new(), result });
    let is_count = |arg: &Option<Type>| arg.is_none_or(|ty| implicit(ty, Int4));
    match (name, args) {
        ("row_number", []) => rank(WindowFunction::RowNumber, Int8),
        ("rank", []) => rank(WindowFunction::Rank, Int8),
        ("dense_rank", []) => rank(WindowFunction::DenseRank, Int8),
        ("percent_rank", []) => rank(WindowFunction::PercentRank, Float8),
        ("cume_dist", []) => rank(WindowFunction::CumeDist, Float8),
        ("ntile", [buckets]) if is_count(buckets) => {
            Ok(ResolvedWindow { function: WindowFunction::Ntile, args: vec![Int4], result: Int4 })
        }
        ("lag", [_] | [_, _] | [_, _, _]) => neighbour(WindowFunction::Lag, args, &missing),
        ("lead", [_] | [_, _] | [_, _, _]) => neighbour(WindowFunction::Lead, args, &missing),
        ("first_value", [value]) => of_any(WindowFunction::FirstValue, *value, &[]),
        ("last_value", [value]) => of_any(WindowFunction::LastValue, *value, &[]),
        ("nth_value", [value, nth]) if is_count(nth) => of_any(WindowFunction::NthValue, *value, &[Int4]),
        _ => Err(missing()),
    }
}

/// A function of a value of any type, which is also its result's, and other arguments.
fn of_any(
    function: WindowFunction,
    value: Option<Type>,
    others: &[Type],
) -> Result<ResolvedWindow, ResolveError> {
    let value = value.ok_or(ResolveError::Undetermined)?;
    let args = std::iter::once(value).chain(others.iter().copied()).collect();
    // A modifier does not come out of a function.
    Ok(ResolvedWindow { function, args, result: value.base() })
}

fn neighbour(
    function: WindowFunction,
    args: &[Option<Type>],
    missing: &impl Fn() -> ResolveError,
) -> Result<ResolvedWindow, ResolveError> {
    match args {
        [value] => of_any(function, *value, &[]),
        [_, Some(offset), ..] if !implicit(*offset, Int4) => Err(missing()),
        [value, _] => of_any(function, *value, &[Int4]),
        [value, _, default] => {
            let ty = common_type(&[*value, *default]).map_err(|_| missing())?;
            Ok(ResolvedWindow { function, args: vec![ty, Int4, ty], result: ty.base() })
        }
        _ => Err(missing()),
    }
}

fn implicit(from: Type, to: Type) -> bool {
    context(from, to) == Some(CastContext::Implicit)
}

/// Source: `transformFrameOffsetClause`, and the `in_range` functions that `pg_amproc` has.
pub(super) fn range_distance(key: Type, distance: Option<Type>) -> Result<Type, ResolveError> {
    let taken = match key.base() {
        Int2 | Int4 | Int8 => Int8,
        Type::Float4 | Float8 => Float8,
        Type::Numeric(_) => Type::Numeric(None),
        Type::Date | Type::Time | Type::Timestamp | Type::Timestamptz | Type::Interval => Type::Interval,
        Type::Bool
        | Type::Text
        | Type::Varchar(_)
        | Type::Bpchar(_)
        | Type::Uuid
        | Type::Bytea
        | Type::Json
        | Type::Jsonb
        | Type::Oid
        | Type::Name
        | Type::Char
        | Type::Xid
        | Type::Regclass
        | Type::Regtype
        | Type::Regproc
        | Type::Regnamespace
        | Type::Regrole
        | Type::PgNodeTree
        | Type::AclItem
        | Type::Int2Vector
        | Type::OidVector
        | Type::Array(_) => return Err(ResolveError::NoDistance { key: key.base(), distance: None }),
    };
    match distance {
        Some(distance) if !implicit(distance, taken) => {
            Err(ResolveError::NoDistance { key: key.base(), distance: Some(distance.base()) })
        }
        _ => Ok(taken),
    }
}
