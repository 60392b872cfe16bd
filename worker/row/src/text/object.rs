//! The text forms of what catalogs are made of: `oid`, `xid`, `name`, `"char"`, and of the reg* types their numbers.

use super::{TextError, trim};
use crate::types::Type;

/// A `name` has at most this many bytes.
const NAME_LENGTH: usize = 63;

/// Reads an `oid`; a negative number that fits 32 bits is the one above 2^31 that has the same bits. `shown` is what an error shows.
/// Source: `oidin_subr`.
pub(super) fn number(ty: Type, text: &str, shown: &str) -> Result<i64, TextError> {
    let bytes = trim(text.as_bytes());
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(TextError::Syntax { ty, text: shown.to_owned() });
    }
    let range = || TextError::IntegerRange { ty, text: shown.to_owned() };
    let value = digits.iter().try_fold(0u64, |value, byte| {
        value.checked_mul(10).and_then(|value| value.checked_add(u64::from(byte - b'0')))
    });
    let value = value.ok_or_else(range)?;
    let value = if negative { value.wrapping_neg() } else { value };
    let narrow = value as u32;
    if value == u64::from(narrow) || value as i64 == i64::from(narrow as i32) {
        Ok(narrow.into())
    } else {
        Err(range())
    }
}

/// Reads a reg* value by its number; `-` is 0.
pub(super) fn object(ty: Type, text: &str) -> Result<i64, TextError> {
    if text == "-" {
        return Ok(0);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TextError::ObjectName { ty, text: text.to_owned() });
    }
    number(Type::Oid, text, text)
}

/// Reads an `xid` as C's `strtoul` reads numbers: with `0x` in base 16, with `0` in base 8, up to what is no digit. Source: `xidin`.
pub(super) fn transaction(text: &str) -> i64 {
    let bytes = trim(text.as_bytes());
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => (16, digits),
        [b'0', digits @ ..] => (8, digits),
        digits => (10, digits),
    };
    let mut value = Some(0u64);
    for digit in digits.iter().map_while(|byte| char::from(*byte).to_digit(base)) {
        value = value
            .and_then(|value| value.checked_mul(base.into()))
            .and_then(|value| value.checked_add(digit.into()));
    }
    let value = match value {
        Some(value) if negative => value.wrapping_neg(),
        Some(value) => value,
        None => u64::MAX,
    };
    i64::from(value as u32)
}

/// Cuts a `name` to its length, between two characters.
pub fn clip_name(text: &str) -> &str {
    let mut end = text.len().min(NAME_LENGTH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A byte of a `"char"` as it is held: the character of that number, none for 0.
pub(crate) fn char_of(byte: u8) -> Option<char> {
    (byte != 0).then(|| char::from(byte))
}

/// Reads a `"char"`: the first byte, or `\ooo`. Source: `charin`.
pub fn parse_char(text: &str) -> Option<char> {
    let digit = |byte: u8| (b'0'..=b'7').contains(&byte).then(|| u32::from(byte - b'0'));
    if let [b'\\', a, b, c] = text.as_bytes()
        && let (Some(a), Some(b), Some(c)) = (digit(*a), digit(*b), digit(*c))
    {
        return char_of((a << 6 | b << 3 | c) as u8);
    }
    text.bytes().next().and_then(char_of)
}

/// Prints a `"char"`: bytes beyond ASCII as `\ooo`. Source: `charout`.
pub(super) fn write_char(text: &str, out: &mut String) {
    match text.chars().next() {
        Some(char) if !char.is_ascii() => out.push_str(&format!("\\{:03o}", u32::from(char) & 0xff)),
        _ => out.push_str(text),
    }
}
