//! The allow-list: which operators, functions, aggregates and casts exist, and how a call is resolved to one of them.
//!
//! Resolution is PostgreSQL's (documentation, chapter 10). What is not on the list is refused by name, with what to do instead;
//! nothing is approximated. In lists of argument types `None` is a literal, NULL or parameter whose type is not known yet.
//!
//! Where each thing has its place: operators in `operators.rs`, functions in `builtin.rs`, aggregates in `aggregates.rs`, casts in
//! `conversion.rs`, names that are refused and why in `refused.rs`; the rules that choose among them in `resolve.rs`.

mod aggregates;
mod builtin;
mod conversion;
mod operators;
mod refused;
mod resolve;

use std::fmt;

use offtake_row::Type;

pub use conversion::{CastContext, CastPlan, apply_cast, cast, common_type, literal};

use crate::{aggregate::AggregateFunction, scalar::Func};

/// What a call means: the function, the types its arguments are to be cast to ([`apply_cast`]), and its result's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub func: Func,
    pub args: Vec<Type>,
    pub result: Type,
}

/// What an aggregate call means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedAggregate {
    pub function: AggregateFunction,
    /// The types its arguments are to be cast to; empty for `count(*)`.
    pub args: Vec<Type>,
    pub result: Type,
}

/// Why a call or a cast has no meaning here. Prints PostgreSQL's words where PostgreSQL would refuse it too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("operator does not exist: {0}")]
    NoOperator(String),
    #[error("operator is not unique: {0}")]
    AmbiguousOperator(String),
    #[error("function {0} does not exist")]
    NoFunction(String),
    #[error("function {0} is not unique")]
    AmbiguousFunction(String),
    /// PostgreSQL has it, Offtake does not (yet, or never); `remedy` says what to do.
    #[error("{what} is not kept by Offtake: {remedy}")]
    Refused { what: String, remedy: String },
    /// A condition (of NOT, IS TRUE, …) that is no boolean.
    #[error("argument of {what} must be type boolean, not type {ty}")]
    NotBoolean { what: String, ty: Type },
    #[error("cannot cast type {from} to {to}")]
    NoCast { from: Type, to: Type },
    /// In UNION, CASE, COALESCE, IN and their like.
    #[error("types {0} and {1} cannot be matched")]
    NoCommonType(Type, Type),
    /// As [`ResolveError::NoCommonType`], for types of one category.
    #[error("could not convert type {0} to {1}")]
    NoConversion(Type, Type),
}

impl ResolveError {
    pub fn sqlstate(&self) -> &'static str {
        match self {
            ResolveError::NoOperator(_) | ResolveError::NoFunction(_) => "42883",
            ResolveError::AmbiguousOperator(_) | ResolveError::AmbiguousFunction(_) => "42725",
            ResolveError::Refused { .. } => "0A000",
            ResolveError::NoCast { .. } | ResolveError::NoConversion(..) => "42846",
            ResolveError::NoCommonType(..) | ResolveError::NotBoolean { .. } => "42804",
        }
    }

    /// What to do about it, in PostgreSQL's words where it has some.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ResolveError::NoOperator(_) => Some(
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
            ),
            ResolveError::NoFunction(_) => Some(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            ),
            ResolveError::AmbiguousOperator(_) => {
                Some("Could not choose a best candidate operator. You might need to add explicit type casts.")
            }
            ResolveError::AmbiguousFunction(_) => {
                Some("Could not choose a best candidate function. You might need to add explicit type casts.")
            }
            ResolveError::NoCast { .. } | ResolveError::NoCommonType(..) | ResolveError::NoConversion(..) => {
                Some("Add an explicit cast.")
            }
            ResolveError::Refused { .. } | ResolveError::NotBoolean { .. } => None,
        }
    }
}

/// Resolves an operator; one argument is a prefix operator. Names are PostgreSQL's symbols (`~~` is LIKE, `!~~` NOT LIKE, `~~*` ILIKE;
/// an ESCAPE clause is `like_escape(pattern, escape)` as the right operand), and besides them `NOT`, `IS NULL`, `IS NOT NULL`,
/// `IS TRUE`, `IS NOT TRUE`, `IS FALSE`, `IS NOT FALSE`, `IS UNKNOWN`, `IS NOT UNKNOWN`, `IS DISTINCT FROM`, `IS NOT DISTINCT FROM`,
/// `LIKE`, `NOT LIKE`, `ILIKE`, `NOT ILIKE`.
pub fn operator(name: &str, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    operators::resolve(name, args)
}

/// Resolves a function by its lower-case name. `greatest`, `least`, `nullif` are functions here; COALESCE is
/// [`crate::Scalar::Coalesce`] over the [`common_type`]. `extract` and `date_part` take the field as their first argument, a text.
/// `position(a IN b)` is `position(b, a)`, as PostgreSQL's own grammar has it.
pub fn function(name: &str, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    builtin::resolve(name, args)
}

/// Resolves an aggregate by its lower-case name; no arguments is `count(*)`.
pub fn aggregate(name: &str, args: &[Option<Type>]) -> Result<ResolvedAggregate, ResolveError> {
    aggregates::resolve(name, args)
}

/// Whether there is an aggregate of that name (so that a planner knows how to read a call).
pub fn is_aggregate(name: &str) -> bool {
    aggregates::exists(name)
}

/// Whether values of `ty` can be compared for equality: in `=`, joins, GROUP BY, DISTINCT and UNION. For `json` PostgreSQL has no
/// equality; `jsonb`'s (by value: 1.0 equals 1.00) is not kept yet.
pub fn has_equality(ty: Type) -> bool {
    !matches!(ty, Type::Json | Type::Jsonb)
}

/// Argument types as PostgreSQL prints them in messages.
struct ArgumentTypes<'a>(&'a [Option<Type>]);

impl fmt::Display for ArgumentTypes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, ty) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            match ty {
                // PostgreSQL prints types without their modifiers here, and `char(n)` by its full name.
                Some(Type::Bpchar(_)) => f.write_str("character")?,
                Some(ty) => write!(f, "{}", ty.base())?,
                None => f.write_str("unknown")?,
            }
        }
        Ok(())
    }
}
