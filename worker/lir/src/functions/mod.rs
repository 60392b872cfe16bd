//! The allow-list: which operators, functions, aggregates and casts exist, and how a call is resolved to one of them.
//!
//! Resolution is PostgreSQL's (documentation, chapter 10). What is not on the list is refused by name, with what to do instead;
//! nothing is approximated. In lists of argument types `None` is a literal, NULL or parameter whose type is not known yet.
//!
//! Where each thing has its place: operators in `operators.rs`, functions in `builtin.rs`, those of arrays in `array.rs`, aggregates in
//! `aggregates.rs`, window functions in `windows.rs`, functions in FROM in `table_functions.rs`, casts in `conversion.rs`, functions about the catalog in `catalog.rs`, names that
//! are refused and why in `refused.rs`; the rules that choose among them in `resolve.rs`.

mod aggregates;
mod array;
mod builtin;
mod catalog;
mod conversion;
mod datetime;
mod json;
mod math;
mod operators;
mod refused;
mod regex;
mod resolve;
mod string;
mod table_functions;
mod windows;

use std::fmt;

use offtake_row::{Element, Type};

pub use array::{array_constructor, array_slice, array_subscript, quantified};
pub use catalog::{CatalogFunctions, CollectionFunction, Signature, SystemColumn, catalog_function};
pub use conversion::{CastContext, CastPlan, apply_cast, cast, common_type, literal};

use crate::{
    aggregate::AggregateFunction, node::WindowFunction, scalar::Func, table_function::TableFunction,
};

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
    /// The types its arguments are to be cast to; empty for `count(*)`. Of an ordered-set function
    /// ([`AggregateFunction::is_ordered_set`]) the last is that of the values in WITHIN GROUP.
    pub args: Vec<Type>,
    pub result: Type,
}

/// What a call of a window function that is no aggregate means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedWindow {
    pub function: WindowFunction,
    /// The types its arguments are to be cast to.
    pub args: Vec<Type>,
    pub result: Type,
}

/// What a call of a function that makes rows means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTableFunction {
    pub function: TableFunction,
    /// The types its arguments are to be cast to.
    pub args: Vec<Type>,
    /// The names and types of its rows' columns.
    pub columns: Vec<(String, Type)>,
    /// Whether the columns have names of their own (`value`), which in FROM they keep; else a single one is called as the function's
    /// alias. In a select list it is called as the function.
    pub named: bool,
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
    /// Of a function that takes any type.
    #[error("could not determine polymorphic type because input has type unknown")]
    Undetermined,
    /// The bounds of a RANGE frame.
    #[error("RANGE with offset PRECEDING/FOLLOWING is not supported for column type {key}{}", OffsetType(*.distance))]
    NoDistance { key: Type, distance: Option<Type> },
    #[error("cannot pass more than {0} arguments to a function")]
    TooManyArguments(usize),
    /// `what` is a comparison function or an equality operator.
    #[error("could not identify {what} for type {ty}")]
    NoComparison { what: &'static str, ty: Type },
    #[error("could not find array type for data type {0}")]
    NoArrayType(Type),
    #[error("cannot subscript type {0} because it does not support subscripting")]
    NoSubscripts(Type),
    #[error("number of array dimensions ({0}) exceeds the maximum allowed (6)")]
    TooManySubscripts(usize),
    #[error("op ANY/ALL (array) requires array on right side")]
    NotAnArray,
    #[error("op ANY/ALL (array) requires operator to yield boolean")]
    NotATest,
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
            ResolveError::NoOperator(_) | ResolveError::NoFunction(_) | ResolveError::NoComparison { .. } => {
                "42883"
            }
            ResolveError::AmbiguousOperator(_) | ResolveError::AmbiguousFunction(_) => "42725",
            ResolveError::Refused { .. } | ResolveError::NoDistance { .. } => "0A000",
            ResolveError::NoCast { .. } | ResolveError::NoConversion(..) => "42846",
            ResolveError::NoCommonType(..) | ResolveError::NotBoolean { .. } | ResolveError::Undetermined => {
                "42804"
            }
            ResolveError::TooManyArguments(_) => "54023",
            ResolveError::NoArrayType(_) => "42704",
            ResolveError::NoSubscripts(_) => "42804",
            ResolveError::TooManySubscripts(_) => "54000",
            ResolveError::NotAnArray | ResolveError::NotATest => "42809",
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
            ResolveError::NoDistance { distance: Some(_), .. } => {
                Some("Cast the offset value to an appropriate type.")
            }
            ResolveError::Refused { .. }
            | ResolveError::NotBoolean { .. }
            | ResolveError::NoComparison { .. }
            | ResolveError::NoArrayType(_)
            | ResolveError::NoSubscripts(_)
            | ResolveError::TooManySubscripts(_)
            | ResolveError::NotAnArray
            | ResolveError::NotATest
            | ResolveError::Undetermined
            | ResolveError::NoDistance { distance: None, .. }
            | ResolveError::TooManyArguments(_) => None,
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

/// Resolves an aggregate by its lower-case name; no arguments is `count(*)`. An ordered-set function's arguments are the direct ones, then
/// the values in WITHIN GROUP.
pub fn aggregate(name: &str, args: &[Option<Type>]) -> Result<ResolvedAggregate, ResolveError> {
    aggregates::resolve(name, args)
}

/// Whether there is an aggregate of that name (so that a planner knows how to read a call).
pub fn is_aggregate(name: &str) -> bool {
    aggregates::exists(name)
}

/// Resolves a window function that is no aggregate by its lower-case name.
pub fn window(name: &str, args: &[Option<Type>]) -> Result<ResolvedWindow, ResolveError> {
    windows::resolve(name, args)
}

/// Whether there is a window function of that name that is no aggregate.
pub fn is_window(name: &str) -> bool {
    windows::exists(name)
}

/// Resolves a function that makes rows by its lower-case name. Several arrays of `unnest` are a call of one function, as in FROM.
pub fn table_function(name: &str, args: &[Option<Type>]) -> Result<ResolvedTableFunction, ResolveError> {
    table_functions::resolve(name, args)
}

/// Whether a function of that name makes rows.
pub fn is_table_function(name: &str) -> bool {
    table_functions::exists(name)
}

/// The type that the distance in a RANGE frame's bound is cast to, given the type of the order's only key and the distance's.
pub fn range_distance(key: Type, distance: Option<Type>) -> Result<Type, ResolveError> {
    windows::range_distance(key, distance)
}

/// [`Type::has_equality`].
pub fn has_equality(ty: Type) -> bool {
    ty.has_equality()
}

/// The end of a message about a frame's offset, where there is one to speak of.
struct OffsetType(Option<Type>);

impl fmt::Display for OffsetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ty) => write!(f, " and offset type {ty}"),
            None => Ok(()),
        }
    }
}

/// Whether values of `ty`, or an array's elements, can be compared: for order, or only for equality.
///
/// # Errors
/// PostgreSQL's for a type that has no such operator.
fn comparable(ty: Type, order: bool) -> Result<(), ResolveError> {
    let element = ty.element().unwrap_or(ty);
    let (has, what) = if order {
        (ty.has_order(), "a comparison function")
    } else {
        (ty.has_equality(), "an equality operator")
    };
    if has { Ok(()) } else { Err(ResolveError::NoComparison { what, ty: element }) }
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
                Some(Type::Array(Element::Bpchar)) => f.write_str("character[]")?,
                Some(ty) => write!(f, "{}", ty.base())?,
                None => f.write_str("unknown")?,
            }
        }
        Ok(())
    }
}
