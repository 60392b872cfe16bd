//! `encode` and `decode`. Source: `encode.c`.

use std::fmt::Write;

use super::check_size;
use crate::error::{EvalError, SqlState};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters of a line of base64.
const LINE: usize = 76;

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

enum Encoding {
    Hex,
    Base64,
    Escape,
}

impl Encoding {
    fn named(name: &str) -> Result<Encoding, EvalError> {
        match name.to_ascii_lowercase().as_str() {
            "hex" => Ok(Encoding::Hex),
            "base64" => Ok(Encoding::Base64),
            "escape" => Ok(Encoding::Escape),
            _ => Err(EvalError::invalid_parameter(format!("unrecognized encoding: \"{name}\""))),
        }
    }
}

pub(super) fn encode(bytes: &[u8], name: &str) -> Result<String, EvalError> {
    check_size(bytes.len().saturating_mul(2))?;
    Ok(match Encoding::named(name)? {
        Encoding::Hex => hex(bytes),
        Encoding::Base64 => base64(bytes),
        Encoding::Escape => {
            let mut out = String::with_capacity(bytes.len());
            for byte in bytes {
                match byte {
                    b'\\' => out.push_str("\\\\"),
                    0 | 0x80.. => {
                        let _ = write!(out, "\\{byte:03o}");
                    }
                    byte => out.push(char::from(*byte)),
                }
            }
            out
        }
    })
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + 4);
    let mut column = 0;
    for group in bytes.chunks(3) {
        // A line ends when the next group would begin behind it.
        if column == LINE {
            out.push('\n');
            column = 0;
        }
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
        column += 4;
    }
    // PostgreSQL ends a full line also where it is the last one.
    if column == LINE {
        out.push('\n');
    }
    out
}

pub(super) fn decode(text: &str, name: &str) -> Result<Vec<u8>, EvalError> {
    match Encoding::named(name)? {
        Encoding::Hex => decode_hex(text),
        Encoding::Base64 => decode_base64(text),
        Encoding::Escape => decode_escape(text.as_bytes()),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn decode_hex(text: &str) -> Result<Vec<u8>, EvalError> {
    let digit = |c: char| match c.to_digit(16) {
        Some(digit) => Ok(digit as u8),
        None => Err(EvalError::invalid_parameter(format!("invalid hexadecimal digit: \"{c}\""))),
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars();
    while let Some(high) = chars.next() {
        if is_blank(high) {
            continue;
        }
        let high = digit(high)?;
        let Some(low) = chars.next() else {
            return Err(EvalError::invalid_parameter("invalid hexadecimal data: odd number of digits"));
        };
        out.push(high << 4 | digit(low)?);
    }
    Ok(out)
}

fn decode_base64(text: &str) -> Result<Vec<u8>, EvalError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    // How many bytes the last group has, once a `=` was read.
    let mut last = None;
    for c in text.chars().filter(|c| !is_blank(*c)) {
        let digit = if c == '=' {
            if last.is_none() {
                if count < 2 {
                    let message = "unexpected \"=\" while decoding base64 sequence";
                    return Err(EvalError::invalid_parameter(message));
                }
                last = Some(count - 1);
            }
            0
        } else {
            let known = BASE64.iter().position(|digit| char::from(*digit) == c);
            known.ok_or_else(|| {
                let message = format!("invalid symbol \"{c}\" found while decoding base64 sequence");
                EvalError::invalid_parameter(message)
            })? as u32
        };
        bits = bits << 6 | digit;
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..=last.unwrap_or(3)]);
            (bits, count) = (0, 0);
        }
    }
    if count > 0 {
        return Err(EvalError::invalid_parameter("invalid base64 end sequence"));
    }
    Ok(out)
}

fn decode_escape(text: &[u8]) -> Result<Vec<u8>, EvalError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Ok(out),
            [b'\\', b'\\', rest @ ..] => {
                out.push(b'\\');
                rest
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            [b'\\', ..] => {
                return Err(EvalError::new(SqlState::INVALID_TEXT, "invalid input syntax for type bytea"));
            }
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
        };
    }
}
