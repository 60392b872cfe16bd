//! Moments and intervals out of their fields. Source: `make_time`, `make_timestamp` and `make_interval` of PostgreSQL 15.

use offtake_row::{
    Datum,
    time::{self, DAY, MONTHS_PER_YEAR},
};

use super::{
    overflow,
    span::{Span, out_of_range},
};
use crate::{
    error::EvalError,
    scalar::{Func, eval::Value, eval::mismatch},
};

/// Microseconds of a time of day, or `None` where a clock does not show it. 24:00:00 and a second of 60 are allowed.
fn clock(hour: i64, minute: i64, second: f64) -> Option<i64> {
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || second.is_nan() {
        return None;
    }
    let micros = (second * 1_000_000.0).round_ties_even();
    if !(0.0..=time::MINUTE as f64).contains(&micros) {
        return None;
    }
    let micros = hour * time::HOUR + minute * time::MINUTE + micros as i64;
    (micros <= DAY).then_some(micros)
}

/// C's `%02g`.
fn general(value: f64) -> String {
    let exponent = if value == 0.0 || !value.is_finite() { 0 } else { value.abs().log10().floor() as i32 };
    let shown = if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else if (-4..6).contains(&exponent) {
        let decimals = (5 - exponent).max(0) as usize;
        let fixed = format!("{value:.decimals$}");
        if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
    } else {
        let scientific = format!("{value:.5e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    };
    format!("{shown:0>2}")
}

/// `make_time(hour, min, sec)`.
pub(super) fn time_of<'a>(hour: i64, minute: i64, second: f64) -> Value<'a> {
    match clock(hour, minute, second) {
        Some(micros) => Ok(Datum::Time(micros)),
        None => Err(time_field(hour, minute, second)),
    }
}

fn time_field(hour: i64, minute: i64, second: f64) -> EvalError {
    overflow(format!("time field value out of range: {hour}:{minute:02}:{}", general(second)))
}

/// `make_timestamp(year, month, mday, hour, min, sec)`: a negative year is BC.
pub(super) fn timestamp_of_fields(
    date: [i64; 3],
    hour: i64,
    minute: i64,
    second: f64,
) -> Result<i64, EvalError> {
    let [year, month, day] = date;
    let field = || overflow(format!("date field value out of range: {year}-{month:02}-{day:02}"));
    let astronomical = if year < 0 { year + 1 } else { year };
    let (Ok(y), Ok(m), Ok(d)) = (i32::try_from(astronomical), u32::try_from(month), u32::try_from(day))
    else {
        return Err(field());
    };
    if year == 0 || !(1..=12).contains(&m) || d == 0 || d > time::days_in_month(y, m) {
        return Err(field());
    }
    let days = time::days_from_civil(y, m, d);
    // Whole months, at the ends of the range.
    if (y, m) < (-4713, 11) || (y, m) >= (5_874_898, 6) {
        return Err(overflow(format!("date out of range: {year}-{month:02}-{day:02}")));
    }
    let micros = clock(hour, minute, second).ok_or_else(|| time_field(hour, minute, second))?;
    time::join_timestamp(days, micros).ok_or_else(|| {
        let second = general(second);
        overflow(format!("timestamp out of range: {year}-{month:02}-{day:02} {hour}:{minute:02}:{second}"))
    })
}

/// `make_interval(years, months, weeks, days, hours, mins, secs)`, of which all that are not there are 0. As in PostgreSQL 15, months and
/// days wrap where they do not fit.
pub(super) fn interval<'a>(func: Func, args: &[Datum<'a>]) -> Value<'a> {
    let mut whole = [0i64; 6];
    let mut seconds = 0.0;
    for (position, arg) in args.iter().enumerate() {
        match (arg, whole.get_mut(position)) {
            (Datum::Int(value), Some(field)) => *field = *value,
            (Datum::Float8(value), None) => seconds = *value,
            _ => return Err(mismatch(func)),
        }
    }
    if !f64::is_finite(seconds) {
        return Err(out_of_range());
    }
    let [years, months, weeks, days, hours, minutes] = whole;
    let micros = (seconds * 1_000_000.0).round_ties_even();
    // What C makes of a number beyond 64 bits.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
    let micros = if fits { micros as i64 } else { i64::MIN };
    let time = (hours * time::HOUR).wrapping_add(minutes * time::MINUTE).wrapping_add(micros);
    let months = (years * i64::from(MONTHS_PER_YEAR)).wrapping_add(months) as i32;
    Ok(Span { months, days: (weeks * 7).wrapping_add(days) as i32, micros: time }.datum())
}
