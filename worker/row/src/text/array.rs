//! The text form of arrays: `{1,NULL,"a b"}`, `[0:1]={1,2}`, and that of vectors, `1 2`. Source: `arrayfuncs.c` (`array_in`,
//! `ArrayCount`, `ReadArrayStr`, `array_out`), `int.c` and `oid.c` of PostgreSQL 15.

use std::iter::Peekable;

use super::{TextError, object, write};
use crate::{
    array::{ArrayBuilder, ArrayRef, Dimension, MAX_DIMENSIONS, MAX_ELEMENTS},
    datum::Datum,
    row::RowPacker,
    types::Type,
};

/// More elements than this no vector has (PostgreSQL's `FUNC_MAX_ARGS`).
const MAX_VECTOR: usize = 100;

/// Prints an array.
pub(super) fn write_array(element: Type, array: ArrayRef<'_>, out: &mut String) {
    let dimensions: Vec<Dimension> = array.dimensions().collect();
    if dimensions.is_empty() {
        return out.push_str("{}");
    }
    if dimensions.iter().any(|dimension| dimension.lower != 1) {
        for dimension in &dimensions {
            out.push_str(&format!("[{}:{}]", dimension.lower, dimension.upper()));
        }
        out.push('=');
    }
    let mut elements = array.iter().peekable();
    write_level(element, &dimensions, &mut elements, &mut String::new(), out);
}

fn write_level<'a>(
    element: Type,
    dimensions: &[Dimension],
    elements: &mut Peekable<impl Iterator<Item = Datum<'a>>>,
    scratch: &mut String,
    out: &mut String,
) {
    let [dimension, inner @ ..] = dimensions else { return };
    out.push('{');
    for index in 0..dimension.length {
        // Foreign bytes may say more elements than there are.
        if elements.peek().is_none() {
            break;
        }
        if index > 0 {
            out.push(',');
        }
        if !inner.is_empty() {
            write_level(element, inner, elements, scratch, out);
            continue;
        }
        match elements.next() {
            None => break,
            Some(Datum::Null) => out.push_str("NULL"),
            Some(datum) => {
                scratch.clear();
                write(element, datum, scratch);
                write_element(scratch, out);
            }
        }
    }
    out.push('}');
}

fn write_element(text: &str, out: &mut String) {
    let special = |byte: u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(byte);
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.bytes().any(special) {
        return out.push_str(text);
    }
    out.push('"');
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('"');
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Prints an `int2vector` or `oidvector`.
pub(super) fn write_vector(element: Type, array: ArrayRef<'_>, out: &mut String) {
    for (index, datum) in array.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        write(element, datum, out);
    }
}

/// Reads an `int2vector` or `oidvector` (`ty`).
pub(super) fn parse_vector(ty: Type, text: &str, out: &mut RowPacker) -> Result<(), TextError> {
    let mut elements = ArrayBuilder::new();
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    while !rest.is_empty() {
        if elements.len() == MAX_VECTOR {
            return Err(TextError::VectorSize(ty));
        }
        let sign = usize::from(rest.starts_with(['-', '+']));
        let end = sign + rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let value = if ty == Type::Int2Vector {
            let syntax = || TextError::Syntax { ty: Type::Int2, text: rest.to_owned() };
            if end == sign {
                return Err(syntax());
            }
            let value = rest[..end].parse::<i16>();
            let value =
                value.map_err(|_| TextError::IntegerRange { ty: Type::Int2, text: rest.to_owned() })?;
            if !matches!(rest.as_bytes().get(end), None | Some(b' ')) {
                return Err(syntax());
            }
            i64::from(value)
        } else {
            object::number(Type::Oid, &rest[..end], rest)?
        };
        elements.push(Datum::Int(value));
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    }
    let dimension = Dimension { length: elements.len() as u32, lower: 0 };
    out.push(Datum::Array(elements.finish_with(&[dimension])));
    Ok(())
}

/// Reads an array of `element`. Nothing is packed on error.
pub(super) fn parse_array(element: Type, text: &str, out: &mut RowPacker) -> Result<(), TextError> {
    let mut reader = Reader {
        text,
        rest: text.as_bytes(),
        elements: ArrayBuilder::new(),
        lengths: Vec::new(),
        wrong: None,
    };
    let dimensions = reader.array(element)?;
    if let Some(error) = reader.wrong {
        return Err(error);
    }
    out.push(Datum::Array(reader.elements.finish_with(&dimensions)));
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a [u8],
    elements: ArrayBuilder,
    /// How many parts each level has, from the outermost, as far as one of it was finished.
    lengths: Vec<Option<usize>>,
    /// What is wrong with the first element that is none: told only where the array as such is one.
    wrong: Option<TextError>,
}

impl Reader<'_> {
    fn malformed(&self, detail: impl Into<String>) -> TextError {
        TextError::Array { text: self.text.to_owned(), detail: detail.into() }
    }

    fn skip_space(&mut self) {
        while let [first, rest @ ..] = self.rest
            && is_space(*first)
        {
            self.rest = rest;
        }
    }

    fn array(&mut self, element: Type) -> Result<Vec<Dimension>, TextError> {
        let mut bounds = Vec::new();
        self.skip_space();
        while let [b'[', rest @ ..] = self.rest {
            self.rest = rest;
            bounds.push(self.bounds(bounds.len())?);
            self.skip_space();
        }
        if !bounds.is_empty() {
            let Some(rest) = self.rest.strip_prefix(b"=") else {
                return Err(self.malformed("Missing \"=\" after array dimensions."));
            };
            self.rest = rest;
            self.skip_space();
        }
        if !self.rest.starts_with(b"{") {
            return Err(self.malformed(if bounds.is_empty() {
                "Array value must start with \"{\" or dimension information."
            } else {
                "Array contents must start with \"{\"."
            }));
        }
        self.level(element, 0)?;
        self.skip_space();
        if !self.rest.is_empty() {
            return Err(self.malformed("Junk after closing right brace."));
        }
        let mut dimensions: Vec<Dimension> =
            self.lengths.iter().map(|length| Dimension::new(length.unwrap_or(0))).collect();
        if self.elements.is_empty() {
            dimensions.clear();
        }
        if self.elements.len() > MAX_ELEMENTS {
            return Err(TextError::ArraySize);
        }
        if bounds.is_empty() {
            return Ok(dimensions);
        }
        let lengths = |of: &[Dimension]| of.iter().map(|dimension| dimension.length).collect::<Vec<_>>();
        if lengths(&bounds) != lengths(&dimensions) {
            return Err(self.malformed("Specified array dimensions do not match array contents."));
        }
        // The subscript behind the last must be one too.
        match bounds.iter().find(|dimension| dimension.upper() >= i64::from(i32::MAX)) {
            Some(dimension) => Err(TextError::ArrayLowerBound(dimension.lower)),
            None => Ok(bounds),
        }
    }

    /// `l:u]` or `u]`.
    fn bounds(&mut self, before: usize) -> Result<Dimension, TextError> {
        if before >= MAX_DIMENSIONS {
            return Err(TextError::ArrayDimensions(before + 1));
        }
        let missing = "\"[\" must introduce explicitly-specified array dimensions.";
        let mut upper = self.subscript(missing)?;
        let mut lower = 1;
        if let [b':', rest @ ..] = self.rest {
            self.rest = rest;
            lower = upper;
            upper = self.subscript("Missing array dimension value.")?;
        }
        let Some(rest) = self.rest.strip_prefix(b"]") else {
            return Err(self.malformed("Missing \"]\" after array dimensions."));
        };
        self.rest = rest;
        if upper < lower {
            return Err(TextError::ArrayBounds);
        }
        match u32::try_from(i64::from(upper) - i64::from(lower) + 1) {
            Ok(length) if length as usize <= MAX_ELEMENTS => Ok(Dimension { length, lower }),
            // More than there can be elements.
            _ => Err(self.malformed("Specified array dimensions do not match array contents.")),
        }
    }

    /// Digits and signs, read as C's `atoi` reads them.
    fn subscript(&mut self, missing: &str) -> Result<i32, TextError> {
        let end = self.rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-')).count();
        if end == 0 {
            return Err(self.malformed(missing));
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let sign = usize::from(matches!(text[0], b'+' | b'-'));
        let digits = sign + text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == sign {
            return Ok(0);
        }
        let number = std::str::from_utf8(&text[..digits]).unwrap_or_default();
        number.parse().map_err(|_| self.malformed("An array dimension is out of range."))
    }

    /// From an opening brace to its closing one.
    fn level(&mut self, element: Type, level: usize) -> Result<(), TextError> {
        if level >= MAX_DIMENSIONS {
            return Err(TextError::ArrayDimensions(level + 1));
        }
        self.rest = &self.rest[1..];
        if self.lengths.len() <= level {
            // Elements that stand beside a level are no array.
            if !self.elements.is_empty() {
                return Err(self.malformed("Unexpected \"{\" character."));
            }
            self.lengths.push(None);
        }
        self.skip_space();
        if level == 0 && self.rest.first() == Some(&b'}') {
            self.rest = &self.rest[1..];
            return Ok(());
        }
        let mut count = 0;
        loop {
            self.skip_space();
            match self.rest {
                [] => return Err(self.malformed("Unexpected end of input.")),
                [b'{', ..] => self.level(element, level + 1)?,
                [found @ (b'}' | b','), ..] => {
                    return Err(self.malformed(format!("Unexpected \"{}\" character.", char::from(*found))));
                }
                _ if self.lengths.len() > level + 1 => {
                    return Err(self.malformed("Unexpected array element."));
                }
                _ => self.element(element)?,
            }
            count += 1;
            self.skip_space();
            match self.rest {
                [b',', rest @ ..] => self.rest = rest,
                [b'}', rest @ ..] => {
                    self.rest = rest;
                    break;
                }
                [] => return Err(self.malformed("Unexpected end of input.")),
                _ => return Err(self.malformed("Unexpected array element.")),
            }
        }
        match self.lengths[level] {
            Some(length) if length != count => {
                Err(self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions."))
            }
            _ => {
                self.lengths[level] = Some(count);
                Ok(())
            }
        }
    }

    /// An element, quoted as a whole or not at all.
    fn element(&mut self, ty: Type) -> Result<(), TextError> {
        let mut value: Vec<u8> = Vec::new();
        let quoted = self.rest.starts_with(b"\"");
        let mut literal = quoted;
        // Up to here blanks at the end count.
        let mut kept = 0;
        if quoted {
            self.rest = &self.rest[1..];
        }
        loop {
            match self.rest {
                [] | [b'\\'] => return Err(self.malformed("Unexpected end of input.")),
                [b'\\', escaped, rest @ ..] => {
                    value.push(*escaped);
                    (literal, kept, self.rest) = (true, value.len(), rest);
                }
                [b'"', rest @ ..] if quoted => {
                    (kept, self.rest) = (value.len(), rest);
                    break;
                }
                [b'"', ..] => return Err(self.malformed("Unexpected array element.")),
                [b'{', ..] if !quoted => return Err(self.malformed("Unexpected \"{\" character.")),
                [b',' | b'}', ..] if !quoted => break,
                [byte, rest @ ..] => {
                    value.push(*byte);
                    if !is_space(*byte) {
                        kept = value.len();
                    }
                    self.rest = rest;
                }
            }
        }
        value.truncate(kept);
        // Only whole characters were taken apart: the separators are ASCII.
        let value = std::str::from_utf8(&value).map_err(|_| self.malformed("Unexpected end of input."))?;
        if !literal && value.eq_ignore_ascii_case("null") {
            self.elements.push(Datum::Null);
            return Ok(());
        }
        if let Err(error) = self.elements.push_with(|packer| super::parse(ty, value, packer)) {
            self.wrong.get_or_insert(error);
            self.elements.push(Datum::Null);
        }
        Ok(())
    }
}
