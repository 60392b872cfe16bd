//! SQL's order and equality, which are not those of packed bytes.

use std::{borrow::Cow, cmp::Ordering};

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Numeric, Type, time};
use serde::{Deserialize, Serialize};

use crate::{
    arena::Arena,
    scalar::{canonical_jsonb, compare_jsonb},
};

/// How texts are compared. Trailing blanks do not count for `char(n)`; for `jsonb` the value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Blanks {
    Count,
    Ignored,
    Jsonb,
}

impl Blanks {
    /// What `ty` does, or its elements do.
    pub fn of(ty: Type) -> Blanks {
        match ty.element().unwrap_or(ty) {
            Type::Bpchar(_) => Blanks::Ignored,
            Type::Jsonb => Blanks::Jsonb,
            _ => Blanks::Count,
        }
    }
}

/// SQL's order of two values of one type: NaN above all other numbers and equal to itself, numerics by value, texts bytewise
/// (collation "C"), `char(n)` without trailing blanks, intervals by their length with months of 30 days, arrays element by element. NULL
/// sorts last, as in PostgreSQL's ascending order.
pub fn compare(ty: Type, a: Datum<'_>, b: Datum<'_>) -> Ordering {
    match (ty, a, b) {
        // Source: `btoidvectorcmp`.
        (Type::OidVector, Datum::Array(a), Datum::Array(b)) => {
            a.len().cmp(&b.len()).then_with(|| compare_arrays(Blanks::Count, a, b))
        }
        _ => compare_datums(Blanks::of(ty), a, b),
    }
}

/// [`compare`] where only the treatment of blanks is known of the type.
///
/// The outer match names every kind of value, so that a new one does not compile until its order is here.
pub(crate) fn compare_datums(blanks: Blanks, a: Datum<'_>, b: Datum<'_>) -> Ordering {
    let order = match a {
        Datum::Null => return if b.is_null() { Ordering::Equal } else { Ordering::Greater },
        Datum::Int(a) => match b {
            Datum::Int(b) => Some(a.cmp(&b)),
            _ => None,
        },
        Datum::Text(a) => match (b, blanks) {
            (Datum::Text(b), Blanks::Count) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Datum::Text(b), Blanks::Ignored) => {
                Some(trim_blanks(a).as_bytes().cmp(trim_blanks(b).as_bytes()))
            }
            (Datum::Text(b), Blanks::Jsonb) => Some(compare_jsonb(a, b)),
            _ => None,
        },
        Datum::Numeric(a) => match b {
            Datum::Numeric(b) => Some(a.cmp_sql(&b)),
            _ => None,
        },
        Datum::Float8(a) => match b {
            Datum::Float8(b) => Some(compare_floats(a, b)),
            Datum::Float4(b) => Some(compare_floats(a, b.into())),
            _ => None,
        },
        Datum::Float4(a) => match b {
            Datum::Float4(b) => Some(compare_floats(a.into(), b.into())),
            Datum::Float8(b) => Some(compare_floats(a.into(), b)),
            _ => None,
        },
        Datum::Date(a) => match b {
            Datum::Date(b) => Some(a.cmp(&b)),
            Datum::Timestamp(b) => Some(midnight(a).cmp(&b.into())),
            _ => None,
        },
        Datum::Timestamp(a) => match b {
            Datum::Timestamp(b) => Some(a.cmp(&b)),
            Datum::Date(b) => Some(i128::from(a).cmp(&midnight(b))),
            _ => None,
        },
        Datum::Time(a) => match b {
            Datum::Time(b) => Some(a.cmp(&b)),
            _ => None,
        },
        Datum::Interval { months, days, micros } => match b {
            Datum::Interval { months: m, days: d, micros: u } => {
                Some(time::interval_length(months, days, micros).cmp(&time::interval_length(m, d, u)))
            }
            _ => None,
        },
        Datum::Bool(a) => match b {
            Datum::Bool(b) => Some(a.cmp(&b)),
            _ => None,
        },
        Datum::Uuid(a) => match b {
            Datum::Uuid(b) => Some(a.cmp(&b)),
            _ => None,
        },
        Datum::Bytes(a) => match b {
            Datum::Bytes(b) => Some(a.cmp(b)),
            _ => None,
        },
        Datum::Array(a) => match b {
            Datum::Array(b) => Some(compare_arrays(blanks, a, b)),
            _ => None,
        },
    };
    match order {
        Some(order) => order,
        None if b.is_null() => Ordering::Less,
        // Values of two kinds meet in no well-typed plan; an order that is total keeps sorts from panicking.
        None => kind(a).cmp(&kind(b)),
    }
}

/// Element by element, then by the number of elements, then by the dimensions and their bounds. Source: `array_cmp`.
fn compare_arrays(blanks: Blanks, a: ArrayRef<'_>, b: ArrayRef<'_>) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = compare_datums(blanks, a, b);
        if order.is_ne() {
            return order;
        }
    }
    a.len()
        .cmp(&b.len())
        .then_with(|| a.ndims().cmp(&b.ndims()))
        .then_with(|| a.dimensions().map(|a| a.length).cmp(b.dimensions().map(|b| b.length)))
        .then_with(|| a.dimensions().map(|a| a.lower).cmp(b.dimensions().map(|b| b.lower)))
}

fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// A date as a timestamp; dates later than all timestamps are later here too.
fn midnight(days: i32) -> i128 {
    match days {
        time::DATE_INFINITY => i64::MAX.into(),
        time::DATE_NEGATIVE_INFINITY => i64::MIN.into(),
        days => (i128::from(days) * i128::from(time::DAY)).min(i128::from(i64::MAX) - 1),
    }
}

/// A number for each kind of value.
fn kind(datum: Datum<'_>) -> u8 {
    match datum {
        Datum::Bool(_) => 0,
        Datum::Int(_) => 1,
        Datum::Float4(_) => 2,
        Datum::Float8(_) => 3,
        Datum::Numeric(_) => 4,
        Datum::Text(_) => 5,
        Datum::Bytes(_) => 6,
        Datum::Date(_) => 7,
        Datum::Time(_) => 8,
        Datum::Timestamp(_) => 9,
        Datum::Interval { .. } => 10,
        Datum::Uuid(_) => 11,
        Datum::Array(_) => 12,
        Datum::Null => 13,
    }
}

/// `char(n)` without the blanks that pad it.
pub(crate) fn trim_blanks(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// The canonical datum of all that SQL takes for equal: two values of `ty` are equal if and only if their keys pack to the same
/// bytes. -0.0 becomes 0.0, numerics lose trailing zeros (whatever the type's scale, so that `numeric(12,2)` meets `numeric`),
/// `char(n)` its trailing blanks, numbers within `jsonb` trailing zeros, intervals have less than a month's days and less than a day's microseconds. It is a value of `ty`.
pub fn equality_key<'a>(ty: Type, datum: Datum<'a>, arena: &'a Arena) -> Datum<'a> {
    if ty.base().has_one_form() { datum } else { canonical(Blanks::of(ty), datum, arena) }
}

/// [`equality_key`] where only the treatment of blanks is known of the type.
pub(crate) fn canonical<'a>(blanks: Blanks, datum: Datum<'a>, arena: &'a Arena) -> Datum<'a> {
    match datum {
        // The pattern takes -0.0 too.
        Datum::Float4(0.0) => Datum::Float4(0.0),
        Datum::Float8(0.0) => Datum::Float8(0.0),
        Datum::Numeric(value @ Numeric::Finite { .. }) => Datum::Numeric(value.normalize()),
        Datum::Text(text) => match blanks {
            Blanks::Count => datum,
            Blanks::Ignored => Datum::Text(trim_blanks(text)),
            Blanks::Jsonb => match canonical_jsonb(text) {
                Cow::Borrowed(text) => Datum::Text(text),
                Cow::Owned(text) => Datum::Text(arena.text(&text)),
            },
        },
        Datum::Interval { months, days, micros } => {
            let (months, days, micros) = time::canonical_interval(months, days, micros);
            Datum::Interval { months, days, micros }
        }
        Datum::Array(array) => canonical_array(blanks, array, arena),
        Datum::Null
        | Datum::Bool(_)
        | Datum::Int(_)
        | Datum::Float4(_)
        | Datum::Float8(_)
        | Datum::Numeric(_)
        | Datum::Bytes(_)
        | Datum::Date(_)
        | Datum::Time(_)
        | Datum::Timestamp(_)
        | Datum::Uuid(_) => datum,
    }
}

fn canonical_array<'a>(blanks: Blanks, array: ArrayRef<'a>, arena: &'a Arena) -> Datum<'a> {
    let mut elements = ArrayBuilder::new();
    for element in array {
        elements.push(canonical(blanks, element, arena));
    }
    let dimensions: Vec<_> = array.dimensions().collect();
    let made = elements.finish_with(&dimensions);
    Datum::Array(if made == array { array } else { arena.array(made) })
}
