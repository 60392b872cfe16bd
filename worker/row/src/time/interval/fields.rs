//! Intervals as PostgreSQL prints them, as people write them, and as the SQL standard does. Source: `DecodeInterval`.

use super::{
    super::{
        HOUR, MINUTE, SECOND, TimeError,
        decoder::micros,
        words::{Kind, MAX_INTERVAL_LENGTH, split},
    },
    reading::{Reading, TIME, Unit, digits, unit},
};

/// `1 year 2 mons 3 days 04:05:06.7`, `@ 1 day ago`, `1-2 3 4:05`: fields from right to left, so that a unit is known before its value.
pub(super) fn read(text: &[u8]) -> Result<Reading, TimeError> {
    let fields = split(text, MAX_INTERVAL_LENGTH)?;
    let mut reading = Reading::default();
    let (mut seen, mut ago) = (0, false);
    let mut of: Option<Unit> = None;
    for field in fields.iter().rev() {
        let text = field.text.as_slice();
        let added = match field.kind {
            Kind::Time => {
                reading.micros = clock(text)?;
                of = Some(Unit::Day);
                TIME
            }
            Kind::Zone if text.contains(&b':') && clock(&text[1..]).is_ok() => {
                let micros = clock(&text[1..])?;
                reading.micros = if text[0] == b'-' { -micros } else { micros };
                of = Some(Unit::Day);
                TIME
            }
            Kind::Zone | Kind::Date | Kind::Number => {
                let unit = of.unwrap_or(Unit::Second);
                let (added, next) = reading.number(text, unit)?;
                of = Some(next);
                added
            }
            Kind::Word | Kind::SignedWord => {
                let word = unit(text).ok_or(TimeError::Syntax)?;
                ago |= word == Unit::Ago;
                of = Some(word);
                0
            }
        };
        if added & seen != 0 {
            return Err(TimeError::Syntax);
        }
        seen |= added;
    }
    if seen == 0 {
        return Err(TimeError::Syntax);
    }
    if ago {
        reading.negate().ok_or(TimeError::Field)?;
    }
    Ok(reading)
}

/// `hh:mm`, `hh:mm:ss[.f]`, `mm:ss.f`, of any number of hours.
fn clock(text: &[u8]) -> Result<i64, TimeError> {
    let point = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let (whole, tail) = text.split_at(point);
    let mut parts = whole.split(|byte| *byte == b':');
    let mut next = || parts.next().map(digits).transpose();
    let (Some(first), Some(second), third) = (next()?, next()?, next()?) else {
        return Err(TimeError::Syntax);
    };
    if next()?.is_some() {
        return Err(TimeError::Syntax);
    }
    let rest = if tail.is_empty() { 0 } else { micros(tail)? };
    let (hours, minutes, seconds) = match third {
        Some(third) => (first, second, third),
        None if !tail.is_empty() => (0, first, second),
        None => (first, second, 0),
    };
    if minutes > 59 || seconds > 60 {
        return Err(TimeError::Field);
    }
    hours
        .checked_mul(HOUR)
        .and_then(|micros| micros.checked_add(minutes * MINUTE + seconds * SECOND))
        .and_then(|micros| micros.checked_add(rest))
        .ok_or(TimeError::Field)
}
