//! pg_class, pg_attribute, pg_namespace and pg_database. Source: PostgreSQL 15 documentation, chapter 53.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_row::{Row, Type};

use super::{
    acl,
    record::{Records, Value},
};
use crate::{
    catalog::{Catalog, DATABASE, Kind, OWNER},
    content::type_entry,
    definition::{Definition, definition, definitions},
    moment::Moment,
};

/// `pg_am.oid` of heap and btree.
const HEAP: u32 = 2;
const BTREE: u32 = 403;
/// `pg_collation.oid` of the default and of `C`.
const DEFAULT_COLLATION: u32 = 100;
const C_COLLATION: u32 = 950;
/// `pg_tablespace.oid` of pg_default.
const PG_DEFAULT: u32 = 1663;
/// The number of UTF8 in PostgreSQL's `pg_wchar.h`.
pub const UTF8: i32 = 6;

/// What rows of pg_class differ in.
struct Class<'a> {
    oid: u32,
    name: &'a str,
    namespace: u32,
    kind: &'a str,
    columns: usize,
    indexed: bool,
    rows: Option<u64>,
    /// `relreplident`: what identifies a changed row, if anything.
    identity: &'a str,
}

pub fn classes(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    for row in SYSTEM_CLASSES.iter() {
        records.add_row(row.clone());
    }
    for (place, relation) in catalog.relations.iter().enumerate() {
        class(
            records,
            Class {
                oid: relation.oid,
                name: &relation.name,
                namespace: catalog.schema_oid(&relation.schema),
                kind: relkind(relation.kind),
                columns: relation.columns.len(),
                indexed: catalog.indexes.iter().any(|index| index.relation == place),
                rows: moment.sizes.get(&relation.oid).and_then(|size| size.rows),
                identity: if relation.kind == Kind::Table { "d" } else { "n" },
            },
        );
    }
    for index in &catalog.indexes {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        class(
            records,
            Class {
                oid: index.oid,
                name: &index.name,
                namespace: catalog.schema_oid(&relation.schema),
                kind: "i",
                columns: index.columns.len(),
                indexed: false,
                rows: moment.sizes.get(&relation.oid).and_then(|size| size.rows),
                identity: "n",
            },
        );
    }
}

/// `pg_class.relkind`.
pub fn relkind(kind: Kind) -> &'static str {
    match kind {
        Kind::Table => "r",
        Kind::View => "v",
    }
}

/// The catalogs themselves.
static SYSTEM_CLASSES: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let Some(own) = definition("pg_catalog", "pg_class") else { return Vec::new() };
    let mut records = Records::new(own);
    for relation in definitions() {
        class(
            &mut records,
            Class {
                oid: relation.oid,
                name: relation.name,
                namespace: system_namespace(relation),
                kind: relation.kind,
                columns: relation.columns.len(),
                indexed: false,
                rows: None,
                identity: "n",
            },
        );
    }
    records.finish()
});

/// `pg_namespace.oid` of a catalog's schema.
pub fn system_namespace(relation: &Definition) -> u32 {
    match relation.schema {
        "pg_catalog" => crate::catalog::PG_CATALOG,
        _ => crate::catalog::INFORMATION_SCHEMA,
    }
}

fn class(records: &mut Records, class: Class<'_>) {
    let (am, file) = match class.kind {
        "r" => (HEAP, class.oid),
        "i" => (BTREE, class.oid),
        _ => (0, 0),
    };
    let tuples = class.rows.filter(|_| class.kind != "v").map_or(-1.0, |rows| rows as f32);
    records.add(&[
        ("oid", class.oid.into()),
        ("relname", class.name.into()),
        ("relnamespace", class.namespace.into()),
        ("relowner", OWNER.into()),
        ("relam", am.into()),
        ("relfilenode", file.into()),
        ("reltuples", Value::Float4(tuples)),
        ("relhasindex", class.indexed.into()),
        ("relpersistence", "p".into()),
        ("relkind", class.kind.into()),
        ("relnatts", (class.columns as i64).into()),
        ("relhasrules", (class.kind == "v").into()),
        ("relispopulated", true.into()),
        ("relreplident", class.identity.into()),
        ("relacl", if class.kind == "i" { Value::Null } else { acl("r") }),
    ]);
}

/// What rows of pg_attribute differ in.
struct Attribute<'a> {
    relation: u32,
    name: &'a str,
    number: usize,
    ty: Type,
    type_oid: u32,
    typmod: i32,
    not_null: bool,
    collation: u32,
    /// Whether dimensions are told, which they are of tables.
    table: bool,
}

pub fn attributes(catalog: &Catalog, records: &mut Records) {
    for row in SYSTEM_ATTRIBUTES.iter() {
        records.add_row(row.clone());
    }
    let mut add =
        |relation: u32, table: bool, number: usize, column: &offtake_row::Column, not_null: bool| {
            attribute(
                records,
                Attribute {
                    relation,
                    name: &column.name,
                    number,
                    ty: column.ty,
                    type_oid: column.ty.oid(),
                    typmod: column.ty.typmod(),
                    not_null,
                    collation: collation(column.ty),
                    table,
                },
            );
        };
    for relation in &catalog.relations {
        // PostgreSQL shows no NOT NULL on a view's columns.
        let table = relation.kind == Kind::Table;
        for (number, column) in relation.columns.iter().enumerate() {
            let not_null = table && (!column.nullable || relation.key.contains(&number));
            add(relation.oid, table, number, column, not_null);
        }
    }
    for index in &catalog.indexes {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        let columns = index.columns.iter().filter_map(|column| relation.columns.get(*column));
        columns.enumerate().for_each(|(number, column)| add(index.oid, false, number, column, false));
    }
}

/// `pg_type.typcollation`: of texts, and of arrays of them.
pub fn collation(ty: Type) -> u32 {
    match ty.element().unwrap_or(ty) {
        Type::Text | Type::Varchar(_) | Type::Bpchar(_) => DEFAULT_COLLATION,
        Type::Name => C_COLLATION,
        Type::Bool
        | Type::Int2
        | Type::Int4
        | Type::Int8
        | Type::Float4
        | Type::Float8
        | Type::Numeric(_)
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
        | Type::OidVector
        | Type::Array(_) => 0,
    }
}

static SYSTEM_ATTRIBUTES: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let Some(own) = definition("pg_catalog", "pg_attribute") else { return Vec::new() };
    let mut records = Records::new(own);
    for relation in definitions() {
        for (number, column) in relation.columns.iter().enumerate() {
            attribute(
                &mut records,
                Attribute {
                    relation: relation.oid,
                    name: column.name,
                    number,
                    ty: column.ty,
                    type_oid: column.type_oid,
                    typmod: column.typmod,
                    not_null: column.not_null,
                    collation: column.collation,
                    table: relation.kind == "r",
                },
            );
        }
    }
    records.finish()
});

fn attribute(records: &mut Records, attribute: Attribute<'_>) {
    let facts = attribute.ty.facts();
    // Of types that are held as texts, what their own row of pg_type says.
    let other = (attribute.type_oid != facts.oid).then(|| LAYOUTS.get(&attribute.type_oid)).flatten();
    let (length, by_value, align, storage) = match other {
        Some((length, by_value, align, storage)) => (*length, *by_value, align.clone(), storage.clone()),
        None => (facts.length, facts.by_value, facts.align.to_string(), facts.storage.to_string()),
    };
    let is_array = type_entry(attribute.type_oid).is_some_and(|ty| ty.element.is_some());
    records.add(&[
        ("attrelid", attribute.relation.into()),
        ("attname", attribute.name.into()),
        ("atttypid", attribute.type_oid.into()),
        ("attstattarget", (-1).into()),
        ("attlen", length.into()),
        ("attnum", (attribute.number as i64 + 1).into()),
        ("attndims", i64::from(attribute.table && is_array).into()),
        ("attcacheoff", (-1).into()),
        ("atttypmod", attribute.typmod.into()),
        ("attbyval", by_value.into()),
        ("attalign", align.into()),
        ("attstorage", storage.into()),
        ("attnotnull", attribute.not_null.into()),
        ("attislocal", true.into()),
        ("attcollation", attribute.collation.into()),
    ]);
}

/// Length, by value, alignment and storage of pg_type's types.
static LAYOUTS: LazyLock<BTreeMap<u32, (i16, bool, String, String)>> = LazyLock::new(|| {
    let reader = crate::content::Reader::new("pg_type");
    let layout = |row: &Row| {
        let length = i16::try_from(reader.number(row, "typlen")).unwrap_or(-1);
        let by_value = reader.flag(row, "typbyval");
        let (align, storage) = (reader.text(row, "typalign"), reader.text(row, "typstorage"));
        (reader.oid(row, "oid"), (length, by_value, align.to_owned(), storage.to_owned()))
    };
    crate::content::rows("pg_type").iter().map(layout).collect()
});

pub fn namespaces(catalog: &Catalog, records: &mut Records) {
    for (name, oid) in &catalog.schemas {
        records.add(&[
            ("oid", (*oid).into()),
            ("nspname", name.into()),
            ("nspowner", OWNER.into()),
            ("nspacl", acl("U")),
        ]);
    }
}

pub fn databases(catalog: &Catalog, records: &mut Records) {
    records.add(&[
        ("oid", DATABASE.into()),
        ("datname", (&catalog.database).into()),
        ("datdba", OWNER.into()),
        ("encoding", UTF8.into()),
        ("datlocprovider", "c".into()),
        ("datallowconn", true.into()),
        ("datconnlimit", (-1).into()),
        ("datfrozenxid", catalog.generation.into()),
        ("datminmxid", 1.into()),
        ("dattablespace", PG_DEFAULT.into()),
        ("datcollate", "C".into()),
        ("datctype", "C.UTF-8".into()),
        ("datacl", acl("c")),
    ]);
}
