//! `width_bucket`. Source: `numeric.c`, `float.c`, `arrayfuncs.c`.

use std::cmp::Ordering;

use offtake_row::{ArrayRef, Datum, Numeric};

use super::decimal::{Decimal, division_scale};
use crate::{
    compare::{Blanks, compare_datums},
    error::{EvalError, SqlState},
    scalar::eval::Value,
};

fn invalid(message: &str) -> EvalError {
    EvalError::new(SqlState::INVALID_WIDTH_BUCKET, message)
}

/// The bucket behind the last one.
fn behind<'a>(count: i64) -> Value<'a> {
    match i32::try_from(count + 1) {
        Ok(bucket) => Ok(Datum::Int(bucket.into())),
        Err(_) => Err(EvalError::out_of_range("integer")),
    }
}

pub(super) fn of_numerics<'a>(value: Numeric, low: Numeric, high: Numeric, count: i64) -> Value<'a> {
    if count <= 0 {
        return Err(invalid("count must be greater than zero"));
    }
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(invalid("operand, lower bound, and upper bound cannot be NaN"));
    }
    let (Some(from), Some(to)) = (Decimal::of(low), Decimal::of(high)) else {
        return Err(invalid("lower and upper bounds must be finite"));
    };
    let (before, reached) = match low.cmp_sql(&high) {
        Ordering::Equal => return Err(invalid("lower bound cannot equal upper bound")),
        Ordering::Less => (value.cmp_sql(&low).is_lt(), value.cmp_sql(&high).is_ge()),
        Ordering::Greater => (value.cmp_sql(&low).is_gt(), value.cmp_sql(&high).is_le()),
    };
    if before {
        return Ok(Datum::Int(0));
    }
    let Some(value) = Decimal::of(value).filter(|_| !reached) else { return behind(count) };
    // The quotient is rounded as a division is, and cut off then; it does not pass the last bucket.
    let part = value.sub(&from).mul(&Decimal::from_i64(count));
    let width = to.sub(&from);
    let quotient = part.div(&width, division_scale(&part, &width)).ok_or_else(EvalError::division_by_zero)?;
    let bucket = quotient.at(0);
    let bucket = i64::try_from(bucket).unwrap_or(count).min(count - 1);
    Ok(Datum::Int(bucket + 1))
}

pub(super) fn of_floats<'a>(value: f64, low: f64, high: f64, count: i64) -> Value<'a> {
    if count <= 0 {
        return Err(invalid("count must be greater than zero"));
    }
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(invalid("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(invalid("lower and upper bounds must be finite"));
    }
    let (before, reached, part, width) = if low < high {
        (value < low, value >= high, value - low, high - low)
    } else if low > high {
        (value > low, value <= high, low - value, low - high)
    } else {
        return Err(invalid("lower bound cannot equal upper bound"));
    };
    if before {
        return Ok(Datum::Int(0));
    }
    if reached {
        return behind(count);
    }
    let bucket = count as f64 * part / width + 1.0;
    // What is no integer of 32 bits is the least one, as C's conversion has it on the machines that PostgreSQL runs on.
    let fits = (-2_147_483_648.0..2_147_483_648.0).contains(&bucket);
    Ok(Datum::Int(if fits { bucket as i64 } else { i32::MIN.into() }))
}

/// How many of the thresholds, which are in order, are not above the value.
pub(super) fn of_array<'a>(blanks: Blanks, value: Datum<'a>, thresholds: ArrayRef<'a>) -> Value<'a> {
    if thresholds.ndims() > 1 {
        return Err(EvalError::new(SqlState::ARRAY_SUBSCRIPT, "thresholds must be one-dimensional array"));
    }
    let thresholds: Vec<Datum<'_>> = thresholds.iter().collect();
    if thresholds.iter().any(Datum::is_null) {
        let message = "thresholds array must not contain NULLs";
        return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, message));
    }
    // Halved as PostgreSQL halves, for thresholds that are not in order.
    let (mut left, mut right) = (0, thresholds.len());
    while left < right {
        let middle = (left + right) / 2;
        if compare_datums(blanks, value, thresholds[middle]).is_lt() {
            right = middle;
        } else {
            left = middle + 1;
        }
    }
    Ok(Datum::Int(left as i64))
}
