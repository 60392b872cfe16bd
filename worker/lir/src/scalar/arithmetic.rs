//! Arithmetic on integers, floats and numerics.
//!
//! Integers are checked against their type's range. A float result that is infinite or zero without its operands saying so is an
//! error (PostgreSQL's `CHECKFLOATVAL`).

use offtake_row::{Datum, Numeric};

use super::{
    Func, Number,
    eval::{Value, mismatch},
};
use crate::error::EvalError;

/// Checks an integer result against its type's range.
#[inline]
fn integer<'a>(number: Number, value: Option<i64>) -> Value<'a> {
    let (least, most, name) = match number {
        Number::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX), "smallint"),
        Number::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX), "integer"),
        _ => (i64::MIN, i64::MAX, "bigint"),
    };
    match value {
        Some(value) if value >= least && value <= most => Ok(Datum::Int(value)),
        _ => Err(EvalError::out_of_range(name)),
    }
}

/// A float operand; `real` is exact as `double precision`.
#[inline]
pub(super) fn float(datum: Datum<'_>) -> Option<f64> {
    match datum {
        Datum::Float8(value) => Some(value),
        Datum::Float4(value) => Some(value.into()),
        _ => None,
    }
}

/// A result that may be infinite only if an operand is, and zero only if `zero` says so.
pub(super) fn checked<'a>(result: f64, infinite: bool, zero: bool) -> Value<'a> {
    if result.is_infinite() && !infinite {
        Err(EvalError::overflow())
    } else if result == 0.0 && !zero {
        Err(EvalError::underflow())
    } else {
        Ok(Datum::Float8(result))
    }
}

/// As [`checked`], for `real`.
fn checked4<'a>(result: f32, infinite: bool, zero: bool) -> Value<'a> {
    if result.is_infinite() && !infinite {
        Err(EvalError::overflow())
    } else if result == 0.0 && !zero {
        Err(EvalError::underflow())
    } else {
        Ok(Datum::Float4(result))
    }
}

/// Computes in the type at hand: integers with overflow as `None`, floats plainly, numerics exactly.
macro_rules! compute {
    ($func:ident, $number:expr, $left:expr, $right:expr, $integer:expr, $float:tt, $zero:expr, $numeric:ident) => {
        match ($number, $left, $right) {
            (number @ (Number::Int2 | Number::Int4 | Number::Int8), Datum::Int(a), Datum::Int(b)) => {
                integer(number, $integer(a, b))
            }
            (Number::Float4, Datum::Float4(a), Datum::Float4(b)) => {
                checked4(a $float b, a.is_infinite() || b.is_infinite(), $zero(a == 0.0, b == 0.0, b.is_infinite()))
            }
            (Number::Float8, a, b) => match (float(a), float(b)) {
                (Some(a), Some(b)) => {
                    checked(a $float b, a.is_infinite() || b.is_infinite(), $zero(a == 0.0, b == 0.0, b.is_infinite()))
                }
                _ => Err(mismatch(Func::$func($number))),
            },
            (Number::Numeric, Datum::Numeric(a), Datum::Numeric(b)) => Ok(Datum::Numeric(a.$numeric(&b)?)),
            (number, _, _) => Err(mismatch(Func::$func(number))),
        }
    };
}

#[inline]
pub(super) fn add<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    compute!(Add, number, left, right, i64::checked_add, +, |_, _, _| true, add)
}

#[inline]
pub(super) fn subtract<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    compute!(Subtract, number, left, right, i64::checked_sub, -, |_, _, _| true, sub)
}

#[inline]
pub(super) fn multiply<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    compute!(Multiply, number, left, right, i64::checked_mul, *, |a, b, _| a || b, mul)
}

#[inline]
pub(super) fn divide<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    // PostgreSQL answers NaN, not an error, for NaN / 0.
    let zero = match right {
        Datum::Int(value) => value == 0,
        Datum::Float4(value) => value == 0.0 && !float(left).is_some_and(f64::is_nan),
        Datum::Float8(value) => value == 0.0 && !float(left).is_some_and(f64::is_nan),
        // Numerics tell by themselves.
        _ => false,
    };
    if zero {
        return Err(EvalError::division_by_zero());
    }
    compute!(Divide, number, left, right, i64::checked_div, /, |a, _, b_infinite| a || b_infinite, div)
}

#[inline]
pub(super) fn remainder<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (number, left, right) {
        (Number::Int2 | Number::Int4 | Number::Int8, Datum::Int(_), Datum::Int(0)) => {
            Err(EvalError::division_by_zero())
        }
        // MIN % -1 is 0.
        (Number::Int2 | Number::Int4 | Number::Int8, Datum::Int(a), Datum::Int(b)) => {
            Ok(Datum::Int(a.wrapping_rem(b)))
        }
        (Number::Numeric, Datum::Numeric(a), Datum::Numeric(b)) => Ok(Datum::Numeric(a.rem(&b)?)),
        (number, _, _) => Err(mismatch(Func::Remainder(number))),
    }
}

pub(super) fn negate<'a>(number: Number, value: Datum<'a>) -> Value<'a> {
    match value {
        Datum::Int(value) => integer(number, value.checked_neg()),
        Datum::Float4(value) => Ok(Datum::Float4(-value)),
        Datum::Float8(value) => Ok(Datum::Float8(-value)),
        Datum::Numeric(value) => Ok(Datum::Numeric(value.neg())),
        _ => Err(mismatch(Func::Negate(number))),
    }
}

pub(super) fn abs<'a>(number: Number, value: Datum<'a>) -> Value<'a> {
    match value {
        Datum::Int(value) => integer(number, value.checked_abs()),
        Datum::Float4(value) => Ok(Datum::Float4(value.abs())),
        Datum::Float8(value) => Ok(Datum::Float8(value.abs())),
        Datum::Numeric(value) => Ok(Datum::Numeric(value.abs())),
        _ => Err(mismatch(Func::Abs(number))),
    }
}

/// `sign`, `ceil`, `floor`, `round`, `trunc` of a float8 or numeric.
pub(super) fn rounded<'a>(func: Func, value: Datum<'a>) -> Value<'a> {
    Ok(match (func, value) {
        (Func::Sign(_), Datum::Float8(value)) => Datum::Float8(if value > 0.0 {
            1.0
        } else if value < 0.0 {
            -1.0
        } else {
            0.0
        }),
        (Func::Ceil(_), Datum::Float8(value)) => Datum::Float8(value.ceil()),
        (Func::Floor(_), Datum::Float8(value)) => Datum::Float8(value.floor()),
        (Func::Round(_), Datum::Float8(value)) => Datum::Float8(value.round_ties_even()),
        (Func::Trunc(_), Datum::Float8(value)) => Datum::Float8(value.trunc()),
        (Func::Sign(_), Datum::Numeric(value)) => Datum::Numeric(value.signum()),
        (Func::Ceil(_), Datum::Numeric(value)) => Datum::Numeric(value.ceil()),
        (Func::Floor(_), Datum::Numeric(value)) => Datum::Numeric(value.floor()),
        (Func::Round(_), Datum::Numeric(value)) => Datum::Numeric(value.round(0)?),
        (Func::Trunc(_), Datum::Numeric(value)) => Datum::Numeric(value.trunc(0)?),
        (func, _) => return Err(mismatch(func)),
    })
}

/// `round(numeric, integer)`, `trunc(numeric, integer)`, `div(numeric, numeric)`.
pub(super) fn numeric<'a>(func: Func, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (func, left, right) {
        (Func::RoundTo, Datum::Numeric(value), Datum::Int(digits)) => {
            Ok(Datum::Numeric(value.round(digits as i32)?))
        }
        (Func::TruncTo, Datum::Numeric(value), Datum::Int(digits)) => {
            Ok(Datum::Numeric(value.trunc(digits as i32)?))
        }
        (Func::Quotient, Datum::Numeric(a), Datum::Numeric(b)) => quotient(a, b),
        (func, _, _) => Err(mismatch(func)),
    }
}

/// The integer quotient, truncated. The remainder is taken away first, so that the division leaves none.
fn quotient<'a>(a: Numeric, b: Numeric) -> Value<'a> {
    let finite = |value| matches!(value, Numeric::Finite { .. });
    let answer =
        if finite(a) && finite(b) { a.sub(&a.rem(&b)?)?.div(&b)?.trunc(0)? } else { a.div(&b)?.trunc(0)? };
    Ok(Datum::Numeric(answer))
}

pub(super) fn gcd<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (left, right) {
        (Datum::Int(a), Datum::Int(b)) => integer(number, i64::try_from(divisor(a, b)).ok()),
        _ => Err(mismatch(Func::GreatestCommonDivisor(number))),
    }
}

pub(super) fn lcm<'a>(number: Number, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (left, right) {
        (Datum::Int(0), Datum::Int(_)) | (Datum::Int(_), Datum::Int(0)) => Ok(Datum::Int(0)),
        (Datum::Int(a), Datum::Int(b)) => {
            let multiple = (a.unsigned_abs() / divisor(a, b)).checked_mul(b.unsigned_abs());
            integer(number, multiple.and_then(|multiple| i64::try_from(multiple).ok()))
        }
        _ => Err(mismatch(Func::LeastCommonMultiple(number))),
    }
}

fn divisor(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
