//! The functions of intervals, zones and moments together: their names, and from a call to its computation.

use offtake_row::{Datum, time};
use serde::{Deserialize, Serialize};

use super::{construct, finite_timestamp, moment, span::Span, truncate, zone};
use crate::{
    arena::Arena,
    scalar::{
        Func, Moment, Scalar,
        eval::{Value, mismatch},
    },
};

/// A function or operator of intervals and zones. What it computes is told by the kinds of its arguments. Strict unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimeFunc {
    /// `+`: intervals, or a moment and an interval in either order.
    Plus,
    /// `-`: intervals, a moment and an interval, or two timestamps or times.
    Minus,
    /// `- interval`.
    Negate,
    /// `interval * float8` and the reverse.
    Times,
    /// `interval / float8`.
    Over,
    /// `age(timestamp, timestamp)`.
    Age,
    JustifyDays,
    JustifyHours,
    JustifyInterval,
    /// `make_interval` of up to seven arguments.
    MakeInterval,
    MakeTime,
    /// `make_timestamp`, and `make_timestamptz` in UTC.
    MakeTimestamp,
    /// `make_timestamptz` with a zone.
    MakeTimestampIn,
    /// `date_bin(interval, timestamp, timestamp)`.
    DateBin,
    /// `date_trunc(field, timestamptz)`.
    TruncateUtc,
    /// `date_trunc(field, interval)`.
    TruncateInterval,
    /// `date_trunc(field, timestamptz, zone)`.
    TruncateIn,
    /// `timezone(zone, timestamp)`: the moment at which clocks of the zone show it.
    FromZone,
    /// `timezone(zone, timestamptz)`: what clocks of the zone show.
    ToZone,
    /// `(a, b) OVERLAPS (c, d)`. Not strict.
    Overlaps,
}

impl TimeFunc {
    pub(in crate::scalar) fn is_strict(self) -> bool {
        self != TimeFunc::Overlaps
    }

    /// How a call is written: an operator's symbol or a function's name.
    pub(in crate::scalar) fn name(self) -> &'static str {
        match self {
            TimeFunc::Plus => "+",
            TimeFunc::Minus | TimeFunc::Negate => "-",
            TimeFunc::Times => "*",
            TimeFunc::Over => "/",
            TimeFunc::Age => "age",
            TimeFunc::JustifyDays => "justify_days",
            TimeFunc::JustifyHours => "justify_hours",
            TimeFunc::JustifyInterval => "justify_interval",
            TimeFunc::MakeInterval => "make_interval",
            TimeFunc::MakeTime => "make_time",
            TimeFunc::MakeTimestamp => "make_timestamp",
            TimeFunc::MakeTimestampIn => "make_timestamptz",
            TimeFunc::DateBin => "date_bin",
            TimeFunc::TruncateUtc | TimeFunc::TruncateInterval | TimeFunc::TruncateIn => "date_trunc",
            TimeFunc::FromZone | TimeFunc::ToZone => "timezone",
            TimeFunc::Overlaps => "overlaps",
        }
    }

    /// Whether a call is written between its operands.
    pub(in crate::scalar) fn is_infix(self) -> bool {
        matches!(self, TimeFunc::Plus | TimeFunc::Minus | TimeFunc::Times | TimeFunc::Over)
    }
}

/// A strict function, with arguments that are not NULL.
pub(in crate::scalar) fn call<'a>(func: TimeFunc, args: &[Datum<'a>]) -> Value<'a> {
    let wrong = || Err(mismatch(Func::Time(func)));
    match (func, args) {
        (TimeFunc::Plus, [left, right]) => plus(*left, *right),
        (TimeFunc::Minus, [left, right]) => minus(*left, *right),
        (TimeFunc::Times, [Datum::Float8(factor), span])
        | (TimeFunc::Times, [span, Datum::Float8(factor)]) => match Span::of(*span) {
            Some(span) => span.times(*factor).map(Span::datum),
            None => wrong(),
        },
        (TimeFunc::Over, [span, Datum::Float8(divisor)]) => match Span::of(*span) {
            Some(span) => span.over(*divisor).map(Span::datum),
            None => wrong(),
        },
        (
            TimeFunc::Negate | TimeFunc::JustifyDays | TimeFunc::JustifyHours | TimeFunc::JustifyInterval,
            [span],
        ) => {
            let Some(span) = Span::of(*span) else { return wrong() };
            let made = match func {
                TimeFunc::JustifyDays => span.justified_days(),
                TimeFunc::JustifyHours => span.justified_hours(),
                TimeFunc::JustifyInterval => span.justified(),
                _ => span.negated(),
            };
            made.map(Span::datum)
        }
        (TimeFunc::Age, [Datum::Timestamp(later), Datum::Timestamp(earlier)]) => {
            // PostgreSQL takes infinity for a moment, but not -infinity.
            if [*later, *earlier].contains(&time::TIMESTAMP_NEGATIVE_INFINITY) {
                return Err(moment::timestamp_range());
            }
            Ok(moment::age(*later, *earlier).datum())
        }
        (TimeFunc::MakeInterval, args) => construct::interval(Func::Time(func), args),
        (TimeFunc::MakeTime, [Datum::Int(hour), Datum::Int(minute), Datum::Float8(second)]) => {
            construct::time_of(*hour, *minute, *second)
        }
        (
            TimeFunc::MakeTimestamp | TimeFunc::MakeTimestampIn,
            [
                Datum::Int(year),
                Datum::Int(month),
                Datum::Int(day),
                Datum::Int(hour),
                Datum::Int(minute),
                Datum::Float8(second),
                zone @ ..,
            ],
        ) => {
            let micros = construct::timestamp_of_fields([*year, *month, *day], *hour, *minute, *second)?;
            match zone {
                [] => Ok(Datum::Timestamp(micros)),
                [Datum::Text(zone)] => zone::local_to_utc_strictly(zone, micros).map(Datum::Timestamp),
                _ => wrong(),
            }
        }
        (TimeFunc::DateBin, [stride, Datum::Timestamp(micros), Datum::Timestamp(origin)]) => {
            match Span::of(*stride) {
                Some(stride) => moment::bin(stride, *micros, *origin).map(Datum::Timestamp),
                None => wrong(),
            }
        }
        (TimeFunc::TruncateUtc, [Datum::Text(name), Datum::Timestamp(micros)]) => {
            truncate::timestamp(name, *micros, Moment::Timestamptz).map(Datum::Timestamp)
        }
        (TimeFunc::TruncateInterval, [Datum::Text(name), span]) => match Span::of(*span) {
            Some(span) => truncate::interval(name, span).map(Span::datum),
            None => wrong(),
        },
        (TimeFunc::TruncateIn, [Datum::Text(name), Datum::Timestamp(micros), Datum::Text(zone)]) => {
            truncate::in_zone(name, *micros, zone).map(Datum::Timestamp)
        }
        (TimeFunc::FromZone | TimeFunc::ToZone, [zone, Datum::Timestamp(micros)]) => {
            if !finite_timestamp(*micros) {
                return Ok(Datum::Timestamp(*micros));
            }
            let to_utc = func == TimeFunc::FromZone;
            let moved = match (zone, Span::of(*zone)) {
                (Datum::Text(zone), _) if to_utc => zone::local_to_utc(zone, *micros),
                (Datum::Text(zone), _) => zone::utc_to_local(zone, *micros),
                (_, Some(span)) => zone::shifted(span, *micros, to_utc),
                _ => return wrong(),
            };
            moved.map(Datum::Timestamp)
        }
        _ => wrong(),
    }
}

fn plus<'a>(left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (left, right) {
        (Datum::Interval { .. }, Datum::Interval { .. }) => {
            let (Some(left), Some(right)) = (Span::of(left), Span::of(right)) else {
                return Err(mismatch(Func::Time(TimeFunc::Plus)));
            };
            left.plus(right).map(Span::datum)
        }
        (span @ Datum::Interval { .. }, moment) => plus(moment, span),
        (moment, span) => match (moment, Span::of(span)) {
            (Datum::Timestamp(micros), Some(span)) => {
                moment::timestamp_plus(micros, span).map(Datum::Timestamp)
            }
            (Datum::Date(days), Some(span)) => moment::date_plus(days, span),
            (Datum::Time(micros), Some(span)) => Ok(moment::time_plus(micros, span.micros)),
            _ => Err(mismatch(Func::Time(TimeFunc::Plus))),
        },
    }
}

fn minus<'a>(left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    match (left, right, Span::of(right)) {
        (Datum::Timestamp(later), Datum::Timestamp(earlier), _) => {
            moment::between(later, earlier).map(Span::datum)
        }
        (Datum::Time(later), Datum::Time(earlier), _) => {
            Ok(Span { micros: later - earlier, ..Span::default() }.datum())
        }
        (Datum::Timestamp(micros), _, Some(span)) => {
            moment::timestamp_minus(micros, span).map(Datum::Timestamp)
        }
        (Datum::Date(days), _, Some(span)) => moment::date_minus(days, span),
        (Datum::Time(micros), _, Some(span)) => Ok(moment::time_plus(micros, span.micros.wrapping_neg())),
        (left, _, Some(right)) => match Span::of(left) {
            Some(left) => left.minus(right).map(Span::datum),
            None => Err(mismatch(Func::Time(TimeFunc::Minus))),
        },
        _ => Err(mismatch(Func::Time(TimeFunc::Minus))),
    }
}

/// Functions that look at NULLs themselves.
pub(in crate::scalar) fn lenient<'a>(
    func: TimeFunc,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let [a, b, c, d] = args else { return Err(mismatch(Func::Time(func))) };
    let mut ends = [Datum::Null; 4];
    for (end, arg) in ends.iter_mut().zip([a, b, c, d]) {
        *end = arg.eval(row, arena)?;
    }
    // An end may be told by its distance from the start.
    for (start, end) in [(0, 1), (2, 3)] {
        if matches!(ends[end], Datum::Interval { .. }) {
            ends[end] = if ends[start].is_null() { Datum::Null } else { plus(ends[start], ends[end])? };
        }
    }
    Ok(moment::overlaps([ends[0], ends[1]], [ends[2], ends[3]]))
}
