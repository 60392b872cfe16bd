//! `date_trunc`.

use offtake_row::{Datum, time};

use super::{
    field::{Field, unknown, unsupported},
    finite_timestamp, overflow,
};
use crate::scalar::{
    Func, Moment,
    eval::{Value, mismatch},
};

/// The last moment of the kind of `field` at or before a timestamp.
pub(in crate::scalar) fn date_trunc<'a>(field: Datum<'a>, value: Datum<'a>) -> Value<'a> {
    let (Datum::Text(name), Datum::Timestamp(micros)) = (field, value) else {
        return Err(mismatch(Func::DateTrunc));
    };
    if !finite_timestamp(micros) {
        return Ok(value);
    }
    let field = Field::parse(name).filter(|field| field.is_unit());
    let field = field.ok_or_else(|| unknown(name, Moment::Timestamp))?;
    let down = |unit: i64| Some(micros - micros.rem_euclid(unit));
    let (days, _) = time::split_timestamp(micros);
    let (year, month, _) = time::civil_from_days(days);
    let start_of = |year: i32, month: u32| time::join_timestamp(time::days_from_civil(year, month, 1), 0);
    let truncated = match field {
        Field::Microsecond => Some(micros),
        Field::Millisecond => down(1_000),
        Field::Second => down(time::SECOND),
        Field::Minute => down(time::MINUTE),
        Field::Hour => down(time::HOUR),
        Field::Day => down(time::DAY),
        Field::Week => {
            let since_monday = (time::day_of_week(days) + 6) % 7;
            time::join_timestamp(days - since_monday as i32, 0)
        }
        Field::Month => start_of(year, month),
        Field::Quarter => start_of(year, (month - 1) / 3 * 3 + 1),
        Field::Year => start_of(year, 1),
        Field::Decade if year > 0 => start_of(year / 10 * 10, 1),
        Field::Decade => start_of(-((8 - (year - 1)) / 10) * 10, 1),
        Field::Century if year > 0 => start_of((year + 99) / 100 * 100 - 99, 1),
        Field::Century => start_of(-((99 - (year - 1)) / 100) * 100 + 1, 1),
        Field::Millennium if year > 0 => start_of((year + 999) / 1000 * 1000 - 999, 1),
        Field::Millennium => start_of(-((999 - (year - 1)) / 1000) * 1000 + 1, 1),
        _ => return Err(unsupported(name, Moment::Timestamp)),
    };
    match truncated {
        Some(micros) if time::is_finite_timestamp(micros) => Ok(Datum::Timestamp(micros)),
        _ => Err(overflow("timestamp out of range")),
    }
}
