//! The words of dates: months, days, halves of the day, eras, Roman months, ordinals.

use crate::error::{EvalError, SqlState};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const SHORT_MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// From Sunday.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub(super) const SHORT_DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// From December back, so that no name is met before one that it starts.
pub(super) const ROMAN_MONTHS: [&str; 12] =
    ["XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"];
pub(super) const NOONS: [&str; 2] = ["am", "pm"];
pub(super) const DOTTED_NOONS: [&str; 2] = ["a.m.", "p.m."];
pub(super) const ERAS: [&str; 2] = ["ad", "bc"];
pub(super) const DOTTED_ERAS: [&str; 2] = ["a.d.", "b.c."];

/// What makes an ordinal of a number: `st`, `nd`, `rd`, `th`. Source: `get_th`.
pub(super) fn ordinal(number: &str, upper: bool) -> Result<&'static str, EvalError> {
    let bytes = number.as_bytes();
    let last = match bytes.last() {
        Some(last) if last.is_ascii_digit() => *last,
        _ => {
            return Err(EvalError::new(SqlState::INVALID_TEXT, format!("\"{number}\" is not a number")));
        }
    };
    let teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    Ok(match (if teen { b'0' } else { last }, upper) {
        (b'1', true) => "ST",
        (b'1', false) => "st",
        (b'2', true) => "ND",
        (b'2', false) => "nd",
        (b'3', true) => "RD",
        (b'3', false) => "rd",
        (_, true) => "TH",
        (_, false) => "th",
    })
}
