//! Moments and intervals by template. Source: `DCH_to_char`.

use offtake_row::time;

use super::{
    julian,
    names::{DAYS, MONTHS, ROMAN_MONTHS, SHORT_DAYS, SHORT_MONTHS, ordinal},
    template::{self, Field, Key, Part},
};
use crate::error::{EvalError, SqlState};

/// What is shown: a moment's fields, or an interval's, which have signs.
pub(super) struct Fields {
    /// Astronomical.
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    day_of_year: i64,
    /// The zone's name, where there is one. Its offset is none.
    zone: Option<&'static str>,
    interval: bool,
}

impl Fields {
    /// Of a finite timestamp.
    pub fn of_timestamp(micros: i64, zone: Option<&'static str>) -> Fields {
        let (days, micros) = time::split_timestamp(micros);
        let (year, month, day) = time::civil_from_days(days);
        Fields {
            year: year.into(),
            month: month.into(),
            day: day.into(),
            hour: micros / time::HOUR,
            minute: micros / time::MINUTE % 60,
            second: micros / time::SECOND % 60,
            micros: micros % time::SECOND,
            day_of_year: time::day_of_year(days).into(),
            zone,
            interval: false,
        }
    }

    /// Of years, months, days, hours, minutes, seconds and microseconds.
    pub fn of_interval([year, month, day, hour, minute, second, micros]: [i64; 7]) -> Fields {
        // Roughly how long it is.
        let day_of_year = (year * 12 + month) * time::DAYS_PER_MONTH + day;
        Fields { year, month, day, hour, minute, second, micros, day_of_year, zone: None, interval: true }
    }

    fn weekday(&self) -> usize {
        julian::weekday(julian::day(self.year, self.month, self.day)) as usize
    }

    /// A year as it is named: there is none 0.
    fn named(&self, year: i64) -> i64 {
        if self.interval || year > 0 { year } else { 1 - year }
    }

    fn century(&self) -> i64 {
        if self.interval {
            self.year / 100
        } else if self.year > 0 {
            (self.year - 1) / 100 + 1
        } else {
            self.year / 100 - 1
        }
    }
}

pub(super) fn print(fields: &Fields, template: &str) -> Result<String, EvalError> {
    let mut out = String::new();
    for part in template::parse(template) {
        match part {
            Part::Field(field) => print_field(fields, field, &mut out)?,
            Part::Separator(char) | Part::Blank(char) | Part::Char(char) => out.push_str(char),
        }
    }
    Ok(out)
}

fn print_field(fields: &Fields, field: Field, out: &mut String) -> Result<(), EvalError> {
    if fields.interval && is_of_a_calendar(field.key) {
        return Err(EvalError::new(
            SqlState::INVALID_DATETIME_FORMAT,
            "invalid format specification for an interval value",
        ));
    }
    // Filled with zeros, one more place for a sign.
    let number = |value: i64, width: usize| {
        let width = if field.fill { 0 } else { width + usize::from(value < 0) };
        format!("{value:0width$}")
    };
    let word = |text: String| if field.fill || field.local { text } else { format!("{text:<9}") };
    let shown = match field.key {
        Key::Noon { upper, dotted } => {
            let noon = usize::from(fields.hour % 24 >= 12);
            let text = if dotted { super::names::DOTTED_NOONS } else { super::names::NOONS }[noon];
            out.push_str(&if upper { text.to_ascii_uppercase() } else { text.to_owned() });
            return Ok(());
        }
        Key::Era { upper, dotted } => {
            let era = usize::from(fields.year <= 0);
            let text = if dotted { super::names::DOTTED_ERAS } else { super::names::ERAS }[era];
            out.push_str(&if upper { text.to_ascii_uppercase() } else { text.to_owned() });
            return Ok(());
        }
        Key::Month(case) => {
            if let Some(name) = name_of(&MONTHS, fields.month - 1) {
                out.push_str(&word(case.of(name)));
            }
            return Ok(());
        }
        Key::ShortMonth(case) => {
            if let Some(name) = name_of(&SHORT_MONTHS, fields.month - 1) {
                out.push_str(&case.of(name));
            }
            return Ok(());
        }
        Key::Day(case) => {
            out.push_str(&word(case.of(DAYS[fields.weekday()])));
            return Ok(());
        }
        Key::ShortDay(case) => {
            out.push_str(&case.of(SHORT_DAYS[fields.weekday()]));
            return Ok(());
        }
        Key::Roman { upper } => {
            let place = match (fields.month, fields.year) {
                (0, 0) => return Ok(()),
                // Whole years of an interval.
                (0, year) => {
                    if year >= 0 {
                        0
                    } else {
                        11
                    }
                }
                (month, _) if month < 0 => -(month + 1),
                (month, _) => 12 - month,
            };
            let name = name_of(&ROMAN_MONTHS, place).unwrap_or_default();
            let name = if upper { name.to_owned() } else { name.to_ascii_lowercase() };
            out.push_str(&if field.fill { name } else { format!("{name:<4}") });
            return Ok(());
        }
        Key::Zone { upper } => {
            let name = fields.zone.unwrap_or_default();
            out.push_str(&if upper { name.to_owned() } else { name.to_ascii_lowercase() });
            return Ok(());
        }
        Key::ZoneHour => {
            out.push_str("+00");
            return Ok(());
        }
        Key::ZoneMinute => {
            out.push_str("00");
            return Ok(());
        }
        Key::Offset => {
            out.push_str(if field.fill { "+0" } else { "+00" });
            return Ok(());
        }
        Key::Exact => return Ok(()),
        Key::Quarter if fields.month == 0 => return Ok(()),

        Key::Hour12 => {
            let hour = if fields.hour % 12 == 0 { 12 } else { fields.hour % 12 };
            let width = if field.fill { 0 } else { 2 + usize::from(fields.hour < 0) };
            format!("{hour:0width$}")
        }
        Key::Hour24 => number(fields.hour, 2),
        Key::Minute => number(fields.minute, 2),
        Key::Second => number(fields.second, 2),
        Key::Fraction(digits) => {
            let unit = 10i64.pow(6 - u32::from(digits.min(6)));
            format!("{:01$}", fields.micros / unit, usize::from(digits))
        }
        Key::Millis => format!("{:03}", fields.micros / 1_000),
        Key::Micros => format!("{:06}", fields.micros),
        Key::SecondOfDay => (fields.hour * 3600 + fields.minute * 60 + fields.second).to_string(),
        Key::MonthNumber => number(fields.month, 2),
        Key::DayOfYear => unsigned(fields.day_of_year, 3, field.fill),
        Key::IsoDayOfYear => {
            unsigned(julian::iso_year_day(fields.year, fields.month, fields.day), 3, field.fill)
        }
        Key::DayOfMonth => unsigned(fields.day, 2, field.fill),
        Key::DayOfWeek => (fields.weekday() + 1).to_string(),
        Key::IsoDayOfWeek => match fields.weekday() {
            0 => "7".to_owned(),
            day => day.to_string(),
        },
        Key::Week => unsigned((fields.day_of_year - 1) / 7 + 1, 2, field.fill),
        Key::IsoWeek => unsigned(julian::iso_week(fields.year, fields.month, fields.day).1, 2, field.fill),
        Key::Quarter => ((fields.month - 1) / 3 + 1).to_string(),
        Key::Century => match fields.century() {
            century if (-99..=99).contains(&century) => number(century, 2),
            century => century.to_string(),
        },
        Key::YearWithComma => {
            let year = fields.named(fields.year);
            format!("{},{:03}", year / 1000, year - year / 1000 * 1000)
        }
        Key::Year(digits) => year(fields, field, digits, fields.year),
        Key::IsoYear(digits) => {
            year(fields, field, digits, julian::iso_week(fields.year, fields.month, fields.day).0)
        }
        Key::WeekOfMonth => ((fields.day - 1) / 7 + 1).to_string(),
        Key::Julian => julian::day(fields.year, fields.month, fields.day).to_string(),
    };
    out.push_str(&shown);
    if field.is_ordinal() {
        out.push_str(ordinal(&shown, field.ordinal_upper)?);
    }
    Ok(())
}

/// Filled with zeros to a width that has no place for a sign.
fn unsigned(value: i64, width: usize, fill: bool) -> String {
    let width = if fill { 0 } else { width };
    format!("{value:0width$}")
}

/// The last digits of a year. The width follows from the calendar's year, whichever is shown.
fn year(fields: &Fields, field: Field, digits: u8, of: i64) -> String {
    let shown = fields.named(of);
    let negative = fields.named(fields.year) < 0;
    let width = if field.fill { 0 } else { usize::from(digits) + usize::from(negative) };
    match digits {
        4 => format!("{shown:0width$}"),
        1 => (shown % 10).to_string(),
        digits => format!("{:0width$}", shown % 10i64.pow(digits.into())),
    }
}

fn name_of<'n>(names: &[&'n str], place: i64) -> Option<&'n str> {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied()
}

/// Whether a pattern has no meaning without a date.
fn is_of_a_calendar(key: Key) -> bool {
    matches!(
        key,
        Key::Zone { .. }
            | Key::ZoneHour
            | Key::ZoneMinute
            | Key::Offset
            | Key::Era { .. }
            | Key::Month(_)
            | Key::ShortMonth(_)
            | Key::Day(_)
            | Key::ShortDay(_)
            | Key::DayOfWeek
            | Key::IsoDayOfWeek
    )
}
