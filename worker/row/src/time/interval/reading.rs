//! An interval while it is read: what each unit adds to it, fractions included. Source: `AdjustMicroseconds` and its like in `datetime.c`.

use super::{
    super::{DAY, HOUR, MINUTE, SECOND, TimeError, decoder::fraction},
    DAYS_PER_MONTH, MONTHS_PER_YEAR,
};

/// A unit of time, or `ago`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
    Ago,
    /// `quarter` and what is a field but no length of time.
    Other,
}

/// Source: `deltatktbl`, whose names are cut to ten characters.
pub(super) fn unit(word: &[u8]) -> Option<Unit> {
    Some(match word.get(..10).unwrap_or(word) {
        b"microsecon" | b"us" | b"usec" | b"usecond" | b"useconds" | b"usecs" => Unit::Microsecond,
        b"millisecon" | b"ms" | b"msec" | b"msecond" | b"mseconds" | b"msecs" => Unit::Millisecond,
        b"s" | b"sec" | b"second" | b"seconds" | b"secs" => Unit::Second,
        b"m" | b"min" | b"mins" | b"minute" | b"minutes" => Unit::Minute,
        b"h" | b"hour" | b"hours" | b"hr" | b"hrs" => Unit::Hour,
        b"d" | b"day" | b"days" => Unit::Day,
        b"w" | b"week" | b"weeks" => Unit::Week,
        b"mon" | b"mons" | b"month" | b"months" => Unit::Month,
        b"y" | b"year" | b"years" | b"yr" | b"yrs" => Unit::Year,
        b"dec" | b"decade" | b"decades" | b"decs" => Unit::Decade,
        b"c" | b"cent" | b"centuries" | b"century" => Unit::Century,
        b"mil" | b"mils" | b"millennia" | b"millennium" => Unit::Millennium,
        b"ago" => Unit::Ago,
        b"qtr" | b"quarter" | b"timezone" | b"timezone_h" | b"timezone_m" => Unit::Other,
        _ => return None,
    })
}

// What has been seen, as a mask.
pub(super) const MICROSECONDS: u32 = 1;
pub(super) const MILLISECONDS: u32 = 2;
pub(super) const SECONDS: u32 = 4;
pub(super) const MINUTES: u32 = 8;
pub(super) const HOURS: u32 = 16;
pub(super) const DAYS: u32 = 32;
pub(super) const WEEKS: u32 = 64;
pub(super) const MONTHS: u32 = 128;
pub(super) const YEARS: u32 = 256;
pub(super) const DECADES: u32 = 512;
pub(super) const CENTURIES: u32 = 1024;
pub(super) const MILLENNIA: u32 = 2048;
pub(super) const ALL_SECONDS: u32 = SECONDS | MILLISECONDS | MICROSECONDS;
pub(super) const TIME: u32 = HOURS | MINUTES | ALL_SECONDS;

/// An interval being read.
#[derive(Default)]
pub(super) struct Reading {
    years: i32,
    months: i32,
    days: i32,
    pub(super) micros: i64,
}

impl Reading {
    pub(super) fn finish(self) -> Option<(i32, i32, i64)> {
        let months = i64::from(self.years) * i64::from(MONTHS_PER_YEAR) + i64::from(self.months);
        Some((i32::try_from(months).ok()?, self.days, self.micros))
    }

    pub(super) fn negate(&mut self) -> Option<()> {
        self.years = self.years.checked_neg()?;
        self.months = self.months.checked_neg()?;
        self.days = self.days.checked_neg()?;
        self.micros = self.micros.checked_neg()?;
        Some(())
    }

    /// A number with its sign: of a unit, or years and months. What it filled in, and the unit of a number before it.
    pub(super) fn number(&mut self, text: &[u8], mut unit: Unit) -> Result<(u32, Unit), TimeError> {
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        let end = body.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(body.len());
        let sign = if negative { -1 } else { 1 };
        let mut value = signed(&body[..end], sign)?;
        let part = match &body[end..] {
            [] => 0.0,
            [b'-', months @ ..] => {
                let (below, months) = match months {
                    [b'-', months @ ..] => (true, months),
                    [b'+', months @ ..] => (false, months),
                    months => (false, months),
                };
                let end = months.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(months.len());
                let count = digits(&months[..end])?;
                if count >= i64::from(MONTHS_PER_YEAR) || below && count > 0 {
                    return Err(TimeError::Field);
                }
                if end < months.len() {
                    return Err(TimeError::Syntax);
                }
                unit = Unit::Month;
                value = value
                    .checked_mul(MONTHS_PER_YEAR.into())
                    .and_then(|months| months.checked_add(sign * count))
                    .ok_or(TimeError::Field)?;
                0.0
            }
            tail @ [b'.', ..] => {
                let part = fraction(tail)?;
                if negative { -part } else { part }
            }
            _ => return Err(TimeError::Syntax),
        };
        self.add(value, part, unit)
    }

    pub(super) fn add(&mut self, value: i64, part: f64, unit: Unit) -> Result<(u32, Unit), TimeError> {
        let (added, done) = match unit {
            Unit::Microsecond => (MICROSECONDS, self.add_micros(value, part, 1)),
            Unit::Millisecond => (MILLISECONDS, self.add_micros(value, part, 1_000)),
            Unit::Second => {
                (if part == 0.0 { SECONDS } else { ALL_SECONDS }, self.add_micros(value, part, SECOND))
            }
            Unit::Minute => (MINUTES, self.add_micros(value, part, MINUTE)),
            Unit::Hour => (HOURS, self.add_micros(value, part, HOUR)),
            Unit::Day => (DAYS, self.add_days(value, 1).and_then(|()| self.add_part_of_time(part, DAY))),
            Unit::Week => (WEEKS, self.add_days(value, 7).and_then(|()| self.add_part_of_days(part, 7))),
            Unit::Month => {
                (MONTHS, self.add_months(value).and_then(|()| self.add_part_of_days(part, DAYS_PER_MONTH)))
            }
            Unit::Year => (YEARS, self.add_years(value, part, 1)),
            Unit::Decade => (DECADES, self.add_years(value, part, 10)),
            Unit::Century => (CENTURIES, self.add_years(value, part, 100)),
            Unit::Millennium => (MILLENNIA, self.add_years(value, part, 1000)),
            Unit::Ago | Unit::Other => return Err(TimeError::Syntax),
        };
        done.ok_or(TimeError::Field)?;
        Ok((added, if unit == Unit::Hour { Unit::Day } else { unit }))
    }

    // Each answers `None` where the part overflows.

    fn add_micros(&mut self, value: i64, part: f64, scale: i64) -> Option<()> {
        self.micros = value.checked_mul(scale)?.checked_add(self.micros)?;
        self.add_part_of_time(part, scale)
    }

    pub(super) fn add_part_of_time(&mut self, part: f64, scale: i64) -> Option<()> {
        if part == 0.0 {
            return Some(());
        }
        let exact = part * scale as f64;
        let whole = exact as i64;
        let rest = exact - whole as f64;
        let rounded = whole + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        self.micros = self.micros.checked_add(rounded)?;
        Some(())
    }

    fn add_days(&mut self, value: i64, scale: i32) -> Option<()> {
        self.days = i32::try_from(value).ok()?.checked_mul(scale)?.checked_add(self.days)?;
        Some(())
    }

    fn add_part_of_days(&mut self, part: f64, scale: i64) -> Option<()> {
        if part == 0.0 {
            return Some(());
        }
        let exact = part * scale as f64;
        let whole = exact as i32;
        self.days = self.days.checked_add(whole)?;
        self.add_part_of_time(exact - f64::from(whole), DAY)
    }

    fn add_months(&mut self, value: i64) -> Option<()> {
        self.months = self.months.checked_add(i32::try_from(value).ok()?)?;
        Some(())
    }

    fn add_years(&mut self, value: i64, part: f64, scale: i32) -> Option<()> {
        self.years = i32::try_from(value).ok()?.checked_mul(scale)?.checked_add(self.years)?;
        let months = (part * f64::from(scale) * f64::from(MONTHS_PER_YEAR)).round_ties_even() as i32;
        self.months = self.months.checked_add(months)?;
        Some(())
    }
}

/// Digits, none for 0.
pub(super) fn digits(text: &[u8]) -> Result<i64, TimeError> {
    signed(text, 1)
}

/// Digits of a number of this sign, none for 0.
fn signed(text: &[u8], sign: i64) -> Result<i64, TimeError> {
    let digit = |value: i64, byte: &u8| {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return Err(TimeError::Syntax);
        }
        value.checked_mul(10).and_then(|value| value.checked_add(sign * digit)).ok_or(TimeError::Field)
    };
    text.iter().try_fold(0, digit)
}
