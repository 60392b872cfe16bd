//! Sums of intervals, field by field, as PostgreSQL adds them.

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use crate::{
    error::{EvalError, SqlState},
    scalar::Span,
};

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntervalSum {
    count: i64,
    months: i128,
    days: i128,
    micros: i128,
}

impl IntervalSum {
    /// `None` for what is no interval.
    pub(super) fn of(value: Datum<'_>, diff: i64) -> Option<IntervalSum> {
        let Datum::Interval { months, days, micros } = value else { return None };
        let one = IntervalSum { count: 1, months: months.into(), days: days.into(), micros: micros.into() };
        Some(one.times(diff))
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == IntervalSum::default()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &IntervalSum) -> IntervalSum {
        IntervalSum {
            count: self.count.wrapping_add(other.count),
            months: self.months.wrapping_add(other.months),
            days: self.days.wrapping_add(other.days),
            micros: self.micros.wrapping_add(other.micros),
        }
    }

    #[must_use]
    pub(super) fn times(&self, factor: i64) -> IntervalSum {
        IntervalSum {
            count: self.count.wrapping_mul(factor),
            months: self.months.wrapping_mul(factor.into()),
            days: self.days.wrapping_mul(factor.into()),
            micros: self.micros.wrapping_mul(factor.into()),
        }
    }

    pub(super) fn count(&self) -> i64 {
        self.count
    }

    /// The sum. PostgreSQL finds out of range also what only its first rows' sum is.
    pub(super) fn sum(&self) -> Result<Datum<'static>, EvalError> {
        Ok(self.total()?.datum())
    }

    /// The average of at least one value.
    pub(super) fn average(&self) -> Result<Datum<'static>, EvalError> {
        Ok(self.total()?.over(self.count as f64)?.datum())
    }

    fn total(&self) -> Result<Span, EvalError> {
        let fields = (i32::try_from(self.months), i32::try_from(self.days), i64::try_from(self.micros));
        match fields {
            (Ok(months), Ok(days), Ok(micros)) => Ok(Span { months, days, micros }),
            _ => Err(EvalError::new(SqlState::DATETIME_OVERFLOW, "interval out of range")),
        }
    }
}
