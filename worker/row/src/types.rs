//! Column types: the allow-list of PostgreSQL types that Offtake keeps as themselves.

mod element;
mod facts;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use element::Element;
pub use facts::Facts;

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
    /// Without a modifier: values of `interval(3)` or `interval year` were rounded before they came.
    Interval,
    Uuid,
    Bytea,
    /// Kept as the text that PostgreSQL sent.
    Json,
    /// Kept as the text that PostgreSQL sent (its normal form).
    Jsonb,
    /// 0 ..= 4,294,967,295, as the reg* types and `xid`, which are numbers of objects by another name.
    Oid,
    /// A text of at most 63 bytes.
    Name,
    /// `"char"`, not `char(n)`: one ASCII character or none.
    Char,
    /// A transaction's number. Has no order.
    Xid,
    /// The text form of this and its like is its number here: who knows a catalog turns it into a name.
    Regclass,
    Regtype,
    Regproc,
    Regnamespace,
    Regrole,
    /// Held as its text.
    PgNodeTree,
    /// Held as its text.
    AclItem,
    /// An array of `smallint`, counted from 0, with a text form of its own.
    Int2Vector,
    /// An array of `oid`, counted from 0, with a text form of its own.
    OidVector,
    /// Of any number of dimensions.
    Array(Element),
}

impl Type {
    /// The OID of the type in `pg_type` (fixed for built-in types).
    pub fn oid(self) -> u32 {
        self.facts().oid
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
    /// `time(p)`, `timestamp(p)`, `timestamptz(p)` and `interval(p)` are their plain types, and arrays hold their elements' plain types:
    /// stored values are rounded and cut already.
    pub fn from_oid(oid: u32, typmod: i32) -> Option<Type> {
        let others = [Type::PgNodeTree, Type::Int2Vector, Type::OidVector];
        let scalars = || Element::ALL.iter().map(|element| Type::from(*element));
        if let Some(ty) = scalars().chain(others).find(|ty| ty.oid() == oid) {
            return Some(ty.with_typmod(typmod));
        }
        let array = Element::ALL.iter().find(|element| Type::Array(**element).oid() == oid);
        array.map(|element| Type::Array(*element))
    }

    fn with_typmod(self, typmod: i32) -> Type {
        match self {
            Type::Bpchar(_) => Type::Bpchar(length(typmod)),
            Type::Varchar(_) => Type::Varchar(length(typmod)),
            Type::Numeric(_) => Type::Numeric((typmod >= 4).then(|| {
                let modifier = typmod - 4;
                // The scale is an 11-bit signed field since PostgreSQL 15 and never negative before.
                let scale = (((modifier & 0x7ff) ^ 1024) - 1024) as i16;
                ((modifier >> 16) as u16, scale)
            })),
            other => other,
        }
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

    /// The type of an array's elements; `None` for what is no array.
    pub fn element(self) -> Option<Type> {
        match self {
            Type::Array(element) => Some(element.into()),
            Type::Int2Vector => Some(Type::Int2),
            Type::OidVector => Some(Type::Oid),
            _ => None,
        }
    }

    /// The type of arrays of it; `None` where there is none.
    pub fn array(self) -> Option<Type> {
        Element::of(self).map(Type::Array)
    }

    /// Whether values are held as [`crate::Datum::Text`].
    pub fn is_textual(self) -> bool {
        matches!(
            self,
            Type::Text
                | Type::Varchar(_)
                | Type::Bpchar(_)
                | Type::Json
                | Type::Jsonb
                | Type::Name
                | Type::Char
                | Type::PgNodeTree
                | Type::AclItem
        )
    }

    /// Whether this is one of the types that are computed with: integers, floats and `numeric`. `oid` and its like are none, though of
    /// PostgreSQL's numeric category.
    pub fn is_numeric(self) -> bool {
        matches!(self, Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric(_))
    }

    /// Whether values are numbers of objects: `oid` and the reg* types.
    pub fn is_object(self) -> bool {
        matches!(
            self,
            Type::Oid | Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole
        )
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
            Type::Interval => f.write_str("interval"),
            Type::Oid => f.write_str("oid"),
            Type::Name => f.write_str("name"),
            Type::Char => f.write_str("\"char\""),
            Type::Xid => f.write_str("xid"),
            Type::Regclass => f.write_str("regclass"),
            Type::Regtype => f.write_str("regtype"),
            Type::Regproc => f.write_str("regproc"),
            Type::Regnamespace => f.write_str("regnamespace"),
            Type::Regrole => f.write_str("regrole"),
            Type::PgNodeTree => f.write_str("pg_node_tree"),
            Type::AclItem => f.write_str("aclitem"),
            Type::Int2Vector => f.write_str("int2vector"),
            Type::OidVector => f.write_str("oidvector"),
            Type::Array(element) => write!(f, "{}[]", Type::from(*element)),
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
            Type::PgNodeTree,
            Type::Int2Vector,
            Type::OidVector,
        ];
        let scalars = Element::ALL.iter().map(|element| Type::from(*element));
        let arrays = Element::ALL.iter().map(|element| Type::Array(*element));
        for ty in types.into_iter().chain(scalars).chain(arrays) {
            assert_eq!(Type::from_oid(ty.oid(), ty.typmod()), Some(ty));
        }
        assert_eq!(Type::Array(Element::Int4).to_string(), "integer[]");
        assert_eq!(
            (Type::Array(Element::Int4).oid(), Type::Array(Element::Int4).name()),
            (1007, "_int4".to_owned())
        );
        assert_eq!(Type::from_oid(600, -1), None, "point is not on the list");
    }
}
