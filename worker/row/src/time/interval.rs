//! Intervals: their text form, and how they are read. Source: `EncodeInterval`, `DecodeInterval` and `DecodeISO8601Interval` in
//! `datetime.c`, under `IntervalStyle = postgres`.

mod fields;
mod iso;
mod reading;

use super::{DAY, HOUR, MINUTE, SECOND, TimeError};

/// Days that a month has where nothing says which month.
pub const DAYS_PER_MONTH: i64 = 30;
/// Months of a year.
pub const MONTHS_PER_YEAR: i32 = 12;

/// Prints an interval: `1 year 2 mons -3 days +04:05:06.7`, `00:00:00`.
pub fn write_interval(months: i32, days: i32, micros: i64, out: &mut String) {
    let parts = [(months / MONTHS_PER_YEAR, "year"), (months % MONTHS_PER_YEAR, "mon"), (days, "day")];
    let (mut first, mut negative) = (true, false);
    for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
        if !first {
            out.push(' ');
        }
        // A sign that is needed only because the part before has the other one.
        if negative && value > 0 {
            out.push('+');
        }
        out.push_str(&value.to_string());
        out.push(' ');
        out.push_str(unit);
        if value != 1 {
            out.push('s');
        }
        (first, negative) = (false, value < 0);
    }
    if micros == 0 && !first {
        return;
    }
    if !first {
        out.push(' ');
    }
    if micros < 0 {
        out.push('-');
    } else if negative {
        out.push('+');
    }
    let rest = micros.unsigned_abs();
    let (hours, minutes) = (rest / HOUR as u64, rest / MINUTE as u64 % 60);
    let (seconds, fraction) = (rest / SECOND as u64 % 60, rest % SECOND as u64);
    out.push_str(&format!("{hours:02}:{minutes:02}:{seconds:02}"));
    if fraction != 0 {
        out.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
}

/// The length of an interval in microseconds, a month taken for 30 days and a day for 24 hours: what intervals are compared by.
/// Source: `interval_cmp_value`.
pub fn interval_length(months: i32, days: i32, micros: i64) -> i128 {
    let days = i64::from(months) * DAYS_PER_MONTH + i64::from(days);
    i128::from(days) * i128::from(DAY) + i128::from(micros)
}

/// The one interval of all that are equal to this one (of one length) whose days are less than a month and whose microseconds are less
/// than a day, as far as they fit.
pub fn canonical_interval(months: i32, days: i32, micros: i64) -> (i32, i32, i64) {
    let length = interval_length(months, days, micros);
    let all = length.div_euclid(DAY.into()) as i64;
    // At the ends of the range the months do not fit: the rest is days, and what does not fit there is microseconds.
    let months = all.div_euclid(DAYS_PER_MONTH).clamp(i32::MIN.into(), i32::MAX.into());
    let days = (all - months * DAYS_PER_MONTH).clamp(i32::MIN.into(), i32::MAX.into());
    let micros = length - i128::from(months * DAYS_PER_MONTH + days) * i128::from(DAY);
    (months as i32, days as i32, micros as i64)
}

/// Reads an `interval` into months, days and microseconds.
pub fn parse_interval(text: &str) -> Result<(i32, i32, i64), TimeError> {
    let read = match fields::read(text.as_bytes()) {
        // As in PostgreSQL, only what is in no other form is tried as ISO 8601.
        Err(TimeError::Syntax) => iso::read(text.as_bytes()),
        other => other,
    };
    let reading = read.map_err(|error| match error {
        TimeError::Field => TimeError::IntervalField,
        other => other,
    })?;
    reading.finish().ok_or(TimeError::IntervalRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_intervals_have_one_form() {
        let extremes = [i32::MIN, -31, -1, 0, 1, 29, 30, i32::MAX];
        for months in extremes {
            for days in extremes {
                for micros in [i64::MIN, -DAY, -1, 0, 1, DAY - 1, DAY, i64::MAX] {
                    let (m, d, u) = canonical_interval(months, days, micros);
                    assert_eq!(interval_length(m, d, u), interval_length(months, days, micros));
                    assert_eq!(canonical_interval(m, d, u), (m, d, u));
                }
            }
        }
        assert_eq!(canonical_interval(0, 30, 0), canonical_interval(1, 0, 0));
        assert_eq!(canonical_interval(0, 0, -1), (-1, 29, DAY - 1));
    }
}
