//! Intervals as ISO 8601 writes them. Source: `DecodeISO8601Interval`.

use super::{
    super::TimeError,
    reading::{Reading, Unit},
};

/// `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, `P00010203T040506`.
pub(super) fn read(text: &[u8]) -> Result<Reading, TimeError> {
    let [b'P', rest @ ..] = text else { return Err(TimeError::Syntax) };
    if rest.is_empty() {
        return Err(TimeError::Syntax);
    }
    let mut reading = Reading::default();
    let mut rest = rest;
    let (mut in_date, mut any) = (true, false);
    while let [first, tail @ ..] = rest {
        if *first == b'T' {
            (in_date, any, rest) = (false, false, tail);
            continue;
        }
        let start = rest;
        let (value, part) = number(&mut rest)?;
        let designator = rest.first().copied();
        rest = rest.get(1..).unwrap_or_default();
        let unit = match (in_date, designator) {
            (true, Some(b'Y')) => Unit::Year,
            (true, Some(b'M')) => Unit::Month,
            (true, Some(b'W')) => Unit::Week,
            (true, Some(b'D')) => Unit::Day,
            (false, Some(b'H')) => Unit::Hour,
            (false, Some(b'M')) => Unit::Minute,
            (false, Some(b'S')) => Unit::Second,
            (true, None | Some(b'T')) if digits_at_start(start) == 8 && !any => {
                reading.add(value / 10_000, 0.0, Unit::Year)?;
                reading.add(value / 100 % 100, 0.0, Unit::Month)?;
                reading.add(value % 100, part, Unit::Day)?;
                in_date = false;
                continue;
            }
            (true, None | Some(b'T' | b'-')) if !any => {
                reading.add(value, part, Unit::Year)?;
                if designator == Some(b'-') {
                    let parts = [(Unit::Month, b'-'), (Unit::Day, b'T')];
                    for (unit, separator) in parts {
                        let (value, part) = number(&mut rest)?;
                        reading.add(value, part, unit)?;
                        match rest {
                            [] | [b'T', ..] => break,
                            [byte, tail @ ..] if *byte == separator => rest = tail,
                            _ => return Err(TimeError::Syntax),
                        }
                    }
                }
                in_date = false;
                continue;
            }
            (false, None) if digits_at_start(start) == 6 && !any => {
                reading.add(value / 10_000, 0.0, Unit::Hour)?;
                reading.add(value / 100 % 100, 0.0, Unit::Minute)?;
                reading.add(value % 100, 0.0, Unit::Second)?;
                // PostgreSQL takes the fraction for one of a microsecond.
                reading.add_part_of_time(part, 1).ok_or(TimeError::Field)?;
                return Ok(reading);
            }
            (false, None | Some(b':')) if !any => {
                reading.add(value, part, Unit::Hour)?;
                if designator.is_none() {
                    return Ok(reading);
                }
                for unit in [Unit::Minute, Unit::Second] {
                    let (value, part) = number(&mut rest)?;
                    reading.add(value, part, unit)?;
                    match rest {
                        [] => return Ok(reading),
                        [b':', tail @ ..] if unit == Unit::Minute => rest = tail,
                        _ => return Err(TimeError::Syntax),
                    }
                }
                return Err(TimeError::Syntax);
            }
            _ => return Err(TimeError::Syntax),
        };
        reading.add(value, part, unit)?;
        any = true;
    }
    Ok(reading)
}

fn digits_at_start(text: &[u8]) -> usize {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// What C's `strtod` reads of a decimal number: its whole part and its fraction, of one sign.
fn number(rest: &mut &[u8]) -> Result<(i64, f64), TimeError> {
    let text = *rest;
    let count = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = count(at);
    at += whole;
    let mut decimals = 0;
    if text.get(at) == Some(&b'.') {
        decimals = count(at + 1);
        at += 1 + decimals;
    }
    if whole + decimals == 0 {
        return Err(TimeError::Syntax);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = text.get(at + 1 + sign..).map_or(0, |_| count(at + 1 + sign));
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&text[..at]).ok().and_then(|number| number.parse::<f64>().ok());
    let value = number.ok_or(TimeError::Syntax)?;
    *rest = &text[at..];
    if !(-1e15..=1e15).contains(&value) {
        return Err(TimeError::Field);
    }
    Ok((value.trunc() as i64, value - value.trunc()))
}
