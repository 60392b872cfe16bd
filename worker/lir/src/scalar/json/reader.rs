//! A look into JSON text without copying it: values, elements and members are slices of the text.
//!
//! The text has been checked when it became a value of `json` or `jsonb`; the reader relies on its shape and, where that should not
//! hold, ends early instead of failing.

use std::borrow::Cow;

use offtake_row::json;

use super::failure;
use crate::error::EvalError;

/// What a value is. The order is that of `jsonb`: scalars by kind, below arrays, below objects (`jbvType` in `jsonb.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Null,
    String,
    Number,
    Boolean,
    Array,
    Object,
}

/// A value: its text, without blanks around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a> {
    pub text: &'a str,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawString<'a>(pub &'a str);

impl<'a> Json<'a> {
    /// The value that a datum's text holds.
    pub(crate) fn new(text: &'a str) -> Json<'a> {
        Json { text: text.trim_matches(is_blank) }
    }

    pub(crate) fn kind(self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    pub(crate) fn is_scalar(self) -> bool {
        !matches!(self.kind(), Kind::Array | Kind::Object)
    }

    /// The string, if the value is one.
    pub(crate) fn string(self) -> Option<RawString<'a>> {
        match self.kind() {
            Kind::String => {
                let end = self.text.len().saturating_sub(1);
                Some(RawString(self.text.get(1..end).unwrap_or_default()))
            }
            Kind::Null | Kind::Number | Kind::Boolean | Kind::Array | Kind::Object => None,
        }
    }

    /// An array's elements; none for everything else.
    pub(crate) fn elements(self) -> Elements<'a> {
        let items = if self.kind() == Kind::Array { inside(self.text) } else { "" };
        Elements { rest: items }
    }

    /// An object's members, duplicates included; none for everything else.
    pub(crate) fn members(self) -> Members<'a> {
        let items = if self.kind() == Kind::Object { inside(self.text) } else { "" };
        Members { rest: items }
    }

    /// Counts elements or members; 0 for a scalar.
    pub(crate) fn count(self) -> usize {
        self.elements().count() + self.members().count()
    }

    /// The value of a member of a `jsonb` object, whose keys are unique and in order.
    pub(crate) fn member(self, key: &str) -> Option<Json<'a>> {
        let (_, value) = self.members().find(|(name, _)| name.is(key))?;
        Some(value)
    }

    /// The element at `index`; from the end (-1) where it is negative.
    pub(crate) fn element(self, index: i64) -> Option<Json<'a>> {
        let index = if index < 0 { index + self.elements().count() as i64 } else { index };
        self.elements().nth(usize::try_from(index).ok()?)
    }
}

impl<'a> RawString<'a> {
    /// The text that the string stands for.
    pub(crate) fn unescape(self) -> Result<Cow<'a, str>, EvalError> {
        json::unescape(self.0).map_err(failure)
    }

    /// As [`RawString::unescape`], for strings of `jsonb`, which all have a text.
    pub(crate) fn text(self) -> Cow<'a, str> {
        json::unescape(self.0).unwrap_or(Cow::Borrowed(self.0))
    }

    /// Whether the string stands for `text`.
    pub(crate) fn is(self, text: &str) -> bool {
        if self.0.contains('\\') { self.text() == text } else { self.0 == text }
    }
}

pub(crate) struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        let item = next_value(self.rest)?;
        self.rest = behind_comma(item.1);
        Some(item.0)
    }
}

pub(crate) struct Members<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Members<'a> {
    type Item = (RawString<'a>, Json<'a>);

    fn next(&mut self) -> Option<(RawString<'a>, Json<'a>)> {
        let (key, rest) = next_value(self.rest)?;
        let rest = rest.trim_start_matches(is_blank).strip_prefix(':')?;
        let (value, rest) = next_value(rest)?;
        self.rest = behind_comma(rest);
        Some((key.string()?, value))
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// What stands between an array's or an object's brackets.
fn inside(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

fn behind_comma(rest: &str) -> &str {
    rest.trim_start_matches(is_blank).strip_prefix(',').unwrap_or_default()
}

/// The value that a text starts with, and what stands behind it.
fn next_value(text: &str) -> Option<(Json<'_>, &str)> {
    let text = text.trim_start_matches(is_blank);
    let end = value_end(text.as_bytes())?;
    let (value, rest) = text.split_at_checked(end)?;
    Some((Json { text: value }, rest))
}

/// Where the value that the bytes start with ends.
fn value_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => Some(string_end(bytes, 0)),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at = string_end(bytes, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            Some(at)
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            Some(bytes.iter().position(ends).unwrap_or(bytes.len()))
        }
    }
}

/// Where the string that opens at `start` ends, its closing quote included.
pub(super) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}
