//! JSON text: the check of `json`, and the normal form of `jsonb`.

mod normal;
mod string;

pub use normal::{MAX_DEPTH, normalize};
pub use string::{unescape, write_string};

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
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
}

struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    decimals: &'a [u8],
    exponent: i64,
}
