//! Moments in other zones than UTC. Source: `timestamp_zone`, `timestamptz_zone`, `timestamp_izone` and `parse_sane_timezone` in
//! `timestamp.c` of PostgreSQL 15.

use offtake_row::{
    Type, text,
    time::{self, SECOND, TimeError, Zone},
};

use super::{moment::timestamp_range, span::Span};
use crate::error::EvalError;

pub(super) fn find(name: &str) -> Result<Zone, EvalError> {
    Zone::find(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> EvalError {
    EvalError::invalid_parameter(format!("time zone \"{name}\" not recognized"))
}

fn moved(micros: i64, seconds: i64) -> Result<i64, EvalError> {
    let moved = micros.checked_add(seconds * SECOND);
    moved.filter(|micros| time::is_finite_timestamp(*micros)).ok_or_else(timestamp_range)
}

/// The moment at which clocks of a zone show a timestamp. It is finite.
pub(super) fn local_to_utc(name: &str, local: i64) -> Result<i64, EvalError> {
    moved(local, -i64::from(find(name)?.offset_of(local)))
}

/// What clocks of a zone show at a moment. It is finite.
pub(super) fn utc_to_local(name: &str, utc: i64) -> Result<i64, EvalError> {
    moved(utc, find(name)?.offset_at(utc).into())
}

/// As [`local_to_utc`], where a number is an offset east of UTC and has a sign.
pub(super) fn local_to_utc_strictly(name: &str, local: i64) -> Result<i64, EvalError> {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(EvalError::invalid_parameter(format!(
            "invalid input syntax for type numeric time zone: \"{name}\""
        )));
    }
    let zone = match time::parse_offset(name) {
        Ok(offset) => Zone::fixed(offset),
        Err(TimeError::ZoneDisplacement) => {
            return Err(EvalError::invalid_parameter(format!("numeric time zone \"{name}\" out of range")));
        }
        Err(TimeError::Syntax) => find(name)?,
        Err(_) => return Err(unknown(name)),
    };
    moved(local, -i64::from(zone.offset_of(local)))
}

/// A timestamp in a zone that is told by its distance from UTC.
pub(super) fn shifted(zone: Span, micros: i64, to_utc: bool) -> Result<i64, EvalError> {
    if zone.months != 0 || zone.days != 0 {
        let mut shown = String::new();
        text::write(Type::Interval, zone.datum(), &mut shown);
        let message = format!("interval time zone \"{shown}\" must not include months or days");
        return Err(EvalError::invalid_parameter(message));
    }
    let seconds = zone.micros / SECOND;
    moved(micros, if to_utc { -seconds } else { seconds })
}
