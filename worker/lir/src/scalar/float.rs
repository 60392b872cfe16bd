//! Functions of float8. Source of the special cases: `float.c`.

use offtake_row::Datum;

use super::{
    Func,
    arithmetic::checked,
    eval::{Value, mismatch},
};
use crate::error::{EvalError, SqlState};

pub(super) fn unary<'a>(func: Func, value: f64) -> Value<'a> {
    match func {
        Func::SquareRoot if value < 0.0 => {
            Err(EvalError::new(SqlState::INVALID_POWER, "cannot take square root of a negative number"))
        }
        Func::SquareRoot => checked(value.sqrt(), value.is_infinite(), value == 0.0),
        Func::CubeRoot => checked(value.cbrt(), value.is_infinite(), value == 0.0),
        Func::Exp if value.is_nan() => Ok(Datum::Float8(value)),
        Func::Exp if value.is_infinite() => Ok(Datum::Float8(if value > 0.0 { value } else { 0.0 })),
        Func::Exp => checked(value.exp(), false, false),
        Func::Ln | Func::Log10 if value == 0.0 => {
            Err(EvalError::new(SqlState::INVALID_LOGARITHM, "cannot take logarithm of zero"))
        }
        Func::Ln | Func::Log10 if value < 0.0 => {
            Err(EvalError::new(SqlState::INVALID_LOGARITHM, "cannot take logarithm of a negative number"))
        }
        Func::Ln => checked(value.ln(), value.is_infinite(), value == 1.0),
        Func::Log10 => checked(value.log10(), value.is_infinite(), value == 1.0),
        Func::Degrees => checked(value / (std::f64::consts::PI / 180.0), value.is_infinite(), value == 0.0),
        Func::Radians => checked(value * (std::f64::consts::PI / 180.0), value.is_infinite(), value == 0.0),
        func => Err(mismatch(func)),
    }
}

/// `power(float8, float8)`.
pub(super) fn power<'a>(left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    let (Datum::Float8(base), Datum::Float8(exponent)) = (left, right) else {
        return Err(mismatch(Func::Power));
    };
    if base.is_nan() {
        return Ok(Datum::Float8(if exponent == 0.0 { 1.0 } else { base }));
    }
    if exponent.is_nan() {
        return Ok(Datum::Float8(if base == 1.0 { 1.0 } else { exponent }));
    }
    if base == 0.0 && exponent < 0.0 {
        let message = "zero raised to a negative power is undefined";
        return Err(EvalError::new(SqlState::INVALID_POWER, message));
    }
    if base < 0.0 && exponent.floor() != exponent {
        let message = "a negative number raised to a non-integer power yields a complex result";
        return Err(EvalError::new(SqlState::INVALID_POWER, message));
    }
    let infinite = base.is_infinite() || exponent.is_infinite();
    checked(base.powf(exponent), infinite, infinite || base == 0.0)
}
