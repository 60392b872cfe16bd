//! What `pg_type` says of each type, and how its values compare: the one place for it.
//!
//! Every match names all types: a new one does not compile until its facts are here.

use super::{Element, Type};

/// A row of `pg_type`. Source: `src/include/catalog/pg_type.dat` of PostgreSQL 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub oid: u32,
    /// `typarray`: the type of arrays of it; 0 for none.
    pub array_oid: u32,
    /// `typlen`: -1 is variable.
    pub length: i16,
    /// `typbyval`.
    pub by_value: bool,
    /// `typalign`.
    pub align: char,
    /// `typstorage`.
    pub storage: char,
    /// `typcategory`.
    pub category: char,
    /// `typispreferred`.
    pub preferred: bool,
}

impl Type {
    /// What `pg_type` says of it.
    pub fn facts(self) -> Facts {
        let (_, oid, array_oid, length, by_value, align, storage, category, preferred) = match self {
            Type::Array(element) => {
                let of = Type::from(element).facts();
                let align = if of.align == 'd' { 'd' } else { 'i' };
                ("", of.array_oid, 0, -1, false, align, 'x', 'A', false)
            }
            scalar => line(scalar),
        };
        Facts { oid, array_oid, length, by_value, align, storage, category, preferred }
    }

    /// `typname`: `int4`, `_int4`.
    pub fn name(self) -> String {
        match self {
            Type::Array(element) => format!("_{}", line(element.into()).0),
            scalar => line(scalar).0.to_owned(),
        }
    }

    /// The type of a name in `pg_type`, without modifier; `None` for one that is not on the list.
    pub fn from_name(name: &str) -> Option<Type> {
        let others = [Type::PgNodeTree, Type::Int2Vector, Type::OidVector];
        let mut all = Element::ALL.iter().map(|element| Type::from(*element)).chain(others);
        match name.strip_prefix('_') {
            Some(element) => Element::of(Type::from_name(element)?).map(Type::Array),
            None => all.find(|ty| line(*ty).0 == name),
        }
    }

    /// Whether values can be compared for equality: in `=`, joins, GROUP BY, DISTINCT and UNION. Source: `pg_operator`.
    pub fn has_equality(self) -> bool {
        match self {
            Type::Bool
            | Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Float4
            | Type::Float8
            | Type::Numeric(_)
            | Type::Text
            | Type::Varchar(_)
            | Type::Bpchar(_)
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Timestamptz
            | Type::Interval
            | Type::Uuid
            | Type::Bytea
            | Type::Jsonb
            | Type::Oid
            | Type::Name
            | Type::Char
            | Type::Xid
            | Type::Regclass
            | Type::Regtype
            | Type::Regproc
            | Type::Regnamespace
            | Type::Regrole
            | Type::AclItem
            | Type::Int2Vector
            | Type::OidVector => true,
            Type::Json | Type::PgNodeTree => false,
            Type::Array(element) => Type::from(element).has_equality(),
        }
    }

    /// Whether values have an order: for `<`, ORDER BY and `greatest`. Source: `pg_opclass`, the btree ones.
    pub fn has_order(self) -> bool {
        match self {
            Type::Bool
            | Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Float4
            | Type::Float8
            | Type::Numeric(_)
            | Type::Text
            | Type::Varchar(_)
            | Type::Bpchar(_)
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Timestamptz
            | Type::Interval
            | Type::Uuid
            | Type::Bytea
            | Type::Jsonb
            | Type::Oid
            | Type::Name
            | Type::Char
            | Type::Regclass
            | Type::Regtype
            | Type::Regproc
            | Type::Regnamespace
            | Type::Regrole
            | Type::Int2Vector
            | Type::OidVector => true,
            Type::Xid | Type::AclItem | Type::Json | Type::PgNodeTree => false,
            Type::Array(element) => Type::from(element).has_order(),
        }
    }

    /// Whether equal values are held as equal bytes. They are not where scale, sign, blanks or units do not count: `1.0 = 1.00`,
    /// `'1 mon' = '30 days'`.
    pub fn has_one_form(self) -> bool {
        match self {
            Type::Numeric(None)
            | Type::Float4
            | Type::Float8
            | Type::Bpchar(None)
            | Type::Interval
            | Type::Jsonb => false,
            Type::Bool
            | Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Numeric(Some(_))
            | Type::Text
            | Type::Varchar(_)
            | Type::Bpchar(Some(_))
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Timestamptz
            | Type::Uuid
            | Type::Bytea
            | Type::Json
            | Type::Oid
            | Type::Name
            | Type::Char
            | Type::Xid
            | Type::Regclass
            | Type::Regtype
            | Type::Regproc
            | Type::Regnamespace
            | Type::Regrole
            | Type::PgNodeTree
            | Type::AclItem
            | Type::Int2Vector
            | Type::OidVector => true,
            Type::Array(element) => Type::from(element).has_one_form(),
        }
    }

    /// Whether a table's column of the type is kept as itself: its text form says what the value is, without the catalog of the database
    /// that it comes from.
    pub fn is_kept(self) -> bool {
        match self {
            Type::Bool
            | Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Float4
            | Type::Float8
            | Type::Numeric(_)
            | Type::Text
            | Type::Varchar(_)
            | Type::Bpchar(_)
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Timestamptz
            | Type::Interval
            | Type::Uuid
            | Type::Bytea
            | Type::Json
            | Type::Jsonb
            | Type::Oid
            | Type::Name
            | Type::Char
            | Type::Xid
            | Type::Int2Vector
            | Type::OidVector => true,
            Type::Regclass
            | Type::Regtype
            | Type::Regproc
            | Type::Regnamespace
            | Type::Regrole
            | Type::PgNodeTree
            | Type::AclItem => false,
            Type::Array(element) => Type::from(element).is_kept(),
        }
    }
}

/// Name, OID, OID of the array, length, by value, alignment, storage, category, preferred; of an array its element's.
#[rustfmt::skip]
fn line(ty: Type) -> (&'static str, u32, u32, i16, bool, char, char, char, bool) {
    match ty {
        Type::Bool => ("bool", 16, 1000, 1, true, 'c', 'p', 'B', true),
        Type::Bytea => ("bytea", 17, 1001, -1, false, 'i', 'x', 'U', false),
        Type::Char => ("char", 18, 1002, 1, true, 'c', 'p', 'Z', false),
        Type::Name => ("name", 19, 1003, 64, false, 'c', 'p', 'S', false),
        Type::Int8 => ("int8", 20, 1016, 8, true, 'd', 'p', 'N', false),
        Type::Int2 => ("int2", 21, 1005, 2, true, 's', 'p', 'N', false),
        Type::Int2Vector => ("int2vector", 22, 1006, -1, false, 'i', 'p', 'A', false),
        Type::Int4 => ("int4", 23, 1007, 4, true, 'i', 'p', 'N', false),
        Type::Regproc => ("regproc", 24, 1008, 4, true, 'i', 'p', 'N', false),
        Type::Text => ("text", 25, 1009, -1, false, 'i', 'x', 'S', true),
        Type::Oid => ("oid", 26, 1028, 4, true, 'i', 'p', 'N', true),
        Type::Xid => ("xid", 28, 1011, 4, true, 'i', 'p', 'U', false),
        Type::OidVector => ("oidvector", 30, 1013, -1, false, 'i', 'p', 'A', false),
        Type::Json => ("json", 114, 199, -1, false, 'i', 'x', 'U', false),
        Type::PgNodeTree => ("pg_node_tree", 194, 0, -1, false, 'i', 'x', 'Z', false),
        Type::Float4 => ("float4", 700, 1021, 4, true, 'i', 'p', 'N', false),
        Type::Float8 => ("float8", 701, 1022, 8, true, 'd', 'p', 'N', true),
        Type::AclItem => ("aclitem", 1033, 1034, 12, false, 'i', 'p', 'U', false),
        Type::Bpchar(_) => ("bpchar", 1042, 1014, -1, false, 'i', 'x', 'S', false),
        Type::Varchar(_) => ("varchar", 1043, 1015, -1, false, 'i', 'x', 'S', false),
        Type::Date => ("date", 1082, 1182, 4, true, 'i', 'p', 'D', false),
        Type::Time => ("time", 1083, 1183, 8, true, 'd', 'p', 'D', false),
        Type::Timestamp => ("timestamp", 1114, 1115, 8, true, 'd', 'p', 'D', false),
        Type::Timestamptz => ("timestamptz", 1184, 1185, 8, true, 'd', 'p', 'D', true),
        Type::Interval => ("interval", 1186, 1187, 16, false, 'd', 'p', 'T', true),
        Type::Numeric(_) => ("numeric", 1700, 1231, -1, false, 'i', 'm', 'N', false),
        Type::Regclass => ("regclass", 2205, 2210, 4, true, 'i', 'p', 'N', false),
        Type::Regtype => ("regtype", 2206, 2211, 4, true, 'i', 'p', 'N', false),
        Type::Uuid => ("uuid", 2950, 2951, 16, false, 'c', 'p', 'U', false),
        Type::Jsonb => ("jsonb", 3802, 3807, -1, false, 'i', 'x', 'U', false),
        Type::Regnamespace => ("regnamespace", 4089, 4090, 4, true, 'i', 'p', 'N', false),
        Type::Regrole => ("regrole", 4096, 4097, 4, true, 'i', 'p', 'N', false),
        Type::Array(element) => line(element.into()),
    }
}
