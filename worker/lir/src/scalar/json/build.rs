//! JSON made of values: `to_json`, `json_build_object` and their like, and the way back to booleans and numbers.
//! Source: `datum_to_json` in `json.c`, `datum_to_jsonb` and the casts in `jsonb.c`.

use offtake_row::{
    ArrayRef, Datum, Numeric, RowIter, Type,
    json::{self, write_string},
    text,
};

use super::{Form, Json, Kind, RawString, access, change::Writer, failure, finish, order::key_order};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    scalar::{Scalar, eval::Value},
};

/// Appends a value of type `ty` as JSON.
pub(super) fn write(form: Form, ty: Type, value: Datum<'_>, out: &mut String) -> Result<(), EvalError> {
    match (ty, value) {
        (_, Datum::Null) => out.push_str("null"),
        (_, Datum::Bool(value)) => out.push_str(if value { "true" } else { "false" }),
        (Type::Json, Datum::Text(value)) if form == Form::Jsonb => {
            json::normalize(value, out).map_err(failure)?;
        }
        (Type::Json | Type::Jsonb, Datum::Text(value)) => out.push_str(value),
        (ty, Datum::Array(array)) => write_array(form, ty.element().unwrap_or(ty), array, false, out)?,
        (_, Datum::Text(value)) => write_string(value, out),
        (ty, value) if ty.is_numeric() => {
            let mut printed = String::new();
            text::write(ty, value, &mut printed);
            // NaN and the infinities are no numbers to JSON.
            if !printed.ends_with(|c: char| c.is_ascii_digit()) {
                write_string(&printed, out);
            } else if form == Form::Jsonb {
                json::normalize(&printed, out).map_err(failure)?;
            } else {
                out.push_str(&printed);
            }
        }
        (ty @ (Type::Timestamp | Type::Timestamptz), value) => {
            let mut printed = String::new();
            text::write(ty, value, &mut printed);
            write_string(&iso8601(ty, &printed), out);
        }
        (ty, value) => {
            let mut printed = String::new();
            text::write(ty, value, &mut printed);
            write_string(&printed, out);
        }
    }
    Ok(())
}

/// An array's elements, arrays within it for each dimension. `lines`: the outermost elements stand on lines of their own.
fn write_array(
    form: Form,
    ty: Type,
    array: ArrayRef<'_>,
    lines: bool,
    out: &mut String,
) -> Result<(), EvalError> {
    let lengths: Vec<usize> = array.dimensions().map(|dimension| dimension.length as usize).collect();
    write_dimension(form, ty, &lengths, &mut array.iter(), lines, out)
}

fn write_dimension(
    form: Form,
    ty: Type,
    lengths: &[usize],
    elements: &mut RowIter<'_>,
    lines: bool,
    out: &mut String,
) -> Result<(), EvalError> {
    let separator = match form {
        Form::Json if lines => ",\n ",
        Form::Json => ",",
        Form::Jsonb => ", ",
    };
    out.push('[');
    if let Some((length, inner)) = lengths.split_first() {
        for place in 0..*length {
            if place > 0 {
                out.push_str(separator);
            }
            if inner.is_empty() {
                write(form, ty, elements.next().unwrap_or(Datum::Null), out)?;
            } else {
                write_dimension(form, ty, inner, elements, false, out)?;
            }
        }
    }
    out.push(']');
    Ok(())
}

/// `array_to_json`.
pub(super) fn array_to_json<'a>(ty: Type, array: Datum<'a>, lines: bool, arena: &'a Arena) -> Value<'a> {
    let mut out = String::new();
    if let Datum::Array(array) = array {
        write_array(Form::Json, ty, array, lines, &mut out)?;
    }
    finish(&out, arena)
}

/// `json_object` and `jsonb_object`: of keys and values in turn, in pairs, or of two arrays.
pub(super) fn of_texts<'a>(
    form: Form,
    keys: ArrayRef<'a>,
    values: Option<ArrayRef<'a>>,
    arena: &'a Arena,
) -> Value<'a> {
    let subscripts = |message| Err(EvalError::new(SqlState::ARRAY_SUBSCRIPT, message));
    let pairs: Vec<(Option<&str>, Option<&str>)> = match values {
        Some(values) => {
            if keys.ndims() > 1 || keys.ndims() != values.ndims() {
                return subscripts("wrong number of array subscripts");
            }
            if keys.len() != values.len() {
                return subscripts("mismatched array dimensions");
            }
            super::texts(keys).zip(super::texts(values)).collect()
        }
        None => {
            let last = keys.dimensions().last().map_or(0, |dimension| dimension.length);
            match keys.ndims() {
                0 => {}
                1 if last % 2 == 1 => return subscripts("array must have even number of elements"),
                1 => {}
                2 if last != 2 => return subscripts("array must have two columns"),
                2 => {}
                _ => return subscripts("wrong number of array subscripts"),
            }
            let texts: Vec<Option<&str>> = super::texts(keys).collect();
            texts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
        }
    };
    let mut members = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Some(key) = key else {
            return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, "null value not allowed for object key"));
        };
        let (mut raw, mut written) = (String::new(), String::new());
        write_string(key, &mut raw);
        match value {
            Some(value) => write_string(value, &mut written),
            None => written.push_str("null"),
        }
        members.push((raw.get(1..raw.len() - 1).unwrap_or_default().to_owned(), written));
    }
    let mut out = String::new();
    match form {
        Form::Json => write_pairs(&members, &mut out),
        Form::Jsonb => write_members(members, &mut out),
    }
    finish(&out, arena)
}

/// Writes members as `json` has them.
fn write_pairs(members: &[(String, String)], out: &mut String) {
    let mut writer = Writer::object(out);
    for (key, value) in members {
        let out = writer.next();
        out.push('"');
        out.push_str(key);
        out.push_str("\" : ");
        out.push_str(value);
    }
    writer.end();
}

/// `2020-01-01 00:00:00+00 BC` as `2020-01-01T00:00:00+00:00 BC`.
fn iso8601(ty: Type, printed: &str) -> String {
    let mut text = printed.replacen(' ', "T", 1);
    if ty == Type::Timestamptz {
        text = text.replacen("+00", "+00:00", 1);
    }
    text
}

/// `to_json` and `to_jsonb`.
pub(super) fn to_json<'a>(form: Form, ty: Type, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    if let (Type::Jsonb, _) | (Type::Json, Form::Json) = (ty, form) {
        return Ok(value);
    }
    let mut out = String::new();
    write(form, ty, value, &mut out)?;
    finish(&out, arena)
}

/// Which arguments of a call are texts and not JSON: of at most [`Strings::MOST`] arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Strings([u64; 2]);

impl Strings {
    /// PostgreSQL's limit of arguments (`FUNC_MAX_ARGS`).
    pub const MOST: usize = 100;

    /// `is_string` of each argument.
    pub fn of(arguments: impl IntoIterator<Item = bool>) -> Strings {
        let mut bits = [0; 2];
        for (place, is_string) in arguments.into_iter().take(Strings::MOST).enumerate() {
            bits[place / 64] |= u64::from(is_string) << (place % 64);
        }
        Strings(bits)
    }

    fn has(self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }
}

/// An argument as JSON: texts become strings, everything else has been made JSON before.
fn argument<'a>(
    args: &'a [Scalar],
    place: usize,
    strings: Strings,
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Result<Option<String>, EvalError> {
    let mut out = String::new();
    match args[place].eval(row, arena)? {
        Datum::Null => return Ok(None),
        Datum::Text(text) if strings.has(place) => write_string(text, &mut out),
        Datum::Text(text) => out.push_str(text),
        _ => return Err(EvalError::internal("an argument of a JSON function is no text")),
    }
    Ok(Some(out))
}

/// `json_build_array` and `jsonb_build_array`.
pub(super) fn array<'a>(
    strings: Strings,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let mut out = String::new();
    let mut writer = Writer::array(&mut out);
    for place in 0..args.len() {
        let value = argument(args, place, strings, row, arena)?;
        writer.next().push_str(value.as_deref().unwrap_or("null"));
    }
    writer.end();
    finish(&out, arena)
}

/// `json_build_object` and `jsonb_build_object`.
pub(super) fn object<'a>(
    form: Form,
    strings: Strings,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    if !args.len().is_multiple_of(2) {
        return Err(EvalError::invalid_parameter("argument list must have even number of elements"));
    }
    let mut members = Vec::with_capacity(args.len() / 2);
    for place in (0..args.len()).step_by(2) {
        let Some(mut key) = argument(args, place, strings, row, arena)? else {
            return Err(EvalError::invalid_parameter(match form {
                Form::Json => format!("argument {} cannot be null", place + 1),
                Form::Jsonb => format!("argument {}: key must not be null", place + 1),
            }));
        };
        // A key is kept as it stands between its quotes; what is no string becomes one.
        if let Some(raw) = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            key = raw.to_owned();
        }
        let value = argument(args, place + 1, strings, row, arena)?;
        members.push((key, value.unwrap_or_else(|| "null".to_owned())));
    }
    let mut out = String::new();
    match form {
        Form::Json => write_pairs(&members, &mut out),
        Form::Jsonb => write_members(members, &mut out),
    }
    finish(&out, arena)
}

/// Writes members in `jsonb`'s order; of equal keys the last one counts.
pub(super) fn write_members(mut members: Vec<(String, String)>, out: &mut String) {
    members.sort_by(|(a, _), (b, _)| key_order(RawString(a), RawString(b)));
    let mut writer = Writer::object(out);
    let mut members = members.iter().peekable();
    while let Some((key, value)) = members.next() {
        if members.peek().is_none_or(|(next, _)| next != key) {
            writer.member(RawString(key)).push_str(value);
        }
    }
    writer.end();
}

/// A cast from `jsonb` to a boolean or a number.
pub(super) fn cast<'a>(to: Type, json: Json<'a>) -> Value<'a> {
    let number = match (to, json.kind()) {
        (Type::Bool, Kind::Boolean) => return Ok(Datum::Bool(json.text == "true")),
        (_, Kind::Number) if to != Type::Bool => json.text,
        (to, kind) => {
            let what = if kind == Kind::Number { "numeric" } else { access::type_of(json) };
            let message = format!("cannot cast jsonb {what} to type {}", to.base());
            return Err(EvalError::invalid_parameter(message));
        }
    };
    let range = || {
        let message = format!("\"{number}\" is out of range for type {}", to.base());
        EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
    };
    let zero = || number.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
    match to {
        Type::Numeric(_) => {
            let value = Numeric::parse(number)?;
            let value = match to {
                Type::Numeric(Some((precision, scale))) => value.rescale(precision, scale)?,
                _ => value,
            };
            Ok(Datum::Numeric(value))
        }
        Type::Float8 => match number.parse::<f64>() {
            Ok(value) if value.is_finite() && (value != 0.0 || zero()) => Ok(Datum::Float8(value)),
            _ => Err(range()),
        },
        Type::Float4 => match number.parse::<f32>() {
            Ok(value) if value.is_finite() && (value != 0.0 || zero()) => Ok(Datum::Float4(value)),
            _ => Err(range()),
        },
        to => integer(to, number),
    }
}

/// The nearest integer, halves away from zero.
fn integer<'a>(to: Type, number: &str) -> Value<'a> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let up = i128::from(decimals.starts_with(|digit: char| digit >= '5'));
    let (least, most) = match to {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let value: Option<i128> = whole.parse().ok();
    let value = value.and_then(|value| value.checked_add(if number.starts_with('-') { -up } else { up }));
    match value.and_then(|value| i64::try_from(value).ok()) {
        Some(value) if value >= least && value <= most => Ok(Datum::Int(value)),
        _ => Err(EvalError::out_of_range(to)),
    }
}
