//! Angles in radians, and hyperbolic functions. The sine and its like are the C library's, as PostgreSQL's are. Source of the special
//! cases: `float.c`.

use offtake_row::Datum;

use super::MathFunc;
use crate::{
    error::{EvalError, SqlState},
    scalar::{
        Func,
        arithmetic::checked,
        eval::{Value, mismatch},
    },
};

/// `input is out of range`.
pub(super) fn input_range() -> EvalError {
    EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range")
}

pub(super) fn unary<'a>(func: MathFunc, x: f64) -> Value<'a> {
    if x.is_nan() {
        return Ok(Datum::Float8(x));
    }
    let periodic = matches!(func, MathFunc::Sin | MathFunc::Cos | MathFunc::Tan | MathFunc::Cot);
    if periodic && x.is_infinite() {
        return Err(input_range());
    }
    match func {
        MathFunc::Sin => checked(x.sin(), false, true),
        MathFunc::Cos => checked(x.cos(), false, true),
        MathFunc::Tan => Ok(Datum::Float8(x.tan())),
        MathFunc::Cot => Ok(Datum::Float8(1.0 / x.tan())),
        MathFunc::Asin | MathFunc::Acos if !(-1.0..=1.0).contains(&x) => Err(input_range()),
        MathFunc::Asin => checked(x.asin(), false, true),
        MathFunc::Acos => checked(x.acos(), false, true),
        MathFunc::Atan => checked(x.atan(), false, true),
        // What is too great is infinite here, not an error.
        MathFunc::Sinh => Ok(Datum::Float8(x.sinh())),
        MathFunc::Cosh => checked(x.cosh(), true, false),
        MathFunc::Tanh => checked(x.tanh(), false, true),
        MathFunc::Asinh => Ok(Datum::Float8(asinh(x))),
        MathFunc::Acosh if x < 1.0 => Err(input_range()),
        MathFunc::Acosh => Ok(Datum::Float8(acosh(x))),
        MathFunc::Atanh if !(-1.0..=1.0).contains(&x) => Err(input_range()),
        MathFunc::Atanh => Ok(Datum::Float8(atanh(x))),
        func => Err(mismatch(Func::Math(func))),
    }
}

/// `atan2(y, x)`.
pub(super) fn atan2<'a>(y: f64, x: f64) -> Value<'a> {
    if y.is_nan() || x.is_nan() {
        return Ok(Datum::Float8(f64::NAN));
    }
    checked(y.atan2(x), false, true)
}

/// 2^28: from here on x^2 + 1 is x^2, and below its inverse x^2 is nothing beside 1.
const LARGE: f64 = 268_435_456.0;

/// The formulas of fdlibm, which C libraries share; Rust's own differ in the last digit.
fn asinh(x: f64) -> f64 {
    let size = x.abs();
    if !x.is_finite() || size < 1.0 / LARGE {
        return x;
    }
    let answer = if size > LARGE {
        size.ln() + std::f64::consts::LN_2
    } else if size > 2.0 {
        (2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size)).ln()
    } else {
        let square = size * size;
        (size + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    answer.copysign(x)
}

fn acosh(x: f64) -> f64 {
    if x.is_infinite() {
        x
    } else if x > LARGE {
        x.ln() + std::f64::consts::LN_2
    } else if x == 1.0 {
        0.0
    } else if x > 2.0 {
        (2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())).ln()
    } else {
        let above = x - 1.0;
        (above + (2.0 * above + above * above).sqrt()).ln_1p()
    }
}

fn atanh(x: f64) -> f64 {
    let size = x.abs();
    if size < 1.0 / LARGE {
        return x;
    }
    let twice = size + size;
    let answer = if size < 0.5 {
        0.5 * (twice + twice * size / (1.0 - size)).ln_1p()
    } else if size < 1.0 {
        0.5 * (twice / (1.0 - size)).ln_1p()
    } else {
        f64::INFINITY
    };
    answer.copysign(x)
}
