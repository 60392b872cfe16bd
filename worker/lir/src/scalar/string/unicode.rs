//! Characters by their codes and as UTF-8, and words with capitals.

use crate::{
    error::{EvalError, SqlState},
    scalar::{
        regex::is_alphanumeric,
        text::{simple_lower, simple_upper},
    },
};

/// `initcap`: the first letter or digit of each word in upper case, the others in lower case.
pub(super) fn init_cap(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .map(|c| {
            let changed = if inside { simple_lower(c) } else { simple_upper(c) };
            inside = is_alphanumeric(changed);
            changed
        })
        .collect()
}

/// Whether a name of an encoding is UTF-8's; all others are refused.
pub(super) fn check_encoding(name: &str) -> Result<(), EvalError> {
    let cleaned: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if matches!(cleaned.as_str(), "utf8" | "unicode") {
        return Ok(());
    }
    let message = format!("conversions of encoding \"{name}\" are not kept by Offtake, only those of UTF8");
    Err(EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, message))
}

/// Bytes as text. Source of what an invalid sequence is called: `report_invalid_encoding`.
pub(super) fn convert_from(bytes: &[u8]) -> Result<&str, EvalError> {
    let zero = bytes.iter().position(|byte| *byte == 0);
    let at = match std::str::from_utf8(bytes) {
        Ok(text) if zero.is_none() => return Ok(text),
        Ok(_) => zero.unwrap_or(0),
        Err(error) => zero.unwrap_or(usize::MAX).min(error.valid_up_to()),
    };
    let length = match bytes.get(at) {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    let shown: Vec<String> = bytes.iter().skip(at).take(length).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "));
    Err(EvalError::new(SqlState::NOT_IN_REPERTOIRE, message))
}

fn syntax(message: &str) -> EvalError {
    EvalError::new(SqlState::SYNTAX, message)
}

/// `unistr`: `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` and `\\`. Source: `unistr` in `varlena.c`.
pub(super) fn unistr(text: &str) -> Result<String, EvalError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // The first half of a surrogate pair.
    let mut high: Option<u32> = None;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            if high.is_some() {
                return Err(syntax("invalid Unicode surrogate pair"));
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        rest = &rest[1..];
        if let Some(behind) = rest.strip_prefix('\\') {
            if high.is_some() {
                return Err(syntax("invalid Unicode surrogate pair"));
            }
            out.push('\\');
            rest = behind;
            continue;
        }
        let forms = [("", 4), ("+", 6), ("u", 4), ("U", 8)];
        let found = forms.iter().find_map(|(prefix, digits)| {
            let (code, behind) = rest.strip_prefix(prefix)?.split_at_checked(*digits)?;
            let hex = code.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((u32::from_str_radix(code, 16).ok().filter(|_| hex)?, behind))
        });
        let Some((code, behind)) = found else { return Err(syntax("invalid Unicode escape")) };
        rest = behind;
        if code == 0 || code > 0x10_ffff {
            return Err(EvalError::invalid_parameter(format!("invalid Unicode code point: {code:04X}")));
        }
        let code = match (high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => 0x1_0000 + ((high & 0x3ff) << 10) + (code & 0x3ff),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => return Err(syntax("invalid Unicode surrogate pair")),
            (None, 0xd800..=0xdbff) => {
                high = Some(code);
                continue;
            }
            (None, code) => code,
        };
        out.push(char::from_u32(code).ok_or_else(|| syntax("invalid Unicode surrogate pair"))?);
    }
    if high.is_some() {
        return Err(syntax("invalid Unicode surrogate pair"));
    }
    Ok(out)
}
