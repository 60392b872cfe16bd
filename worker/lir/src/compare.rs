//! SQL's order and equality, which are not those of packed bytes.

use std::cmp::Ordering;

use offtake_row::{Datum, Numeric, Type, time};
use serde::{Deserialize, Serialize};

/// Whether trailing blanks count when texts are compared: they do not for `char(n)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Blanks {
    Count,
    Ignored,
}

impl Blanks {
    /// What `ty` does.
    pub fn of(ty: Type) -> Blanks {
        if matches!(ty, Type::Bpchar(_)) { Blanks::Ignored } else { Blanks::Count }
    }
}

/// SQL's order of two values of one type: NaN above all other numbers and equal to itself, numerics by value, texts bytewise
/// (collation "C"), `char(n)` without trailing blanks. NULL sorts last, as in PostgreSQL's ascending order.
pub fn compare(ty: Type, a: Datum<'_>, b: Datum<'_>) -> Ordering {
    compare_datums(Blanks::of(ty), a, b)
}

/// [`compare`] where only the treatment of blanks is known of the type.
pub(crate) fn compare_datums(blanks: Blanks, a: Datum<'_>, b: Datum<'_>) -> Ordering {
    match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => a.cmp(&b),
        (Datum::Text(a), Datum::Text(b)) => match blanks {
            Blanks::Count => a.as_bytes().cmp(b.as_bytes()),
            Blanks::Ignored => trim_blanks(a).as_bytes().cmp(trim_blanks(b).as_bytes()),
        },
        (Datum::Numeric(a), Datum::Numeric(b)) => a.cmp_sql(&b),
        (Datum::Float8(a), Datum::Float8(b)) => compare_floats(a, b),
        (Datum::Float4(a), Datum::Float4(b)) => compare_floats(a.into(), b.into()),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(&b),
        (Datum::Timestamp(a), Datum::Timestamp(b)) | (Datum::Time(a), Datum::Time(b)) => a.cmp(&b),
        (Datum::Bool(a), Datum::Bool(b)) => a.cmp(&b),
        (Datum::Uuid(a), Datum::Uuid(b)) => a.cmp(&b),
        (Datum::Bytes(a), Datum::Bytes(b)) => a.cmp(b),
        // Two types that are compared without a cast.
        (Datum::Float4(a), Datum::Float8(b)) => compare_floats(a.into(), b),
        (Datum::Float8(a), Datum::Float4(b)) => compare_floats(a, b.into()),
        (Datum::Date(a), Datum::Timestamp(b)) => midnight(a).cmp(&b.into()),
        (Datum::Timestamp(a), Datum::Date(b)) => i128::from(a).cmp(&midnight(b)),
        (Datum::Null, Datum::Null) => Ordering::Equal,
        (Datum::Null, _) => Ordering::Greater,
        (_, Datum::Null) => Ordering::Less,
        // Values of two kinds meet in no well-typed plan; an order that is total keeps sorts from panicking.
        (a, b) => rank(a).cmp(&rank(b)),
    }
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

fn rank(datum: Datum<'_>) -> u8 {
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
        Datum::Uuid(_) => 10,
        Datum::Null => 11,
    }
}

/// `char(n)` without the blanks that pad it.
pub(crate) fn trim_blanks(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// The canonical datum of all that SQL takes for equal: two values of `ty` are equal if and only if their keys pack to the same
/// bytes. -0.0 becomes 0.0, numerics lose trailing zeros (whatever the type's scale, so that `numeric(12,2)` meets `numeric`),
/// `char(n)` its trailing blanks.
pub fn equality_key<'a>(ty: Type, datum: Datum<'a>) -> Datum<'a> {
    canonical(Blanks::of(ty), datum)
}

/// [`equality_key`] where only the treatment of blanks is known of the type.
pub(crate) fn canonical<'a>(blanks: Blanks, datum: Datum<'a>) -> Datum<'a> {
    match datum {
        // The pattern takes -0.0 too.
        Datum::Float4(0.0) => Datum::Float4(0.0),
        Datum::Float8(0.0) => Datum::Float8(0.0),
        Datum::Numeric(value @ Numeric::Finite { .. }) => Datum::Numeric(value.normalize()),
        Datum::Text(text) if blanks == Blanks::Ignored => Datum::Text(trim_blanks(text)),
        other => other,
    }
}
