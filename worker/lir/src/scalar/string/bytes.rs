//! Single bytes and bits, and what else `bytea` has of its own. Source: `varlena.c`, `like_match.c`.

use offtake_row::Datum;

use super::StringFunc;
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    scalar::eval::Value,
};

/// Takes the bytes of `set` off the ends.
pub(super) fn trim<'a>(func: StringFunc, mut bytes: &'a [u8], set: &[u8]) -> &'a [u8] {
    if func != StringFunc::TrimBytesEnd {
        while let [first, rest @ ..] = bytes
            && set.contains(first)
        {
            bytes = rest;
        }
    }
    if func != StringFunc::TrimBytesStart {
        while let [rest @ .., last] = bytes
            && set.contains(last)
        {
            bytes = rest;
        }
    }
    bytes
}

/// A place among `count` of them.
fn checked(index: i64, count: usize) -> Result<usize, EvalError> {
    match usize::try_from(index) {
        Ok(place) if place < count => Ok(place),
        _ => {
            let last = count as i64 - 1;
            let message = format!("index {index} out of valid range, 0..{last}");
            Err(EvalError::new(SqlState::ARRAY_SUBSCRIPT, message))
        }
    }
}

pub(super) fn get_byte<'a>(bytes: &[u8], index: i64) -> Value<'a> {
    Ok(Datum::Int(bytes[checked(index, bytes.len())?].into()))
}

pub(super) fn set_byte<'a>(bytes: &[u8], index: i64, value: i64, arena: &'a Arena) -> Value<'a> {
    let place = checked(index, bytes.len())?;
    let mut changed = bytes.to_vec();
    changed[place] = value as u8;
    Ok(Datum::Bytes(arena.bytes(&changed)))
}

/// Bits count from the lowest one of the first byte.
pub(super) fn get_bit<'a>(bytes: &[u8], index: i64) -> Value<'a> {
    let place = checked(index, bytes.len() * 8)?;
    Ok(Datum::Int((bytes[place / 8] >> (place % 8) & 1).into()))
}

pub(super) fn set_bit<'a>(bytes: &[u8], index: i64, value: i64, arena: &'a Arena) -> Value<'a> {
    let place = checked(index, bytes.len() * 8)?;
    if !matches!(value, 0 | 1) {
        return Err(EvalError::invalid_parameter("new bit must be 0 or 1"));
    }
    let mut changed = bytes.to_vec();
    let bit = 1 << (place % 8);
    changed[place / 8] = if value == 1 { changed[place / 8] | bit } else { changed[place / 8] & !bit };
    Ok(Datum::Bytes(arena.bytes(&changed)))
}

/// LIKE over bytes: `_` is one byte. Goes back to the last `%` only, which is enough.
pub(super) fn like(bytes: &[u8], pattern: &[u8]) -> Result<bool, EvalError> {
    let (mut at, mut place) = (0, 0);
    // Behind the last `%`, and the byte from which what follows it was tried.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let found = match pattern.get(place) {
            Some(b'%') => {
                place += 1;
                retry = Some((place, at));
                continue;
            }
            // An escape at the end is an error when a byte is left that it could match.
            Some(b'\\') if at < bytes.len() => match pattern.get(place + 1) {
                Some(escaped) => bytes[at] == *escaped,
                None => {
                    let message = "LIKE pattern must not end with escape character";
                    return Err(EvalError::new(SqlState::INVALID_ESCAPE_SEQUENCE, message));
                }
            },
            Some(b'_') => at < bytes.len(),
            Some(byte) => bytes.get(at) == Some(byte),
            None if at == bytes.len() => return Ok(true),
            None => false,
        };
        if found {
            place += if pattern[place] == b'\\' { 2 } else { 1 };
            at += 1;
            continue;
        }
        match &mut retry {
            Some((behind, tried)) if *tried < bytes.len() => {
                *tried += 1;
                (place, at) = (*behind, *tried);
            }
            _ => return Ok(false),
        }
    }
}
