//! A number's digits in a template's places. Source: `NUM_processor` and `NUM_numpart_to_char`.

use super::{
    names::ordinal,
    number::{Key, Part, SignPlace, Template},
};
use crate::error::EvalError;

/// The state of writing a number's digits into a template's places.
struct Printer<'n> {
    template: Template<'n>,
    number: &'n [u8],
    /// The next of its characters.
    at: usize,
    sign: char,
    sign_written: bool,
    blanks: usize,
    /// The last place, the sign's among them; -1 for none.
    count: i64,
    /// The place at hand.
    place: usize,
    /// Of a decimal number in `FM` the last character that is shown.
    last: Option<usize>,
    /// Whether the place before was one of the number's own.
    within: bool,
    out: Vec<u8>,
}

/// Writes a number, without its sign, into its template's places; so many of them are before the number's own.
pub(super) fn print(
    mut template: Template<'_>,
    number: &str,
    blanks: usize,
    sign: char,
) -> Result<String, EvalError> {
    let mut sign = sign;
    if template.roman {
        template = Template {
            before: 0,
            behind: 0,
            sign: None,
            decimal: false,
            brackets: false,
            minus: false,
            plus: false,
            zeros_from: None,
            ..template
        };
        sign = '\0';
    }
    let number = number.as_bytes();
    let mut sign_written = false;
    if template.plus || template.minus {
        sign_written = !template.plus || template.minus;
    } else {
        if sign != '-' && template.fill {
            template.brackets = false;
        }
        sign_written |= sign == '+' && template.fill && template.sign.is_none();
        if let Some((place @ SignPlace::Before, behind)) = &mut template.sign
            && *behind == template.before
        {
            *place = SignPlace::Behind;
        }
    }
    let last =
        if template.fill && template.decimal { last_relevant(&template, number, blanks) } else { None };
    let count = (template.behind + template.before + usize::from(!sign_written && blanks == 0)) as i64 - 1;
    let mut printer = Printer {
        number,
        at: 0,
        sign,
        sign_written,
        blanks,
        count,
        place: 0,
        last,
        within: false,
        out: Vec::new(),
        template,
    };
    printer.run()?;
    // PostgreSQL's result ends where a digit was asked for that the number does not have.
    let end = printer.out.iter().position(|byte| *byte == 0).unwrap_or(printer.out.len());
    printer.out.truncate(end);
    Ok(String::from_utf8(printer.out).unwrap_or_default())
}

/// Behind the point the last digit that is not 0, or that a `0` asks for; the point if there is none.
fn last_relevant(template: &Template<'_>, number: &[u8], blanks: usize) -> Option<usize> {
    let point = number.iter().position(|byte| *byte == b'.')?;
    let last = number.iter().rposition(|byte| *byte != b'0').filter(|last| *last > point).unwrap_or(point);
    if template.zeros_to > blanks {
        let zero = (number.len() - 1).min(template.zeros_to - blanks);
        return Some(last.max(zero));
    }
    Some(last)
}

impl Printer<'_> {
    fn run(&mut self) -> Result<(), EvalError> {
        for part in self.template.parts.clone() {
            match part {
                Part::Char(char) => self.out.extend_from_slice(char.as_bytes()),
                Part::Key(key) => self.key(key)?,
            }
        }
        Ok(())
    }

    fn key(&mut self, key: Key) -> Result<(), EvalError> {
        let fill = self.template.fill;
        let byte = match key {
            Key::Nine | Key::Zero | Key::Point | Key::LocalPoint => {
                self.number_part(key);
                return Ok(());
            }
            Key::Comma | Key::Group => match self.within {
                true => b',',
                false if fill => return Ok(()),
                false => b' ',
            },
            // The currency of the locale C is a blank.
            Key::Money => b' ',
            Key::Roman { upper } => {
                let shown = String::from_utf8_lossy(self.number).into_owned();
                let shown = if upper { shown } else { shown.to_ascii_lowercase() };
                self.out.extend_from_slice(if fill { shown } else { format!("{shown:>15}") }.as_bytes());
                return Ok(());
            }
            Key::Ordinal { upper } => {
                let none = self.template.roman
                    || self.number.first() == Some(&b'#')
                    || self.sign == '-'
                    || self.template.decimal;
                if !none {
                    let shown = String::from_utf8_lossy(self.number).into_owned();
                    self.out.extend_from_slice(ordinal(&shown, upper)?.as_bytes());
                }
                return Ok(());
            }
            Key::Minus if self.sign == '-' => b'-',
            Key::Plus if self.sign == '+' => b'+',
            Key::Minus | Key::Plus if fill => return Ok(()),
            Key::Minus | Key::Plus => b' ',
            Key::AnySign => self.sign as u8,
            Key::Blank
            | Key::Currency
            | Key::Scientific
            | Key::Fill
            | Key::Brackets
            | Key::Spelled
            | Key::Sign
            | Key::Shift => return Ok(()),
        };
        self.out.push(byte);
        Ok(())
    }

    /// Whether the next digit is a single 0 before the point that is left out: `.1`.
    fn is_omitted_zero(&self) -> bool {
        self.template.zeros_from.is_none()
            && self.at == 0
            && self.number.first() == Some(&b'0')
            && self.template.behind != 0
    }

    fn last_is_point(&self) -> bool {
        self.last.is_some_and(|last| self.number.get(last) == Some(&b'.'))
    }

    fn sign_text(&self) -> u8 {
        if self.sign == '-' { b'-' } else { b'+' }
    }

    fn number_part(&mut self, key: Key) {
        if self.template.roman {
            return;
        }
        self.within = false;
        self.write_sign();
        let zeros = self.template.zeros_from;
        if self.place < self.blanks && zeros.is_none_or(|from| from > self.place) {
            if !self.template.fill {
                self.out.push(b' ');
            }
        } else if self.place < self.blanks {
            self.out.push(b'0');
            self.within = true;
        } else {
            self.write_digit(key);
            if self.at < self.number.len() {
                self.at += 1;
            }
        }
        let end = self.count + i64::from(self.blanks > 0) + i64::from(self.template.decimal);
        if self.last != Some(self.at) && self.place as i64 + 1 == end {
            if self.sign_written && self.template.brackets {
                self.out.push(if self.sign == '+' { b' ' } else { b'>' });
            } else if matches!(self.template.sign, Some((SignPlace::Behind, _))) {
                self.out.push(self.sign_text());
            }
        }
        self.place += 1;
    }

    /// Before the first place that is the number's.
    fn write_sign(&mut self) {
        let starts = self.place >= self.blanks || self.template.zeros_from == Some(self.place);
        if self.sign_written || !starts || (self.is_omitted_zero() && !self.last_is_point()) {
            return;
        }
        if let Some((place, _)) = self.template.sign {
            if place == SignPlace::Before {
                self.out.push(self.sign_text());
                self.sign_written = true;
            }
        } else if self.template.brackets {
            self.out.push(if self.sign == '+' { b' ' } else { b'<' });
            self.sign_written = true;
        } else if self.sign == '+' {
            if !self.template.fill {
                self.out.push(b' ');
            }
            self.sign_written = true;
        } else if self.sign == '-' {
            self.out.push(b'-');
            self.sign_written = true;
        }
    }

    fn write_digit(&mut self, key: Key) {
        let char = self.number.get(self.at).copied();
        if char == Some(b'.') {
            self.out.push(b'.');
        } else if self.last.is_some_and(|last| self.at > last) && key != Key::Zero {
            // Behind the last digit that is shown.
        } else if self.is_omitted_zero() {
            if !self.template.fill {
                self.out.push(b' ');
            } else if self.last_is_point() {
                self.out.push(b'0');
            }
        } else {
            self.out.push(char.unwrap_or(0));
            self.within = true;
        }
    }
}
