//! Arithmetic of intervals alone. Source: `timestamp.c` of PostgreSQL 15 (`interval_pl`, `interval_mul`, `interval_justify_interval` and
//! their like).

use offtake_row::{
    Datum,
    time::{self, DAY, DAYS_PER_MONTH},
};

use super::overflow;
use crate::error::EvalError;

/// An interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

pub(super) fn out_of_range() -> EvalError {
    overflow("interval out of range")
}

impl Span {
    pub fn of(datum: Datum<'_>) -> Option<Span> {
        match datum {
            Datum::Interval { months, days, micros } => Some(Span { months, days, micros }),
            _ => None,
        }
    }

    pub fn datum<'a>(self) -> Datum<'a> {
        Datum::Interval { months: self.months, days: self.days, micros: self.micros }
    }

    pub fn plus(self, other: Span) -> Result<Span, EvalError> {
        let plus = || {
            Some(Span {
                months: self.months.checked_add(other.months)?,
                days: self.days.checked_add(other.days)?,
                micros: self.micros.checked_add(other.micros)?,
            })
        };
        plus().ok_or_else(out_of_range)
    }

    pub fn minus(self, other: Span) -> Result<Span, EvalError> {
        let minus = || {
            Some(Span {
                months: self.months.checked_sub(other.months)?,
                days: self.days.checked_sub(other.days)?,
                micros: self.micros.checked_sub(other.micros)?,
            })
        };
        minus().ok_or_else(out_of_range)
    }

    pub fn negated(self) -> Result<Span, EvalError> {
        Span::default().minus(self)
    }

    pub fn times(self, factor: f64) -> Result<Span, EvalError> {
        self.scaled(|part| part * factor)
    }

    pub fn over(self, divisor: f64) -> Result<Span, EvalError> {
        if divisor == 0.0 {
            return Err(EvalError::division_by_zero());
        }
        self.scaled(|part| part / divisor)
    }

    /// Scales each part; fractions of months become days of thirty to a month, and those of days time.
    fn scaled(self, scale: impl Fn(f64) -> f64) -> Result<Span, EvalError> {
        const SECONDS_PER_DAY: f64 = 86_400.0;
        let narrow = |value: f64| {
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value);
            if fits { Ok(value as i32) } else { Err(out_of_range()) }
        };
        // To whole microseconds.
        let round = |value: f64| (value * 1_000_000.0).round_ties_even() / 1_000_000.0;
        let (months, days) = (scale(self.months.into()), scale(self.days.into()));
        let mut result = Span { months: narrow(months)?, days: narrow(days)?, micros: 0 };
        let more_days = round((months - f64::from(result.months)) * DAYS_PER_MONTH as f64);
        let part_of_day = days - f64::from(result.days) + more_days - more_days.trunc();
        let mut seconds = round(part_of_day * SECONDS_PER_DAY);
        if seconds.abs() >= SECONDS_PER_DAY {
            let whole = (seconds / SECONDS_PER_DAY).trunc();
            result.days = result.days.checked_add(whole as i32).ok_or_else(out_of_range)?;
            seconds -= whole * SECONDS_PER_DAY;
        }
        result.days = result.days.checked_add(more_days as i32).ok_or_else(out_of_range)?;
        let micros = (scale(self.micros as f64) + seconds * 1_000_000.0).round_ties_even();
        // -2^63 is an i64, 2^63 is not; NaN is in no range.
        if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros) {
            return Err(out_of_range());
        }
        result.micros = micros as i64;
        Ok(result)
    }

    /// Whole days out of the time.
    pub fn justified_hours(mut self) -> Result<Span, EvalError> {
        let days = (self.micros / DAY) as i32;
        self.micros %= DAY;
        self.days = self.days.checked_add(days).ok_or_else(out_of_range)?;
        Ok(self.with_time_of_one_sign())
    }

    /// Whole months of thirty days out of the days.
    pub fn justified_days(mut self) -> Result<Span, EvalError> {
        self.carry_months()?;
        if self.months > 0 && self.days < 0 {
            (self.days, self.months) = (self.days + DAYS_PER_MONTH as i32, self.months - 1);
        } else if self.months < 0 && self.days > 0 {
            (self.days, self.months) = (self.days - DAYS_PER_MONTH as i32, self.months + 1);
        }
        Ok(self)
    }

    /// Both, and all parts of one sign.
    pub fn justified(mut self) -> Result<Span, EvalError> {
        // Where both have one sign, the sum of days might not fit.
        if (self.days > 0 && self.micros > 0) || (self.days < 0 && self.micros < 0) {
            self.carry_months()?;
        }
        let days = (self.micros / DAY) as i32;
        self.micros %= DAY;
        self.days = self.days.checked_add(days).ok_or_else(out_of_range)?;
        self.carry_months()?;
        if self.months > 0 && (self.days < 0 || (self.days == 0 && self.micros < 0)) {
            (self.days, self.months) = (self.days + DAYS_PER_MONTH as i32, self.months - 1);
        } else if self.months < 0 && (self.days > 0 || (self.days == 0 && self.micros > 0)) {
            (self.days, self.months) = (self.days - DAYS_PER_MONTH as i32, self.months + 1);
        }
        Ok(self.with_time_of_one_sign())
    }

    fn carry_months(&mut self) -> Result<(), EvalError> {
        let months = self.days / DAYS_PER_MONTH as i32;
        self.days %= DAYS_PER_MONTH as i32;
        self.months = self.months.checked_add(months).ok_or_else(out_of_range)?;
        Ok(())
    }

    /// Less than a day of time, brought to the sign of the days.
    fn with_time_of_one_sign(mut self) -> Span {
        if self.days > 0 && self.micros < 0 {
            (self.micros, self.days) = (self.micros + DAY, self.days - 1);
        } else if self.days < 0 && self.micros > 0 {
            (self.micros, self.days) = (self.micros - DAY, self.days + 1);
        }
        self
    }

    /// Years, months of the year, days, and hours, minutes, seconds and microseconds of the time, of the sign of each part.
    pub(super) fn fields(self) -> [i64; 7] {
        let months = i64::from(self.months);
        let year = i64::from(time::MONTHS_PER_YEAR);
        [
            months / year,
            months % year,
            self.days.into(),
            self.micros / time::HOUR,
            self.micros / time::MINUTE % 60,
            self.micros / time::SECOND % 60,
            self.micros % time::SECOND,
        ]
    }
}
