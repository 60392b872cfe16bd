//! JSON text: the check of `json`, and the normal form of `jsonb`.

use std::collections::BTreeMap;

/// Objects and arrays within each other that `jsonb` may have. PostgreSQL's limit is the size of its stack, several thousand.
const MAX_DEPTH: usize = 1_000;
/// Digits before the point that a `numeric` may have in PostgreSQL.
const MAX_WHOLE_DIGITS: i64 = 131_072;
/// Digits behind the point that a `numeric` may have in PostgreSQL.
const MAX_DECIMALS: i64 = 16_383;

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("invalid JSON")]
    Syntax,
    /// `\u0000` and lone surrogates, which `text` cannot hold.
    #[error("unsupported Unicode escape sequence")]
    Escape,
    #[error("value overflows numeric format")]
    Number,
    #[error("stack depth limit exceeded")]
    Depth,
}

/// Checks what `json` accepts. Any depth: it keeps one byte a level and does not recurse.
pub(crate) fn validate(text: &str) -> Result<(), JsonError> {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0 };
    let mut open: Vec<u8> = Vec::new();
    loop {
        // A value is due here.
        scanner.blanks();
        let closed = match scanner.peek() {
            Some(bracket @ (b'{' | b'[')) => {
                scanner.at += 1;
                scanner.blanks();
                if scanner.eat(bracket + 2) {
                    true
                } else {
                    open.push(bracket);
                    if bracket == b'{' {
                        scanner.key()?;
                    }
                    false
                }
            }
            Some(b'"') => {
                scanner.string()?;
                true
            }
            Some(b'-' | b'0'..=b'9') => {
                scanner.number()?;
                true
            }
            _ => {
                scanner.word()?;
                true
            }
        };
        if !closed {
            continue;
        }
        // A value has ended: close what it ends.
        loop {
            scanner.blanks();
            let Some(bracket) = open.last().copied() else {
                return if scanner.at == scanner.text.len() { Ok(()) } else { Err(JsonError::Syntax) };
            };
            if scanner.eat(b',') {
                if bracket == b'{' {
                    scanner.blanks();
                    scanner.key()?;
                }
                break;
            }
            // `{` and `}`, `[` and `]` are two apart.
            if !scanner.eat(bracket + 2) {
                return Err(JsonError::Syntax);
            }
            open.pop();
        }
    }
}

/// Prints a text as `jsonb` prints it: keys in order and once, numbers as numerics, escapes only where needed.
pub(crate) fn normalize(text: &str, out: &mut String) -> Result<(), JsonError> {
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

fn write_string(text: &str, out: &mut String) {
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

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// A key and its colon; gives the key between its quotes.
    fn key(&mut self) -> Result<&'a [u8], JsonError> {
        let key = self.string()?;
        self.blanks();
        if self.eat(b':') { Ok(key) } else { Err(JsonError::Syntax) }
    }

    fn word(&mut self) -> Result<&'static str, JsonError> {
        for word in ["true", "false", "null"] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return match self.peek() {
                    Some(b'_' | b'$' | 0x80.. | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                        Err(JsonError::Syntax)
                    }
                    _ => Ok(word),
                };
            }
        }
        Err(JsonError::Syntax)
    }

    /// A string; gives what is between its quotes, escapes checked but not resolved.
    fn string(&mut self) -> Result<&'a [u8], JsonError> {
        if !self.eat(b'"') {
            return Err(JsonError::Syntax);
        }
        let start = self.at;
        loop {
            let byte = self.peek().ok_or(JsonError::Syntax)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(&self.text[start..self.at - 1]),
                b'\\' => {
                    let escape = self.peek().ok_or(JsonError::Syntax)?;
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let hex = self.text.get(self.at..self.at + 4).ok_or(JsonError::Syntax)?;
                            if !hex.iter().all(u8::is_ascii_hexdigit) {
                                return Err(JsonError::Syntax);
                            }
                            self.at += 4;
                        }
                        _ => return Err(JsonError::Syntax),
                    }
                }
                0..=0x1f => return Err(JsonError::Syntax),
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax) } else { Ok(&self.text[start..self.at]) }
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let negative = self.eat(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole[0] == b'0' {
            return Err(JsonError::Syntax);
        }
        let decimals = if self.eat(b'.') { self.digits()? } else { &[] };
        let mut exponent = 0i64;
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            let below = self.eat(b'-');
            if !below {
                self.eat(b'+');
            }
            for digit in self.digits()? {
                exponent = (exponent * 10 + i64::from(digit - b'0')).min(1_000_000_000);
            }
            if below {
                exponent = -exponent;
            }
        }
        match self.peek() {
            Some(b'_' | b'$' | b'.' | b'+' | b'-' | 0x80.. | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                Err(JsonError::Syntax)
            }
            _ => Ok(Number { negative, whole, decimals, exponent }),
        }
    }

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
                    let key = resolve(self.key()?)?;
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
            Some(b'"') => Ok(Value::Text(resolve(self.string()?)?)),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Plain(self.number()?.numeric()?)),
            _ => Ok(Value::Plain(self.word()?.to_owned())),
        }
    }
}

struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    decimals: &'a [u8],
    exponent: i64,
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

/// Resolves the escapes of a string that [`Scanner::string`] checked.
fn resolve(raw: &[u8]) -> Result<String, JsonError> {
    let raw = std::str::from_utf8(raw).map_err(|_| JsonError::Syntax)?;
    if !raw.contains('\\') {
        return Ok(raw.to_owned());
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
    Ok(out)
}

fn code_unit(rest: &mut &str) -> Result<u32, JsonError> {
    let (hex, tail) = rest.split_at_checked(4).ok_or(JsonError::Syntax)?;
    *rest = tail;
    u32::from_str_radix(hex, 16).map_err(|_| JsonError::Syntax)
}
