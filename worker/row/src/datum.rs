//! One value.

use crate::{array::ArrayRef, numeric::Numeric};

/// One SQL value, borrowed from its row where it has a length of its own.
///
/// A datum does not carry its SQL type; the column's [`crate::Type`] tells how it is read and printed. `PartialEq` is identity of the
/// representation (so that rows compare as bytes do), not SQL equality: see `offtake_lir::compare` for that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    /// `smallint`, `integer`, `bigint`, `oid`, `xid` and the reg* types.
    Int(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    /// `text`, `varchar`, `char`, `name`, `"char"`, `json`, `jsonb`, `aclitem`, `pg_node_tree`.
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 2000-01-01. `i32::MAX` is `infinity`, `i32::MIN` is `-infinity`, as in PostgreSQL.
    Date(i32),
    /// Microseconds since midnight, 0 ..= 86,400,000,000.
    Time(i64),
    /// Microseconds since 2000-01-01 00:00:00, without a zone (`timestamp`) or in UTC (`timestamptz`).
    /// `i64::MAX` is `infinity`, `i64::MIN` is `-infinity`, as in PostgreSQL.
    Timestamp(i64),
    /// What is added to a moment: months, then days, then microseconds. None of them is carried into another.
    Interval {
        months: i32,
        days: i32,
        micros: i64,
    },
    Uuid([u8; 16]),
    /// Arrays of any type, `int2vector` and `oidvector`.
    Array(ArrayRef<'a>),
}

impl Datum<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }
}
