//! Reading dates and times: the ISO forms that servers print at full speed, everything else by `fields.rs`.

use super::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, HOUR, MINUTE, SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, UNIX_EPOCH_DAYS, days_from_civil, days_in_month, decoder,
    fields::{self, Decoded},
    is_finite_date, is_finite_timestamp,
    words::Special,
};

/// Why a text is no date or time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not in any form that is read.
    #[error("invalid input syntax")]
    Syntax,
    /// A field has an impossible value, as in `25:00`.
    #[error("date/time field value out of range")]
    Field,
    /// A month or day has an impossible value, which may be a matter of the order of the fields.
    #[error("date/time field value out of range")]
    MonthOrDay,
    /// A date beyond PostgreSQL's range.
    #[error("date out of range")]
    DateRange,
    /// A timestamp beyond PostgreSQL's range.
    #[error("timestamp out of range")]
    TimestampRange,
    /// A part of an interval that does not fit.
    #[error("interval field value out of range")]
    IntervalField,
    /// An interval of more months than fit.
    #[error("interval out of range")]
    IntervalRange,
    /// A zone more than 15:59:59 from UTC.
    #[error("time zone displacement out of range")]
    ZoneDisplacement,
    /// A zone by a name that is not known here.
    #[error("time zone \"{0}\" not recognized")]
    ZoneName(String),
    /// `now`, `today` and their like.
    #[error("date/time value \"{0}\" is not kept by Offtake: it changes with the clock")]
    Clock(String),
}

/// Reads a `date` into days since 2000-01-01.
pub fn parse_date(text: &str) -> Result<i32, TimeError> {
    let bytes = text.as_bytes();
    if bytes.len() == 10
        && let Some(days) = iso_date(bytes)
    {
        return Ok(days);
    }
    match fields::decode(bytes)? {
        Decoded::Special(Special::Infinity) => Ok(DATE_INFINITY),
        Decoded::Special(Special::NegativeInfinity) => Ok(DATE_NEGATIVE_INFINITY),
        Decoded::Special(Special::Epoch) => Ok(UNIX_EPOCH_DAYS),
        Decoded::Moment { year, month, day, .. } => civil(year, month, day).ok_or(TimeError::DateRange),
    }
}

/// Reads a `time` into microseconds since midnight, 0 ..= 86,400,000,000. A zone is read and ignored, as in PostgreSQL.
pub fn parse_time(text: &str) -> Result<i64, TimeError> {
    let bytes = text.as_bytes();
    if let Some((micros, [])) = iso_time(bytes) {
        return Ok(micros);
    }
    fields::decode_time(bytes)
}

/// Reads a `timestamp` into microseconds since 2000-01-01. A zone is read and ignored, as in PostgreSQL.
pub fn parse_timestamp(text: &str) -> Result<i64, TimeError> {
    parse_moment(text, false)
}

/// Reads a `timestamptz` into microseconds since 2000-01-01 UTC; without a zone it is taken as UTC.
pub fn parse_timestamptz(text: &str) -> Result<i64, TimeError> {
    parse_moment(text, true)
}

/// Reads an offset from UTC, `+hh`, `-hh:mm`, `+hh:mm:ss` or `+hhmm`, into seconds east.
pub fn parse_offset(text: &str) -> Result<i32, TimeError> {
    decoder::zone(text.as_bytes())
}

fn parse_moment(text: &str, zoned: bool) -> Result<i64, TimeError> {
    let bytes = text.as_bytes();
    if let Some(micros) = iso_timestamp(bytes, zoned) {
        return Ok(micros);
    }
    match fields::decode(bytes)? {
        Decoded::Special(Special::Infinity) => Ok(TIMESTAMP_INFINITY),
        Decoded::Special(Special::NegativeInfinity) => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        Decoded::Special(Special::Epoch) => Ok(i64::from(UNIX_EPOCH_DAYS) * DAY),
        Decoded::Moment { year, month, day, micros, zone } => {
            let days = civil(year, month, day).ok_or(TimeError::TimestampRange)?;
            let zone = if zoned { i64::from(zone.unwrap_or(0)) * SECOND } else { 0 };
            i64::from(days)
                .checked_mul(DAY)
                .and_then(|start| start.checked_add(micros))
                .and_then(|local| local.checked_sub(zone))
                .filter(|utc| is_finite_timestamp(*utc))
                .ok_or(TimeError::TimestampRange)
        }
    }
}

/// A day within PostgreSQL's range of dates. The fields are a day of the calendar.
fn civil(year: i32, month: u32, day: u32) -> Option<i32> {
    Some(days_from_civil(year, month, day)).filter(|days| is_finite_date(*days))
}

fn two(bytes: &[u8]) -> Option<u32> {
    let [a, b, ..] = bytes else { return None };
    let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
    (a < 10 && b < 10).then(|| u32::from(a) * 10 + u32::from(b))
}

/// `YYYY-MM-DD` at the start; `None` for anything else, right or wrong.
fn iso_date(bytes: &[u8]) -> Option<i32> {
    let head: &[u8; 10] = bytes.first_chunk()?;
    if head[4] != b'-' || head[7] != b'-' {
        return None;
    }
    let year = two(&head[0..2])? * 100 + two(&head[2..4])?;
    let (month, day) = (two(&head[5..7])?, two(&head[8..10])?);
    if year == 0 || day == 0 || day > days_in_month(year as i32, month) {
        return None;
    }
    Some(days_from_civil(year as i32, month, day))
}

/// `HH:MM:SS[.ffffff]` at the start, and what follows it; `None` for anything else.
fn iso_time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (head, mut rest) = bytes.split_first_chunk::<8>()?;
    if head[2] != b':' || head[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (two(&head[0..2])?, two(&head[3..5])?, two(&head[6..8])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = i64::from(hour * 3600 + minute * 60 + second) * SECOND;
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 6 {
            return None;
        }
        let value = fraction[..digits].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
        micros += value * [100_000, 10_000, 1_000, 100, 10, 1][digits - 1];
        rest = &fraction[digits..];
    }
    Some((micros, rest))
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]` with nothing, `Z`, `±HH` or `±HH:MM` behind it; `None` for anything else.
fn iso_timestamp(bytes: &[u8], zoned: bool) -> Option<i64> {
    let days = iso_date(bytes)?;
    let [b' ' | b'T', time @ ..] = &bytes[10..] else { return None };
    let (micros, zone) = iso_time(time)?;
    let local = i64::from(days) * DAY + micros;
    let offset = match zone {
        [] | [b'Z'] => 0,
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let (hours, minutes) = match digits {
                [_, _] => (two(digits)?, 0),
                [_, _, b':', minutes @ ..] if minutes.len() == 2 => (two(digits)?, two(minutes)?),
                _ => return None,
            };
            if hours > 15 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours) * HOUR + i64::from(minutes) * MINUTE;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(if zoned { local - offset } else { local })
}
