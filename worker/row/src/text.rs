//! PostgreSQL's text forms: what its input functions read and its output functions print.
//!
//! Printing is under `DateStyle = ISO`, `TimeZone = UTC`, `extra_float_digits = 1` and `bytea_output = hex`. Reading follows
//! PostgreSQL 15 (so no `0x10` and `1_000`), with its words and codes for errors.

mod array;
mod error;
mod object;

use crate::{
    datum::Datum,
    float,
    json::{self, JsonError},
    numeric::{Numeric, NumericError},
    row::RowPacker,
    time::{self, TimeError},
    types::Type,
};

pub use error::{TextError, overflow_detail};
pub(crate) use object::char_of;
pub use object::{clip_name, parse_char};

/// Appends what PostgreSQL prints for a value; nothing for `Null`.
pub fn write(ty: Type, datum: Datum<'_>, out: &mut String) {
    match datum {
        Datum::Null => {}
        Datum::Bool(value) => out.push(if value { 't' } else { 'f' }),
        // The number of no object.
        Datum::Int(0) if ty.is_object() && ty != Type::Oid => out.push('-'),
        Datum::Int(value) => {
            if value < 0 {
                out.push('-');
            }
            float::write_digits(value.unsigned_abs(), out);
        }
        Datum::Float4(value) => float::write_f32(value, out),
        Datum::Float8(value) => float::write_f64(value, out),
        Datum::Numeric(value) => value.write(out),
        Datum::Text(value) if ty == Type::Char => object::write_char(value, out),
        Datum::Text(value) => out.push_str(value),
        Datum::Bytes(value) => {
            out.reserve(2 + 2 * value.len());
            out.push_str("\\x");
            for byte in value {
                push_hex(*byte, out);
            }
        }
        Datum::Date(days) => time::write_date(days, out),
        Datum::Time(micros) => time::write_time(micros, out),
        Datum::Timestamp(micros) => time::write_timestamp(micros, ty == Type::Timestamptz, out),
        Datum::Interval { months, days, micros } => time::write_interval(months, days, micros, out),
        Datum::Array(value) if matches!(ty, Type::Int2Vector | Type::OidVector) => {
            array::write_vector(ty.element().unwrap_or(Type::Text), value, out);
        }
        Datum::Array(value) => array::write_array(ty.element().unwrap_or(Type::Text), value, out),
        Datum::Uuid(value) => {
            out.reserve(36);
            for (index, byte) in value.iter().enumerate() {
                if matches!(index, 4 | 6 | 8 | 10) {
                    out.push('-');
                }
                push_hex(*byte, out);
            }
        }
    }
}

fn push_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// Reads a value with the type's input function and packs it, coerced to the type's length or precision. Nothing is packed on error.
pub fn parse(ty: Type, text: &str, out: &mut RowPacker) -> Result<(), TextError> {
    let syntax = || TextError::Syntax { ty: ty.base(), text: text.to_owned() };
    let datum = match ty {
        Type::Bool => Datum::Bool(parse_bool(text.as_bytes()).ok_or_else(syntax)?),
        Type::Int2 => Datum::Int(parse_int(ty, text, i64::from(i16::MIN), i64::from(i16::MAX))?),
        Type::Int4 => Datum::Int(parse_int(ty, text, i64::from(i32::MIN), i64::from(i32::MAX))?),
        Type::Int8 => Datum::Int(parse_int(ty, text, i64::MIN, i64::MAX)?),
        Type::Float4 => Datum::Float4(float::parse_f32(text)?),
        Type::Float8 => Datum::Float8(float::parse_f64(text)?),
        Type::Numeric(modifier) => {
            let value = Numeric::parse(text).map_err(|error| match error {
                NumericError::Syntax => syntax(),
                error => TextError::Numeric { error, ty, infinite: false },
            })?;
            let value = match modifier {
                Some((precision, scale)) => value
                    .rescale(precision, scale)
                    .map_err(|error| TextError::Numeric { error, ty, infinite: value.is_special() })?,
                None => value,
            };
            Datum::Numeric(value)
        }
        Type::Text => Datum::Text(checked(text)?),
        Type::Varchar(length) => Datum::Text(clip(ty, checked(text)?, length)?),
        Type::Bpchar(length) => {
            let clipped = clip(ty, checked(text)?, length)?;
            return pad(clipped, length, out);
        }
        Type::Json => {
            json::validate(text).map_err(json_error)?;
            Datum::Text(checked(text)?)
        }
        Type::Jsonb => {
            let mut normal = String::with_capacity(text.len());
            json::normalize(text, &mut normal).map_err(json_error)?;
            out.push(Datum::Text(&normal));
            return Ok(());
        }
        Type::Date => Datum::Date(time::parse_date(text).map_err(|error| time_error(ty, text, error))?),
        Type::Time => Datum::Time(time::parse_time(text).map_err(|error| time_error(ty, text, error))?),
        Type::Timestamp => {
            Datum::Timestamp(time::parse_timestamp(text).map_err(|error| time_error(ty, text, error))?)
        }
        Type::Timestamptz => {
            Datum::Timestamp(time::parse_timestamptz(text).map_err(|error| time_error(ty, text, error))?)
        }
        Type::Interval => {
            let (months, days, micros) =
                time::parse_interval(text).map_err(|error| time_error(ty, text, error))?;
            Datum::Interval { months, days, micros }
        }
        Type::Oid => Datum::Int(object::number(ty, text, text)?),
        Type::Xid => Datum::Int(object::transaction(text)),
        Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole => {
            Datum::Int(object::object(ty, text)?)
        }
        Type::Name => Datum::Text(clip_name(checked(text)?)),
        Type::Char => {
            let value = parse_char(checked(text)?).map(String::from).unwrap_or_default();
            out.push(Datum::Text(&value));
            return Ok(());
        }
        Type::PgNodeTree | Type::AclItem => return Err(TextError::NoInput(ty)),
        Type::Int2Vector | Type::OidVector => return array::parse_vector(ty, text, out),
        Type::Array(element) => return array::parse_array(element.into(), text, out),
        Type::Uuid => Datum::Uuid(parse_uuid(text.as_bytes()).ok_or_else(syntax)?),
        Type::Bytea => {
            out.push(Datum::Bytes(&parse_bytea(text)?));
            return Ok(());
        }
    };
    out.push(datum);
    Ok(())
}

fn time_error(ty: Type, text: &str, error: TimeError) -> TextError {
    TextError::Time { error, ty, text: text.to_owned() }
}

fn json_error(error: JsonError) -> TextError {
    match error {
        // PostgreSQL's jsonb speaks of json too.
        JsonError::Syntax => TextError::SyntaxUnquoted(Type::Json),
        JsonError::Escape => TextError::JsonEscape,
        JsonError::Number => TextError::JsonNumber,
        JsonError::Depth => TextError::JsonDepth,
    }
}

/// Cuts the blanks off both ends that C's `isspace` knows.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t'..=b'\r', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'..=b'\r'] = text {
        text = rest;
    }
    text
}

fn checked(text: &str) -> Result<&str, TextError> {
    if text.as_bytes().contains(&0) { Err(TextError::ZeroByte) } else { Ok(text) }
}

/// Any beginning of a word that tells it from the others, in any case.
fn parse_bool(text: &[u8]) -> Option<bool> {
    let text = trim(text);
    let begins = |word: &[u8], least: usize| {
        text.len() >= least && text.len() <= word.len() && word[..text.len()].eq_ignore_ascii_case(text)
    };
    match text {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if begins(b"true", 1) || begins(b"yes", 1) || begins(b"on", 2) => Some(true),
        _ if begins(b"false", 1) || begins(b"no", 1) || begins(b"off", 2) => Some(false),
        _ => None,
    }
}

fn parse_int(ty: Type, text: &str, min: i64, max: i64) -> Result<i64, TextError> {
    let bytes = trim(text.as_bytes());
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut value: i64 = 0;
    let syntax = || TextError::Syntax { ty, text: text.to_owned() };
    if digits.is_empty() {
        return Err(syntax());
    }
    if digits.len() <= 18 {
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                // PostgreSQL meets the overflow before the foreign character, where there are both.
                let head = if negative { -value } else { value };
                return Err(if head < min || head > max { range(ty, text) } else { syntax() });
            }
            value = value * 10 + i64::from(digit);
        }
        if negative {
            value = -value;
        }
    } else {
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(if value < min || value > max { range(ty, text) } else { syntax() });
            }
            let digit = i64::from(digit);
            value = value
                .checked_mul(10)
                .and_then(|tens| if negative { tens.checked_sub(digit) } else { tens.checked_add(digit) })
                .ok_or_else(|| range(ty, text))?;
        }
    }
    if value < min || value > max { Err(range(ty, text)) } else { Ok(value) }
}

fn range(ty: Type, text: &str) -> TextError {
    TextError::IntegerRange { ty, text: text.to_owned() }
}

/// Cuts blanks beyond `length` characters off; anything else there is an error.
pub(crate) fn clip(ty: Type, text: &str, length: Option<u32>) -> Result<&str, TextError> {
    let Some(length) = length.map(|length| length as usize) else { return Ok(text) };
    if text.len() <= length {
        return Ok(text);
    }
    match text.char_indices().nth(length) {
        None => Ok(text),
        Some((end, _)) if text[end..].bytes().all(|byte| byte == b' ') => Ok(&text[..end]),
        Some(_) => Err(TextError::TooLong(ty)),
    }
}

/// Packs a text of at most `length` characters with blanks behind it up to that length.
pub(crate) fn pad(text: &str, length: Option<u32>, out: &mut RowPacker) -> Result<(), TextError> {
    let length = length.map_or(0, |length| length as usize);
    let missing = length.saturating_sub(text.chars().count());
    if missing == 0 {
        out.push(Datum::Text(text));
    } else {
        let mut padded = String::with_capacity(text.len() + missing);
        padded.push_str(text);
        padded.extend(std::iter::repeat_n(' ', missing));
        out.push(Datum::Text(&padded));
    }
    Ok(())
}

/// 32 hexadecimal digits in any case, a hyphen allowed behind every fourth, all perhaps in braces.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        other => other,
    };
    let mut uuid = [0; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return None };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        rest = tail;
        if index % 2 == 1
            && index < 15
            && let [b'-', tail @ ..] = rest
        {
            rest = tail;
        }
    }
    rest.is_empty().then_some(uuid)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn parse_bytea(text: &str) -> Result<Vec<u8>, TextError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    if let Some(hex) = text.strip_prefix("\\x") {
        let mut chars = hex.chars();
        while let Some(high) = chars.next() {
            if matches!(high, ' ' | '\n' | '\t' | '\r') {
                continue;
            }
            let digit = |char: char| char.to_digit(16).ok_or(TextError::HexDigit(char));
            let high = digit(high)?;
            let low = digit(chars.next().ok_or(TextError::HexOdd)?)?;
            out.push((high << 4 | low) as u8);
        }
        return Ok(out);
    }
    let octal = |byte: u8, max: u8| (b'0'..=max).contains(&byte);
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'\\', b'\\', ..] => {
                out.push(b'\\');
                at += 2;
            }
            [b'\\', a, b, c, ..] if octal(*a, b'3') && octal(*b, b'7') && octal(*c, b'7') => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                at += 4;
            }
            [b'\\', ..] => return Err(TextError::SyntaxUnquoted(Type::Bytea)),
            [byte, ..] => {
                out.push(*byte);
                at += 1;
            }
            [] => break,
        }
    }
    Ok(out)
}
