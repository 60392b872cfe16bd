//! The time zone that sessions are in, by its names.

use super::record::{Records, Value};
use crate::catalog::Catalog;

/// Names of UTC that PostgreSQL lists and `SET TimeZone` takes.
const NAMES: [(&str, &str); 8] = [
    ("Etc/GMT", "GMT"),
    ("Etc/UCT", "UTC"),
    ("Etc/UTC", "UTC"),
    ("GMT", "GMT"),
    ("UCT", "UTC"),
    ("UTC", "UTC"),
    ("Universal", "UTC"),
    ("Zulu", "UTC"),
];

pub fn names(_: &Catalog, records: &mut Records) {
    for (name, abbreviation) in NAMES {
        records.add(&[("name", name.into()), ("abbrev", abbreviation.into()), nowhere(), never()]);
    }
}

pub fn abbreviations(_: &Catalog, records: &mut Records) {
    for abbreviation in ["GMT", "UTC", "Z", "ZULU"] {
        records.add(&[("abbrev", abbreviation.into()), nowhere(), never()]);
    }
}

fn nowhere() -> (&'static str, Value<'static>) {
    ("utc_offset", Value::Written("00:00:00".to_owned()))
}

fn never() -> (&'static str, Value<'static>) {
    ("is_dst", false.into())
}
