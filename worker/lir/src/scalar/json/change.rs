//! Operators that answer a changed `jsonb`: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`, `jsonb_strip_nulls`. Source: `jsonfuncs.c`.

use offtake_row::json::{self, write_string};

use super::{Form, Json, Kind, RawString, access, finish, order::key_order};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    scalar::eval::Value,
};
use offtake_row::Datum;

/// Writes an array or an object of `jsonb`.
pub(super) struct Writer<'o> {
    out: &'o mut String,
    empty: bool,
    close: char,
}

impl<'o> Writer<'o> {
    pub(super) fn array(out: &'o mut String) -> Writer<'o> {
        out.push('[');
        Writer { out, empty: true, close: ']' }
    }

    pub(super) fn object(out: &'o mut String) -> Writer<'o> {
        out.push('{');
        Writer { out, empty: true, close: '}' }
    }

    /// What an element or a member's key is to be written to.
    pub(super) fn next(&mut self) -> &mut String {
        if !self.empty {
            self.out.push_str(", ");
        }
        self.empty = false;
        self.out
    }

    /// What the value of the member with this key is to be written to.
    pub(super) fn member(&mut self, key: RawString<'_>) -> &mut String {
        let out = self.next();
        out.push('"');
        out.push_str(key.0);
        out.push_str("\": ");
        out
    }

    pub(super) fn end(self) {
        self.out.push(self.close);
    }
}

/// `jsonb || jsonb`: objects are merged, the right one's values win; everything else becomes one array.
pub(super) fn concat<'a>(left: Json<'a>, right: Json<'a>, arena: &'a Arena) -> Value<'a> {
    let mut out = String::with_capacity(left.text.len() + right.text.len() + 2);
    if let (Kind::Object, Kind::Object) = (left.kind(), right.kind()) {
        let mut writer = Writer::object(&mut out);
        let (mut ours, mut theirs) = (left.members().peekable(), right.members().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some((ours, _)), Some((theirs, _))) => key_order(*ours, *theirs),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            let our = if order.is_le() { ours.next() } else { None };
            let their = if order.is_ge() { theirs.next() } else { None };
            if let Some((key, value)) = their.or(our) {
                writer.member(key).push_str(value.text);
            }
        }
        writer.end();
    } else {
        let mut writer = Writer::array(&mut out);
        for json in [left, right] {
            if json.kind() == Kind::Array {
                json.elements().for_each(|element| writer.next().push_str(element.text));
            } else {
                writer.next().push_str(json.text);
            }
        }
        writer.end();
    }
    finish(&out, arena)
}

/// `jsonb - text`, and with several keys `jsonb - text[]`: members with the key, or elements that are the string, go.
pub(super) fn delete_keys<'a>(json: Json<'a>, keys: &[&str], arena: &'a Arena) -> Value<'a> {
    let mut out = String::with_capacity(json.text.len());
    match json.kind() {
        Kind::Object => {
            let mut writer = Writer::object(&mut out);
            for (key, value) in json.members() {
                if !keys.iter().any(|gone| key.is(gone)) {
                    writer.member(key).push_str(value.text);
                }
            }
            writer.end();
        }
        Kind::Array => {
            let mut writer = Writer::array(&mut out);
            for element in json.elements() {
                if !element.string().is_some_and(|string| keys.iter().any(|gone| string.is(gone))) {
                    writer.next().push_str(element.text);
                }
            }
            writer.end();
        }
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => {
            return Err(EvalError::invalid_parameter("cannot delete from scalar"));
        }
    }
    Ok(Datum::Text(arena.text(&out)))
}

/// `jsonb - integer`.
pub(super) fn delete_element<'a>(json: Json<'a>, index: i64, arena: &'a Arena) -> Value<'a> {
    match json.kind() {
        Kind::Array => {}
        Kind::Object => {
            return Err(EvalError::invalid_parameter("cannot delete from object using integer index"));
        }
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => {
            return Err(EvalError::invalid_parameter("cannot delete from scalar"));
        }
    }
    let gone = if index < 0 { json.elements().count() as i64 + index } else { index };
    let mut out = String::with_capacity(json.text.len());
    let mut writer = Writer::array(&mut out);
    for (_, element) in (0..).zip(json.elements()).filter(|(place, _)| *place != gone) {
        writer.next().push_str(element.text);
    }
    writer.end();
    Ok(Datum::Text(arena.text(&out)))
}

/// What happens at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    Delete,
    /// Puts a value in the place of one that is there.
    Replace(&'a str),
    /// As `Replace`, and adds it where there is none.
    Create(&'a str),
    InsertBefore(&'a str),
    InsertAfter(&'a str),
}

impl<'a> Change<'a> {
    /// The value that is put where nothing is yet.
    fn added(self) -> Option<&'a str> {
        match self {
            Change::Create(value) | Change::InsertBefore(value) | Change::InsertAfter(value) => Some(value),
            Change::Delete | Change::Replace(_) => None,
        }
    }
}

/// `jsonb_set`, `jsonb_insert`, `#-`.
pub(super) fn change<'a>(
    json: Json<'a>,
    path: &[Option<&str>],
    change: Change<'_>,
    arena: &'a Arena,
) -> Value<'a> {
    if json.is_scalar() {
        return Err(EvalError::invalid_parameter(match change {
            Change::Delete => "cannot delete path in scalar",
            _ => "cannot set path in scalar",
        }));
    }
    let nothing_there = matches!(change, Change::Delete | Change::Replace(_)) && json.count() == 0;
    if nothing_there || path.is_empty() {
        return Ok(Datum::Text(json.text));
    }
    if path.len() > json::MAX_DEPTH {
        return Err(super::failure(json::JsonError::Depth));
    }
    let mut out = String::with_capacity(json.text.len() + 16);
    descend(json, path, 0, change, &mut out)?;
    finish(&out, arena)
}

/// `setPath`.
fn descend(
    json: Json<'_>,
    path: &[Option<&str>],
    level: usize,
    change: Change<'_>,
    out: &mut String,
) -> Result<(), EvalError> {
    let Some(step) = path[level] else {
        let message = format!("path element at position {} is null", level + 1);
        return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, message));
    };
    let last = level + 1 == path.len();
    match json.kind() {
        Kind::Object => {
            let mut writer = Writer::object(out);
            let mut key = String::new();
            write_string(step, &mut key);
            let wanted = RawString(key.get(1..key.len() - 1).unwrap_or_default());
            let mut missing = if last { change.added() } else { None };
            for (name, value) in json.members() {
                let order = key_order(name, wanted);
                if order.is_gt()
                    && let Some(added) = missing.take()
                {
                    writer.member(wanted).push_str(added);
                }
                if order.is_ne() {
                    writer.member(name).push_str(value.text);
                    continue;
                }
                missing = None;
                if !last {
                    descend(value, path, level + 1, change, writer.member(name))?;
                    continue;
                }
                match change {
                    Change::Delete => {}
                    Change::Replace(value) | Change::Create(value) => writer.member(name).push_str(value),
                    Change::InsertBefore(_) | Change::InsertAfter(_) => {
                        return Err(EvalError::invalid_parameter("cannot replace existing key"));
                    }
                }
            }
            if let Some(added) = missing {
                writer.member(wanted).push_str(added);
            }
            writer.end();
        }
        Kind::Array => descend_array(json, path, level, step, change, out)?,
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => out.push_str(json.text),
    }
    Ok(())
}

/// `setPathArray`.
fn descend_array(
    json: Json<'_>,
    path: &[Option<&str>],
    level: usize,
    step: &str,
    change: Change<'_>,
    out: &mut String,
) -> Result<(), EvalError> {
    let last = level + 1 == path.len();
    let Some(index) = access::index(step) else {
        let message = format!("path element at position {} is not an integer: \"{step}\"", level + 1);
        return Err(EvalError::new(SqlState::INVALID_TEXT, message));
    };
    let count = json.elements().count() as i64;
    // A place in front of the first element is `None`, one behind the last is the end.
    let place = if index >= 0 { Some(index.min(count)) } else { Some(count + index).filter(|at| *at >= 0) };
    let mut writer = Writer::array(out);
    let mut missing = if last { change.added() } else { None };
    if (place.is_none() || count == 0)
        && let Some(added) = missing.take()
    {
        writer.next().push_str(added);
    }
    for (at, element) in (0..).zip(json.elements()) {
        if Some(at) != place {
            writer.next().push_str(element.text);
            continue;
        }
        missing = None;
        if !last {
            descend(element, path, level + 1, change, writer.next())?;
            continue;
        }
        match change {
            Change::Delete => {}
            Change::Replace(value) | Change::Create(value) => writer.next().push_str(value),
            Change::InsertBefore(value) => {
                writer.next().push_str(value);
                writer.next().push_str(element.text);
            }
            Change::InsertAfter(value) => {
                writer.next().push_str(element.text);
                writer.next().push_str(value);
            }
        }
    }
    if let Some(added) = missing {
        writer.next().push_str(added);
    }
    writer.end();
    Ok(())
}

/// `jsonb_strip_nulls` and `json_strip_nulls`: members that are null go, at every depth.
pub(super) fn strip_nulls<'a>(form: Form, json: Json<'a>, arena: &'a Arena) -> Value<'a> {
    let mut out = String::with_capacity(json.text.len());
    strip(form, json, 0, &mut out)?;
    Ok(Datum::Text(arena.text(&out)))
}

/// The answer for `json` has no blanks, and its strings are written anew.
fn strip(form: Form, json: Json<'_>, depth: usize, out: &mut String) -> Result<(), EvalError> {
    if depth > json::MAX_DEPTH {
        return Err(super::failure(json::JsonError::Depth));
    }
    let (comma, colon) = match form {
        Form::Json => (",", ":"),
        Form::Jsonb => (", ", ": "),
    };
    let mut first = true;
    let mut separate = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push_str(comma);
        }
    };
    match json.kind() {
        Kind::Object => {
            out.push('{');
            for (key, value) in json.members().filter(|(_, value)| value.kind() != Kind::Null) {
                separate(out);
                write_string(&key.unescape()?, out);
                out.push_str(colon);
                strip(form, value, depth + 1, out)?;
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for element in json.elements() {
                separate(out);
                strip(form, element, depth + 1, out)?;
            }
            out.push(']');
        }
        Kind::String => {
            if let Some(string) = json.string() {
                write_string(&string.unescape()?, out);
            }
        }
        Kind::Null | Kind::Number | Kind::Boolean => out.push_str(json.text),
    }
    Ok(())
}
