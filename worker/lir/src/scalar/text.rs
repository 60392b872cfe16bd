//! Functions of text. Positions and lengths count characters. Results that are part of an argument borrow from it.

use offtake_row::Datum;

use super::{
    Func, Number, Scalar,
    eval::{Value, mismatch},
};
use crate::{
    arena::Arena,
    compare::trim_blanks,
    error::{EvalError, SqlState},
};

/// The longest text that `repeat`, `lpad` and `rpad` make, in bytes. PostgreSQL's limit is 1 GB, which a
/// few rows could bring a worker down with.
const MOST_BYTES: usize = 64 << 20;

pub(super) fn unary<'a>(func: Func, text: &'a str, arena: &'a Arena) -> Value<'a> {
    Ok(match func {
        Func::Length => Datum::Int(count(text)),
        Func::LengthTrimmed => Datum::Int(count(trim_blanks(text))),
        Func::OctetLength => Datum::Int(text.len() as i64),
        Func::BitLength => Datum::Int(text.len() as i64 * 8),
        Func::Lower => Datum::Text(lower(text, arena)),
        Func::Upper => Datum::Text(upper(text, arena)),
        Func::Trim => Datum::Text(text.trim_matches(' ')),
        Func::TrimStart => Datum::Text(text.trim_start_matches(' ')),
        Func::TrimEnd => Datum::Text(text.trim_end_matches(' ')),
        Func::Reverse => Datum::Text(arena.text(&text.chars().rev().collect::<String>())),
        Func::Ascii => Datum::Int(text.chars().next().map_or(0, |first| i64::from(u32::from(first)))),
        func => return Err(mismatch(func)),
    })
}

pub(super) fn binary<'a>(func: Func, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    Ok(match (func, left, right) {
        (Func::Concat, Datum::Text(left), Datum::Text(right)) => match (left, right) {
            ("", text) | (text, "") => Datum::Text(text),
            _ => Datum::Text(arena.concat(left, right)),
        },
        (Func::ConcatBytes, Datum::Bytes(left), Datum::Bytes(right)) => {
            Datum::Bytes(arena.bytes(&[left, right].concat()))
        }
        (Func::Trim, Datum::Text(text), Datum::Text(set)) => {
            Datum::Text(text.trim_matches(|c| set.contains(c)))
        }
        (Func::TrimStart, Datum::Text(text), Datum::Text(set)) => {
            Datum::Text(text.trim_start_matches(|c| set.contains(c)))
        }
        (Func::TrimEnd, Datum::Text(text), Datum::Text(set)) => {
            Datum::Text(text.trim_end_matches(|c| set.contains(c)))
        }
        (Func::Position, Datum::Text(text), Datum::Text(part)) => {
            Datum::Int(text.find(part).map_or(0, |at| count(&text[..at]) + 1))
        }
        (Func::PositionBytes, Datum::Bytes(bytes), Datum::Bytes(part)) => Datum::Int(position(bytes, part)),
        (Func::StartsWith, Datum::Text(text), Datum::Text(start)) => Datum::Bool(text.starts_with(start)),
        (Func::Substring, Datum::Text(text), Datum::Int(from)) => {
            Datum::Text(characters(text, from - 1, i64::MAX))
        }
        (Func::SubstringBytes, Datum::Bytes(bytes), Datum::Int(from)) => {
            Datum::Bytes(part(bytes, from - 1, i64::MAX))
        }
        (Func::Left, Datum::Text(text), Datum::Int(n)) => {
            let end = if n < 0 { count(text) + n } else { n };
            Datum::Text(characters(text, 0, end))
        }
        (Func::Right, Datum::Text(text), Datum::Int(n)) => {
            let start = if n < 0 { -n } else { count(text) - n };
            Datum::Text(characters(text, start, i64::MAX))
        }
        (Func::Repeat, Datum::Text(text), Datum::Int(times)) => {
            let times = usize::try_from(times).unwrap_or(0);
            check_size(text.len().saturating_mul(times))?;
            Datum::Text(arena.text(&text.repeat(times)))
        }
        (Func::PadStart | Func::PadEnd, Datum::Text(text), Datum::Int(length)) => {
            pad(func, text, length, " ", arena)?
        }
        (func, _, _) => return Err(mismatch(func)),
    })
}

pub(super) fn many<'a>(func: Func, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    Ok(match (func, args) {
        (Func::Substring, [Datum::Text(text), Datum::Int(from), Datum::Int(length)]) => {
            Datum::Text(characters(text, from - 1, end(*from, *length)?))
        }
        (Func::SubstringBytes, [Datum::Bytes(bytes), Datum::Int(from), Datum::Int(length)]) => {
            Datum::Bytes(part(bytes, from - 1, end(*from, *length)?))
        }
        (Func::Replace, [Datum::Text(text), Datum::Text(from), Datum::Text(to)]) => {
            if from.is_empty() || !text.contains(from) {
                Datum::Text(text)
            } else {
                let places = text.matches(from).count();
                check_size(
                    (text.len() - places * from.len()).saturating_add(places.saturating_mul(to.len())),
                )?;
                Datum::Text(arena.text(&text.replace(from, to)))
            }
        }
        (Func::Translate, [Datum::Text(text), Datum::Text(from), Datum::Text(to)]) => {
            let translated = text.chars().filter_map(|c| match from.chars().position(|other| other == c) {
                Some(place) => to.chars().nth(place),
                None => Some(c),
            });
            Datum::Text(arena.text(&translated.collect::<String>()))
        }
        (Func::PadStart | Func::PadEnd, [Datum::Text(text), Datum::Int(length), Datum::Text(fill)]) => {
            pad(func, text, *length, fill, arena)?
        }
        (Func::SplitPart, [Datum::Text(text), Datum::Text(separator), Datum::Int(field)]) => {
            Datum::Text(split_part(text, separator, *field)?)
        }
        (func, _) => return Err(mismatch(func)),
    })
}

/// `concat` and `concat_ws`: NULLs are passed over, booleans print as `t` and `f`.
pub(super) fn concat<'a>(
    separator: Option<&str>,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let mut joined = String::new();
    let mut first = true;
    for arg in args {
        let text = match arg.eval(row, arena)? {
            Datum::Null => continue,
            Datum::Text(text) => text,
            Datum::Bool(true) => "t",
            Datum::Bool(false) => "f",
            _ => return Err(mismatch(Func::ConcatAll)),
        };
        if !first {
            joined.push_str(separator.unwrap_or(""));
        }
        joined.push_str(text);
        first = false;
    }
    Ok(Datum::Text(arena.text(&joined)))
}

pub(super) fn to_hex<'a>(number: Number, value: i64, arena: &'a Arena) -> Datum<'a> {
    let text = if number == Number::Int4 { format!("{:x}", value as i32) } else { format!("{value:x}") };
    Datum::Text(arena.text(&text))
}

pub(super) fn chr<'a>(code: i64, arena: &'a Arena) -> Value<'a> {
    let error = |message: String| Err(EvalError::new(SqlState::PROGRAM_LIMIT, message));
    if code < 0 {
        return Err(EvalError::invalid_parameter("character number must be positive"));
    }
    match u32::try_from(code).map(|code| (code, char::from_u32(code))) {
        Err(_) => error(format!("requested character too large for encoding: {code}")),
        Ok((0, _)) => error("null character not permitted".to_owned()),
        Ok((_, Some(c))) => Ok(Datum::Text(arena.text(c.encode_utf8(&mut [0; 4])))),
        Ok((code, None)) if code > 0x10_ffff => {
            error(format!("requested character too large for encoding: {code}"))
        }
        Ok((code, None)) => error(format!("requested character not valid for encoding: {code}")),
    }
}

/// Lower case, character by character, by Unicode's simple mapping (PostgreSQL's depends on the database's locale; for ASCII all
/// agree).
pub(super) fn lower<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text;
    }
    arena.text(&text.chars().map(simple_lower).collect::<String>())
}

fn upper<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return text;
    }
    arena.text(&text.chars().map(simple_upper).collect::<String>())
}

/// Unicode's simple mapping of one character.
pub(super) fn simple_lower(c: char) -> char {
    // Only İ has a longer mapping, whose first character is the simple one.
    c.to_lowercase().next().unwrap_or(c)
}

/// Unicode's simple mapping of one character.
pub(super) fn simple_upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.len(), c) {
        (1, _) => mapped.next().unwrap_or(c),
        // Greek letters with an iota below have a simple mapping besides the longer one.
        (_, '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}') => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        (_, '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}') => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        _ => c,
    }
}

fn count(text: &str) -> i64 {
    if text.is_ascii() { text.len() as i64 } else { text.chars().count() as i64 }
}

/// The characters from `start` (from 0) up to but without `end`; both may lie outside.
pub(super) fn characters(text: &str, start: i64, end: i64) -> &str {
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(0);
    if start >= end {
        return "";
    }
    let byte = |character: usize| {
        if text.is_ascii() {
            character.min(text.len())
        } else {
            text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
        }
    };
    &text[byte(start)..byte(end)]
}

fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let place = |at: i64| usize::try_from(at).unwrap_or(0).min(bytes.len());
    bytes.get(place(start)..place(end)).unwrap_or(&[])
}

/// Where a substring of `length` from the position `from` (from 1) ends.
fn end(from: i64, length: i64) -> Result<i64, EvalError> {
    if length < 0 {
        return Err(EvalError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    Ok(from - 1 + length)
}

fn position(bytes: &[u8], part: &[u8]) -> i64 {
    if part.is_empty() {
        return 1;
    }
    bytes.windows(part.len()).position(|window| window == part).map_or(0, |at| at as i64 + 1)
}

pub(super) fn check_size(bytes: usize) -> Result<(), EvalError> {
    if bytes > MOST_BYTES {
        return Err(EvalError::new(SqlState::PROGRAM_LIMIT, "requested length too large"));
    }
    Ok(())
}

/// `lpad` and `rpad`: cut to `length` characters, or filled up to it.
fn pad<'a>(func: Func, text: &'a str, length: i64, fill: &str, arena: &'a Arena) -> Value<'a> {
    let length = length.max(0);
    let missing = length - count(text);
    if missing <= 0 || fill.is_empty() {
        return Ok(Datum::Text(characters(text, 0, length)));
    }
    check_size(text.len().saturating_add(
        (missing as usize).saturating_mul(fill.chars().map(char::len_utf8).max().unwrap_or(1)),
    ))?;
    let filling: String = fill.chars().cycle().take(missing as usize).collect();
    Ok(Datum::Text(match func {
        Func::PadStart => arena.concat(&filling, text),
        _ => arena.concat(text, &filling),
    }))
}

fn split_part<'a>(text: &'a str, separator: &str, field: i64) -> Result<&'a str, EvalError> {
    if field == 0 {
        return Err(EvalError::invalid_parameter("field position must not be zero"));
    }
    if separator.is_empty() {
        return Ok(if field == 1 || field == -1 { text } else { "" });
    }
    // Fields are told apart from the start also when they are counted from the end.
    let nth =
        if field > 0 { Some(field - 1) } else { (text.split(separator).count() as i64).checked_add(field) };
    let nth = nth.and_then(|nth| usize::try_from(nth).ok());
    Ok(nth.and_then(|nth| text.split(separator).nth(nth)).unwrap_or(""))
}
