//! JSON as rows: members, elements and keys. Source: `each_worker`, `elements_worker` and `json_object_keys` in `jsonfuncs.c`.

use offtake_row::Datum;

use super::{
    Form, Json, Kind,
    access::{answer, check_escapes},
};
use crate::{arena::Arena, error::EvalError, table_function::Give};

/// Key and value of each member. Of `json` those of the same key all come.
pub(crate) fn each(
    form: Form,
    as_text: bool,
    text: &str,
    arena: &Arena,
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let json = Json::new(text);
    match (form, json.kind()) {
        (_, Kind::Object) => {}
        (Form::Json, Kind::Array) => return refuse("cannot deconstruct an array as an object"),
        (Form::Json, _) => return refuse("cannot deconstruct a scalar"),
        (Form::Jsonb, _) if as_text => return refuse("cannot call jsonb_each_text on a non-object"),
        (Form::Jsonb, _) => return refuse("cannot call jsonb_each on a non-object"),
    }
    if form == Form::Json {
        check_escapes(json)?;
    }
    for (key, value) in json.members() {
        give(&[Datum::Text(&key.unescape()?), answer(Some(value), as_text, arena)?])?;
    }
    Ok(())
}

/// Each element of an array.
pub(crate) fn elements(
    form: Form,
    as_text: bool,
    text: &str,
    arena: &Arena,
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let json = Json::new(text);
    let name = if as_text { "json_array_elements_text" } else { "json_array_elements" };
    match (form, json.kind()) {
        (_, Kind::Array) => {}
        (Form::Json, Kind::Object) => return refuse(&format!("cannot call {name} on a non-array")),
        (Form::Json, _) => return refuse(&format!("cannot call {name} on a scalar")),
        (Form::Jsonb, Kind::Object) => return refuse("cannot extract elements from an object"),
        (Form::Jsonb, _) => return refuse("cannot extract elements from a scalar"),
    }
    if form == Form::Json && as_text {
        check_escapes(json)?;
    }
    json.elements().try_for_each(|element| give(&[answer(Some(element), as_text, arena)?]))
}

/// Each key of an object. Of `json` those that come twice do so.
pub(crate) fn keys(form: Form, text: &str, give: &mut Give<'_>) -> Result<(), EvalError> {
    let json = Json::new(text);
    let name = if form == Form::Json { "json_object_keys" } else { "jsonb_object_keys" };
    match json.kind() {
        Kind::Object => {}
        Kind::Array => return refuse(&format!("cannot call {name} on an array")),
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => {
            return refuse(&format!("cannot call {name} on a scalar"));
        }
    }
    if form == Form::Json {
        check_escapes(json)?;
    }
    json.members().try_for_each(|(key, _)| give(&[Datum::Text(&key.unescape()?)]))
}

fn refuse(message: &str) -> Result<(), EvalError> {
    Err(EvalError::invalid_parameter(message))
}
