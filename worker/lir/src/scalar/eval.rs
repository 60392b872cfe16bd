//! Evaluation of an expression over one row.

use offtake_row::Datum;

use super::{Func, Scalar, call};
use crate::{arena::Arena, compare, error::EvalError};

/// What evaluation answers.
pub(super) type Value<'a> = Result<Datum<'a>, EvalError>;

/// Strict functions take at most this many arguments.
const MOST_ARGUMENTS: usize = 7;

impl Scalar {
    /// The expression's value for a row. Texts and bytes that are computed are kept in `arena`; nothing else is allocated.
    ///
    /// Errors are PostgreSQL's for the same expression; a plan whose types do not fit is an internal error.
    pub fn eval<'a>(&'a self, row: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
        match self {
            Scalar::Column(column) => match row.get(*column) {
                Some(datum) => Ok(*datum),
                None => Err(EvalError::internal("a plan reads a column that its input does not have")),
            },
            Scalar::Literal { value, .. } => Ok(value.datum(0)),
            Scalar::Parameter { index, .. } => {
                Err(EvalError::internal(format!("parameter ${} has no value", index + 1)))
            }
            Scalar::Call { func, args } => match args.as_slice() {
                [arg] if func.is_strict() => match arg.eval(row, arena)? {
                    Datum::Null => Ok(Datum::Null),
                    datum => call::unary(*func, datum, arena),
                },
                [left, right] if func.is_strict() => {
                    // Both are evaluated before NULL is looked for: an error in either is an error.
                    let (left, right) = (left.eval(row, arena)?, right.eval(row, arena)?);
                    if left.is_null() || right.is_null() {
                        return Ok(Datum::Null);
                    }
                    call::binary(*func, left, right, arena)
                }
                args if func.is_strict() => {
                    let mut values = [Datum::Null; MOST_ARGUMENTS];
                    let Some(values) = values.get_mut(..args.len()) else {
                        return Err(EvalError::internal("too many arguments"));
                    };
                    let mut null = false;
                    for (value, arg) in values.iter_mut().zip(args) {
                        *value = arg.eval(row, arena)?;
                        null |= value.is_null();
                    }
                    if null { Ok(Datum::Null) } else { call::many(*func, values, arena) }
                }
                args => lenient(*func, args, row, arena),
            },
            Scalar::And(operands) => {
                let mut answer = Datum::Bool(true);
                for operand in operands {
                    match operand.eval(row, arena)? {
                        Datum::Bool(true) => {}
                        Datum::Bool(false) => return Ok(Datum::Bool(false)),
                        _ => answer = Datum::Null,
                    }
                }
                Ok(answer)
            }
            Scalar::Or(operands) => {
                let mut answer = Datum::Bool(false);
                for operand in operands {
                    match operand.eval(row, arena)? {
                        Datum::Bool(false) => {}
                        Datum::Bool(true) => return Ok(Datum::Bool(true)),
                        _ => answer = Datum::Null,
                    }
                }
                Ok(answer)
            }
            Scalar::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    if condition.eval(row, arena)? == Datum::Bool(true) {
                        return value.eval(row, arena);
                    }
                }
                otherwise.eval(row, arena)
            }
            Scalar::Coalesce(operands) => {
                for operand in operands {
                    let datum = operand.eval(row, arena)?;
                    if !datum.is_null() {
                        return Ok(datum);
                    }
                }
                Ok(Datum::Null)
            }
            Scalar::Lookup { lookup, args } => lookup.eval(args, row, arena),
        }
    }
}

impl Func {
    /// Whether the function answers NULL as soon as one argument is NULL.
    pub fn is_strict(self) -> bool {
        match self {
            Func::Json(func) => return func.is_strict(),
            Func::String(func) => return func.is_strict(),
            _ => {}
        }
        if let Func::Array(func) = self {
            return func.is_strict();
        }
        if let Func::Time(func) = self {
            return func.is_strict();
        }
        !matches!(
            self,
            Func::IsDistinct(_)
                | Func::IsNotDistinct(_)
                | Func::NullIf(_)
                | Func::Greatest(_)
                | Func::Least(_)
                | Func::IsNull
                | Func::IsNotNull
                | Func::IsTrue
                | Func::IsNotTrue
                | Func::IsFalse
                | Func::IsNotFalse
                | Func::ConcatAll
                | Func::ConcatWith
                | Func::FormatType
        )
    }
}

/// Functions that look at NULLs themselves.
fn lenient<'a>(func: Func, args: &'a [Scalar], row: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    use std::cmp::Ordering;

    let bool = |answer| Ok(Datum::Bool(answer));
    match (func, args) {
        (Func::IsNull, [arg]) => bool(arg.eval(row, arena)?.is_null()),
        (Func::IsNotNull, [arg]) => bool(!arg.eval(row, arena)?.is_null()),
        (Func::IsTrue, [arg]) => bool(arg.eval(row, arena)? == Datum::Bool(true)),
        (Func::IsNotTrue, [arg]) => bool(arg.eval(row, arena)? != Datum::Bool(true)),
        (Func::IsFalse, [arg]) => bool(arg.eval(row, arena)? == Datum::Bool(false)),
        (Func::IsNotFalse, [arg]) => bool(arg.eval(row, arena)? != Datum::Bool(false)),
        (Func::IsDistinct(blanks), [left, right]) => {
            bool(compare::compare_datums(blanks, left.eval(row, arena)?, right.eval(row, arena)?).is_ne())
        }
        (Func::IsNotDistinct(blanks), [left, right]) => {
            bool(compare::compare_datums(blanks, left.eval(row, arena)?, right.eval(row, arena)?).is_eq())
        }
        (Func::NullIf(blanks), [left, right]) => {
            let (left, right) = (left.eval(row, arena)?, right.eval(row, arena)?);
            let equal = !left.is_null() && compare::compare_datums(blanks, left, right).is_eq();
            Ok(if equal { Datum::Null } else { left })
        }
        (Func::Greatest(blanks), args) => extreme(blanks, Ordering::Greater, args, row, arena),
        (Func::Least(blanks), args) => extreme(blanks, Ordering::Less, args, row, arena),
        (Func::Json(func), args) => super::json::lenient(func, args, row, arena),
        (Func::String(func), args) => super::string::lenient(func, args, row, arena),
        (Func::ConcatAll, args) => super::text::concat(None, args, row, arena),
        (Func::ConcatWith, [separator, args @ ..]) => match separator.eval(row, arena)? {
            Datum::Text(separator) => super::text::concat(Some(separator), args, row, arena),
            _ => Ok(Datum::Null),
        },
        (Func::Array(func), args) => super::array::lenient(func, args, row, arena),
        (Func::Time(func), args) => super::datetime::lenient(func, args, row, arena),
        (Func::FormatType, [name, modifier]) => {
            let modifier = match modifier.eval(row, arena)? {
                Datum::Int(modifier) => Some(modifier),
                _ => None,
            };
            Ok(match name.eval(row, arena)? {
                Datum::Text(name) => super::type_name::format(name, modifier, arena),
                _ => Datum::Null,
            })
        }
        (func, _) => Err(mismatch(func)),
    }
}

/// The first of the greatest or least values that are not NULL.
fn extreme<'a>(
    blanks: compare::Blanks,
    wanted: std::cmp::Ordering,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let mut best = Datum::Null;
    for arg in args {
        let datum = arg.eval(row, arena)?;
        if best.is_null() || (!datum.is_null() && compare::compare_datums(blanks, datum, best) == wanted) {
            best = datum;
        }
    }
    Ok(best)
}

/// A plan that calls a function with arguments it does not take.
#[cold]
pub(super) fn mismatch(func: Func) -> EvalError {
    EvalError::internal(format!("a plan calls {func} with arguments that it does not take"))
}
