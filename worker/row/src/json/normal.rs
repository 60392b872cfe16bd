//! The normal form of `jsonb`.

use std::collections::BTreeMap;

use super::{JsonError, Number, Scanner, unescape, write_string};

/// Objects and arrays within each other that `jsonb` may have. PostgreSQL's limit is the size of its stack, several thousand.
pub const MAX_DEPTH: usize = 1_000;
/// Digits before the point that a `numeric` may have in PostgreSQL.
const MAX_WHOLE_DIGITS: i64 = 131_072;
/// Digits behind the point that a `numeric` may have in PostgreSQL.
const MAX_DECIMALS: i64 = 16_383;

/// Prints a text as `jsonb` prints it: keys in order and once, numbers as numerics, escapes only where needed.
pub fn normalize(text: &str, out: &mut String) -> Result<(), JsonError> {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0 };
    let value = scanner.value(0)?;
    scanner.blanks();
    if scanner.at != scanner.text.len() {
        return Err(JsonError::Syntax);
    }
    value.write(out);
    Ok(())
}

enum Value {
    /// `null`, `true`, `false` and numbers, as they are printed.
    Plain(String),
    Text(String),
    Array(Vec<Value>),
    /// In jsonb's order of keys: shorter ones first, then by bytes.
    Object(BTreeMap<(usize, String), Value>),
}

impl Value {
    fn write(&self, out: &mut String) {
        match self {
            Value::Plain(text) => out.push_str(text),
            Value::Text(text) => write_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, ((_, key), value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write_string(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl Scanner<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.blanks();
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                let mut members = BTreeMap::new();
                if depth >= MAX_DEPTH {
                    return Err(JsonError::Depth);
                }
                self.blanks();
                if self.eat(b'}') {
                    return Ok(Value::Object(members));
                }
                loop {
                    self.blanks();
                    let key = owned(self.key()?)?;
                    let value = self.value(depth + 1)?;
                    // The last of equal keys is kept.
                    members.insert((key.len(), key), value);
                    self.blanks();
                    if self.eat(b'}') {
                        return Ok(Value::Object(members));
                    }
                    if !self.eat(b',') {
                        return Err(JsonError::Syntax);
                    }
                }
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                if depth >= MAX_DEPTH {
                    return Err(JsonError::Depth);
                }
                self.blanks();
                if self.eat(b']') {
                    return Ok(Value::Array(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    self.blanks();
                    if self.eat(b']') {
                        return Ok(Value::Array(items));
                    }
                    if !self.eat(b',') {
                        return Err(JsonError::Syntax);
                    }
                }
            }
            Some(b'"') => Ok(Value::Text(owned(self.string()?)?)),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Plain(self.number()?.numeric()?)),
            _ => Ok(Value::Plain(self.word()?.to_owned())),
        }
    }
}

impl Number<'_> {
    /// What `numeric` prints for it, of any number of digits.
    fn numeric(&self) -> Result<String, JsonError> {
        let digits: String = self.whole.iter().chain(self.decimals).map(|byte| char::from(*byte)).collect();
        let scale = (self.decimals.len() as i64 - self.exponent).max(0);
        let point = self.whole.len() as i64 + self.exponent;
        let zero = digits.bytes().all(|byte| byte == b'0');
        if scale > MAX_DECIMALS || (!zero && point > MAX_WHOLE_DIGITS) {
            return Err(JsonError::Number);
        }
        let mut out = String::new();
        if self.negative && !zero {
            out.push('-');
        }
        // The place of digit `i` is `point - 1 - i`; what is not there is 0.
        let digit = |index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| digits.as_bytes().get(index))
                .map_or('0', |b| char::from(*b))
        };
        let whole: String = if zero { String::new() } else { (0..point).map(digit).collect() };
        let whole = whole.trim_start_matches('0');
        out.push_str(if whole.is_empty() { "0" } else { whole });
        if scale > 0 {
            out.push('.');
            out.extend((point..point + scale).map(digit));
        }
        Ok(out)
    }
}

/// The text of a string that the scanner has found.
fn owned(raw: &[u8]) -> Result<String, JsonError> {
    let raw = std::str::from_utf8(raw).map_err(|_| JsonError::Syntax)?;
    Ok(unescape(raw)?.into_owned())
}
