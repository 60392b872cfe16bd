//! Dates and times: calendar arithmetic, and PostgreSQL's text forms of `date`, `time`, `timestamp`, `timestamptz` and
//! `interval`.
//!
//! Years are astronomical: 0 is 1 BC. The calendar is the proleptic Gregorian one, as PostgreSQL's. Printing and reading are under
//! `DateStyle = ISO, MDY` and `TimeZone = UTC`. Nothing here asks a clock.

mod abbreviations;
mod decoder;
mod fields;
mod interval;
mod parse;
mod words;
mod zone;

pub use interval::{
    DAYS_PER_MONTH, MONTHS_PER_YEAR, canonical_interval, interval_length, parse_interval, write_interval,
};
pub use parse::{TimeError, parse_date, parse_offset, parse_time, parse_timestamp, parse_timestamptz};
pub use zone::Zone;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;

/// 1970-01-01 in days since 2000-01-01.
pub const UNIX_EPOCH_DAYS: i32 = -10_957;

/// The first date: 4714-11-24 BC, Julian day 0.
pub const DATE_MIN: i32 = -2_451_545;
/// The last date: 5874897-12-31.
pub const DATE_MAX: i32 = 2_145_031_948;
/// The first timestamp: 4714-11-24 00:00:00 BC.
pub const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
/// The last timestamp: 294276-12-31 23:59:59.999999.
pub const TIMESTAMP_MAX: i64 = 9_223_371_331_199_999_999;

pub const DATE_INFINITY: i32 = i32::MAX;
pub const DATE_NEGATIVE_INFINITY: i32 = i32::MIN;
pub const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub const TIMESTAMP_NEGATIVE_INFINITY: i64 = i64::MIN;

/// Whether it is a date that PostgreSQL can store and that is not an infinity.
pub fn is_finite_date(days: i32) -> bool {
    (DATE_MIN..=DATE_MAX).contains(&days)
}

/// Whether it is a timestamp that PostgreSQL can store and that is not an infinity.
pub fn is_finite_timestamp(micros: i64) -> bool {
    (TIMESTAMP_MIN..=TIMESTAMP_MAX).contains(&micros)
}

pub fn is_leap_year(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days of a month; 0 where `month` is not 1 ..= 12.
pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap_year(year)),
        _ => 0,
    }
}

/// Days since 2000-01-01 of a day of the calendar. Months and days out of range count on from their first, and a date beyond `i32`
/// is clamped: check the fields before where that matters.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms" (`days_from_civil`).
pub fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let month = i64::from(month);
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 730_425).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Year, month (1 ..= 12) and day (1 ..= 31) of days since 2000-01-01: the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i32) -> (i32, u32, u32) {
    // Unsigned and 32 bits wide for today's dates: this is on the way of every timestamp that is printed.
    let shifted = i64::from(days) + 730_425;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    (year as i32, month, day)
}

/// Days since 2000-01-01 and microseconds since midnight of a finite timestamp.
pub fn split_timestamp(micros: i64) -> (i32, i64) {
    (micros.div_euclid(DAY) as i32, micros.rem_euclid(DAY))
}

/// The inverse of [`split_timestamp`]; `None` beyond PostgreSQL's range of timestamps.
pub fn join_timestamp(days: i32, micros: i64) -> Option<i64> {
    let joined = i64::from(days).checked_mul(DAY)?.checked_add(micros)?;
    is_finite_timestamp(joined).then_some(joined)
}

/// Day of the week, 0 = Sunday … 6 = Saturday.
pub fn day_of_week(days: i32) -> u32 {
    (i64::from(days) + 6).rem_euclid(7) as u32
}

/// Day of the year, 1 ..= 366.
pub fn day_of_year(days: i32) -> u32 {
    let (year, _, _) = civil_from_days(days);
    (i64::from(days) - i64::from(days_from_civil(year, 1, 1)) + 1) as u32
}

/// The year and week (1 ..= 53) of ISO 8601.
pub fn iso_week(days: i32) -> (i32, u32) {
    // The week belongs to the year of its Thursday.
    let monday_based = (day_of_week(days) + 6) % 7;
    let thursday = days.saturating_add(3 - monday_based as i32);
    let (year, _, _) = civil_from_days(thursday);
    (year, (day_of_year(thursday) - 1) / 7 + 1)
}

/// ASCII text of bounded length, built without an allocation.
struct Pen {
    bytes: [u8; 48],
    len: usize,
}

impl Pen {
    fn new() -> Pen {
        Pen { bytes: [0; 48], len: 0 }
    }

    fn text(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    fn two(&mut self, value: u32) {
        self.text(&[b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]);
    }

    /// At least four digits.
    fn year(&mut self, year: u32) {
        let mut digits = 4;
        let mut power = 10_000;
        while digits < 10 && year >= power {
            digits += 1;
            power = power.saturating_mul(10);
        }
        let mut rest = year;
        for at in (self.len..self.len + digits).rev() {
            self.bytes[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.len += digits;
    }

    /// Writes the day; gives whether it is BC, which is printed behind the time.
    fn date(&mut self, days: i32) -> bool {
        let (year, month, day) = civil_from_days(days);
        self.year(if year > 0 { year.unsigned_abs() } else { year.unsigned_abs() + 1 });
        self.text(b"-");
        self.two(month);
        self.text(b"-");
        self.two(day);
        year <= 0
    }

    fn time(&mut self, micros: i64) {
        let seconds = (micros / SECOND) as u32;
        let fraction = (micros % SECOND) as u32;
        self.two(seconds / 3600);
        self.text(b":");
        self.two(seconds / 60 % 60);
        self.text(b":");
        self.two(seconds % 60);
        if fraction != 0 {
            self.text(b".");
            self.two(fraction / 10_000);
            self.two(fraction / 100 % 100);
            self.two(fraction % 100);
            while self.bytes[self.len - 1] == b'0' {
                self.len -= 1;
            }
        }
    }

    fn finish(&self, out: &mut String) {
        // Only ASCII was written.
        out.push_str(std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default());
    }
}

/// Prints a date: `2024-02-29`, `0044-03-15 BC`, `infinity`.
pub fn write_date(days: i32, out: &mut String) {
    match days {
        DATE_INFINITY => out.push_str("infinity"),
        DATE_NEGATIVE_INFINITY => out.push_str("-infinity"),
        days => {
            let mut pen = Pen::new();
            if pen.date(days) {
                pen.text(b" BC");
            }
            pen.finish(out);
        }
    }
}

/// Prints a time of day: `04:05:06.789`, `24:00:00`.
pub fn write_time(micros: i64, out: &mut String) {
    let mut pen = Pen::new();
    pen.time(micros.clamp(0, DAY));
    pen.finish(out);
}

/// Prints a timestamp: `2024-02-29 12:00:00.5`, with `+00` behind it where `zoned`.
pub fn write_timestamp(micros: i64, zoned: bool, out: &mut String) {
    match micros {
        TIMESTAMP_INFINITY => out.push_str("infinity"),
        TIMESTAMP_NEGATIVE_INFINITY => out.push_str("-infinity"),
        micros => {
            let (days, time) = split_timestamp(micros);
            let mut pen = Pen::new();
            let bc = pen.date(days);
            pen.text(b" ");
            pen.time(time);
            if zoned {
                pen.text(b"+00");
            }
            if bc {
                pen.text(b" BC");
            }
            pen.finish(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_its_own_inverse_over_the_whole_range() {
        let mut days = i64::from(DATE_MIN);
        while days <= i64::from(DATE_MAX) {
            let (year, month, day) = civil_from_days(days as i32);
            assert!((1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month), "{days}");
            assert_eq!(days_from_civil(year, month, day), days as i32);
            // Every day around the present, samples elsewhere.
            days += if days.abs() < 800_000 { 1 } else { 9_973 };
        }
        assert_eq!(civil_from_days(DATE_MIN), (-4713, 11, 24));
        assert_eq!(civil_from_days(DATE_MAX), (5_874_897, 12, 31));
        assert_eq!(days_from_civil(1970, 1, 1), UNIX_EPOCH_DAYS);
        assert_eq!(civil_from_days(0), (2000, 1, 1));
    }

    #[test]
    fn weeks() {
        assert_eq!(day_of_week(0), 6, "2000-01-01 was a Saturday");
        assert_eq!(iso_week(days_from_civil(2000, 1, 1)), (1999, 52));
        assert_eq!(iso_week(days_from_civil(2020, 12, 31)), (2020, 53));
        assert_eq!(iso_week(days_from_civil(2024, 12, 30)), (2025, 1));
        assert_eq!(day_of_year(days_from_civil(2024, 12, 31)), 366);
    }

    #[test]
    fn printing_never_panics() {
        let mut out = String::new();
        for days in [i32::MIN, i32::MIN + 1, -1, 0, i32::MAX - 1, i32::MAX] {
            write_date(days, &mut out);
        }
        for micros in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            write_timestamp(micros, true, &mut out);
            write_time(micros, &mut out);
        }
    }
}
