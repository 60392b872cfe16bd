//! The state of reading a date or time: which fields have been seen, and by that what the next number means. These are
//! PostgreSQL's `DecodeDate`, `DecodeNumber`, `DecodeNumberField`, `DecodeTime`, `DecodeTimezone` and `ValidateDate`.

use super::{
    DAY, HOUR, MINUTE, SECOND, TimeError, civil_from_days, days_from_civil, days_in_month,
    words::{MAX_FIELDS, Word, word},
};

// What has been seen, as a mask.
const YEAR: u32 = 1;
const MONTH: u32 = 2;
const DAY_OF_MONTH: u32 = 4;
pub(super) const TIME: u32 = 8;
pub(super) const ZONE: u32 = 16;
const DAY_OF_YEAR: u32 = 32;
const MERIDIEM: u32 = 64;
const ERA: u32 = 128;
const WEEKDAY: u32 = 256;
pub(super) const RESERVED: u32 = 512;
const YEAR_MONTH: u32 = YEAR | MONTH;
const MONTH_DAY: u32 = MONTH | DAY_OF_MONTH;
pub(super) const DATE: u32 = YEAR | MONTH | DAY_OF_MONTH;

/// What a word said about the field behind it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Label {
    Julian,
    Time,
}

#[derive(Default)]
pub(super) struct Decoder {
    pub(super) seen: u32,
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    day_of_year: i32,
    pub(super) hour: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    micros: i64,
    pub(super) zone: Option<i32>,
    two_digits: bool,
    text_month: bool,
    julian: bool,
    bc: bool,
    pm: Option<bool>,
    pub(super) label: Option<Label>,
}

impl Decoder {
    /// A field with separators inside: a date, a time run together with its zone, or the name of a zone.
    pub(super) fn date_field(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        match self.label.take() {
            Some(Label::Julian) => return Err(TimeError::Syntax),
            None if self.seen & (MONTH | DAY_OF_MONTH) != MONTH | DAY_OF_MONTH => return self.date(text),
            None if !text[0].is_ascii_digit() => {
                return Err(TimeError::ZoneName(String::from_utf8_lossy(text).into_owned()));
            }
            _ => {}
        }
        if self.seen & TIME != 0 {
            return Err(TimeError::Syntax);
        }
        self.time_with_zone(text)
    }

    /// `hhmmss-zz`.
    pub(super) fn time_with_zone(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        let at = text.iter().position(|b| *b == b'-').ok_or(TimeError::Syntax)?;
        self.zone = Some(zone(&text[at..])?);
        Ok(self.run_together(&text[..at], self.seen | DATE)? | ZONE)
    }

    /// A number by itself.
    pub(super) fn number_field(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        match self.label.take() {
            Some(Label::Time) => {
                let added = self.run_together(text, self.seen | DATE)?;
                return if added == TIME { Ok(added) } else { Err(TimeError::Syntax) };
            }
            Some(Label::Julian) => return self.julian(text),
            None => {}
        }
        match text.iter().position(|b| *b == b'.') {
            Some(_) if self.seen & DATE == 0 => self.date(text),
            Some(whole) if whole > 2 => self.run_together(text, self.seen),
            None if text.len() >= 6 && (self.seen & DATE == 0 || self.seen & TIME == 0) => {
                self.run_together(text, self.seen)
            }
            _ => self.number(text, self.text_month, self.seen),
        }
    }

    /// A Julian day, with a fraction for the time.
    pub(super) fn julian(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        let whole = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
        let day = integer(&text[..whole])?;
        let days = i64::from(day) - 2_451_545;
        let days = i32::try_from(days).map_err(|_| TimeError::Field)?;
        let (year, month, day) = civil_from_days(days);
        (self.year, self.month, self.day) = (year, month as i32, day as i32);
        self.julian = true;
        if whole == text.len() {
            return Ok(DATE);
        }
        let micros = (fraction(&text[whole..])? * DAY as f64) as i64;
        self.hour = (micros / HOUR) as i32;
        self.minute = (micros / MINUTE % 60) as i32;
        self.second = (micros / SECOND % 60) as i32;
        self.micros = micros % SECOND;
        Ok(DATE | TIME)
    }

    pub(super) fn word(&mut self, word: Word, text: &[u8]) -> Result<u32, TimeError> {
        Ok(match word {
            Word::Month(month) => {
                let mut added = MONTH;
                // A number that was taken for the month was the day.
                if self.seen & MONTH != 0
                    && !self.text_month
                    && self.seen & DAY_OF_MONTH == 0
                    && (1..=31).contains(&self.month)
                {
                    self.day = self.month;
                    added = DAY_OF_MONTH;
                }
                self.text_month = true;
                self.month = month as i32;
                added
            }
            Word::Weekday => WEEKDAY,
            Word::Meridiem { pm } => {
                self.pm = Some(pm);
                MERIDIEM
            }
            Word::Era { bc } => {
                self.bc = bc;
                ERA
            }
            Word::Zone(seconds) => {
                self.zone = Some(seconds);
                ZONE
            }
            Word::AllBalls => {
                self.zone = Some(0);
                TIME | ZONE
            }
            Word::Julian => {
                if self.label.is_some() {
                    return Err(TimeError::Syntax);
                }
                self.label = Some(Label::Julian);
                0
            }
            Word::Ignored => 0,
            Word::Clock => return Err(TimeError::Clock(String::from_utf8_lossy(text).into_owned())),
            Word::Special(_) | Word::IsoTime | Word::Label | Word::Unknown => return Err(TimeError::Syntax),
        })
    }

    /// A date with separators.
    pub(super) fn date(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && parts.len() < MAX_FIELDS {
            let skip = rest.iter().take_while(|b| !b.is_ascii_alphanumeric()).count();
            rest = &rest[skip..];
            let Some(first) = rest.first() else { return Err(TimeError::Syntax) };
            let end = if first.is_ascii_digit() {
                rest.iter().take_while(|b| b.is_ascii_digit()).count()
            } else {
                rest.iter().take_while(|b| b.is_ascii_alphabetic()).count()
            };
            parts.push(&rest[..end]);
            // The character behind a part is dropped, whatever it is.
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        let mut seen = self.seen;
        let mut added = 0;
        let mut text_month = false;
        for part in parts.iter().filter(|part| part[0].is_ascii_alphabetic()) {
            match word(part) {
                Word::Month(month) => {
                    self.month = month as i32;
                    text_month = true;
                }
                _ => return Err(TimeError::Syntax),
            }
            if seen & MONTH != 0 {
                return Err(TimeError::Syntax);
            }
            seen |= MONTH;
            added |= MONTH;
        }
        for part in parts.iter().filter(|part| part[0].is_ascii_digit()) {
            let this = self.number(part, text_month, seen)?;
            if seen & this != 0 {
                return Err(TimeError::Syntax);
            }
            seen |= this;
            added |= this;
        }
        if seen & !(DAY_OF_YEAR | ZONE) != DATE {
            return Err(TimeError::Syntax);
        }
        Ok(added)
    }

    /// One number of a date, by what has been seen before.
    pub(super) fn number(&mut self, text: &[u8], text_month: bool, seen: u32) -> Result<u32, TimeError> {
        let whole = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
        let value = integer(&text[..whole])?;
        if whole < text.len() {
            if whole > 2 {
                return self.run_together(text, seen | DATE);
            }
            self.micros = micros(&text[whole..])?;
        }
        if text.len() == 3 && seen & DATE == YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(DAY_OF_YEAR | MONTH | DAY_OF_MONTH);
        }
        let long = text.len() >= 3;
        Ok(match seen & DATE {
            0 if long => self.set_year(value, text.len()),
            0 => self.set_month(value),
            YEAR => self.set_month(value),
            MONTH if text_month && long => self.set_year(value, text.len()),
            MONTH => self.set_day(value),
            YEAR_MONTH => {
                if text_month && long && self.two_digits {
                    self.day = self.year;
                    self.year = value;
                    self.two_digits = false;
                    DAY_OF_MONTH
                } else {
                    self.set_day(value)
                }
            }
            DAY_OF_MONTH => self.set_month(value),
            MONTH_DAY => self.set_year(value, text.len()),
            DATE => self.run_together(text, seen)?,
            _ => return Err(TimeError::Syntax),
        })
    }

    pub(super) fn set_year(&mut self, value: i32, digits: usize) -> u32 {
        self.year = value;
        self.two_digits = digits <= 2;
        YEAR
    }

    pub(super) fn set_month(&mut self, value: i32) -> u32 {
        self.month = value;
        MONTH
    }

    pub(super) fn set_day(&mut self, value: i32) -> u32 {
        self.day = value;
        DAY_OF_MONTH
    }

    /// `20240229`, `040506.789`, `0405`.
    pub(super) fn run_together(&mut self, text: &[u8], seen: u32) -> Result<u32, TimeError> {
        let mut digits = text;
        if let Some(at) = text.iter().position(|b| *b == b'.') {
            self.micros = micros(&text[at..])?;
            digits = &text[..at];
        } else if seen & DATE != DATE && text.len() >= 6 {
            let (rest, day) = text.split_at(text.len() - 2);
            let (year, month) = rest.split_at(rest.len() - 2);
            (self.year, self.month, self.day) = (integer(year)?, integer(month)?, integer(day)?);
            if year.len() == 2 {
                self.two_digits = true;
            }
            return Ok(DATE);
        }
        if seen & TIME == 0 && (digits.len() == 6 || digits.len() == 4) {
            self.hour = integer(&digits[..2])?;
            self.minute = integer(&digits[2..4])?;
            self.second = if digits.len() == 6 { integer(&digits[4..])? } else { 0 };
            return Ok(TIME);
        }
        Err(TimeError::Syntax)
    }

    /// `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fff`, `mm:ss.fff`.
    pub(super) fn time(&mut self, text: &[u8]) -> Result<u32, TimeError> {
        let point = text.iter().position(|b| *b == b'.');
        let whole = &text[..point.unwrap_or(text.len())];
        let mut parts = whole.split(|b| *b == b':');
        let mut next =
            || parts.next().map(|part| if part.is_empty() { Ok(0) } else { integer(part) }).transpose();
        let (first, second, third) = (next()?.unwrap_or(0), next()?.unwrap_or(0), next()?);
        if next()?.is_some() {
            return Err(TimeError::Syntax);
        }
        let fraction = point.map_or(Ok(0), |at| micros(&text[at..]))?;
        (self.hour, self.minute, self.second) = match third {
            Some(third) => (first, second, third),
            None if point.is_some() => (0, first, second),
            None => (first, second, 0),
        };
        self.micros = fraction;
        if self.minute > 59 || self.second > 60 { Err(TimeError::Field) } else { Ok(TIME) }
    }

    /// Whether the clock shows what no clock shows; 24:00:00 and a second of 60 are allowed.
    pub(super) fn overflows(&self) -> bool {
        self.hour > 24 || self.minute > 59 || self.second > 60 || self.micros_of_clock() > DAY
    }

    pub(super) fn micros_of_clock(&self) -> i64 {
        i64::from(self.hour) * HOUR
            + i64::from(self.minute) * MINUTE
            + i64::from(self.second) * SECOND
            + self.micros
    }

    pub(super) fn micros_of_day(&self) -> i64 {
        let noon = match (self.pm, self.hour) {
            (Some(false), 12) => -12 * HOUR,
            (Some(true), hour) if hour != 12 => 12 * HOUR,
            _ => 0,
        };
        self.micros_of_clock() + noon
    }

    pub(super) fn validate(&mut self) -> Result<(), TimeError> {
        if self.seen & YEAR != 0 && !self.julian {
            if self.bc {
                if self.year <= 0 {
                    return Err(TimeError::Field);
                }
                self.year = 1 - self.year;
            } else if self.two_digits {
                self.year += match self.year {
                    ..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if self.year <= 0 {
                return Err(TimeError::Field);
            }
        }
        if self.seen & DAY_OF_YEAR != 0 {
            let first = days_from_civil(self.year, 1, 1);
            let (year, month, day) = civil_from_days(first.saturating_add(self.day_of_year - 1));
            (self.year, self.month, self.day) = (year, month as i32, day as i32);
        }
        if self.seen & MONTH != 0 && !(1..=12).contains(&self.month) {
            return Err(TimeError::MonthOrDay);
        }
        if self.seen & DAY_OF_MONTH != 0 && !(1..=31).contains(&self.day) {
            return Err(TimeError::MonthOrDay);
        }
        if self.seen & DATE == DATE && self.day > days_in_month(self.year, self.month as u32) as i32 {
            return Err(TimeError::Field);
        }
        if self.pm.is_some() && self.hour > 12 {
            return Err(TimeError::Field);
        }
        Ok(())
    }
}

/// `+hh`, `-hh:mm`, `+hh:mm:ss`, `+hhmm` as seconds east of UTC.
pub(super) fn zone(text: &[u8]) -> Result<i32, TimeError> {
    let [sign @ (b'+' | b'-'), body @ ..] = text else { return Err(TimeError::Syntax) };
    let mut rest = body;
    let mut hours = leading(&mut rest)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let [b':', tail @ ..] = rest {
        rest = tail;
        minutes = leading(&mut rest)?;
        if let [b':', tail @ ..] = rest {
            rest = tail;
            seconds = leading(&mut rest)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        minutes = hours % 100;
        hours /= 100;
    }
    // PostgreSQL looks at the range before it looks at what follows.
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(TimeError::ZoneDisplacement);
    }
    if !rest.is_empty() {
        return Err(TimeError::Syntax);
    }
    let offset = hours * 3600 + minutes * 60 + seconds;
    Ok(if *sign == b'-' { -offset } else { offset })
}

/// The digits at the start, 0 for none.
fn leading(rest: &mut &[u8]) -> Result<i32, TimeError> {
    let (digits, tail) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    *rest = tail;
    if digits.is_empty() { Ok(0) } else { integer(digits).map_err(|_| TimeError::ZoneDisplacement) }
}

/// All digits, at least one, within `integer`.
fn integer(text: &[u8]) -> Result<i32, TimeError> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(TimeError::Syntax);
    }
    let mut value: i32 = 0;
    for byte in text {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i32::from(byte - b'0')))
            .ok_or(TimeError::Field)?;
    }
    Ok(value)
}

/// `.digits` as a fraction of one.
pub(super) fn fraction(text: &[u8]) -> Result<f64, TimeError> {
    let [b'.', digits @ ..] = text else { return Err(TimeError::Syntax) };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(TimeError::Syntax);
    }
    if digits.is_empty() {
        return Ok(0.0);
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(TimeError::Syntax)
}

/// `.digits` of a second as microseconds, rounded as PostgreSQL rounds: the nearest double's millionfold, halves to even.
pub(super) fn micros(text: &[u8]) -> Result<i64, TimeError> {
    Ok((fraction(text)? * 1_000_000.0).round_ties_even() as i64)
}
