//! One value.

use crate::numeric::Numeric;

/// One SQL value, borrowed from its row where it has a length of its own.
///
/// A datum does not carry its SQL type; the column's [`crate::Type`] tells how it is read and printed. `PartialEq` is identity of the
/// representation (so that rows compare as bytes do), not SQL equality: see `offtake_lir::compare` for that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    /// `smallint`, `integer`, `bigint`.
    Int(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    /// `text`, `varchar`, `char`, `json`, `jsonb`.
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 2000-01-01. `i32::MAX` is `infinity`, `i32::MIN` is `-infinity`, as in PostgreSQL.
    Date(i32),
    /// Microseconds since midnight, 0 ..= 86,400,000,000.
    Time(i64),
    /// Microseconds since 2000-01-01 00:00:00, without a zone (`timestamp`) or in UTC (`timestamptz`).
    /// `i64::MAX` is `infinity`, `i64::MIN` is `-infinity`, as in PostgreSQL.
    Timestamp(i64),
    Uuid([u8; 16]),
}

impl Datum<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }
}
