//! Names of the catalog's objects as texts: `'public."Mixed Case"'::regclass` and its like.
//!
//! Source: `stringToQualifiedNameList` and `parseNumericOid` of PostgreSQL's `regproc.c`, `SplitIdentifierString` in `varlena.c`.

use offtake_row::Datum;

use super::eval::Value;
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

/// Names are cut after this many bytes. Source: `NAMEDATALEN`.
const MOST_BYTES: usize = 63;

/// The schema that the name is qualified with, or the empty text.
pub(super) fn schema<'a>(text: &str, arena: &'a Arena) -> Value<'a> {
    let (schema, _) = split(text)?;
    Ok(Datum::Text(arena.text(&schema)))
}

/// The name without its schema.
pub(super) fn object<'a>(text: &str, arena: &'a Arena) -> Value<'a> {
    let (_, name) = split(text)?;
    Ok(Datum::Text(arena.text(&name)))
}

/// The OID that is written in place of a name, as digits or as `-` (0); NULL if it is a name.
pub(super) fn oid<'a>(text: &str) -> Value<'a> {
    if text == "-" {
        return Ok(Datum::Int(0));
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Datum::Null);
    }
    match text.parse::<u32>() {
        Ok(oid) => Ok(Datum::Int(i64::from(oid))),
        Err(_) => Err(EvalError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{text}\" is out of range for type oid"),
        )),
    }
}

fn split(text: &str) -> Result<(String, String), EvalError> {
    let mut names =
        identifiers(text).ok_or_else(|| EvalError::new(SqlState(*b"42602"), "invalid name syntax"))?;
    match names.as_mut_slice() {
        [name] => Ok((String::new(), std::mem::take(name))),
        [schema, name] => Ok((std::mem::take(schema), std::mem::take(name))),
        [_, _, _] => Err(EvalError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cross-database references are not implemented: \"{}\"", names.join(".")),
        )),
        _ => Err(EvalError::new(
            SqlState(*b"42601"),
            format!("improper qualified name (too many dotted names): {}", names.join(".")),
        )),
    }
}

/// The identifiers between the dots, folded and without their quotes; `None` for what is no such list.
fn identifiers(text: &str) -> Option<Vec<String>> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let mut names = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    loop {
        let mut name = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let (part, after) = rest.split_once('"')?;
                name.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        rest = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
        } else {
            let end = rest.find(|c: char| c == '.' || blank(c)).unwrap_or(rest.len());
            name = rest[..end].to_ascii_lowercase();
            rest = &rest[end..];
        }
        if name.is_empty() {
            return None;
        }
        let mut end = name.len().min(MOST_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        names.push(name);
        rest = rest.trim_start_matches(blank);
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix('.')?.trim_start_matches(blank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_folded_as_identifiers() {
        for (text, expected) in [
            ("Orders", Some(vec!["orders"])),
            (" Public . \"Mixed \"\"Case\" ", Some(vec!["public", "Mixed \"Case"])),
            ("pg_catalog.\"char\"", Some(vec!["pg_catalog", "char"])),
            ("Ärger", Some(vec!["Ärger"])),
            ("a b", None),
            ("a..b", None),
            ("a.", None),
            ("", None),
            ("\"a", None),
            ("\"\"", None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(identifiers(text), expected, "{text}");
        }
        let code = |text: &str| split(text).map_err(|error| error.code.as_str().to_owned());
        assert_eq!(code("a.b.c"), Err("0A000".to_owned()));
        assert_eq!(code("a.b.c.d"), Err("42601".to_owned()));
        assert_eq!(code("a b"), Err("42602".to_owned()));
        assert_eq!(
            (oid("-"), oid("16384"), oid("orders")),
            (Ok(Datum::Int(0)), Ok(Datum::Int(16384)), Ok(Datum::Null))
        );
        assert!(oid("4294967296").is_err());
    }
}
