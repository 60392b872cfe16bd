//! What an array may hold: every type that is no array itself, without its modifier.

use serde::{Deserialize, Serialize};

use super::Type;

/// Writes the type's twin for each element once, so that none is forgotten on either way.
macro_rules! elements {
    ($($element:ident = $type:pat => $made:expr,)*) => {
        /// The type of an array's elements, without its modifier: values of `varchar(3)[]` were cut before they came.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Element {
            $($element,)*
        }

        impl Element {
            /// All of them.
            pub const ALL: &'static [Element] = &[$(Element::$element,)*];

            /// The element that holds values of `ty`; `None` for what PostgreSQL makes no array of, or Offtake does not.
            pub fn of(ty: Type) -> Option<Element> {
                match ty {
                    $($type => Some(Element::$element),)*
                    Type::PgNodeTree | Type::Int2Vector | Type::OidVector | Type::Array(_) => None,
                }
            }
        }

        impl From<Element> for Type {
            fn from(element: Element) -> Type {
                match element {
                    $(Element::$element => $made,)*
                }
            }
        }
    };
}

elements! {
    Bool = Type::Bool => Type::Bool,
    Int2 = Type::Int2 => Type::Int2,
    Int4 = Type::Int4 => Type::Int4,
    Int8 = Type::Int8 => Type::Int8,
    Float4 = Type::Float4 => Type::Float4,
    Float8 = Type::Float8 => Type::Float8,
    Numeric = Type::Numeric(_) => Type::Numeric(None),
    Text = Type::Text => Type::Text,
    Varchar = Type::Varchar(_) => Type::Varchar(None),
    Bpchar = Type::Bpchar(_) => Type::Bpchar(None),
    Date = Type::Date => Type::Date,
    Time = Type::Time => Type::Time,
    Timestamp = Type::Timestamp => Type::Timestamp,
    Timestamptz = Type::Timestamptz => Type::Timestamptz,
    Interval = Type::Interval => Type::Interval,
    Uuid = Type::Uuid => Type::Uuid,
    Bytea = Type::Bytea => Type::Bytea,
    Json = Type::Json => Type::Json,
    Jsonb = Type::Jsonb => Type::Jsonb,
    Oid = Type::Oid => Type::Oid,
    Name = Type::Name => Type::Name,
    Char = Type::Char => Type::Char,
    Xid = Type::Xid => Type::Xid,
    Regclass = Type::Regclass => Type::Regclass,
    Regtype = Type::Regtype => Type::Regtype,
    Regproc = Type::Regproc => Type::Regproc,
    Regnamespace = Type::Regnamespace => Type::Regnamespace,
    Regrole = Type::Regrole => Type::Regrole,
    AclItem = Type::AclItem => Type::AclItem,
}
