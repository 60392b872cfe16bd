//! Casts: which there are, in which contexts, and the common type of several expressions.

use offtake_row::{Element, Row, RowPacker, Type};

use super::ResolveError;
use crate::{
    error::{EvalError, SqlState},
    scalar::{Func, Scalar},
};

/// Where a cast happens; each allows what the ones before it allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    Implicit,
    Assignment,
    Explicit,
}

/// A cast that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CastPlan {
    pub from: Type,
    pub to: Type,
}

impl CastPlan {
    /// [`apply_cast`].
    pub fn apply(self, expr: Scalar) -> Scalar {
        apply_cast(expr, self.from, self.to)
    }
}

/// A type category. Source: `pg_type.typcategory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Boolean,
    Numeric,
    String,
    DateTime,
    Timespan,
    Array,
    /// Types that PostgreSQL has for itself.
    Internal,
    UserDefined,
}

pub(super) fn category(ty: Type) -> Category {
    match ty.facts().category {
        'B' => Category::Boolean,
        'N' => Category::Numeric,
        'S' => Category::String,
        'D' => Category::DateTime,
        'T' => Category::Timespan,
        'A' => Category::Array,
        'Z' => Category::Internal,
        _ => Category::UserDefined,
    }
}

/// `pg_type.typispreferred`.
pub(super) fn is_preferred(ty: Type) -> bool {
    ty.facts().preferred
}

/// The weakest context that a cast between two types works in; `None` where there is no such cast. Source: `pg_cast` of PostgreSQL 15,
/// the rule that every type has an assignment cast to strings and an explicit one from them (documentation, CREATE CAST), and that arrays
/// are cast as their elements are.
pub(super) fn context(from: Type, to: Type) -> Option<CastContext> {
    use CastContext::{Assignment, Explicit, Implicit};

    let (from, to) = (from.base(), to.base());
    if from == to {
        return Some(Implicit);
    }
    // Vectors are arrays to a cast from them, but not to one to them.
    if let (Some(from), Type::Array(to)) = (from.element(), to) {
        return context(from, to.into());
    }
    listed(from, to).or_else(|| match (category(from), category(to)) {
        (_, Category::String) => Some(Assignment),
        (Category::String, _) => Some(Explicit),
        _ => None,
    })
}

/// Of two different types, without their modifiers.
fn listed(from: Type, to: Type) -> Option<CastContext> {
    use CastContext::{Assignment, Explicit, Implicit};
    use Type::{
        Bool, Bpchar, Char, Date, Float4, Float8, Int2, Int4, Int8, Interval, Json, Jsonb, Name, Numeric,
    };
    use Type::{Oid, PgNodeTree, Text, Time, Timestamp, Timestamptz, Varchar};

    Some(match (from, to) {
        (Int2, Int4 | Int8) | (Int4, Int8) => Implicit,
        (Int2 | Int4 | Int8, Float4 | Float8 | Numeric(_)) => Implicit,
        (Float4, Float8) | (Numeric(_), Float4 | Float8) => Implicit,
        (Int8, Int2 | Int4) | (Int4, Int2) => Assignment,
        (Float8 | Float4 | Numeric(_), Int2 | Int4 | Int8) => Assignment,
        (Float8, Float4) | (Float4 | Float8, Numeric(_)) => Assignment,
        (Bool, Int4) | (Int4, Bool) => Explicit,
        (Text | Varchar(_) | Bpchar(_), Text | Varchar(_) | Bpchar(_) | Name) => Implicit,
        (Name, Text) => Implicit,
        (Name, Varchar(_) | Bpchar(_)) => Assignment,
        (Char | PgNodeTree, Text) => Implicit,
        (Char, Varchar(_) | Bpchar(_)) | (Text | Varchar(_) | Bpchar(_), Char) => Assignment,
        (Char, Int4) | (Int4, Char) => Explicit,
        (Text | Varchar(_), Type::Regclass) => Implicit,
        (Int2 | Int4 | Int8, to) if to.is_object() => Implicit,
        (from, Int4 | Int8) if from.is_object() => Assignment,
        (Oid, to) if to.is_object() => Implicit,
        (from, Oid) if from.is_object() => Implicit,
        (Date, Timestamp | Timestamptz) | (Timestamp, Timestamptz) => Implicit,
        (Timestamptz, Timestamp) | (Timestamp | Timestamptz, Date | Time) => Assignment,
        (Time, Interval) => Implicit,
        (Interval, Time) => Assignment,
        (Json, Jsonb) | (Jsonb, Json) => Assignment,
        (Jsonb, Bool | Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_)) => Explicit,
        _ => return None,
    })
}

/// Whether `from` can be cast to `to` in this context.
pub fn cast(from: Type, to: Type, context: CastContext) -> Result<CastPlan, ResolveError> {
    match self::context(from, to) {
        Some(needed) if needed <= context => Ok(CastPlan { from, to }),
        _ => Err(ResolveError::NoCast { from, to }),
    }
}

/// Wraps an expression of type `from` so that it has type `to`; the cast must exist ([`cast`]), in whatever context. Casts that
/// change nothing (integers to wider ones, varchar to text) vanish; constants are cast at once where they have a value.
pub fn apply_cast(expr: Scalar, from: Type, to: Type) -> Scalar {
    if changes_nothing(from, to) {
        return match expr {
            Scalar::Literal { value, .. } => Scalar::Literal { value, ty: to },
            Scalar::Parameter { index, ty } if ty == from && from.base() == to.base() => {
                Scalar::Parameter { index, ty }
            }
            other => other,
        };
    }
    if expr.is_null_literal() {
        return Scalar::null(to);
    }
    Scalar::call(Func::Cast { from, to }, [expr]).fold(to)
}

/// Whether every value of `from` is held as the same datum in `to`.
fn changes_nothing(from: Type, to: Type) -> bool {
    if from == to {
        return true;
    }
    match (from, to) {
        (Type::Int2, Type::Int4 | Type::Int8) | (Type::Int4, Type::Int8) => true,
        (Type::Text | Type::Varchar(_), Type::Text | Type::Varchar(None)) => true,
        (Type::Varchar(Some(had)), Type::Varchar(Some(has))) => had <= has,
        (Type::Numeric(_), Type::Numeric(None)) | (Type::Bpchar(_), Type::Bpchar(None)) => true,
        (Type::Timestamp, Type::Timestamptz) | (Type::Timestamptz, Type::Timestamp) => true,
        (Type::Name | Type::PgNodeTree, Type::Text | Type::Varchar(None)) => true,
        (from, to) if from.is_object() && (to.is_object() || to == Type::Int8) => true,
        (Type::Int2Vector, Type::Array(Element::Int2 | Element::Int4 | Element::Int8)) => true,
        (Type::OidVector, Type::Array(to)) => changes_nothing(Type::Oid, to.into()),
        (Type::Array(from), Type::Array(to)) => changes_nothing(from.into(), to.into()),
        _ => false,
    }
}

/// The type of UNION's columns, of CASE, COALESCE, GREATEST, VALUES and of an IN list's comparisons (documentation 10.5). All unknown
/// is `text`.
pub fn common_type(types: &[Option<Type>]) -> Result<Type, ResolveError> {
    let mut known = types.iter().flatten().copied();
    let Some(first) = known.next() else { return Ok(Type::Text) };
    if types.iter().all(|ty| *ty == Some(first)) {
        return Ok(first);
    }
    let mut chosen = first.base();
    for ty in known {
        let ty = ty.base();
        if ty == chosen {
            continue;
        }
        if category(ty) != category(chosen) {
            return Err(ResolveError::NoCommonType(chosen, ty));
        }
        let implicit = |from, to| context(from, to) == Some(CastContext::Implicit);
        if !is_preferred(chosen) && implicit(chosen, ty) && !implicit(ty, chosen) {
            chosen = ty;
        }
    }
    match types.iter().flatten().find(|ty| context(**ty, chosen) != Some(CastContext::Implicit)) {
        Some(ty) => Err(ResolveError::NoConversion(*ty, chosen)),
        None => Ok(chosen),
    }
}

/// A literal's text read as a value of `ty`; a length or precision is enforced as by an explicit cast.
pub fn literal(text: &str, ty: Type) -> Result<Scalar, EvalError> {
    let mut packer = RowPacker::new();
    // Read without the modifier: an explicit cast cuts what is too long, where the input function would refuse it.
    let base = ty.base();
    offtake_row::text::parse(base, text, &mut packer)
        .map_err(|error| EvalError::new(SqlState::new(error.sqlstate()), error.to_string()))?;
    let value: Row = packer.finish();
    let expr = Scalar::Literal { value, ty: base };
    if base == ty {
        return Ok(expr);
    }
    match apply_cast(expr, base, ty) {
        literal @ Scalar::Literal { .. } => Ok(literal),
        // Not folded because it has no value: say why.
        call => match call.eval(&[], &crate::arena::Arena::new()) {
            Ok(datum) => Ok(Scalar::literal(datum, ty)),
            Err(error) => Err(error),
        },
    }
}
