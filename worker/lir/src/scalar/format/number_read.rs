//! Numbers read by template. Source: `numeric_to_number` and `NUM_numpart_from_char`.

use offtake_row::{Numeric, Type, text::TextError};

use super::number::{Key, Part, SignPlace, Template};
use crate::error::{EvalError, SqlState};

/// `to_number(text, template)`.
pub(super) fn read(text: &str, template: &str) -> Result<Numeric, EvalError> {
    let template = Template::parse(template)?;
    let unsupported = |what: &str| {
        EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("\"{what}\" not supported for input"))
    };
    if template.scientific {
        return Err(unsupported("EEEE"));
    }
    if template.roman {
        return Err(unsupported("RN"));
    }
    let mut reader = Reader {
        template: &template,
        input: text.as_bytes(),
        at: 0,
        sign: b' ',
        digits: Vec::new(),
        before: 0,
        behind: 0,
        decimal: false,
    };
    reader.run();
    let mut number: Vec<u8> = vec![reader.sign];
    number.append(&mut reader.digits);
    if number.last() == Some(&b'.') {
        number.pop();
    }
    let number = String::from_utf8_lossy(&number).into_owned();
    let shift = template.shift.unwrap_or(0);
    let (scale, precision) = (reader.behind, template.before + shift + reader.behind);
    let value = Numeric::parse(&number).map_err(|error| match error {
        offtake_row::NumericError::Syntax => EvalError::new(
            SqlState::INVALID_TEXT,
            TextError::Syntax { ty: Type::Numeric(None), text: number.clone() }.to_string(),
        ),
        error => error.into(),
    })?;
    let value = value.rescale(precision as u16, scale as i16)?;
    if template.shift.is_none() {
        return Ok(value);
    }
    // `power(10, -shift)` has at least sixteen decimals.
    let decimals = 16.max(shift);
    let power = Numeric::parse(&match shift {
        0 => format!("1.{}", "0".repeat(decimals)),
        shift => format!("0.{}1{}", "0".repeat(shift - 1), "0".repeat(decimals - shift)),
    })?;
    Ok(value.mul(&power)?)
}

struct Reader<'i> {
    template: &'i Template<'i>,
    input: &'i [u8],
    at: usize,
    /// A blank as long as none was read.
    sign: u8,
    digits: Vec<u8>,
    before: usize,
    behind: usize,
    decimal: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// The length of the character at hand.
    fn width(&self) -> usize {
        match self.peek() {
            Some(0xf0..) => 4,
            Some(0xe0..) => 3,
            Some(0xc0..) => 2,
            _ => 1,
        }
    }

    fn run(&mut self) {
        for part in &self.template.parts {
            let Some(byte) = self.peek() else { return };
            let key = match part {
                Part::Char(_) => {
                    self.at += self.width();
                    continue;
                }
                Part::Key(key) => *key,
            };
            let taken = match key {
                Key::Nine | Key::Zero | Key::Point | Key::LocalPoint => {
                    self.number_part(key);
                    true
                }
                Key::Comma | Key::Group => !self.template.fill && byte == b',',
                Key::Money => self.skip(1),
                Key::Ordinal { .. } => {
                    if self.sign == b'#' || self.template.decimal {
                        false
                    } else {
                        self.skip(2)
                    }
                }
                Key::Minus => self.take_sign(b"-", byte),
                Key::Plus => self.take_sign(b"+", byte),
                Key::AnySign => self.take_sign(b"-+", byte),
                Key::Blank
                | Key::Currency
                | Key::Scientific
                | Key::Fill
                | Key::Brackets
                | Key::Roman { .. }
                | Key::Spelled
                | Key::Sign
                | Key::Shift => false,
            };
            if taken {
                self.at += 1;
            }
        }
    }

    /// Passes over up to so many characters that are no number's. Not over the one at hand by itself.
    fn skip(&mut self, most: usize) -> bool {
        for _ in 0..most {
            match self.peek() {
                None | Some(b'0'..=b'9' | b'.' | b',' | b'+' | b'-') => break,
                Some(_) => self.at += self.width(),
            }
        }
        false
    }

    fn take_sign(&mut self, signs: &[u8], byte: u8) -> bool {
        if signs.contains(&byte) {
            self.sign = byte;
            return true;
        }
        self.skip(1)
    }

    fn number_part(&mut self, key: Key) {
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        let Some(byte) = self.peek() else { return };
        let digit = matches!(key, Key::Nine | Key::Zero);
        if self.sign == b' ' && digit && self.before + self.behind == 0 {
            if matches!(self.template.sign, Some((SignPlace::Before, _))) {
                if matches!(byte, b'-' | b'+') {
                    self.sign = byte;
                    self.at += 1;
                }
            } else if byte == b'-' || self.template.brackets && byte == b'<' {
                self.sign = b'-';
                self.at += 1;
            } else if byte == b'+' {
                self.sign = b'+';
                self.at += 1;
            }
        }
        let Some(byte) = self.peek() else { return };
        let mut read = false;
        if byte.is_ascii_digit() {
            if self.decimal && self.behind == self.template.behind {
                return;
            }
            self.digits.push(byte);
            if self.decimal {
                self.behind += 1;
            } else {
                self.before += 1;
            }
            read = true;
        } else if self.template.decimal && !self.decimal && byte == b'.' {
            self.digits.push(b'.');
            self.decimal = true;
            read = true;
        }
        if self.sign != b' ' || self.before + self.behind == 0 {
            return;
        }
        // A sign behind the last digit.
        if self.template.sign.is_some() && read {
            if let Some(sign @ (b'-' | b'+')) = self.input.get(self.at + 1).copied() {
                self.sign = sign;
                self.at += 1;
            }
        } else if !read
            && self.template.sign.is_none()
            && (self.template.plus || self.template.minus)
            && matches!(byte, b'-' | b'+')
        {
            self.sign = byte;
        }
    }
}
