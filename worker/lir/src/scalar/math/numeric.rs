//! Functions of `numeric` whose values are rarely decimals: roots, powers, logarithms. The scale of a result is PostgreSQL's, chosen by the
//! rules of `numeric.c` from an estimate of its first digit; the digits are the true value's, rounded.

use num_bigint::BigInt;
use offtake_row::{Datum, Numeric, NumericError};

use super::{
    MathFunc,
    decimal::{Decimal, MAX_DISPLAY_SCALE, MIN_SIGNIFICANT_DIGITS},
    series::{self, LOG10_E},
};
use crate::{
    error::{EvalError, SqlState},
    scalar::{
        Func,
        eval::{Value, mismatch},
    },
};

/// PostgreSQL's `NUMERIC_MAX_RESULT_SCALE`.
const MAX_RESULT_SCALE: f64 = 2000.0;
/// More digits than this before the point no `numeric` has.
const MOST_DIGITS: f64 = 131_072.0;
/// A result with more digits than this is beyond what is kept: it is not computed.
const MOST_KEPT: i64 = 400;

fn overflow() -> EvalError {
    EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

fn power_error(message: &str) -> EvalError {
    EvalError::new(SqlState::INVALID_POWER, message)
}

pub(super) fn unary<'a>(func: MathFunc, value: Numeric) -> Value<'a> {
    let answer = match func {
        MathFunc::SquareRoot => square_root(value)?,
        MathFunc::Exp => exp(value)?,
        MathFunc::Ln => ln(value)?,
        MathFunc::Log10 => log(Numeric::from_i64(10), value)?,
        MathFunc::TrimScale => value.normalize(),
        MathFunc::Scale if value.is_special() => return Ok(Datum::Null),
        MathFunc::Scale => return Ok(Datum::Int(value.scale().into())),
        MathFunc::MinScale if value.is_special() => return Ok(Datum::Null),
        MathFunc::MinScale => return Ok(Datum::Int(value.normalize().scale().into())),
        func => return Err(mismatch(Func::Math(func))),
    };
    Ok(Datum::Numeric(answer))
}

pub(super) fn binary<'a>(func: MathFunc, left: Numeric, right: Numeric) -> Value<'a> {
    let answer = match func {
        MathFunc::Power => power(left, right)?,
        MathFunc::Log => log(left, right)?,
        MathFunc::GreatestCommonDivisor => match (Decimal::of(left), Decimal::of(right)) {
            (Some(a), Some(b)) => divisor(&a, &b).to_numeric()?,
            _ => Numeric::NaN,
        },
        MathFunc::LeastCommonMultiple => match (Decimal::of(left), Decimal::of(right)) {
            (Some(a), Some(b)) => multiple(&a, &b).to_numeric()?,
            _ => Numeric::NaN,
        },
        func => return Err(mismatch(Func::Math(func))),
    };
    Ok(Datum::Numeric(answer))
}

/// A scale that gives a result whose first digit has the power of ten `exponent` its significant digits.
fn scale_for(exponent: i64, inputs: &[&Decimal]) -> i64 {
    let least = inputs.iter().map(|input| input.scale).max().unwrap_or(0);
    (MIN_SIGNIFICANT_DIGITS - exponent).max(least).clamp(0, MAX_DISPLAY_SCALE)
}

fn square_root(value: Numeric) -> Result<Numeric, EvalError> {
    let negative = || power_error("cannot take square root of a negative number");
    let Some(value) = Decimal::of(value) else {
        return if value == Numeric::NegativeInfinity { Err(negative()) } else { Ok(value) };
    };
    if value.is_negative() {
        return Err(negative());
    }
    let weight = (value.leading().weight + 1) * 4 / 2 - 1;
    let scale = scale_for(weight, &[&value]);
    Ok(value.sqrt(scale).to_numeric()?)
}

fn exp(value: Numeric) -> Result<Numeric, EvalError> {
    let Some(x) = Decimal::of(value) else {
        return Ok(if value == Numeric::NegativeInfinity { Numeric::ZERO } else { value });
    };
    let digits = (x.to_f64() * LOG10_E).clamp(-MAX_RESULT_SCALE, MAX_RESULT_SCALE);
    let scale = scale_for(digits as i64, &[&x]);
    Ok(exp_at(&x, scale)?.to_numeric()?)
}

/// `exp_var`.
fn exp_at(x: &Decimal, scale: i64) -> Result<Decimal, EvalError> {
    let estimate = x.to_f64();
    if estimate.abs() >= MAX_RESULT_SCALE * 3.0 {
        if estimate > 0.0 {
            return Err(overflow());
        }
        return Ok(Decimal { mantissa: BigInt::ZERO, scale });
    }
    if estimate * LOG10_E > MOST_KEPT as f64 || scale > MOST_KEPT {
        return Err(NumericError::TooManyDigits.into());
    }
    Ok(series::exp(x, scale))
}

/// What PostgreSQL takes the power of ten of a logarithm's first digit for (`estimate_ln_dweight`).
fn ln_exponent(x: &Decimal) -> i64 {
    if x.sign() <= 0 {
        return 0;
    }
    let near = |tenths: i64| x.sub(&Decimal { mantissa: tenths.into(), scale: 1 }).sign();
    if near(9) >= 0 && near(11) <= 0 {
        // ln(1 + x) is about x.
        let rest = x.sub(&Decimal::from_i64(1));
        if rest.is_zero() {
            return 0;
        }
        let leading = rest.leading();
        return leading.weight * 4 + (leading.first as f64).log10() as i64;
    }
    let leading = x.leading();
    let (digits, power) = if x.place_count() > 1 {
        (x.places(leading.weight, 2), (leading.weight - 1) * 4)
    } else {
        (leading.first, leading.weight * 4)
    };
    let ln = (digits as f64).ln() + power as f64 * std::f64::consts::LN_10;
    ln.abs().log10() as i64
}

fn check_logarithm(value: Numeric) -> Result<(), EvalError> {
    let message = if value.is_negative() {
        "cannot take logarithm of a negative number"
    } else if value.is_zero() {
        "cannot take logarithm of zero"
    } else {
        return Ok(());
    };
    Err(EvalError::new(SqlState::INVALID_LOGARITHM, message))
}

fn ln(value: Numeric) -> Result<Numeric, EvalError> {
    check_logarithm(value)?;
    let Some(x) = Decimal::of(value) else { return Ok(value) };
    let scale = scale_for(ln_exponent(&x), &[&x]);
    Ok(ln_at(&x, scale)?.to_numeric()?)
}

fn ln_at(x: &Decimal, scale: i64) -> Result<Decimal, EvalError> {
    if scale > 2 * MOST_KEPT {
        return Err(NumericError::TooManyDigits.into());
    }
    Ok(series::ln(x, scale))
}

/// The logarithm of `value` to a base.
fn log(base: Numeric, value: Numeric) -> Result<Numeric, EvalError> {
    if base.is_nan() || value.is_nan() {
        return Ok(Numeric::NaN);
    }
    // The signs are looked at in this order.
    for sign in [Numeric::is_negative, Numeric::is_zero] {
        for operand in [base, value] {
            if sign(&operand) {
                check_logarithm(operand)?;
            }
        }
    }
    let (base, value) = match (Decimal::of(base), Decimal::of(value)) {
        (Some(base), Some(value)) => (base, value),
        (None, None) => return Ok(Numeric::NaN),
        (None, Some(_)) => return Ok(Numeric::ZERO),
        (Some(_), None) => return Ok(Numeric::Infinity),
    };
    let exponent = ln_exponent(&value) - ln_exponent(&base);
    let scale = scale_for(exponent, &[&base, &value]);
    if scale > MOST_KEPT {
        return Err(NumericError::TooManyDigits.into());
    }
    // Both with more digits than the result.
    let precision = |of: &Decimal| (scale + exponent - ln_exponent(of) + 8).max(0);
    let (above, below) = (ln_at(&value, precision(&value))?, ln_at(&base, precision(&base))?);
    match above.div(&below, scale) {
        Some(quotient) => Ok(quotient.to_numeric()?),
        None => Err(EvalError::division_by_zero()),
    }
}

fn power(base: Numeric, exponent: Numeric) -> Result<Numeric, EvalError> {
    let one = Numeric::from_i64(1);
    let (Some(x), Some(y)) = (Decimal::of(base), Decimal::of(exponent)) else {
        return special_power(base, exponent, one);
    };
    if x.is_zero() && y.is_negative() {
        return Err(power_error("zero raised to a negative power is undefined"));
    }
    if x.is_negative() && !y.is_integer() {
        return Err(power_error("a negative number raised to a non-integer power yields a complex result"));
    }
    if let Some(times) = y.to_i64().and_then(|times| i32::try_from(times).ok()) {
        let scale = MIN_SIGNIFICANT_DIGITS.max(x.scale).min(MAX_DISPLAY_SCALE);
        return Ok(integer_power(&x, times, scale)?.to_numeric()?);
    }
    if x.is_zero() {
        return Ok(Decimal { mantissa: BigInt::ZERO, scale: MIN_SIGNIFICANT_DIGITS }.to_numeric()?);
    }
    let odd = x.is_negative() && (y.at(0) % 2i32) != BigInt::ZERO;
    let x = Decimal { mantissa: x.mantissa.magnitude().clone().into(), scale: x.scale };
    // A first estimate, with the digits that PostgreSQL takes for it.
    let ln_exponent = ln_exponent(&x);
    let rough = (8 - ln_exponent).max(0);
    let estimate = ln_at(&x, rough)?.mul(&y).round(rough).to_f64();
    if estimate.abs() > MAX_RESULT_SCALE * 3.01 {
        if estimate > 0.0 {
            return Err(overflow());
        }
        return Ok(Decimal { mantissa: BigInt::ZERO, scale: MAX_DISPLAY_SCALE }.to_numeric()?);
    }
    let digits = (estimate * LOG10_E) as i64;
    let scale = scale_for(digits, &[&x, &y]);
    if scale > MOST_KEPT {
        return Err(NumericError::TooManyDigits.into());
    }
    let precision = ((scale + digits).max(0) - ln_exponent + 8).max(0);
    let product = ln_at(&x, precision)?.mul(&y).round(precision);
    let mut answer = exp_at(&product, scale)?;
    if odd {
        answer.mantissa = -answer.mantissa;
    }
    Ok(answer.to_numeric()?)
}

/// Powers with NaN or an infinity among the operands. Source: `numeric_power`.
fn special_power(base: Numeric, exponent: Numeric, one: Numeric) -> Result<Numeric, EvalError> {
    // NaN ^ 0 and 1 ^ NaN are 1, as in float8's power.
    if base.is_nan() {
        return Ok(if exponent.is_zero() { one } else { base });
    }
    if exponent.is_nan() {
        return Ok(if base.cmp_sql(&one).is_eq() { one } else { exponent });
    }
    if base.is_zero() && exponent.is_negative() {
        return Err(power_error("zero raised to a negative power is undefined"));
    }
    let whole = Decimal::of(exponent).is_none_or(|exponent| exponent.is_integer());
    if base.is_negative() && !whole {
        return Err(power_error("a negative number raised to a non-integer power yields a complex result"));
    }
    if base.cmp_sql(&one).is_eq() || exponent.is_zero() {
        return Ok(one);
    }
    if base.is_zero() {
        return Ok(Numeric::ZERO);
    }
    if exponent.is_special() {
        let size = base.abs().cmp_sql(&one);
        return Ok(match (size, exponent) {
            _ if size.is_eq() => one,
            (std::cmp::Ordering::Greater, Numeric::Infinity)
            | (std::cmp::Ordering::Less, Numeric::NegativeInfinity) => Numeric::Infinity,
            _ => Numeric::ZERO,
        });
    }
    if exponent.is_negative() {
        return Ok(Numeric::ZERO);
    }
    let odd = Decimal::of(exponent).is_some_and(|exponent| (exponent.at(0) % 2i32) != BigInt::ZERO);
    Ok(if base.is_negative() && odd { Numeric::NegativeInfinity } else { Numeric::Infinity })
}

/// `power_var_int`.
fn integer_power(base: &Decimal, exponent: i32, scale: i64) -> Result<Decimal, EvalError> {
    match exponent {
        0 => return Ok(Decimal::from_i64(1).round(scale)),
        1 => return Ok(base.round(scale)),
        2 => return Ok(base.mul(base).round(scale)),
        _ if base.is_zero() => return Ok(Decimal { mantissa: BigInt::ZERO, scale }),
        _ => {}
    }
    // How many digits the result has before the point, from the base's first 16.
    let leading = base.leading();
    let places = base.place_count().clamp(1, 4);
    let first = base.places(leading.weight, places) as f64;
    let digits = f64::from(exponent) * (first.log10() + ((leading.weight - places + 1) * 4) as f64);
    if digits > 3.0 * MOST_DIGITS {
        return Err(overflow());
    }
    if digits + 1.0 < -(MAX_DISPLAY_SCALE as f64) || digits + 1.0 < -(scale as f64) {
        return Ok(Decimal { mantissa: BigInt::ZERO, scale });
    }
    if digits > MOST_DIGITS + 8.0 {
        return Err(overflow());
    }
    if digits > MOST_KEPT as f64 {
        return Err(NumericError::TooManyDigits.into());
    }
    if exponent == -1 {
        return Decimal::from_i64(1).div(base, scale).ok_or_else(EvalError::division_by_zero);
    }
    // Each step keeps the digits of the result and some more.
    let times = exponent.unsigned_abs();
    let kept = 1 + scale + digits as i64 + f64::from(times).ln() as i64 + 8;
    let mut square = base.clone();
    let mut product = if times & 1 == 1 { base.clone() } else { Decimal::from_i64(1) };
    let mut rest = times >> 1;
    while rest > 0 {
        let precision = (kept - 2 * square.leading().weight * 4).min(2 * square.scale).max(0);
        square = square.mul(&square).round(precision);
        if rest & 1 == 1 {
            let precision = kept - (square.leading().weight + product.leading().weight) * 4;
            let precision = precision.min(square.scale + product.scale).max(0);
            product = square.mul(&product).round(precision);
        }
        rest >>= 1;
    }
    if exponent > 0 {
        Ok(product.round(scale))
    } else {
        Decimal::from_i64(1).div(&product, scale).ok_or_else(EvalError::division_by_zero)
    }
}

/// The greatest common divisor, at the greater of both scales.
fn divisor(a: &Decimal, b: &Decimal) -> Decimal {
    let scale = a.scale.max(b.scale);
    let (mut x, mut y) = (a.at(scale).magnitude().clone(), b.at(scale).magnitude().clone());
    while y.bits() > 0 {
        (x, y) = (y.clone(), x % y);
    }
    Decimal { mantissa: x.into(), scale }
}

fn multiple(a: &Decimal, b: &Decimal) -> Decimal {
    let scale = a.scale.max(b.scale);
    if a.is_zero() || b.is_zero() {
        return Decimal { mantissa: BigInt::ZERO, scale };
    }
    let quotient = a.at(scale) / divisor(a, b).mantissa;
    Decimal { mantissa: (quotient * b.at(scale)).magnitude().clone().into(), scale }
}

/// `factorial(bigint)`.
pub(super) fn factorial<'a>(value: i64) -> Value<'a> {
    if value < 0 {
        let message = "factorial of a negative number is undefined";
        return Err(EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
    }
    if value > 32177 {
        return Err(overflow());
    }
    let mut product: i128 = 1;
    for factor in 2..=value {
        product = product.checked_mul(factor.into()).ok_or(NumericError::TooManyDigits)?;
    }
    Ok(Datum::Numeric(Numeric::from_i128(product, 0)?))
}
