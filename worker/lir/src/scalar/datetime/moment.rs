//! Moments and intervals together: sums, differences, ages, bins. The zone is UTC, where all days have 24 hours. Source: `timestamp.c` and
//! `date.c` of PostgreSQL 15 (`timestamp_pl_interval`, `timestamp_mi`, `timestamp_age`, `timestamp_bin`, `time_pl_interval`).

use offtake_row::{
    Datum,
    time::{self, DAY, MONTHS_PER_YEAR},
};

use super::{
    finite_timestamp, overflow,
    span::{Span, out_of_range},
};
use crate::{
    error::{EvalError, SqlState},
    scalar::{cast::timestamp_of, eval::Value},
};

pub(super) fn timestamp_range() -> EvalError {
    overflow("timestamp out of range")
}

/// A timestamp and months, then days, then time. A day that the month does not have is its last one.
pub(crate) fn timestamp_plus(micros: i64, span: Span) -> Result<i64, EvalError> {
    if !finite_timestamp(micros) {
        return Ok(micros);
    }
    plus(micros, span).filter(|micros| time::is_finite_timestamp(*micros)).ok_or_else(timestamp_range)
}

fn plus(micros: i64, span: Span) -> Option<i64> {
    let (mut days, time) = time::split_timestamp(micros);
    if span.months != 0 {
        let (year, month, day) = time::civil_from_days(days);
        let months =
            i64::from(year) * i64::from(MONTHS_PER_YEAR) + i64::from(month) - 1 + i64::from(span.months);
        let year = i32::try_from(months.div_euclid(MONTHS_PER_YEAR.into())).ok()?;
        let month = months.rem_euclid(MONTHS_PER_YEAR.into()) as u32 + 1;
        days = time::days_from_civil(year, month, day.min(time::days_in_month(year, month)));
        time::join_timestamp(days, time)?;
    }
    let days = i64::from(days) + i64::from(span.days);
    let moved = days.checked_mul(DAY)?.checked_add(time)?;
    if !time::is_finite_timestamp(moved) {
        return None;
    }
    moved.checked_add(span.micros)
}

/// `timestamp - interval`.
pub(crate) fn timestamp_minus(micros: i64, span: Span) -> Result<i64, EvalError> {
    if !finite_timestamp(micros) {
        return Ok(micros);
    }
    timestamp_plus(micros, span.negated().map_err(|_| timestamp_range())?)
}

/// `date + interval` = `timestamp`.
pub(super) fn date_plus<'a>(days: i32, span: Span) -> Value<'a> {
    match timestamp_of(days)? {
        Datum::Timestamp(micros) => timestamp_plus(micros, span).map(Datum::Timestamp),
        other => Ok(other),
    }
}

/// `date - interval` = `timestamp`.
pub(super) fn date_minus<'a>(days: i32, span: Span) -> Value<'a> {
    match timestamp_of(days)? {
        Datum::Timestamp(micros) => timestamp_minus(micros, span).map(Datum::Timestamp),
        other => Ok(other),
    }
}

/// Only the interval's time counts, around midnight.
pub(super) fn time_plus<'a>(micros: i64, by: i64) -> Datum<'a> {
    Datum::Time(micros.wrapping_add(by).rem_euclid(DAY))
}

/// `timestamp - timestamp`: days and time.
pub(super) fn between(later: i64, earlier: i64) -> Result<Span, EvalError> {
    if !finite_timestamp(later) || !finite_timestamp(earlier) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    // The ends of the range are farther apart than an interval reaches, and PostgreSQL 15 does not look.
    let micros = later.wrapping_sub(earlier);
    Span { months: 0, days: 0, micros }.justified_hours()
}

/// `age(later, earlier)`: years, months and days as a calendar counts them.
pub(super) fn age(later: i64, earlier: i64) -> Span {
    let parts = |micros: i64| {
        let (days, time) = time::split_timestamp(micros);
        let (year, month, day) = time::civil_from_days(days);
        (i64::from(year), i64::from(month), i64::from(day), time)
    };
    let negative = later < earlier;
    let (late, early) = (parts(later), parts(earlier));
    let sign = if negative { -1 } else { 1 };
    let mut micros = (late.3 - early.3) * sign;
    let mut days = (late.2 - early.2) * sign;
    let mut months = ((late.0 - early.0) * i64::from(MONTHS_PER_YEAR) + late.1 - early.1) * sign;
    if micros < 0 {
        (micros, days) = (micros + DAY, days - 1);
    }
    // Days are borrowed from the month that the earlier moment lies in.
    let borrowed = if negative { late } else { early };
    while days < 0 {
        days += i64::from(time::days_in_month(borrowed.0 as i32, borrowed.1 as u32));
        months -= 1;
    }
    Span { months: (months * sign) as i32, days: (days * sign) as i32, micros: micros * sign }
}

/// `date_bin(stride, moment, origin)`.
pub(super) fn bin(stride: Span, micros: i64, origin: i64) -> Result<i64, EvalError> {
    if !finite_timestamp(micros) {
        return Ok(micros);
    }
    if !finite_timestamp(origin) {
        return Err(overflow("origin out of range"));
    }
    if stride.months != 0 {
        return Err(EvalError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let width = i64::from(stride.days).checked_mul(DAY).and_then(|days| days.checked_add(stride.micros));
    let width = width.ok_or_else(out_of_range)?;
    if width <= 0 {
        return Err(overflow("stride must be greater than zero"));
    }
    let distance = micros.checked_sub(origin).ok_or_else(out_of_range)?;
    let start = distance - distance.rem_euclid(width);
    origin.checked_add(start).filter(|start| time::is_finite_timestamp(*start)).ok_or_else(timestamp_range)
}

/// `(a, b) OVERLAPS (c, d)`, whose ends may be NULL and stand in any order. Source: `overlaps_timestamp`.
pub(super) fn overlaps<'a>(first: [Datum<'a>; 2], second: [Datum<'a>; 2]) -> Datum<'a> {
    let compare =
        |a: Datum<'a>, b: Datum<'a>| crate::compare::compare_datums(crate::compare::Blanks::Count, a, b);
    // Each in order, a NULL that stands alone behind.
    let ordered = |[start, end]: [Datum<'a>; 2]| {
        if compare(start, end).is_gt() { [end, start] } else { [start, end] }
    };
    let ([start, end], [other_start, other_end]) = (ordered(first), ordered(second));
    if start.is_null() || other_start.is_null() {
        return Datum::Null;
    }
    // Of two periods the later starts before the earlier ends, or both start together.
    let (later, earlier_end, later_end) = match compare(start, other_start) {
        std::cmp::Ordering::Equal => {
            return if end.is_null() || other_end.is_null() { Datum::Null } else { Datum::Bool(true) };
        }
        std::cmp::Ordering::Greater => (start, other_end, end),
        std::cmp::Ordering::Less => (other_start, end, other_end),
    };
    if earlier_end.is_null() {
        return Datum::Null;
    }
    match compare(later, earlier_end).is_lt() {
        true => Datum::Bool(true),
        // Not known to overlap, unless the later one's end is known.
        false if later_end.is_null() => Datum::Null,
        false => Datum::Bool(false),
    }
}
