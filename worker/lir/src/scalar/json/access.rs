//! `->`, `->>`, `#>`, `#>>` and what a value says of itself. Source: `jsonfuncs.c`.

use std::borrow::Cow;

use offtake_row::{ArrayRef, Datum, json};

use super::{Form, Json, Kind, failure, reader::string_end};
use crate::{arena::Arena, error::EvalError, scalar::eval::Value};

/// The value that a step leads to, as `->` and `->>` give it: a part of the text, or what it says as text.
pub(super) fn answer<'a>(found: Option<Json<'a>>, as_text: bool, arena: &'a Arena) -> Value<'a> {
    let Some(found) = found else { return Ok(Datum::Null) };
    if !as_text {
        return Ok(Datum::Text(found.text));
    }
    Ok(match found.kind() {
        Kind::Null => Datum::Null,
        Kind::String => match found.string().map(super::RawString::unescape).transpose()? {
            Some(Cow::Borrowed(text)) => Datum::Text(text),
            Some(Cow::Owned(text)) => Datum::Text(arena.text(&text)),
            None => Datum::Null,
        },
        Kind::Number | Kind::Boolean | Kind::Array | Kind::Object => Datum::Text(found.text),
    })
}

/// `json -> text`: of equal keys the last counts.
pub(super) fn member<'a>(form: Form, json: Json<'a>, key: &str) -> Result<Option<Json<'a>>, EvalError> {
    match form {
        Form::Jsonb => Ok(json.member(key)),
        Form::Json => {
            check_escapes(json)?;
            Ok(json.members().filter(|(name, _)| name.is(key)).last().map(|(_, value)| value))
        }
    }
}

/// `json -> integer`. A scalar of `jsonb` is held as an array of one element and read as one, a scalar of `json` is not.
pub(super) fn element<'a>(form: Form, json: Json<'a>, index: i64) -> Result<Option<Json<'a>>, EvalError> {
    match form {
        Form::Jsonb if json.is_scalar() => Ok(matches!(index, 0 | -1).then_some(json)),
        Form::Jsonb => Ok(json.element(index)),
        Form::Json => {
            check_escapes(json)?;
            Ok(json.element(index))
        }
    }
}

/// `json #> text[]`.
pub(super) fn path<'a>(form: Form, json: Json<'a>, steps: &[&str]) -> Result<Option<Json<'a>>, EvalError> {
    match form {
        Form::Jsonb => {
            let mut at = json;
            for step in steps {
                let next = match at.kind() {
                    Kind::Object => at.member(step),
                    Kind::Array => index(step).and_then(|index| at.element(index)),
                    Kind::Null | Kind::String | Kind::Number | Kind::Boolean => None,
                };
                match next {
                    Some(value) => at = value,
                    None => return Ok(None),
                }
            }
            Ok(Some(at))
        }
        Form::Json => {
            check_escapes(json)?;
            if steps.len() > json::MAX_DEPTH {
                return Err(failure(json::JsonError::Depth));
            }
            Ok(last_match(json, steps))
        }
    }
}

/// [`path`] of an array, to nowhere if one of its steps is NULL.
pub(super) fn array_path<'a>(
    form: Form,
    json: Json<'a>,
    steps: ArrayRef<'_>,
) -> Result<Option<Json<'a>>, EvalError> {
    let texts: Option<Vec<&str>> = super::texts(steps).collect();
    match texts {
        Some(texts) => path(form, json, &texts),
        None => Ok(None),
    }
}

/// PostgreSQL reads `json` once from its start: among equal keys it follows each, and what it finds last counts.
fn last_match<'a>(json: Json<'a>, steps: &[&str]) -> Option<Json<'a>> {
    let Some((step, rest)) = steps.split_first() else { return Some(json) };
    match json.kind() {
        Kind::Object => {
            let matching = json.members().filter(|(name, _)| name.is(step));
            matching.filter_map(|(_, value)| last_match(value, rest)).last()
        }
        Kind::Array => index(step).and_then(|index| json.element(index)).and_then(|at| last_match(at, rest)),
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => None,
    }
}

/// A step as an array's index, as C's `strtol` reads it: blanks and a sign in front, nothing behind.
pub(super) fn index(step: &str) -> Option<i64> {
    let digits = step.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    digits.parse::<i32>().ok().map(i64::from)
}

/// Functions of `json` read the whole text, and fail at a string that stands for no text (`\u0000`, half a surrogate pair).
pub(super) fn check_escapes(json: Json<'_>) -> Result<(), EvalError> {
    if !json.text.contains("\\u") {
        return Ok(());
    }
    let bytes = json.text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'"' {
            at += 1;
            continue;
        }
        let end = string_end(bytes, at);
        if let Some(raw) = json.text.get(at + 1..end - 1) {
            offtake_row::json::unescape(raw).map_err(failure)?;
        }
        at = end;
    }
    Ok(())
}

/// `json_typeof`.
pub(super) fn type_of(json: Json<'_>) -> &'static str {
    match json.kind() {
        Kind::Null => "null",
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

/// `jsonb_array_length`.
pub(super) fn array_length<'a>(json: Json<'_>) -> Value<'a> {
    match json.kind() {
        Kind::Array => Ok(Datum::Int(json.elements().count() as i64)),
        Kind::Object => Err(EvalError::invalid_parameter("cannot get array length of a non-array")),
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => {
            Err(EvalError::invalid_parameter("cannot get array length of a scalar"))
        }
    }
}
