//! From the fields that a template found to a moment. Source: `do_to_timestamp`, `to_date` and `to_timestamp`.

use offtake_row::time::{self, SECOND};

use super::{
    julian,
    reader::{Found, format_error, overflow},
    template::Calendar,
};
use crate::error::{EvalError, SqlState};

/// `to_date`: days since 2000-01-01.
pub(super) fn date(text: &str, template: &str) -> Result<i32, EvalError> {
    let moment = Found::read(text, template)?.moment(text)?;
    let days = julian::day(moment.year, moment.month, moment.day) + i64::from(time::DATE_MIN);
    // A year far out of range would make a day within it again.
    let sound = (-4713..=5_874_898).contains(&moment.year);
    match i32::try_from(days) {
        Ok(days) if sound && time::is_finite_date(days) => Ok(days),
        _ => Err(overflow(format!("date out of range: \"{text}\""))),
    }
}

/// `to_timestamp`: microseconds since 2000-01-01 UTC.
pub(super) fn timestamp(text: &str, template: &str) -> Result<i64, EvalError> {
    let mut found = Found::read(text, template)?;
    let moment = found.moment(text)?;
    let out_of_range = || overflow("timestamp out of range");
    if !(-4713..=5_874_898).contains(&moment.year) {
        return Err(out_of_range());
    }
    let days = julian::day(moment.year, moment.month, moment.day) + i64::from(time::DATE_MIN);
    let micros = days
        .checked_mul(time::DAY)
        .and_then(|midnight| midnight.checked_add(moment.micros - moment.offset * SECOND));
    let micros = micros.filter(|micros| time::is_finite_timestamp(*micros)).ok_or_else(out_of_range)?;
    // With a number of digits for the fraction (`FF3`) it is rounded to so many.
    let unit = 10i64.pow(6 - u32::from(if found.precision == 0 { 6 } else { found.precision }));
    let half = if unit == 1 { 0 } else { unit / 2 };
    Ok((micros.abs() + half) / unit * unit * micros.signum())
}

/// What the fields make of each other.
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Of the day.
    micros: i64,
    /// East of UTC, in seconds.
    offset: i64,
}

impl Found {
    fn moment(&mut self, text: &str) -> Result<Moment, EvalError> {
        let wrong = || overflow(format!("date/time field value out of range: \"{text}\""));
        let micros = self.micros_of_day()?;
        let mut date = [0i64, 1, 1];
        // Which of year, month and day are told.
        let mut told = [self.year(&mut date), false, false];
        if self.julian != 0 {
            date = civil(i64::from(self.julian));
            told = [true; 3];
        }
        if self.week != 0 {
            if self.calendar == Some(Calendar::IsoWeek) {
                let monday = julian::iso_week_start(date[0], self.week.into());
                date = civil(match self.weekday {
                    0 => monday,
                    // From Sunday, which is the week's last day.
                    weekday if weekday > 1 => monday + i64::from(weekday) - 2,
                    _ => monday + 6,
                });
                told = [true; 3];
            } else {
                self.day_of_year = self.week.saturating_sub(1).saturating_mul(7).saturating_add(1);
            }
        }
        if self.week_of_month != 0 {
            self.day = self.week_of_month.saturating_sub(1).saturating_mul(7).saturating_add(1);
        }
        if self.day != 0 {
            date[2] = self.day.into();
            told[2] = true;
        }
        if self.month != 0 {
            date[1] = self.month.into();
            told[1] = true;
        }
        if self.day_of_year != 0 && (date[1] <= 1 || date[2] <= 1) {
            self.by_day_of_year(&mut date)?;
            let iso = self.calendar == Some(Calendar::IsoWeek);
            told = [told[0] || iso, true, true];
        }
        let [year, month, day] = date;
        // A day that its month does not have counts on where the year is not told.
        let length = match (told, u32::try_from(month), i32::try_from(year)) {
            ([true, true, true], Ok(month), Ok(year)) => i64::from(time::days_in_month(year, month)),
            _ => 31,
        };
        if told[1] && !(1..=12).contains(&month) || told[2] && !(1..=length).contains(&day) {
            return Err(wrong());
        }
        let micros = micros.ok_or_else(wrong)?;
        let offset = self.offset().ok_or_else(|| {
            EvalError::new(
                SqlState::ZONE_DISPLACEMENT,
                format!("time zone displacement out of range: \"{text}\""),
            )
        })?;
        Ok(Moment { year, month, day, micros, offset })
    }

    /// Microseconds since midnight; `None` where no clock shows it.
    fn micros_of_day(&self) -> Result<Option<i64>, EvalError> {
        let of_day = i64::from(self.second_of_day);
        let or = |field: i32, other: i64| if field != 0 { i64::from(field) } else { other };
        let mut hour = or(self.hour, of_day / 3600);
        let minute = or(self.minute, of_day % 3600 / 60);
        let second = or(self.second, of_day % 60);
        if self.twelve_hours {
            if !(1..=12).contains(&hour) {
                return Err(format_error(format!("hour \"{hour}\" is invalid for the 12-hour clock")));
            }
            hour = hour % 12 + if self.afternoon != 0 { 12 } else { 0 };
        }
        let micros = i64::from(self.millis) * 1_000 + i64::from(self.micros);
        let shown = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&micros);
        Ok(shown.then(|| (hour * 3600 + minute * 60 + second) * SECOND + micros))
    }

    /// The year, as far as it is told.
    fn year(&mut self, date: &mut [i64; 3]) -> bool {
        let before_christ = self.before_christ != 0;
        let mut century = i64::from(self.century);
        if self.year == 0 && self.century == 0 {
            return false;
        }
        if before_christ && (self.year == 0 || self.century != 0 && self.year_digits <= 2) {
            century = -century;
        }
        date[0] = if self.year == 0 {
            // Its first year. Before Christ as well: 600 BC is the year -599.
            if century >= 0 { (century - 1) * 100 + 1 } else { century * 100 + 1 }
        } else if self.century != 0 && self.year_digits <= 2 {
            match i64::from(self.year % 100) {
                0 => century * 100 + i64::from(century < 0),
                year if century >= 0 => year + (century - 1) * 100,
                year => (century + 1) * 100 - year + 1,
            }
        } else {
            let year = if before_christ { -i64::from(self.year) } else { i64::from(self.year) };
            if year < 0 { year + 1 } else { year }
        };
        true
    }

    fn by_day_of_year(&self, date: &mut [i64; 3]) -> Result<(), EvalError> {
        if date[0] == 0 && self.before_christ == 0 {
            return Err(format_error("cannot calculate day of year without year information"));
        }
        let number = i64::from(self.day_of_year);
        if self.calendar == Some(Calendar::IsoWeek) {
            *date = civil(julian::iso_week_start(date[0], 1) - 1 + number);
            return Ok(());
        }
        // Of a number that is none the month, and a day that is none either.
        let year = i32::try_from(date[0]).unwrap_or(0);
        let (mut month, mut before) = (1, 0);
        while month <= 12 && number > before + i64::from(time::days_in_month(year, month)) {
            before += i64::from(time::days_in_month(year, month));
            month += 1;
        }
        if date[1] <= 1 {
            date[1] = month.into();
        }
        if date[2] <= 1 {
            date[2] = number - before;
        }
        Ok(())
    }

    /// East of UTC, in seconds; `None` where it is too far.
    fn offset(&self) -> Option<i64> {
        if self.zone_sign == 0 {
            return Some(0);
        }
        let within = (0..=15).contains(&self.zone_hour) && (0..60).contains(&self.zone_minute);
        let seconds = i64::from(self.zone_hour) * 3600 + i64::from(self.zone_minute) * 60;
        within.then(|| i64::from(self.zone_sign) * seconds)
    }
}

/// Year, month and day of a Julian day.
fn civil(day: i64) -> [i64; 3] {
    let days = (day + i64::from(time::DATE_MIN)).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    let (year, month, day) = time::civil_from_days(days);
    [year.into(), month.into(), day.into()]
}
