//! `extract` and `date_part`.

use offtake_row::{Datum, Numeric, time};

use super::{finite_timestamp, span::Span};
use crate::{
    error::{EvalError, SqlState},
    scalar::{
        Func, Moment,
        eval::{Value, mismatch},
    },
};

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Dow,
    Isodow,
    Doy,
    Isoyear,
    Julian,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Field {
    /// Reads a field's name. Source: `deltatktbl` and `datetktbl` in `datetime.c`, whose names are cut to ten characters.
    pub(super) fn parse(name: &str) -> Option<Field> {
        let lower = name.to_ascii_lowercase();
        let lower = lower.get(..10).unwrap_or(&lower);
        Some(match lower {
            "microsecon" | "us" | "usec" | "usecond" | "useconds" | "usecs" => Field::Microsecond,
            "millisecon" | "ms" | "msec" | "msecond" | "mseconds" | "msecs" => Field::Millisecond,
            "s" | "sec" | "second" | "seconds" | "secs" => Field::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Field::Minute,
            "h" | "hour" | "hours" | "hr" | "hrs" => Field::Hour,
            "d" | "day" | "days" => Field::Day,
            "w" | "week" | "weeks" => Field::Week,
            "mon" | "mons" | "month" | "months" => Field::Month,
            "qtr" | "quarter" => Field::Quarter,
            "y" | "year" | "years" | "yr" | "yrs" => Field::Year,
            "dec" | "decs" | "decade" | "decades" => Field::Decade,
            "c" | "cent" | "centuries" | "century" => Field::Century,
            "mil" | "mils" | "millennia" | "millennium" => Field::Millennium,
            "dow" => Field::Dow,
            "isodow" => Field::Isodow,
            "doy" => Field::Doy,
            "isoyear" => Field::Isoyear,
            "j" | "jd" | "julian" => Field::Julian,
            "epoch" => Field::Epoch,
            "timezone" => Field::Timezone,
            "timezone_h" => Field::TimezoneHour,
            "timezone_m" => Field::TimezoneMinute,
            _ => return None,
        })
    }

    /// Whether the field grows with time, so that it is infinite for an infinite moment. The others have no value then.
    fn is_monotonic(self) -> bool {
        matches!(
            self,
            Field::Year
                | Field::Decade
                | Field::Century
                | Field::Millennium
                | Field::Isoyear
                | Field::Julian
                | Field::Epoch
        )
    }

    /// Whether it is known as a unit of time and not only as a field.
    pub(super) fn is_unit(self) -> bool {
        !matches!(
            self,
            Field::Dow | Field::Isodow | Field::Doy | Field::Isoyear | Field::Julian | Field::Epoch
        )
    }

    /// Whether dates have it in `extract`.
    fn in_date(self) -> bool {
        self.is_monotonic()
            || matches!(
                self,
                Field::Day
                    | Field::Week
                    | Field::Month
                    | Field::Quarter
                    | Field::Dow
                    | Field::Isodow
                    | Field::Doy
            )
    }
}

fn type_name(moment: Moment) -> &'static str {
    match moment {
        Moment::Date => "date",
        Moment::Time => "time without time zone",
        Moment::Timestamp => "timestamp without time zone",
        Moment::Timestamptz => "timestamp with time zone",
        Moment::Interval => "interval",
    }
}

pub(super) fn unknown(name: &str, moment: Moment) -> EvalError {
    EvalError::invalid_parameter(format!("unit \"{name}\" not recognized for type {}", type_name(moment)))
}

pub(super) fn unsupported(name: &str, moment: Moment) -> EvalError {
    let message = format!("unit \"{name}\" not supported for type {}", type_name(moment));
    EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

/// A field's value, exact.
enum Part {
    Integer(i64),
    /// `value / 10^scale`.
    Decimal(i128, u8),
    /// Days since Julian day 0, and microseconds of the day.
    Julian(i64, i64),
    Infinity,
    NegativeInfinity,
    Missing,
}

/// `extract(field FROM moment)`: numeric.
pub(in crate::scalar) fn extract<'a>(moment: Moment, field: Datum<'a>, value: Datum<'a>) -> Value<'a> {
    Ok(match part(Func::Extract(moment), moment, field, value)? {
        Part::Integer(value) => Datum::Numeric(Numeric::from_i64(value)),
        Part::Decimal(value, scale) => Datum::Numeric(Numeric::from_i128(value, scale)?),
        // Dates have no fraction of a day, not even one of zero.
        Part::Julian(day, _) if moment == Moment::Date => Datum::Numeric(Numeric::from_i64(day)),
        Part::Julian(day, micros) => {
            let fraction = Numeric::from_i64(micros).div(&Numeric::from_i64(time::DAY))?;
            Datum::Numeric(Numeric::from_i64(day).add(&fraction)?)
        }
        Part::Infinity => Datum::Numeric(Numeric::Infinity),
        Part::NegativeInfinity => Datum::Numeric(Numeric::NegativeInfinity),
        Part::Missing => Datum::Null,
    })
}

/// `date_part(field, moment)`: float8. Of a date it is that of its midnight.
pub(in crate::scalar) fn date_part<'a>(moment: Moment, field: Datum<'a>, value: Datum<'a>) -> Value<'a> {
    if let (Some(span), Datum::Text(name)) = (Span::of(value), field)
        && Field::parse(name) == Some(Field::Epoch)
    {
        return Ok(Datum::Float8(epoch_of(span)));
    }
    let (of, value) = match value {
        Datum::Date(days) => (Moment::Timestamp, crate::scalar::cast::timestamp_of(days)?),
        value => (moment, value),
    };
    Ok(match part(Func::DatePart(moment), of, field, value)? {
        Part::Integer(value) => Datum::Float8(value as f64),
        Part::Decimal(value, scale) => Datum::Float8(value as f64 / 10f64.powi(scale.into())),
        Part::Julian(day, micros) => Datum::Float8(day as f64 + micros as f64 / 1_000_000.0 / 86_400.0),
        Part::Infinity => Datum::Float8(f64::INFINITY),
        Part::NegativeInfinity => Datum::Float8(f64::NEG_INFINITY),
        Part::Missing => Datum::Null,
    })
}

fn part(func: Func, moment: Moment, field: Datum<'_>, value: Datum<'_>) -> Result<Part, EvalError> {
    let Datum::Text(name) = field else { return Err(mismatch(func)) };
    let field = Field::parse(name).ok_or_else(|| unknown(name, moment))?;
    if let Some(span) = Span::of(value) {
        return of_interval(field, span).ok_or_else(|| unsupported(name, moment));
    }
    match value {
        Datum::Time(micros) => of_time(field, micros).ok_or_else(|| unsupported(name, moment)),
        Datum::Date(_) if !field.in_date() => Err(unsupported(name, moment)),
        Datum::Date(time::DATE_INFINITY) => Ok(of_infinity(field, Part::Infinity)),
        Datum::Date(time::DATE_NEGATIVE_INFINITY) => Ok(of_infinity(field, Part::NegativeInfinity)),
        Datum::Date(days) if field == Field::Epoch => {
            Ok(Part::Integer((i64::from(days) - i64::from(time::UNIX_EPOCH_DAYS)) * 86_400))
        }
        Datum::Date(days) => of_day(field, days, 0).ok_or_else(|| unsupported(name, moment)),
        Datum::Timestamp(micros) if !finite_timestamp(micros) => {
            Ok(of_infinity(field, if micros > 0 { Part::Infinity } else { Part::NegativeInfinity }))
        }
        Datum::Timestamp(_)
            if moment != Moment::Timestamptz
                && matches!(field, Field::Timezone | Field::TimezoneHour | Field::TimezoneMinute) =>
        {
            Err(unsupported(name, moment))
        }
        Datum::Timestamp(micros) if field == Field::Epoch => {
            // The last days of the year 294276 do not fit 64 bits.
            Ok(Part::Decimal(
                i128::from(micros) - i128::from(time::UNIX_EPOCH_DAYS) * i128::from(time::DAY),
                6,
            ))
        }
        Datum::Timestamp(micros) => {
            let (days, micros) = time::split_timestamp(micros);
            match of_day(field, days, micros) {
                Some(part) => Ok(part),
                None => of_time(field, micros).ok_or_else(|| unsupported(name, moment)),
            }
        }
        _ => Err(mismatch(func)),
    }
}

fn of_infinity(field: Field, infinity: Part) -> Part {
    if field.is_monotonic() { infinity } else { Part::Missing }
}

fn of_time(field: Field, micros: i64) -> Option<Part> {
    let in_minute = micros % time::MINUTE;
    Some(match field {
        Field::Microsecond => Part::Integer(in_minute),
        Field::Millisecond => Part::Decimal(in_minute.into(), 3),
        Field::Second => Part::Decimal(in_minute.into(), 6),
        Field::Minute => Part::Integer(micros / time::MINUTE % 60),
        Field::Hour => Part::Integer(micros / time::HOUR),
        Field::Epoch => Part::Decimal(micros.into(), 6),
        _ => return None,
    })
}

/// Source: `interval_part_common`.
fn of_interval(field: Field, span: Span) -> Option<Part> {
    let [years, months, days, hours, minutes, seconds, micros] = span.fields();
    let in_minute = seconds * time::SECOND + micros;
    Some(match field {
        Field::Microsecond => Part::Integer(in_minute),
        Field::Millisecond => Part::Decimal(in_minute.into(), 3),
        Field::Second => Part::Decimal(in_minute.into(), 6),
        Field::Minute => Part::Integer(minutes),
        Field::Hour => Part::Integer(hours),
        Field::Day => Part::Integer(days),
        Field::Month => Part::Integer(months),
        Field::Quarter => Part::Integer(months / 3 + 1),
        Field::Year => Part::Integer(years),
        Field::Decade => Part::Integer(years / 10),
        Field::Century => Part::Integer(years / 100),
        Field::Millennium => Part::Integer(years / 1000),
        Field::Epoch => {
            // A year has 365.25 days, of which a quarter is a whole number of seconds.
            let quarters = years * 1_461 + months * 120 + days * 4;
            let seconds = i128::from(quarters) * i128::from(time::DAY / time::SECOND / 4);
            Part::Decimal(seconds * i128::from(time::SECOND) + i128::from(span.micros), 6)
        }
        Field::Week
        | Field::Dow
        | Field::Isodow
        | Field::Doy
        | Field::Isoyear
        | Field::Julian
        | Field::Timezone
        | Field::TimezoneHour
        | Field::TimezoneMinute => return None,
    })
}

/// `date_part('epoch', interval)`, in the order in which PostgreSQL adds.
fn epoch_of(span: Span) -> f64 {
    const SECONDS_PER_DAY: f64 = 86_400.0;
    let [years, months, days, ..] = span.fields();
    let mut seconds = span.micros as f64 / 1_000_000.0;
    seconds += 365.25 * SECONDS_PER_DAY * years as f64;
    seconds += 30.0 * SECONDS_PER_DAY * months as f64;
    seconds + SECONDS_PER_DAY * days as f64
}

fn of_day(field: Field, days: i32, micros: i64) -> Option<Part> {
    let (year, month, day) = time::civil_from_days(days);
    let year = i64::from(year);
    Some(Part::Integer(match field {
        Field::Day => day.into(),
        Field::Month => month.into(),
        Field::Quarter => (i64::from(month) - 1) / 3 + 1,
        Field::Year => named_year(year),
        Field::Decade if year >= 0 => year / 10,
        Field::Decade => -((8 - (year - 1)) / 10),
        Field::Century if year > 0 => (year + 99) / 100,
        Field::Century => -((99 - (year - 1)) / 100),
        Field::Millennium if year > 0 => (year + 999) / 1000,
        Field::Millennium => -((999 - (year - 1)) / 1000),
        Field::Week => time::iso_week(days).1.into(),
        Field::Isoyear => named_year(time::iso_week(days).0.into()),
        Field::Dow => time::day_of_week(days).into(),
        Field::Isodow => match time::day_of_week(days) {
            0 => 7,
            day => day.into(),
        },
        Field::Doy => time::day_of_year(days).into(),
        Field::Julian => return Some(Part::Julian(i64::from(days) - i64::from(time::DATE_MIN), micros)),
        Field::Timezone | Field::TimezoneHour | Field::TimezoneMinute => 0,
        _ => return None,
    }))
}

/// There is no year 0: before 1 comes -1, which is 1 BC.
fn named_year(astronomical: i64) -> i64 {
    if astronomical > 0 { astronomical } else { astronomical - 1 }
}
