//! information_schema: the parts of the SQL standard's catalog that tools read.
//!
//! Source: PostgreSQL 15 documentation, chapter 37 (The Information Schema).

use std::sync::Arc;

use datafusion::{
    catalog::{MemorySchemaProvider, SchemaProvider},
    error::DataFusionError,
};
use offtake_row::Type;

use crate::{
    RelationInfo,
    functions::OWNER_NAME,
    pg_catalog::index_name,
    session::Schemas,
    table::{Cell, Kind, table},
};

pub fn provider(
    database: &str,
    schemas: &Schemas,
    relations: &[RelationInfo],
) -> Result<Arc<dyn SchemaProvider>, DataFusionError> {
    let provider = MemorySchemaProvider::new();
    let add = |name: &str, columns: &[(&str, Kind)], rows: Vec<Vec<Cell>>| {
        provider.register_table(name.to_owned(), table(columns, &rows)?).map(|_| ())
    };
    add(
        "schemata",
        &[("catalog_name", Kind::Text), ("schema_name", Kind::Text), ("schema_owner", Kind::Text)],
        schemas.iter().map(|(name, _)| vec![database.into(), name.into(), OWNER_NAME.into()]).collect(),
    )?;
    let names = [("table_catalog", Kind::Text), ("table_schema", Kind::Text), ("table_name", Kind::Text)];
    let named = |relation: &RelationInfo| {
        vec![database.into(), Cell::from(&relation.schema), Cell::from(&relation.name)]
    };
    add(
        "tables",
        &[
            &names[..],
            &[("table_type", Kind::Text), ("is_insertable_into", Kind::Text), ("is_typed", Kind::Text)],
        ]
        .concat(),
        relations
            .iter()
            .map(|relation| {
                let kind = match relation.kind {
                    crate::Kind::Table => "BASE TABLE",
                    crate::Kind::View => "VIEW",
                };
                [named(relation), vec![kind.into(), "NO".into(), "NO".into()]].concat()
            })
            .collect(),
    )?;
    add(
        "views",
        &[
            &names[..],
            &[("view_definition", Kind::Text), ("check_option", Kind::Text), ("is_updatable", Kind::Text)],
        ]
        .concat(),
        relations
            .iter()
            .filter(|relation| relation.kind == crate::Kind::View)
            .map(|relation| {
                [named(relation), vec![relation.definition.as_ref().into(), "NONE".into(), "NO".into()]]
                    .concat()
            })
            .collect(),
    )?;
    add(
        "columns",
        &[&names[..], COLUMNS].concat(),
        relations.iter().flat_map(|relation| columns(database, relation)).collect(),
    )?;

    let constraint = |relation: &RelationInfo| {
        vec![database.into(), Cell::from(&relation.schema), Cell::Text(index_name(relation))]
    };
    let constraint_names = [
        ("constraint_catalog", Kind::Text),
        ("constraint_schema", Kind::Text),
        ("constraint_name", Kind::Text),
    ];
    let keyed = || relations.iter().filter(|relation| !relation.key.is_empty());
    add(
        "table_constraints",
        &[
            &constraint_names[..],
            &names,
            &[
                ("constraint_type", Kind::Text),
                ("is_deferrable", Kind::Text),
                ("initially_deferred", Kind::Text),
                ("enforced", Kind::Text),
            ],
        ]
        .concat(),
        keyed()
            .map(|relation| {
                let rest = vec!["PRIMARY KEY".into(), "NO".into(), "NO".into(), "YES".into()];
                [constraint(relation), named(relation), rest].concat()
            })
            .collect(),
    )?;
    add(
        "key_column_usage",
        &[
            &constraint_names[..],
            &names,
            &[
                ("column_name", Kind::Text),
                ("ordinal_position", Kind::Int),
                ("position_in_unique_constraint", Kind::Int),
            ],
        ]
        .concat(),
        keyed()
            .flat_map(|relation| {
                relation.key.iter().enumerate().filter_map(|(position, column)| {
                    let name = &relation.columns.get(*column)?.name;
                    let rest = vec![Cell::from(name), (position as i32 + 1).into(), Cell::Null];
                    Some([constraint(relation), named(relation), rest].concat())
                })
            })
            .collect(),
    )?;
    add(
        "referential_constraints",
        &[
            &constraint_names[..],
            &[
                ("unique_constraint_schema", Kind::Text),
                ("unique_constraint_name", Kind::Text),
                ("update_rule", Kind::Text),
                ("delete_rule", Kind::Text),
            ],
        ]
        .concat(),
        Vec::new(),
    )?;
    add(
        "routines",
        &[
            ("specific_schema", Kind::Text),
            ("specific_name", Kind::Text),
            ("routine_schema", Kind::Text),
            ("routine_name", Kind::Text),
            ("routine_type", Kind::Text),
            ("data_type", Kind::Text),
        ],
        Vec::new(),
    )?;
    add(
        "sequences",
        &[
            ("sequence_catalog", Kind::Text),
            ("sequence_schema", Kind::Text),
            ("sequence_name", Kind::Text),
            ("data_type", Kind::Text),
        ],
        Vec::new(),
    )?;
    Ok(Arc::new(provider))
}

/// The columns of `columns` after the relation's name.
const COLUMNS: &[(&str, Kind)] = &[
    ("column_name", Kind::Text),
    ("ordinal_position", Kind::Int),
    ("column_default", Kind::Text),
    ("is_nullable", Kind::Text),
    ("data_type", Kind::Text),
    ("character_maximum_length", Kind::Int),
    ("character_octet_length", Kind::Int),
    ("numeric_precision", Kind::Int),
    ("numeric_precision_radix", Kind::Int),
    ("numeric_scale", Kind::Int),
    ("datetime_precision", Kind::Int),
    ("udt_catalog", Kind::Text),
    ("udt_schema", Kind::Text),
    ("udt_name", Kind::Text),
    ("is_identity", Kind::Text),
    ("is_generated", Kind::Text),
    ("is_updatable", Kind::Text),
];

fn columns(database: &str, relation: &RelationInfo) -> Vec<Vec<Cell>> {
    let row = |(number, column): (usize, &offtake_row::Column)| {
        let ty = column.ty;
        let length = match ty {
            Type::Varchar(Some(n)) | Type::Bpchar(Some(n)) => Some(i32::try_from(n).unwrap_or(i32::MAX)),
            _ => None,
        };
        let (precision, radix, scale) = match ty {
            Type::Int2 => (Some(16), Some(2), Some(0)),
            Type::Int4 => (Some(32), Some(2), Some(0)),
            Type::Int8 => (Some(64), Some(2), Some(0)),
            Type::Float4 => (Some(24), Some(2), None),
            Type::Float8 => (Some(53), Some(2), None),
            Type::Numeric(Some((precision, scale))) => {
                (Some(i32::from(precision)), Some(10), Some(i32::from(scale)))
            }
            Type::Numeric(None) => (None, Some(10), None),
            _ => (None, None, None),
        };
        let datetime = match ty {
            Type::Date => Some(0),
            Type::Time | Type::Timestamp | Type::Timestamptz => Some(6),
            _ => None,
        };
        vec![
            database.into(),
            Cell::from(&relation.schema),
            Cell::from(&relation.name),
            Cell::from(&column.name),
            (number as i32 + 1).into(),
            Cell::Null,
            if column.nullable || relation.kind == crate::Kind::View { "YES" } else { "NO" }.into(),
            data_type(ty).into(),
            length.into(),
            length.map(|length| length.saturating_mul(4)).into(),
            precision.into(),
            radix.into(),
            scale.into(),
            datetime.into(),
            database.into(),
            "pg_catalog".into(),
            internal_name(ty).into(),
            "NO".into(),
            "NEVER".into(),
            "NO".into(),
        ]
    };
    relation.columns.iter().enumerate().map(row).collect()
}

/// The type's name without its modifier.
pub fn data_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "boolean",
        Type::Int2 => "smallint",
        Type::Int4 => "integer",
        Type::Int8 => "bigint",
        Type::Float4 => "real",
        Type::Float8 => "double precision",
        Type::Numeric(_) => "numeric",
        Type::Text => "text",
        Type::Varchar(_) => "character varying",
        Type::Bpchar(_) => "character",
        Type::Date => "date",
        Type::Time => "time without time zone",
        Type::Timestamp => "timestamp without time zone",
        Type::Timestamptz => "timestamp with time zone",
        Type::Uuid => "uuid",
        Type::Bytea => "bytea",
        Type::Json => "json",
        Type::Jsonb => "jsonb",
    }
}

/// `pg_type.typname`.
pub fn internal_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int2 => "int2",
        Type::Int4 => "int4",
        Type::Int8 => "int8",
        Type::Float4 => "float4",
        Type::Float8 => "float8",
        Type::Varchar(_) => "varchar",
        Type::Bpchar(_) => "bpchar",
        Type::Time => "time",
        Type::Timestamp => "timestamp",
        Type::Timestamptz => "timestamptz",
        _ => data_type(ty),
    }
}
