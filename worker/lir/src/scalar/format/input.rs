//! The text that is read by a template: words and numbers at its start. Source: `from_char_parse_int_len` and `from_char_seq_search`.

use super::{
    reader::{format_error, overflow, set},
    template::Field,
};
use crate::error::EvalError;

/// A text and what of it is left.
pub(super) struct Input<'i> {
    pub all: &'i str,
    pub rest: &'i str,
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

pub(super) fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(|char: char| char.is_ascii() && is_space(char as u8))
}

impl Input<'_> {
    /// One of some words, in any case; its place among them.
    pub(super) fn word(&mut self, words: &[&str], field: Field) -> Result<i32, EvalError> {
        let bytes = self.rest.as_bytes();
        let starts = |word: &&str| {
            bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        match words.iter().position(starts) {
            Some(place) => {
                self.rest = &self.rest[words[place].len()..];
                Ok(place as i32)
            }
            None => {
                let end =
                    self.rest.bytes().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
                let shown = &self.rest[..end.unwrap_or(self.rest.len())];
                Err(format_error(format!("invalid value \"{shown}\" for \"{}\"", field.name)))
            }
        }
    }

    /// A number of `width` digits, or of any where it is `open`; how many characters it took, blanks before it among them.
    pub(super) fn number(
        &mut self,
        into: Option<&mut i32>,
        width: usize,
        open: bool,
        field: Field,
    ) -> Result<usize, EvalError> {
        let name = field.name;
        let start = self.rest;
        let text = skip_spaces(start);
        let copy = {
            let mut end = text.len().min(width);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            &text[..end]
        };
        let invalid = || format_error(format!("invalid value \"{copy}\" for \"{name}\""));
        let (value, used) = if open {
            let (value, used) = leading_integer(text);
            (value, if used == 0 { 0 } else { used + start.len() - text.len() })
        } else {
            if text.len() < width {
                return Err(format_error(format!("source string too short for \"{name}\" formatting field")));
            }
            let (value, used) = leading_integer(copy);
            if used > 0 && used < width {
                return Err(invalid());
            }
            (value, used + start.len() - text.len())
        };
        if used == 0 {
            return Err(invalid());
        }
        let value = value
            .and_then(|value| i32::try_from(value).ok())
            .ok_or_else(|| overflow(format!("value for \"{name}\" in source string is out of range")))?;
        self.rest = &start[used..];
        if let Some(into) = into {
            set(into, value, name)?;
        }
        Ok(used)
    }

    /// `Y,YYY`: thousands, and up to three digits.
    pub(super) fn year_with_comma(&mut self) -> Result<i32, EvalError> {
        let invalid = || format_error("invalid input string for \"Y,YYY\"");
        let text = skip_spaces(self.rest);
        let (thousands, used) = leading_integer(text);
        let rest = text[used..].strip_prefix(',').filter(|_| used > 0).ok_or_else(invalid)?;
        let rest = skip_spaces(rest);
        let end = rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at);
        let (years, used) = leading_integer(&rest[..end]);
        if used == 0 {
            return Err(invalid());
        }
        self.rest = &rest[used..];
        // As in PostgreSQL 15, what does not fit wraps.
        let (thousands, years) = (thousands.ok_or_else(invalid)? as i32, years.ok_or_else(invalid)? as i32);
        Ok(thousands.wrapping_mul(1000).wrapping_add(years))
    }
}

/// What C's `strtol` reads at the start, without blanks before it: the number, `None` where it is too great, and how long it is.
fn leading_integer(text: &str) -> (Option<i64>, usize) {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { (Some(0), 0) } else { (text[..sign + digits].parse().ok(), sign + digits) }
}
