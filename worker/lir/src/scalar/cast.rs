//! Casts between types. Explicit ones: text that is too long for `varchar(n)` is cut, not refused.

use offtake_row::{Datum, Numeric, RowIter, RowPacker, Type, text, time};

use super::{
    Func,
    eval::{Value, mismatch},
    text::characters,
};
use crate::{
    arena::Arena,
    compare::trim_blanks,
    error::{EvalError, SqlState},
};

pub(super) fn cast<'a>(from: Type, to: Type, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (to, value) {
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
pub(super) fn timestamp_of<'a>(days: i32) -> Value<'a> {
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
        (_, Datum::Text(text)) => text,
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
