//! Distances between values, as RANGE frames take them. Source: PostgreSQL's `in_range` functions.

use std::cmp::Ordering;

use offtake_row::{Datum, Numeric, time};

use super::Partition;
use crate::{
    error::{EvalError, SqlState},
    order::Order,
    scalar::{Span, timestamp_minus, timestamp_of, timestamp_plus},
};

/// Whether a candidate for a frame's first row (`head`) is far enough for it, or one for its last row still near enough, seen from the
/// current row. NULLs are as far from all values as the order puts them, and meet each other.
pub(super) fn reaches(
    partition: &Partition<'_>,
    candidate: usize,
    current: usize,
    distance: Datum<'_>,
    backward: bool,
    head: bool,
) -> Result<bool, EvalError> {
    let [Order { column, descending, nulls_first, .. }] = partition.order_by else {
        return Err(EvalError::internal("a RANGE frame with a distance needs one key of its order"));
    };
    let value = partition.rows[candidate].datum(*column);
    let base = partition.rows[current].datum(*column);
    match (value.is_null(), base.is_null()) {
        (true, true) => return Ok(true),
        // A NULL row comes before the frame or behind it, as the order has it; a value before or behind a NULL row's frame.
        (true, false) => return Ok(*nulls_first != head),
        (false, true) => return Ok(*nulls_first == head),
        (false, false) => {}
    }
    let (subtract, less) = (backward != *descending, head == *descending);
    in_range(value, base, distance, subtract, less)
}

/// Whether `value` is at most (`less`) or at least `base - distance` or `base + distance`.
fn in_range(
    value: Datum<'_>,
    base: Datum<'_>,
    distance: Datum<'_>,
    subtract: bool,
    less: bool,
) -> Result<bool, EvalError> {
    let holds = |order: Ordering| if less { order.is_le() } else { order.is_ge() };
    match (value, base, distance) {
        (Datum::Int(value), Datum::Int(base), Datum::Int(distance)) => {
            check(distance < 0)?;
            let (base, distance) = (i128::from(base), i128::from(distance));
            let bound = if subtract { base - distance } else { base + distance };
            Ok(holds(i128::from(value).cmp(&bound)))
        }
        (Datum::Float8(value), Datum::Float8(base), Datum::Float8(distance)) => {
            float(value, base, distance, subtract, less)
        }
        (Datum::Float4(value), Datum::Float4(base), Datum::Float8(distance)) => {
            float(value.into(), base.into(), distance, subtract, less)
        }
        (Datum::Numeric(value), Datum::Numeric(base), Datum::Numeric(distance)) => {
            check(distance.is_nan() || distance.is_negative())?;
            if value.is_nan() || base.is_nan() {
                return Ok(holds(value.cmp_sql(&base)));
            }
            let beyond = if subtract { Numeric::Infinity } else { Numeric::NegativeInfinity };
            if distance == Numeric::Infinity && base == beyond {
                return Ok(true);
            }
            let bound = if subtract { base.sub(&distance)? } else { base.add(&distance)? };
            Ok(holds(value.cmp_sql(&bound)))
        }
        (value, base, Datum::Interval { .. }) => {
            let Some(distance) = Span::of(distance) else { return Err(no_distances()) };
            moment(value, base, distance, subtract, less)
        }
        _ => Err(no_distances()),
    }
}

fn float(value: f64, base: f64, distance: f64, subtract: bool, less: bool) -> Result<bool, EvalError> {
    check(distance.is_nan() || distance < 0.0)?;
    // NaN is greater than all other values and equal to itself.
    if value.is_nan() || base.is_nan() {
        return Ok(if value.is_nan() { base.is_nan() || !less } else { less });
    }
    // The bound would be NaN.
    if distance.is_infinite() && base.is_infinite() && (base > 0.0) == subtract {
        return Ok(true);
    }
    let bound = if subtract { base - distance } else { base + distance };
    Ok(if less { value <= bound } else { value >= bound })
}

/// Over dates, times and intervals.
fn moment(
    value: Datum<'_>,
    base: Datum<'_>,
    distance: Span,
    subtract: bool,
    less: bool,
) -> Result<bool, EvalError> {
    let holds = |order: Ordering| if less { order.is_le() } else { order.is_ge() };
    let Span { months, days, micros } = distance;
    match (value, base) {
        // Only the time of the distance counts, and there is no way around midnight.
        (Datum::Time(value), Datum::Time(base)) => {
            check(micros < 0)?;
            let (base, micros) = (i128::from(base), i128::from(micros));
            let bound = if subtract { base - micros } else { base + micros };
            Ok(holds(i128::from(value).cmp(&bound)))
        }
        (Datum::Interval { .. }, Datum::Interval { .. }) => {
            check(time::interval_length(months, days, micros) < 0)?;
            let (Some(value), Some(base)) = (Span::of(value), Span::of(base)) else {
                return Err(no_distances());
            };
            let bound = if subtract { base.minus(distance)? } else { base.plus(distance)? };
            let length = |span: Span| time::interval_length(span.months, span.days, span.micros);
            Ok(holds(length(value).cmp(&length(bound))))
        }
        (value, base) => {
            check(time::interval_length(months, days, micros) < 0)?;
            let timestamp = |datum: Datum<'_>| match datum {
                Datum::Timestamp(micros) => Ok(micros),
                Datum::Date(days) => match timestamp_of(days)? {
                    Datum::Timestamp(micros) => Ok(micros),
                    _ => Err(no_distances()),
                },
                _ => Err(no_distances()),
            };
            let (value, base) = (timestamp(value)?, timestamp(base)?);
            let bound =
                if subtract { timestamp_minus(base, distance)? } else { timestamp_plus(base, distance)? };
            Ok(holds(value.cmp(&bound)))
        }
    }
}

fn no_distances() -> EvalError {
    EvalError::internal("a RANGE frame over a type that has no distances")
}

fn check(invalid: bool) -> Result<(), EvalError> {
    if invalid {
        return Err(EvalError::new(
            SqlState::INVALID_FRAME_OFFSET,
            "invalid preceding or following size in window function",
        ));
    }
    Ok(())
}
