//! Column types: the allow-list of PostgreSQL types that Offtake keeps as themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A PostgreSQL type with its modifier, as `format_type` would print it.
///
/// Source: PostgreSQL documentation, chapter 8 (Data Types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `numeric`, or `numeric(precision, scale)` where both are known. At most 38 significant digits are kept.
    Numeric(Option<(u16, i16)>),
    Text,
    /// `varchar`, or `varchar(n)`: `n` in characters.
    Varchar(Option<u32>),
    /// `char(n)`: blank-padded to `n` characters; trailing blanks do not count in comparisons.
    Bpchar(Option<u32>),
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Bytea,
    /// Kept as the text that PostgreSQL sent.
    Json,
    /// Kept as the text that PostgreSQL sent (its normal form).
    Jsonb,
}

impl Type {
    /// The OID of the type in `pg_type` (fixed for built-in types).
    pub fn oid(self) -> u32 {
        match self {
            Type::Bool => 16,
            Type::Bytea => 17,
            Type::Int8 => 20,
            Type::Int2 => 21,
            Type::Int4 => 23,
            Type::Text => 25,
            Type::Json => 114,
            Type::Float4 => 700,
            Type::Float8 => 701,
            Type::Bpchar(_) => 1042,
            Type::Varchar(_) => 1043,
            Type::Date => 1082,
            Type::Time => 1083,
            Type::Timestamp => 1114,
            Type::Timestamptz => 1184,
            Type::Numeric(_) => 1700,
            Type::Uuid => 2950,
            Type::Jsonb => 3802,
        }
    }

    /// The type modifier as `pg_attribute.atttypmod` holds it; -1 where there is none.
    pub fn typmod(self) -> i32 {
        match self {
            Type::Numeric(Some((precision, scale))) => {
                ((i32::from(precision) << 16) | (i32::from(scale) & 0x7ff)) + 4
            }
            Type::Varchar(Some(n)) | Type::Bpchar(Some(n)) => i32::try_from(n).map_or(-1, |n| n + 4),
            _ => -1,
        }
    }

    /// The type for `pg_attribute.atttypid` and `atttypmod`; `None` for a type that is not on the list.
    ///
    /// `time(p)`, `timestamp(p)` and `timestamptz(p)` are their plain types: stored values are rounded already.
    pub fn from_oid(oid: u32, typmod: i32) -> Option<Type> {
        Some(match oid {
            16 => Type::Bool,
            17 => Type::Bytea,
            20 => Type::Int8,
            21 => Type::Int2,
            23 => Type::Int4,
            25 => Type::Text,
            114 => Type::Json,
            700 => Type::Float4,
            701 => Type::Float8,
            1042 => Type::Bpchar(length(typmod)),
            1043 => Type::Varchar(length(typmod)),
            1082 => Type::Date,
            1083 => Type::Time,
            1114 => Type::Timestamp,
            1184 => Type::Timestamptz,
            1700 => Type::Numeric((typmod >= 4).then(|| {
                let modifier = typmod - 4;
                // The scale is an 11-bit signed field since PostgreSQL 15 and never negative before.
                let scale = (((modifier & 0x7ff) ^ 1024) - 1024) as i16;
                ((modifier >> 16) as u16, scale)
            })),
            2950 => Type::Uuid,
            3802 => Type::Jsonb,
            _ => return None,
        })
    }

    /// The same type without its modifier: what operators and functions are resolved by.
    pub fn base(self) -> Type {
        match self {
            Type::Numeric(_) => Type::Numeric(None),
            Type::Varchar(_) => Type::Varchar(None),
            Type::Bpchar(_) => Type::Bpchar(None),
            other => other,
        }
    }

    /// Whether values are held as [`crate::Datum::Text`].
    pub fn is_textual(self) -> bool {
        matches!(self, Type::Text | Type::Varchar(_) | Type::Bpchar(_) | Type::Json | Type::Jsonb)
    }

    /// Whether this is one of the types of PostgreSQL's numeric category.
    pub fn is_numeric(self) -> bool {
        matches!(self, Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric(_))
    }
}

fn length(typmod: i32) -> Option<u32> {
    (typmod >= 4).then(|| (typmod - 4) as u32)
}

impl fmt::Display for Type {
    /// Prints what PostgreSQL's `format_type` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("boolean"),
            Type::Int2 => f.write_str("smallint"),
            Type::Int4 => f.write_str("integer"),
            Type::Int8 => f.write_str("bigint"),
            Type::Float4 => f.write_str("real"),
            Type::Float8 => f.write_str("double precision"),
            Type::Numeric(None) => f.write_str("numeric"),
            Type::Numeric(Some((precision, scale))) => write!(f, "numeric({precision},{scale})"),
            Type::Text => f.write_str("text"),
            Type::Varchar(None) => f.write_str("character varying"),
            Type::Varchar(Some(n)) => write!(f, "character varying({n})"),
            Type::Bpchar(None) => f.write_str("bpchar"),
            Type::Bpchar(Some(n)) => write!(f, "character({n})"),
            Type::Date => f.write_str("date"),
            Type::Time => f.write_str("time without time zone"),
            Type::Timestamp => f.write_str("timestamp without time zone"),
            Type::Timestamptz => f.write_str("timestamp with time zone"),
            Type::Uuid => f.write_str("uuid"),
            Type::Bytea => f.write_str("bytea"),
            Type::Json => f.write_str("json"),
            Type::Jsonb => f.write_str("jsonb"),
        }
    }
}

/// A column of a table, a view or a query's result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Type,
    pub nullable: bool,
}

impl Column {
    pub fn new(name: impl Into<String>, ty: Type, nullable: bool) -> Column {
        Column { name: name.into(), ty, nullable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oid_and_typmod_round_trip() {
        let types = [
            Type::Bool,
            Type::Int2,
            Type::Float8,
            Type::Numeric(None),
            Type::Numeric(Some((12, 2))),
            Type::Numeric(Some((5, -2))),
            Type::Varchar(Some(40)),
            Type::Bpchar(Some(3)),
            Type::Timestamptz,
            Type::Jsonb,
        ];
        for ty in types {
            assert_eq!(Type::from_oid(ty.oid(), ty.typmod()), Some(ty));
        }
        assert_eq!(Type::from_oid(600, -1), None, "point is not on the list");
    }
}
