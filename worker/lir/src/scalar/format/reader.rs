//! The fields of dates and times that a template finds in a text. Source: `DCH_from_char`.

use super::{
    input::{Input, is_space, skip_spaces},
    names::{DAYS, DOTTED_ERAS, DOTTED_NOONS, ERAS, MONTHS, NOONS, ROMAN_MONTHS, SHORT_DAYS, SHORT_MONTHS},
    template::{self, Calendar, Field, Key, Part, first},
};
use crate::error::{EvalError, SqlState};

pub(super) fn format_error(message: impl Into<String>) -> EvalError {
    EvalError::new(SqlState::INVALID_DATETIME_FORMAT, message)
}

pub(super) fn overflow(message: impl Into<String>) -> EvalError {
    EvalError::new(SqlState::DATETIME_OVERFLOW, message)
}

/// Fields as they were read; 0 is what was not.
#[derive(Default)]
pub(super) struct Found {
    pub calendar: Option<Calendar>,
    pub twelve_hours: bool,
    pub hour: i32,
    pub afternoon: i32,
    pub minute: i32,
    pub second: i32,
    pub second_of_day: i32,
    /// From 1, Sunday.
    pub weekday: i32,
    pub day: i32,
    pub day_of_year: i32,
    pub month: i32,
    pub millis: i32,
    pub year: i32,
    pub before_christ: i32,
    pub week: i32,
    pub week_of_month: i32,
    pub century: i32,
    pub julian: i32,
    pub micros: i32,
    /// How many digits the year's pattern has.
    pub year_digits: u8,
    pub zone_sign: i32,
    pub zone_hour: i32,
    pub zone_minute: i32,
    /// How many digits the last fraction's pattern has.
    pub precision: u8,
}

/// Sets a field that may be set only once.
pub(super) fn set(field: &mut i32, value: i32, name: &str) -> Result<(), EvalError> {
    if *field != 0 && *field != value {
        return Err(format_error(format!("conflicting values for \"{name}\" field in formatting string")));
    }
    *field = value;
    Ok(())
}

impl Found {
    pub(super) fn read(text: &str, template: &str) -> Result<Found, EvalError> {
        let parts = template::parse(template);
        let mut found = Found::default();
        let mut input = Input { all: text, rest: text };
        // Only the template's own width counts.
        let mut exact = false;
        // How many characters more than the template's were passed over.
        let mut skipped: i64 = 0;
        for (place, part) in parts.iter().enumerate() {
            if input.rest.is_empty() {
                break;
            }
            let field = match part {
                Part::Field(field) => Some(*field),
                _ => None,
            };
            let starts_exact = field.is_some_and(|field| field.key == Key::Exact);
            if !exact && !starts_exact && (field.is_some() || place == 0) {
                let before = input.rest.len();
                input.rest = skip_spaces(input.rest);
                skipped += (before - input.rest.len()) as i64;
            }
            let Some(field) = field else {
                let separator = matches!(part, Part::Separator(_) | Part::Blank(_));
                if exact {
                    input.rest = first(input.rest).1;
                } else if separator {
                    skipped -= 1;
                    if input
                        .rest
                        .bytes()
                        .next()
                        .is_some_and(|byte| is_space(byte) || byte.is_ascii_punctuation())
                    {
                        input.rest = &input.rest[1..];
                        skipped += 1;
                    }
                } else if skipped > 0 {
                    skipped -= 1;
                } else {
                    input.rest = first(input.rest).1;
                }
                continue;
            };
            found.field(&mut input, field, next_is_no_digit(&parts, place), skipped)?;
            if starts_exact {
                exact = true;
            }
            if !exact {
                let before = input.rest.len();
                input.rest = skip_spaces(input.rest);
                skipped = (before - input.rest.len()) as i64;
            }
        }
        Ok(found)
    }

    fn field(
        &mut self,
        input: &mut Input<'_>,
        field: Field,
        open: bool,
        skipped: i64,
    ) -> Result<(), EvalError> {
        if let Some(calendar) = field.key.calendar() {
            if self.calendar.is_some_and(|known| known != calendar) {
                return Err(format_error("invalid combination of date conventions"));
            }
            self.calendar = Some(calendar);
        }
        let name = field.name;
        let open = open || field.fill;
        let width = name.len();
        match field.key {
            Key::Exact => return Ok(()),
            Key::Noon { dotted, .. } => {
                let half = input.word(if dotted { &DOTTED_NOONS } else { &NOONS }, field)?;
                set(&mut self.afternoon, half, name)?;
                self.twelve_hours = true;
                return Ok(());
            }
            Key::Era { dotted, .. } => {
                let era = input.word(if dotted { &DOTTED_ERAS } else { &ERAS }, field)?;
                return set(&mut self.before_christ, era, name);
            }
            Key::Month(_) => {
                let month = input.word(&MONTHS, field)?;
                return set(&mut self.month, month + 1, name);
            }
            Key::ShortMonth(_) => {
                let month = input.word(&SHORT_MONTHS, field)?;
                return set(&mut self.month, month + 1, name);
            }
            Key::Roman { .. } => {
                let place = input.word(&ROMAN_MONTHS, field)?;
                return set(&mut self.month, 12 - place, name);
            }
            Key::Day(_) | Key::ShortDay(_) => {
                let names = if matches!(field.key, Key::Day(_)) { &DAYS } else { &SHORT_DAYS };
                let day = input.word(names, field)?;
                set(&mut self.weekday, day, name)?;
                self.weekday += 1;
                return Ok(());
            }
            Key::Zone { .. } | Key::Offset => {
                let message = format!("formatting field \"{name}\" is only supported in to_char");
                return Err(EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
            Key::ZoneHour => {
                let sign = input.rest.bytes().next();
                if matches!(sign, Some(b'+' | b'-' | b' ')) {
                    self.zone_sign = if sign == Some(b'-') { -1 } else { 1 };
                    input.rest = &input.rest[1..];
                } else {
                    // The sign may have been taken for a separator.
                    let before = input.all.len() - input.rest.len();
                    let minus = skipped > 0 && before > 0 && input.all.as_bytes()[before - 1] == b'-';
                    self.zone_sign = if minus { -1 } else { 1 };
                }
                input.number(Some(&mut self.zone_hour), 2, open, field)?;
                return Ok(());
            }
            Key::ZoneMinute => {
                if self.zone_sign == 0 {
                    self.zone_sign = 1;
                }
                input.number(Some(&mut self.zone_minute), 2, open, field)?;
                return Ok(());
            }
            Key::YearWithComma => {
                let year = input.year_with_comma()?;
                set(&mut self.year, year, name)?;
                self.year_digits = 4;
            }
            Key::Hour12 => {
                input.number(Some(&mut self.hour), 2, open, field)?;
                self.twelve_hours = true;
            }
            Key::Hour24 => {
                input.number(Some(&mut self.hour), 2, open, field)?;
            }
            Key::Minute => {
                input.number(Some(&mut self.minute), width, open, field)?;
            }
            Key::Second => {
                input.number(Some(&mut self.second), width, open, field)?;
            }
            Key::SecondOfDay => {
                input.number(Some(&mut self.second_of_day), width, open, field)?;
            }
            Key::Millis => {
                let length = input.number(Some(&mut self.millis), 3, open, field)?;
                self.millis = self.millis.wrapping_mul(match length {
                    1 => 100,
                    2 => 10,
                    _ => 1,
                });
            }
            Key::Micros | Key::Fraction(_) => {
                let digits = if let Key::Fraction(digits) = field.key { digits } else { 6 };
                if let Key::Fraction(digits) = field.key {
                    self.precision = digits;
                }
                let length = input.number(Some(&mut self.micros), digits.into(), open, field)?;
                self.micros = self.micros.wrapping_mul(match length {
                    1 => 100_000,
                    2 => 10_000,
                    3 => 1_000,
                    4 => 100,
                    5 => 10,
                    _ => 1,
                });
            }
            Key::MonthNumber => {
                input.number(Some(&mut self.month), width, open, field)?;
            }
            Key::DayOfYear | Key::IsoDayOfYear => {
                input.number(Some(&mut self.day_of_year), 3, open, field)?;
            }
            Key::DayOfMonth => {
                input.number(Some(&mut self.day), width, open, field)?;
            }
            Key::DayOfWeek => {
                input.number(Some(&mut self.weekday), width, open, field)?;
            }
            Key::IsoDayOfWeek => {
                input.number(Some(&mut self.weekday), 1, open, field)?;
                self.weekday += 1;
                if self.weekday > 7 {
                    self.weekday = 1;
                }
            }
            Key::Week | Key::IsoWeek => {
                input.number(Some(&mut self.week), width, open, field)?;
            }
            // Read and not looked at: which of a quarter's days would it be?
            Key::Quarter => {
                input.number(None, width, open, field)?;
            }
            Key::Century => {
                input.number(Some(&mut self.century), width, open, field)?;
            }
            Key::Year(digits) | Key::IsoYear(digits) => {
                let length = input.number(Some(&mut self.year), digits.into(), open, field)?;
                if digits < 4 && length < 4 {
                    self.year = nearest_year(self.year);
                }
                self.year_digits = digits;
            }
            Key::WeekOfMonth => {
                input.number(Some(&mut self.week_of_month), width, open, field)?;
            }
            Key::Julian => {
                input.number(Some(&mut self.julian), width, open, field)?;
            }
        }
        if field.is_ordinal() {
            input.rest = first(first(input.rest).1).1;
        }
        Ok(())
    }
}

/// The year with so many last digits that is nearest to 2020. Source: `adjust_partial_year_to_2020`.
fn nearest_year(year: i32) -> i32 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

/// Whether what follows a number is known to be no digit, so that the number may have any length.
fn next_is_no_digit(parts: &[Part<'_>], place: usize) -> bool {
    if let Some(Part::Field(field)) = parts.get(place)
        && field.is_ordinal()
    {
        return true;
    }
    match parts.get(place + 1) {
        None => true,
        Some(Part::Field(next)) => !next.key.is_digit(),
        Some(Part::Separator(char) | Part::Blank(char) | Part::Char(char)) => {
            !char.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}
