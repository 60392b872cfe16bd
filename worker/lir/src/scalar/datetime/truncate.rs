//! `date_trunc`. Source: `timestamp_trunc`, `timestamptz_trunc_internal` and `interval_trunc` in `timestamp.c` of PostgreSQL 15.

use offtake_row::{
    Datum,
    time::{self, SECOND},
};

use super::{
    field::{Field, unknown, unsupported},
    finite_timestamp,
    moment::timestamp_range,
    span::Span,
    zone,
};
use crate::{
    error::EvalError,
    scalar::{
        Func, Moment,
        eval::{Value, mismatch},
    },
};

/// The last moment of the kind of `field` at or before a timestamp, in UTC.
pub(in crate::scalar) fn date_trunc<'a>(field: Datum<'a>, value: Datum<'a>) -> Value<'a> {
    match (field, value) {
        (Datum::Text(name), Datum::Timestamp(micros)) => {
            timestamp(name, micros, Moment::Timestamp).map(Datum::Timestamp)
        }
        _ => Err(mismatch(Func::DateTrunc)),
    }
}

/// As [`date_trunc`], of a timestamp of a type that errors name.
pub(super) fn timestamp(name: &str, micros: i64, moment: Moment) -> Result<i64, EvalError> {
    if !finite_timestamp(micros) {
        return Ok(micros);
    }
    let field = unit(name, moment)?;
    let start = truncated(name, field, micros, moment)?;
    if time::is_finite_timestamp(start) { Ok(start) } else { Err(timestamp_range()) }
}

/// As [`date_trunc`], by the calendar and the clocks of a zone.
pub(super) fn in_zone(name: &str, micros: i64, zone: &str) -> Result<i64, EvalError> {
    if !finite_timestamp(micros) {
        return Ok(micros);
    }
    let zone = zone::find(zone)?;
    let field = unit(name, Moment::Timestamptz)?;
    let offset = zone.offset_at(micros);
    let local = micros + i64::from(offset) * SECOND;
    let start = truncated(name, field, local, Moment::Timestamptz)?;
    // An hour starts by the clock as it goes now, a day by the clock as it went then.
    let within_day = matches!(
        field,
        Field::Microsecond | Field::Millisecond | Field::Second | Field::Minute | Field::Hour
    );
    let offset = if within_day { offset } else { zone.offset_of(start) };
    let utc = start - i64::from(offset) * SECOND;
    if time::is_finite_timestamp(utc) { Ok(utc) } else { Err(timestamp_range()) }
}

fn unit(name: &str, moment: Moment) -> Result<Field, EvalError> {
    Field::parse(name).filter(|field| field.is_unit()).ok_or_else(|| unknown(name, moment))
}

/// Not checked against the range of timestamps.
fn truncated(name: &str, field: Field, micros: i64, moment: Moment) -> Result<i64, EvalError> {
    let down = |unit: i64| Some(micros - micros.rem_euclid(unit));
    let (days, _) = time::split_timestamp(micros);
    let (year, month, _) = time::civil_from_days(days);
    let midnight = |days: i32| i64::from(days).checked_mul(time::DAY);
    let start_of = |year: i32, month: u32| midnight(time::days_from_civil(year, month, 1));
    let truncated = match field {
        Field::Microsecond => Some(micros),
        Field::Millisecond => down(1_000),
        Field::Second => down(time::SECOND),
        Field::Minute => down(time::MINUTE),
        Field::Hour => down(time::HOUR),
        Field::Day => down(time::DAY),
        Field::Week => {
            let since_monday = (time::day_of_week(days) + 6) % 7;
            midnight(days - since_monday as i32)
        }
        Field::Month => start_of(year, month),
        Field::Quarter => start_of(year, (month - 1) / 3 * 3 + 1),
        Field::Year => start_of(year, 1),
        Field::Decade if year > 0 => start_of(year / 10 * 10, 1),
        Field::Decade => start_of(-((8 - (year - 1)) / 10) * 10, 1),
        Field::Century if year > 0 => start_of((year + 99) / 100 * 100 - 99, 1),
        Field::Century => start_of(-((99 - (year - 1)) / 100) * 100 + 1, 1),
        Field::Millennium if year > 0 => start_of((year + 999) / 1000 * 1000 - 999, 1),
        Field::Millennium => start_of(-((999 - (year - 1)) / 1000) * 1000 + 1, 1),
        Field::Dow
        | Field::Isodow
        | Field::Doy
        | Field::Isoyear
        | Field::Julian
        | Field::Epoch
        | Field::Timezone
        | Field::TimezoneHour
        | Field::TimezoneMinute => return Err(unsupported(name, moment)),
    };
    truncated.ok_or_else(timestamp_range)
}

/// An interval without its parts below that of `name`.
pub(super) fn interval(name: &str, span: Span) -> Result<Span, EvalError> {
    let field = unit(name, Moment::Interval)?;
    let whole_months = |unit: i32| Span { months: span.months / unit * unit, days: 0, micros: 0 };
    let whole_time = |unit: i64| Span { micros: span.micros / unit * unit, ..span };
    Ok(match field {
        Field::Millennium => whole_months(12_000),
        Field::Century => whole_months(1_200),
        Field::Decade => whole_months(120),
        Field::Year => whole_months(12),
        Field::Quarter => whole_months(3),
        Field::Month => whole_months(1),
        Field::Day => Span { micros: 0, ..span },
        Field::Hour => whole_time(time::HOUR),
        Field::Minute => whole_time(time::MINUTE),
        Field::Second => whole_time(time::SECOND),
        Field::Millisecond => whole_time(1_000),
        Field::Microsecond => span,
        Field::Week
        | Field::Dow
        | Field::Isodow
        | Field::Doy
        | Field::Isoyear
        | Field::Julian
        | Field::Epoch
        | Field::Timezone
        | Field::TimezoneHour
        | Field::TimezoneMinute => return Err(unsupported(name, Moment::Interval)),
    })
}
