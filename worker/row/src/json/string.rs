//! Strings of JSON: how they are written and read.

use std::borrow::Cow;

use super::JsonError;

/// Appends a text as a JSON string with its quotes, as PostgreSQL's `escape_json` writes it.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Resolves the escapes of a string, given as it stands between its quotes; nothing is copied where there are none.
///
/// Errors: [`JsonError::Escape`] for `\u0000`, [`JsonError::Syntax`] for half a surrogate pair.
pub fn unescape(raw: &str) -> Result<Cow<'_, str>, JsonError> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else { return Err(JsonError::Syntax) };
        rest = &rest[escape.len_utf8()..];
        out.push(match escape {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = code_unit(&mut rest)?;
                if (0xd800..0xdc00).contains(&unit) {
                    rest = rest.strip_prefix("\\u").ok_or(JsonError::Syntax)?;
                    let low = code_unit(&mut rest)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(JsonError::Syntax);
                    }
                    char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
                        .ok_or(JsonError::Syntax)?
                } else if unit == 0 {
                    return Err(JsonError::Escape);
                } else {
                    char::from_u32(unit).ok_or(JsonError::Syntax)?
                }
            }
            other => other,
        });
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

fn code_unit(rest: &mut &str) -> Result<u32, JsonError> {
    let (hex, tail) = rest.split_at_checked(4).ok_or(JsonError::Syntax)?;
    *rest = tail;
    u32::from_str_radix(hex, 16).map_err(|_| JsonError::Syntax)
}
