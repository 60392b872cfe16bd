//! Julian days as PostgreSQL counts them, also of months and days that no calendar has: an interval's fields are shown by them too.
//! Source: `date2j`, `date2isoweek` and their like in `timestamp.c`.

/// The Julian day of a date; years are astronomical.
pub(super) fn day(year: i64, month: i64, day: i64) -> i64 {
    let (month, year) = if month > 2 { (month + 1, year + 4800) } else { (month + 13, year + 4799) };
    let century = year / 100;
    year * 365 - 32_167 + year / 4 - century + century / 4 + 7834 * month / 256 + day
}

/// 0 is Sunday.
pub(super) fn weekday(day: i64) -> i64 {
    (day + 1).rem_euclid(7)
}

/// The Monday of a week of an ISO year.
pub(super) fn iso_week_start(year: i64, week: i64) -> i64 {
    let fourth = day(year, 1, 4);
    (week - 1) * 7 + fourth - weekday(fourth - 1)
}

/// The ISO year and week of a date.
pub(super) fn iso_week(year: i64, month: i64, of: i64) -> (i64, i64) {
    let date = day(year, month, of);
    let mut in_year = year;
    let mut start = iso_week_start(year, 1);
    if date < start {
        in_year = year - 1;
        start = iso_week_start(in_year, 1);
    }
    let mut week = (date - start) / 7 + 1;
    // The last days of a year may be in the next one's first week.
    if week >= 52 {
        let next = iso_week_start(year + 1, 1);
        if date >= next {
            in_year += 1;
            week = (date - next) / 7 + 1;
        }
    }
    (in_year, week)
}

/// The day of the ISO year, from 1.
pub(super) fn iso_year_day(year: i64, month: i64, of: i64) -> i64 {
    day(year, month, of) - iso_week_start(iso_week(year, month, of).0, 1) + 1
}
