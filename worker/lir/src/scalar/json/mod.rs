//! Functions of `json` and `jsonb`. Both are held as texts: `json` as it was sent, `jsonb` in its normal form, which every function here
//! that makes a `jsonb` keeps to. Values taken out of a text borrow from it.

mod access;
pub(crate) mod aggregate;
mod build;
mod change;
mod order;
mod print;
mod reader;
pub(crate) mod rows;
mod sortkey;

use offtake_row::{
    ArrayRef, Datum, Type,
    json::{self, JsonError},
};
use serde::{Deserialize, Serialize};

use super::{
    Func, Scalar,
    eval::{Value, mismatch},
};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

pub use build::Strings;
use change::Change;
pub(crate) use order::{canonical, compare};
pub(crate) use reader::{Json, Kind, RawString};
pub use sortkey::push_jsonb_order;

/// Which of the two types a function takes or makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Form {
    Json,
    Jsonb,
}

/// A function or operator of JSON. Source: PostgreSQL documentation, 9.16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JsonFunc {
    /// `-> text`.
    Member(Form),
    /// `->> text`.
    MemberText(Form),
    /// `-> integer`.
    Element(Form),
    /// `->> integer`.
    ElementText(Form),
    /// `jsonb_extract_path(jsonb, text, …)`. NULL if any argument is.
    ExtractPath(Form),
    /// `jsonb_extract_path_text(jsonb, text, …)`. NULL if any argument is.
    ExtractPathText(Form),
    /// `#>`, and `jsonb_extract_path` of an array.
    Path(Form),
    /// `#>>`, and `jsonb_extract_path_text` of an array.
    PathText(Form),
    /// `@>`.
    Contains,
    /// `<@`.
    Contained,
    /// `?`.
    HasKey,
    /// `?|`.
    HasAnyKey,
    /// `?&`.
    HasAllKeys,
    /// `jsonb || jsonb`.
    Concat,
    /// `jsonb - text`.
    DeleteKey,
    /// `jsonb - text[]`.
    DeleteKeys,
    /// `jsonb - integer`.
    DeleteElement,
    /// `#-`.
    DeletePath,
    /// `jsonb_set(jsonb, text[], jsonb [, boolean])`.
    Set,
    /// `jsonb_insert(jsonb, text[], jsonb [, boolean])`.
    Insert,
    /// `json_object(text[])`, or of keys and values.
    Object(Form),
    /// `array_to_json(array [, pretty])`, of elements of this type.
    ArrayToJson(Type),
    TypeOf,
    ArrayLength,
    StripNulls(Form),
    Pretty,
    /// `to_json` and `to_jsonb` of a value of this type.
    From(Form, Type),
    /// Any number of arguments, texts or made JSON by a cast. Not strict.
    BuildArray(Form, Strings),
    /// Any number of arguments, texts or made JSON by a cast. Not strict.
    BuildObject(Form, Strings),
}

impl JsonFunc {
    /// Whether the function answers NULL as soon as one argument is NULL.
    pub(super) fn is_strict(self) -> bool {
        // Paths have more arguments than strict functions take, and look for NULLs themselves.
        !matches!(
            self,
            JsonFunc::ExtractPath(_)
                | JsonFunc::ExtractPathText(_)
                | JsonFunc::BuildArray(..)
                | JsonFunc::BuildObject(..)
        )
    }

    /// How EXPLAIN calls it, and whether it is an operator.
    pub(super) fn name(self) -> (&'static str, bool) {
        match self {
            JsonFunc::Member(_) | JsonFunc::Element(_) => ("->", true),
            JsonFunc::MemberText(_) | JsonFunc::ElementText(_) => ("->>", true),
            JsonFunc::ExtractPath(Form::Json) => ("json_extract_path", false),
            JsonFunc::ExtractPath(Form::Jsonb) => ("jsonb_extract_path", false),
            JsonFunc::ExtractPathText(Form::Json) => ("json_extract_path_text", false),
            JsonFunc::ExtractPathText(Form::Jsonb) => ("jsonb_extract_path_text", false),
            JsonFunc::Path(_) => ("#>", true),
            JsonFunc::PathText(_) => ("#>>", true),
            JsonFunc::Contains => ("@>", true),
            JsonFunc::Contained => ("<@", true),
            JsonFunc::HasKey => ("?", true),
            JsonFunc::HasAnyKey => ("?|", true),
            JsonFunc::HasAllKeys => ("?&", true),
            JsonFunc::Concat => ("||", true),
            JsonFunc::DeleteKey | JsonFunc::DeleteKeys | JsonFunc::DeleteElement => ("-", true),
            JsonFunc::DeletePath => ("#-", true),
            JsonFunc::Set => ("jsonb_set", false),
            JsonFunc::Insert => ("jsonb_insert", false),
            JsonFunc::Object(Form::Json) => ("json_object", false),
            JsonFunc::Object(Form::Jsonb) => ("jsonb_object", false),
            JsonFunc::ArrayToJson(_) => ("array_to_json", false),
            JsonFunc::TypeOf => ("jsonb_typeof", false),
            JsonFunc::ArrayLength => ("jsonb_array_length", false),
            JsonFunc::StripNulls(Form::Json) => ("json_strip_nulls", false),
            JsonFunc::StripNulls(Form::Jsonb) => ("jsonb_strip_nulls", false),
            JsonFunc::Pretty => ("jsonb_pretty", false),
            JsonFunc::From(Form::Json, _) => ("to_json", false),
            JsonFunc::From(Form::Jsonb, _) => ("to_jsonb", false),
            JsonFunc::BuildArray(Form::Json, _) => ("json_build_array", false),
            JsonFunc::BuildArray(Form::Jsonb, _) => ("jsonb_build_array", false),
            JsonFunc::BuildObject(Form::Json, _) => ("json_build_object", false),
            JsonFunc::BuildObject(Form::Jsonb, _) => ("jsonb_build_object", false),
        }
    }
}

pub(super) fn unary<'a>(func: JsonFunc, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (func, value) {
        (JsonFunc::From(form, ty), value) => return build::to_json(form, ty, value, arena),
        (JsonFunc::Object(form), Datum::Array(texts)) => return build::of_texts(form, texts, None, arena),
        (JsonFunc::ArrayToJson(ty), array @ Datum::Array(_)) => {
            return build::array_to_json(ty, array, false, arena);
        }
        _ => {}
    }
    let Datum::Text(text) = value else { return Err(mismatch(Func::Json(func))) };
    let json = Json::new(text);
    match func {
        JsonFunc::TypeOf => Ok(Datum::Text(access::type_of(json))),
        JsonFunc::ArrayLength => access::array_length(json),
        JsonFunc::StripNulls(form) => change::strip_nulls(form, json, arena),
        JsonFunc::Pretty => {
            let mut out = String::with_capacity(text.len() * 2);
            print::pretty(json, 0, &mut out);
            Ok(Datum::Text(arena.text(&out)))
        }
        func => Err(mismatch(Func::Json(func))),
    }
}

pub(super) fn binary<'a>(func: JsonFunc, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (func, left, right) {
        (JsonFunc::Object(form), Datum::Array(keys), Datum::Array(values)) => {
            return build::of_texts(form, keys, Some(values), arena);
        }
        (JsonFunc::ArrayToJson(ty), array @ Datum::Array(_), Datum::Bool(pretty)) => {
            return build::array_to_json(ty, array, pretty, arena);
        }
        _ => {}
    }
    let Datum::Text(text) = left else { return Err(mismatch(Func::Json(func))) };
    let json = Json::new(text);
    match (func, right) {
        (JsonFunc::Path(form), Datum::Array(steps)) => {
            access::answer(access::array_path(form, json, steps)?, false, arena)
        }
        (JsonFunc::PathText(form), Datum::Array(steps)) => {
            access::answer(access::array_path(form, json, steps)?, true, arena)
        }
        (JsonFunc::HasAnyKey, Datum::Array(keys)) => {
            Ok(Datum::Bool(texts(keys).flatten().any(|key| order::has_key(json, key))))
        }
        (JsonFunc::HasAllKeys, Datum::Array(keys)) => {
            Ok(Datum::Bool(texts(keys).flatten().all(|key| order::has_key(json, key))))
        }
        (JsonFunc::DeleteKeys, Datum::Array(keys)) => {
            one_dimension(keys)?;
            let keys: Vec<&str> = texts(keys).flatten().collect();
            change::delete_keys(json, &keys, arena)
        }
        (JsonFunc::DeletePath, Datum::Array(path)) => {
            one_dimension(path)?;
            let path: Vec<Option<&str>> = texts(path).collect();
            change::change(json, &path, Change::Delete, arena)
        }
        (JsonFunc::Member(form), Datum::Text(key)) => {
            access::answer(access::member(form, json, key)?, false, arena)
        }
        (JsonFunc::MemberText(form), Datum::Text(key)) => {
            access::answer(access::member(form, json, key)?, true, arena)
        }
        (JsonFunc::Element(form), Datum::Int(index)) => {
            access::answer(access::element(form, json, index)?, false, arena)
        }
        (JsonFunc::ElementText(form), Datum::Int(index)) => {
            access::answer(access::element(form, json, index)?, true, arena)
        }
        (JsonFunc::Contains, Datum::Text(part)) => Ok(Datum::Bool(order::contains(json, Json::new(part)))),
        (JsonFunc::Contained, Datum::Text(whole)) => Ok(Datum::Bool(order::contains(Json::new(whole), json))),
        (JsonFunc::HasKey, Datum::Text(key)) => Ok(Datum::Bool(order::has_key(json, key))),
        (JsonFunc::Concat, Datum::Text(other)) => change::concat(json, Json::new(other), arena),
        (JsonFunc::DeleteKey, Datum::Text(key)) => change::delete_keys(json, &[key], arena),
        (JsonFunc::DeleteElement, Datum::Int(index)) => change::delete_element(json, index, arena),
        (func, _) => Err(mismatch(Func::Json(func))),
    }
}

pub(super) fn many<'a>(func: JsonFunc, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    let [Datum::Text(json), Datum::Array(path), Datum::Text(value), flag @ ..] = args else {
        return Err(mismatch(Func::Json(func)));
    };
    let change = match (func, flag) {
        (JsonFunc::Set, [] | [Datum::Bool(true)]) => Change::Create(value),
        (JsonFunc::Set, [Datum::Bool(false)]) => Change::Replace(value),
        (JsonFunc::Insert, [] | [Datum::Bool(false)]) => Change::InsertBefore(value),
        (JsonFunc::Insert, [Datum::Bool(true)]) => Change::InsertAfter(value),
        (func, _) => return Err(mismatch(Func::Json(func))),
    };
    one_dimension(*path)?;
    let path: Vec<Option<&str>> = texts(*path).collect();
    change::change(Json::new(json), &path, change, arena)
}

/// The elements of an array of texts.
fn texts(array: ArrayRef<'_>) -> impl Iterator<Item = Option<&str>> {
    array.iter().map(|element| match element {
        Datum::Text(text) => Some(text),
        _ => None,
    })
}

fn one_dimension(array: ArrayRef<'_>) -> Result<(), EvalError> {
    if array.ndims() > 1 {
        return Err(EvalError::new(SqlState::ARRAY_SUBSCRIPT, "wrong number of array subscripts"));
    }
    Ok(())
}

/// Functions with any number of arguments, which look at NULLs themselves.
pub(super) fn lenient<'a>(
    func: JsonFunc,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    match (func, args) {
        (JsonFunc::BuildArray(_, strings), args) => build::array(strings, args, row, arena),
        (JsonFunc::BuildObject(form, strings), args) => build::object(form, strings, args, row, arena),
        (JsonFunc::ExtractPath(form) | JsonFunc::ExtractPathText(form), [json, steps @ ..]) => {
            let mut texts = Vec::with_capacity(steps.len());
            let json = json.eval(row, arena)?;
            for step in steps {
                if let Datum::Text(step) = step.eval(row, arena)? {
                    texts.push(step);
                }
            }
            match json {
                Datum::Text(json) if texts.len() == steps.len() => {
                    let found = access::path(form, Json::new(json), &texts)?;
                    access::answer(found, matches!(func, JsonFunc::ExtractPathText(_)), arena)
                }
                _ => Ok(Datum::Null),
            }
        }
        (func, _) => Err(mismatch(Func::Json(func))),
    }
}

/// A cast that has JSON on one side and on the other a type that is not made of text.
pub(super) fn cast<'a>(from: Type, to: Type, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (to, value) {
        (Type::Json, value) => build::to_json(Form::Json, from, value, arena),
        (Type::Jsonb, value) => build::to_json(Form::Jsonb, from, value, arena),
        (to, Datum::Text(text)) => build::cast(to, Json::new(text)),
        _ => Err(mismatch(Func::Cast { from, to })),
    }
}

/// A `jsonb` that was made. Deeper ones than `jsonb`'s input function takes are an error here too.
fn finish<'a>(text: &str, arena: &'a Arena) -> Value<'a> {
    // Each level takes two brackets.
    if text.len() > 2 * json::MAX_DEPTH && depth(text) > json::MAX_DEPTH {
        return Err(failure(JsonError::Depth));
    }
    Ok(Datum::Text(arena.text(text)))
}

fn depth(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut deepest) = (0, 0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = reader::string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// What PostgreSQL says of a text that is no JSON.
fn failure(error: JsonError) -> EvalError {
    match error {
        JsonError::Syntax => EvalError::new(SqlState::INVALID_TEXT, "invalid input syntax for type json"),
        JsonError::Escape => EvalError::new(SqlState::UNTRANSLATABLE, error.to_string()),
        JsonError::Number => EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, error.to_string()),
        JsonError::Depth => EvalError::new(SqlState::TOO_COMPLEX, error.to_string()),
    }
}
