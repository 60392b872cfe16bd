//! Mathematical functions beyond arithmetic: of float8 by the C library, of numeric to any digit.

mod bucket;
mod decimal;
mod degrees;
mod numeric;
mod series;
mod trigonometry;

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use super::{
    Func,
    eval::{Value, mismatch},
};
use crate::compare::Blanks;

/// A mathematical function. Source: PostgreSQL documentation, 9.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MathFunc {
    // --- numeric ---
    SquareRoot,
    Exp,
    Ln,
    /// `log(numeric)`, `log10(numeric)`.
    Log10,
    /// `log(base, numeric)`.
    Log,
    Power,
    GreatestCommonDivisor,
    LeastCommonMultiple,
    Scale,
    MinScale,
    TrimScale,
    /// `factorial(bigint)`.
    Factorial,
    // --- buckets ---
    /// `width_bucket(numeric, low, high, count)`.
    WidthBucketNumeric,
    /// `width_bucket(float8, low, high, count)`.
    WidthBucketFloat,
    /// `width_bucket(value, thresholds)`.
    WidthBucketArray(Blanks),
    // --- float8 ---
    Pi,
    Sin,
    Cos,
    Tan,
    Cot,
    Asin,
    Acos,
    Atan,
    Atan2,
    Sind,
    Cosd,
    Tand,
    Cotd,
    Asind,
    Acosd,
    Atand,
    Atan2d,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
}

impl MathFunc {
    /// How EXPLAIN calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            MathFunc::SquareRoot => "sqrt",
            MathFunc::Exp => "exp",
            MathFunc::Ln => "ln",
            MathFunc::Log10 => "log10",
            MathFunc::Log => "log",
            MathFunc::Power => "power",
            MathFunc::GreatestCommonDivisor => "gcd",
            MathFunc::LeastCommonMultiple => "lcm",
            MathFunc::Scale => "scale",
            MathFunc::MinScale => "min_scale",
            MathFunc::TrimScale => "trim_scale",
            MathFunc::Factorial => "factorial",
            MathFunc::WidthBucketNumeric | MathFunc::WidthBucketFloat | MathFunc::WidthBucketArray(_) => {
                "width_bucket"
            }
            MathFunc::Pi => "pi",
            MathFunc::Sin => "sin",
            MathFunc::Cos => "cos",
            MathFunc::Tan => "tan",
            MathFunc::Cot => "cot",
            MathFunc::Asin => "asin",
            MathFunc::Acos => "acos",
            MathFunc::Atan => "atan",
            MathFunc::Atan2 => "atan2",
            MathFunc::Sind => "sind",
            MathFunc::Cosd => "cosd",
            MathFunc::Tand => "tand",
            MathFunc::Cotd => "cotd",
            MathFunc::Asind => "asind",
            MathFunc::Acosd => "acosd",
            MathFunc::Atand => "atand",
            MathFunc::Atan2d => "atan2d",
            MathFunc::Sinh => "sinh",
            MathFunc::Cosh => "cosh",
            MathFunc::Tanh => "tanh",
            MathFunc::Asinh => "asinh",
            MathFunc::Acosh => "acosh",
            MathFunc::Atanh => "atanh",
        }
    }
}

pub(super) fn unary<'a>(func: MathFunc, value: Datum<'a>) -> Value<'a> {
    match (func, value) {
        (func, Datum::Numeric(value)) => numeric::unary(func, value),
        (MathFunc::Factorial, Datum::Int(value)) => numeric::factorial(value),
        (
            MathFunc::Sind
            | MathFunc::Cosd
            | MathFunc::Tand
            | MathFunc::Cotd
            | MathFunc::Asind
            | MathFunc::Acosd
            | MathFunc::Atand,
            Datum::Float8(value),
        ) => degrees::unary(func, value),
        (func, Datum::Float8(value)) => trigonometry::unary(func, value),
        (func, _) => Err(mismatch(Func::Math(func))),
    }
}

pub(super) fn binary<'a>(func: MathFunc, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (func, left, right) {
        (func, Datum::Numeric(left), Datum::Numeric(right)) => numeric::binary(func, left, right),
        (MathFunc::Atan2, Datum::Float8(y), Datum::Float8(x)) => trigonometry::atan2(y, x),
        (MathFunc::Atan2d, Datum::Float8(y), Datum::Float8(x)) => degrees::atan2(y, x),
        (MathFunc::WidthBucketArray(blanks), value, Datum::Array(thresholds)) => {
            bucket::of_array(blanks, value, thresholds)
        }
        (func, _, _) => Err(mismatch(Func::Math(func))),
    }
}

pub(super) fn many<'a>(func: MathFunc, args: &[Datum<'a>]) -> Value<'a> {
    match (func, args) {
        (MathFunc::Pi, []) => Ok(Datum::Float8(std::f64::consts::PI)),
        (
            MathFunc::WidthBucketNumeric,
            [Datum::Numeric(value), Datum::Numeric(low), Datum::Numeric(high), Datum::Int(count)],
        ) => bucket::of_numerics(*value, *low, *high, *count),
        (
            MathFunc::WidthBucketFloat,
            [Datum::Float8(value), Datum::Float8(low), Datum::Float8(high), Datum::Int(count)],
        ) => bucket::of_floats(*value, *low, *high, *count),
        (func, _) => Err(mismatch(Func::Math(func))),
    }
}
