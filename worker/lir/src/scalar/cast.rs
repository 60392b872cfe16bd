//! Casts between types. Explicit ones: text that is too long for `varchar(n)` is cut, not refused.

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Numeric, RowIter, RowPacker, Type, text, time};

use super::{
    Func,
    eval::{Value, mismatch},
    json,
    text::characters,
};
use crate::{
    arena::Arena,
    compare::trim_blanks,
    error::{EvalError, SqlState},
};

pub(super) fn cast<'a>(from: Type, to: Type, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (to, value) {
        (Type::Int4 | Type::Int8, Datum::Int(value)) if from.is_object() => Ok(Datum::Int(match to {
            // The bits are the same.
            Type::Int4 => i64::from(value as u32 as i32),
            _ => value,
        })),
        (to, Datum::Int(value)) if to.is_object() => object(from, value),
        // No cast of SQL, but what `xid = integer` compares.
        (Type::Xid, Datum::Int(value)) => Ok(Datum::Int((value as u32).into())),
        (Type::Int4, Datum::Text(value)) if from == Type::Char => {
            let byte = value.chars().next().map_or(0, |char| u32::from(char) as u8);
            Ok(Datum::Int(i64::from(byte as i8)))
        }
        (Type::Char, Datum::Int(value)) => match i8::try_from(value) {
            Ok(byte) => Ok(character((byte != 0).then(|| char::from(byte as u8)), arena)),
            Err(_) => Err(EvalError::out_of_range(to)),
        },
        (Type::Char, Datum::Text(value)) if from != Type::Char => {
            Ok(character(text::parse_char(value), arena))
        }
        (Type::Interval, Datum::Time(micros)) => Ok(Datum::Interval { months: 0, days: 0, micros }),
        (Type::Time, Datum::Interval { micros, .. }) => Ok(Datum::Time(micros.rem_euclid(time::DAY))),
        (Type::Array(element), Datum::Array(array)) => match from.element() {
            Some(from) => elements(from, element.into(), array, arena),
            None => Err(mismatch(Func::Cast { from, to })),
        },
        // There is no cast function, but those of output and input.
        (Type::Name, Datum::Bool(value)) => Ok(Datum::Text(if value { "t" } else { "f" })),
        (Type::Name, value) if from != Type::Name => match to_string(from, Type::Text, value, arena) {
            Datum::Text(text) => Ok(Datum::Text(text::clip_name(text))),
            other => Ok(other),
        },
        (Type::Json | Type::Jsonb, value) if !from.is_textual() => json::cast(from, to, value, arena),
        (Type::Bool, value) if from == Type::Jsonb => json::cast(from, to, value, arena),
        (to, value) if from == Type::Jsonb && to.is_numeric() => json::cast(from, to, value, arena),
        (Type::Int2 | Type::Int4 | Type::Int8, value) if from.is_numeric() || from == Type::Bool => {
            to_integer(to, value).unwrap_or_else(|| Err(mismatch(Func::Cast { from, to })))
        }
        (Type::Float4 | Type::Float8 | Type::Numeric(_), value) if from.is_numeric() => {
            to_fraction(to, value).unwrap_or_else(|| Err(mismatch(Func::Cast { from, to })))
        }
        (Type::Bool, Datum::Int(value)) => Ok(Datum::Bool(value != 0)),
        (Type::Timestamp | Type::Timestamptz, Datum::Date(days)) => timestamp_of(days),
        (Type::Date, Datum::Timestamp(micros)) => Ok(date_of(micros)),
        (Type::Time, Datum::Timestamp(micros)) => Ok(match micros {
            i64::MAX | i64::MIN => Datum::Null,
            _ => Datum::Time(time::split_timestamp(micros).1),
        }),
        (Type::Timestamp | Type::Timestamptz, value @ Datum::Timestamp(_)) => Ok(value),
        (Type::Text | Type::Varchar(_) | Type::Bpchar(_), value) => Ok(to_string(from, to, value, arena)),
        (_, Datum::Text(value)) if from.is_textual() => match parsed(to.base(), value, arena)? {
            value if to.base() == to => Ok(value),
            value => cast(to.base(), to, value, arena),
        },
        (to, value) if from.base() == to.base() => Ok(value),
        _ => Err(mismatch(Func::Cast { from, to })),
    }
}

/// The number of an object: `bigint` is checked, narrower ones keep their bits. Source: `i8tooid`.
fn object<'a>(from: Type, value: i64) -> Value<'a> {
    match u32::try_from(value) {
        Ok(_) => Ok(Datum::Int(value)),
        Err(_) if from == Type::Int8 => Err(EvalError::out_of_range("OID")),
        Err(_) => Ok(Datum::Int((value as u32).into())),
    }
}

/// A `"char"`.
fn character<'a>(char: Option<char>, arena: &'a Arena) -> Datum<'a> {
    Datum::Text(match char {
        Some(char) => arena.text(char.encode_utf8(&mut [0; 4])),
        None => "",
    })
}

/// Casts each element; NULLs stay.
fn elements<'a>(from: Type, to: Type, array: ArrayRef<'a>, arena: &'a Arena) -> Value<'a> {
    if from == to {
        return Ok(Datum::Array(array));
    }
    let mut made = ArrayBuilder::new();
    for element in array {
        made.push(if element.is_null() { Datum::Null } else { cast(from, to, element, arena)? });
    }
    let dimensions: Vec<_> = array.dimensions().collect();
    Ok(Datum::Array(arena.array(made.finish_with(&dimensions))))
}

fn to_integer<'a>(to: Type, value: Datum<'a>) -> Option<Value<'a>> {
    let (least, most) = match to {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let value = match value {
        Datum::Int(value) => Some(value),
        Datum::Bool(value) => Some(value.into()),
        Datum::Float4(value) => float_to_integer(value.into()),
        Datum::Float8(value) => float_to_integer(value),
        Datum::Numeric(Numeric::NaN) => {
            return Some(Err(EvalError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cannot convert NaN to {to}"),
            )));
        }
        Datum::Numeric(Numeric::Infinity | Numeric::NegativeInfinity) => {
            let message = format!("cannot convert infinity to {to}");
            return Some(Err(EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, message)));
        }
        Datum::Numeric(value) => value.to_i64_rounded(),
        _ => return None,
    };
    Some(match value {
        Some(value) if value >= least && value <= most => Ok(Datum::Int(value)),
        _ => Err(EvalError::out_of_range(to)),
    })
}

/// Halves to even.
fn float_to_integer(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // -2^63 is an i64, 2^63 is not; NaN is in no range.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded).then_some(rounded as i64)
}

fn to_fraction<'a>(to: Type, value: Datum<'a>) -> Option<Value<'a>> {
    Some(match (to, value) {
        (Type::Float8, Datum::Int(value)) => Ok(Datum::Float8(value as f64)),
        (Type::Float8, Datum::Float4(value)) => Ok(Datum::Float8(value.into())),
        (Type::Float8, Datum::Numeric(value)) => Ok(Datum::Float8(value.to_f64())),
        (Type::Float8, value @ Datum::Float8(_)) | (Type::Float4, value @ Datum::Float4(_)) => Ok(value),
        (Type::Float4, Datum::Int(value)) => Ok(Datum::Float4(value as f32)),
        (Type::Float4, Datum::Float8(value)) => narrowed(value),
        (Type::Float4, Datum::Numeric(value)) => match value.to_f32() {
            Some(value) => Ok(Datum::Float4(value)),
            None => Err(EvalError::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("\"{value}\" is out of range for type real"),
            )),
        },
        (Type::Numeric(modifier), value) => {
            let value = match value {
                Datum::Int(value) => Numeric::from_i64(value),
                Datum::Numeric(value) => value,
                Datum::Float4(value) => match Numeric::from_f32(value) {
                    Ok(value) => value,
                    Err(error) => return Some(Err(error.into())),
                },
                Datum::Float8(value) => match Numeric::from_f64(value) {
                    Ok(value) => value,
                    Err(error) => return Some(Err(error.into())),
                },
                _ => return None,
            };
            match modifier {
                None => Ok(Datum::Numeric(value)),
                Some((precision, scale)) => {
                    value.rescale(precision, scale).map(Datum::Numeric).map_err(EvalError::from)
                }
            }
        }
        _ => return None,
    })
}

fn narrowed<'a>(value: f64) -> Value<'a> {
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        Err(EvalError::overflow())
    } else if narrow == 0.0 && value != 0.0 {
        Err(EvalError::underflow())
    } else {
        Ok(Datum::Float4(narrow))
    }
}

/// Midnight of a date, in UTC.
pub(crate) fn timestamp_of<'a>(days: i32) -> Value<'a> {
    match days {
        time::DATE_INFINITY => Ok(Datum::Timestamp(time::TIMESTAMP_INFINITY)),
        time::DATE_NEGATIVE_INFINITY => Ok(Datum::Timestamp(time::TIMESTAMP_NEGATIVE_INFINITY)),
        days => match time::join_timestamp(days, 0) {
            Some(micros) => Ok(Datum::Timestamp(micros)),
            None => Err(EvalError::new(SqlState::DATETIME_OVERFLOW, "date out of range for timestamp")),
        },
    }
}

fn date_of<'a>(micros: i64) -> Datum<'a> {
    match micros {
        time::TIMESTAMP_INFINITY => Datum::Date(time::DATE_INFINITY),
        time::TIMESTAMP_NEGATIVE_INFINITY => Datum::Date(time::DATE_NEGATIVE_INFINITY),
        micros => Datum::Date(time::split_timestamp(micros).0),
    }
}

fn to_string<'a>(from: Type, to: Type, value: Datum<'a>, arena: &'a Arena) -> Datum<'a> {
    let text = match (from, value) {
        (_, Datum::Bool(true)) => "true",
        (_, Datum::Bool(false)) => "false",
        (Type::Bpchar(_), Datum::Text(text)) if !matches!(to, Type::Bpchar(_)) => trim_blanks(text),
        (from, Datum::Text(text)) if from != Type::Char => text,
        (from, value) => {
            let mut printed = String::new();
            text::write(from, value, &mut printed);
            arena.text(&printed)
        }
    };
    Datum::Text(match to {
        Type::Varchar(Some(length)) => characters(text, 0, length.into()),
        Type::Bpchar(Some(length)) => {
            let cut = characters(text, 0, length.into());
            let missing = length as usize - cut.chars().count();
            if missing == 0 { cut } else { arena.concat(cut, &" ".repeat(missing)) }
        }
        _ => text,
    })
}

/// Reads a text by the type's input function.
fn parsed<'a>(ty: Type, text: &str, arena: &'a Arena) -> Value<'a> {
    let mut packer = RowPacker::new();
    text::parse(ty, text, &mut packer)
        .map_err(|error| EvalError::new(SqlState::new(error.sqlstate()), error.to_string()))?;
    Ok(RowIter::new(arena.bytes(packer.as_bytes())).next().unwrap_or(Datum::Null))
}
