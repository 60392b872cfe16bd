//! Mathematical functions beyond arithmetic.

use offtake_row::Type::{self, Float8, Int4, Int8};

use super::{ArgumentTypes, ResolveError, Resolved, common_type, comparable, resolve::Entry};
use crate::{
    compare::Blanks,
    scalar::{Func, MathFunc},
};

const NUMERIC: Type = Type::Numeric(None);

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: MathFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::Math(func)) }
}

const fn float(name: &'static str, func: MathFunc) -> Entry {
    entry(name, &[Float8], Float8, func)
}

pub(super) const OPERATORS: &[Entry] = &[entry("^", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::Power)];

pub(super) const FUNCTIONS: &[Entry] = &[
    entry("sqrt", &[NUMERIC], NUMERIC, MathFunc::SquareRoot),
    entry("exp", &[NUMERIC], NUMERIC, MathFunc::Exp),
    entry("ln", &[NUMERIC], NUMERIC, MathFunc::Ln),
    entry("log", &[NUMERIC], NUMERIC, MathFunc::Log10),
    entry("log10", &[NUMERIC], NUMERIC, MathFunc::Log10),
    entry("log", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::Log),
    entry("power", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::Power),
    entry("pow", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::Power),
    entry("gcd", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::GreatestCommonDivisor),
    entry("lcm", &[NUMERIC, NUMERIC], NUMERIC, MathFunc::LeastCommonMultiple),
    entry("scale", &[NUMERIC], Int4, MathFunc::Scale),
    entry("min_scale", &[NUMERIC], Int4, MathFunc::MinScale),
    entry("trim_scale", &[NUMERIC], NUMERIC, MathFunc::TrimScale),
    entry("factorial", &[Int8], NUMERIC, MathFunc::Factorial),
    entry("width_bucket", &[NUMERIC, NUMERIC, NUMERIC, Int4], Int4, MathFunc::WidthBucketNumeric),
    entry("width_bucket", &[Float8, Float8, Float8, Int4], Int4, MathFunc::WidthBucketFloat),
    entry("pi", &[], Float8, MathFunc::Pi),
    float("sin", MathFunc::Sin),
    float("cos", MathFunc::Cos),
    float("tan", MathFunc::Tan),
    float("cot", MathFunc::Cot),
    float("asin", MathFunc::Asin),
    float("acos", MathFunc::Acos),
    float("atan", MathFunc::Atan),
    entry("atan2", &[Float8, Float8], Float8, MathFunc::Atan2),
    float("sind", MathFunc::Sind),
    float("cosd", MathFunc::Cosd),
    float("tand", MathFunc::Tand),
    float("cotd", MathFunc::Cotd),
    float("asind", MathFunc::Asind),
    float("acosd", MathFunc::Acosd),
    float("atand", MathFunc::Atand),
    entry("atan2d", &[Float8, Float8], Float8, MathFunc::Atan2d),
    float("sinh", MathFunc::Sinh),
    float("cosh", MathFunc::Cosh),
    float("tanh", MathFunc::Tanh),
    float("asinh", MathFunc::Asinh),
    float("acosh", MathFunc::Acosh),
    float("atanh", MathFunc::Atanh),
];

/// `width_bucket(anycompatible, anycompatiblearray)`. `None` where the call is no such one.
pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
    let ("width_bucket", [value, thresholds]) = (name, args) else { return None };
    let element = match thresholds {
        Some(Type::Array(element)) => Type::from(*element),
        _ => {
            return Some(Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)))));
        }
    };
    let resolved = |ty: Type| {
        comparable(ty, true)?;
        let Some(array) = ty.array() else {
            return Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args))));
        };
        let func = Func::Math(MathFunc::WidthBucketArray(Blanks::of(ty)));
        Ok(Resolved { func, args: vec![ty, array], result: Int4 })
    };
    Some(common_type(&[*value, Some(element)]).and_then(resolved))
}
