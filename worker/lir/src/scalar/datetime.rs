//! Functions of dates, times and intervals. The session's zone is UTC. Source: `date.c` and `timestamp.c` of PostgreSQL 15.

mod construct;
mod field;
mod func;
mod moment;
mod span;
mod truncate;
mod zone;

use offtake_row::{Datum, time};

pub(super) use field::{date_part, extract};
pub use func::TimeFunc;
pub(super) use func::{call, lenient};
pub(crate) use moment::{timestamp_minus, timestamp_plus};
pub(crate) use span::Span;
pub(super) use truncate::date_trunc;

use super::{
    Func,
    cast::timestamp_of,
    eval::{Value, mismatch},
};
use crate::error::{EvalError, SqlState};

fn overflow(message: impl Into<String>) -> EvalError {
    EvalError::new(SqlState::DATETIME_OVERFLOW, message)
}

fn finite_date(days: i32) -> bool {
    days != time::DATE_INFINITY && days != time::DATE_NEGATIVE_INFINITY
}

pub(super) fn finite_timestamp(micros: i64) -> bool {
    micros != time::TIMESTAMP_INFINITY && micros != time::TIMESTAMP_NEGATIVE_INFINITY
}

/// An interval's years, months, days, hours, minutes, seconds and microseconds, each with its sign.
pub(super) fn span_fields(datum: Datum<'_>) -> Option<[i64; 7]> {
    span::Span::of(datum).map(span::Span::fields)
}

pub(super) fn is_finite<'a>(value: Datum<'a>) -> Value<'a> {
    match value {
        Datum::Date(days) => Ok(Datum::Bool(finite_date(days))),
        Datum::Timestamp(micros) => Ok(Datum::Bool(finite_timestamp(micros))),
        Datum::Interval { .. } => Ok(Datum::Bool(true)),
        _ => Err(mismatch(Func::IsFiniteDate)),
    }
}

/// Operators on dates.
pub(super) fn arithmetic<'a>(func: Func, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (func, left, right) {
        (Func::AddDays | Func::SubtractDays, Datum::Date(days), Datum::Int(_)) if !finite_date(days) => {
            Ok(Datum::Date(days))
        }
        (Func::AddDays, Datum::Date(days), Datum::Int(by)) => date(i64::from(days).checked_add(by)),
        (Func::SubtractDays, Datum::Date(days), Datum::Int(by)) => date(i64::from(days).checked_sub(by)),
        (Func::DaysBetween, Datum::Date(a), Datum::Date(b)) => {
            if finite_date(a) && finite_date(b) {
                // Both lie within a range of 2^32 days; the difference of the farthest fits PostgreSQL's integer only by wrapping.
                Ok(Datum::Int(i64::from(a.wrapping_sub(b))))
            } else {
                Err(overflow("cannot subtract infinite dates"))
            }
        }
        (Func::DateAtTime, Datum::Date(days), Datum::Time(micros)) => match timestamp_of(days)? {
            Datum::Timestamp(midnight) if finite_timestamp(midnight) => match midnight.checked_add(micros) {
                Some(moment) if time::is_finite_timestamp(moment) => Ok(Datum::Timestamp(moment)),
                _ => Err(overflow("timestamp out of range")),
            },
            infinite => Ok(infinite),
        },
        (func, _, _) => Err(mismatch(func)),
    }
}

fn date<'a>(days: Option<i64>) -> Value<'a> {
    match days.and_then(|days| i32::try_from(days).ok()) {
        Some(days) if time::is_finite_date(days) => Ok(Datum::Date(days)),
        _ => Err(overflow("date out of range")),
    }
}

/// `make_date`: a negative year is BC.
pub(super) fn make_date<'a>(year: i64, month: i64, day: i64) -> Value<'a> {
    let wrong = || overflow(format!("date field value out of range: {year}-{month:02}-{day:02}"));
    let astronomical = if year < 0 { year + 1 } else { year };
    let (Ok(y), Ok(m), Ok(d)) = (i32::try_from(astronomical), u32::try_from(month), u32::try_from(day))
    else {
        return Err(wrong());
    };
    if year == 0 || !(1..=12).contains(&m) || d == 0 || d > time::days_in_month(y, m) {
        return Err(wrong());
    }
    let days = time::days_from_civil(y, m, d);
    if time::is_finite_date(days) {
        Ok(Datum::Date(days))
    } else {
        Err(overflow(format!("date out of range: {year}-{month:02}-{day:02}")))
    }
}

/// `to_timestamp(float8)`.
pub(super) fn to_timestamp<'a>(seconds: f64) -> Value<'a> {
    if seconds.is_nan() {
        return Err(overflow("timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        let infinity =
            if seconds > 0.0 { time::TIMESTAMP_INFINITY } else { time::TIMESTAMP_NEGATIVE_INFINITY };
        return Ok(Datum::Timestamp(infinity));
    }
    let since_2000 = seconds + f64::from(time::UNIX_EPOCH_DAYS) * 86_400.0;
    let micros = (since_2000 * 1_000_000.0).round_ties_even();
    // Saturates far outside of the range.
    let micros = micros as i64;
    if time::is_finite_timestamp(micros) {
        Ok(Datum::Timestamp(micros))
    } else {
        Err(overflow(format!("timestamp out of range: \"{seconds}\"")))
    }
}
