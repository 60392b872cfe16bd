//! information_schema.columns.

use super::{named, yes};
use crate::{
    catalog::{Catalog, Kind},
    content::{Reader, rows, type_entry},
    definition::definitions,
    names::type_name,
    rows::{
        class::collation,
        record::{Records, Value},
    },
};

/// OIDs of types. Source: `pg_type`.
const NUMERIC: u32 = 1700;
const INTERVAL: u32 = 1186;

pub fn columns(catalog: &Catalog, records: &mut Records) {
    let mut add = |schema: &str, name: &str, column: Shown<'_>| {
        let mut values = named(catalog, schema, name).to_vec();
        values.extend(shown(catalog, &column));
        records.add(&values);
    };
    for relation in definitions() {
        for (number, column) in relation.columns.iter().enumerate() {
            let shown = Shown {
                name: column.name,
                number,
                type_oid: column.type_oid,
                typmod: column.typmod,
                nullable: !column.not_null,
                collation: column.collation,
            };
            add(relation.schema, relation.name, shown);
        }
    }
    for relation in &catalog.relations {
        for (number, column) in relation.columns.iter().enumerate() {
            let shown = Shown {
                name: &column.name,
                number,
                type_oid: column.ty.oid(),
                typmod: column.ty.typmod(),
                nullable: relation.kind == Kind::View || (column.nullable && !relation.key.contains(&number)),
                collation: collation(column.ty),
            };
            add(&relation.schema, &relation.name, shown);
        }
    }
}

/// What columns differ in.
struct Shown<'a> {
    name: &'a str,
    number: usize,
    type_oid: u32,
    typmod: i32,
    nullable: bool,
    collation: u32,
}

fn shown<'a>(catalog: &'a Catalog, column: &Shown<'a>) -> Vec<(&'static str, Value<'a>)> {
    let domain = domain(column.type_oid);
    let (oid, typmod) =
        domain.as_ref().map_or((column.type_oid, column.typmod), |(_, base, typmod)| (*base, *typmod));
    let length = match oid {
        1042 | 1043 if typmod >= 4 => Some(typmod - 4),
        1560 | 1562 if typmod >= 0 => Some(typmod),
        _ => None,
    };
    let octets = match oid {
        25 | 1042 | 1043 => Some(length.map_or(1 << 30, |length| length.saturating_mul(4))),
        _ => None,
    };
    let (precision, radix) = match oid {
        21 => (Some(16), Some(2)),
        23 => (Some(32), Some(2)),
        20 => (Some(64), Some(2)),
        700 => (Some(24), Some(2)),
        701 => (Some(53), Some(2)),
        NUMERIC => ((typmod >= 4).then(|| ((typmod - 4) >> 16) & 0xffff), Some(10)),
        _ => (None, None),
    };
    let scale = match oid {
        20 | 21 | 23 => Some(0),
        NUMERIC => (typmod >= 4).then(|| (typmod - 4) & 0xffff),
        _ => None,
    };
    let datetime = match oid {
        1082 => Some(0),
        1083 | 1114 | 1184 | 1266 => Some(if typmod < 0 { 6 } else { typmod }),
        INTERVAL if typmod < 0 || typmod & 0xffff == 0xffff => Some(6),
        INTERVAL => Some(typmod & 0xffff),
        _ => None,
    };
    let collation = match column.collation {
        // None, or the default.
        0 | 100 => None,
        oid => collation_name(oid),
    };
    let of_database = |shown: bool| if shown { Value::from(&catalog.database) } else { Value::Null };
    vec![
        ("column_name", column.name.into()),
        ("ordinal_position", (column.number as i64 + 1).into()),
        ("is_nullable", yes(column.nullable)),
        ("data_type", data_type(oid).into()),
        ("character_maximum_length", length.into()),
        ("character_octet_length", octets.into()),
        ("numeric_precision", precision.into()),
        ("numeric_precision_radix", radix.into()),
        ("numeric_scale", scale.into()),
        ("datetime_precision", datetime.into()),
        ("collation_catalog", of_database(collation.is_some())),
        ("collation_schema", collation.map(|_| "pg_catalog").into()),
        ("collation_name", collation.into()),
        ("domain_catalog", of_database(domain.is_some())),
        ("domain_schema", domain.as_ref().map(|_| "information_schema").into()),
        ("domain_name", domain.map(|(name, ..)| name).into()),
        ("udt_catalog", of_database(true)),
        ("udt_schema", "pg_catalog".into()),
        ("udt_name", type_entry(oid).map(|ty| ty.name.as_str()).into()),
        ("dtd_identifier", (column.number + 1).to_string().into()),
        ("is_self_referencing", yes(false)),
        ("is_identity", yes(false)),
        ("identity_cycle", yes(false)),
        ("is_generated", "NEVER".into()),
        ("is_updatable", yes(false)),
    ]
}

/// Of a domain, its name and the type that it is made of.
fn domain(oid: u32) -> Option<(&'static str, u32, i32)> {
    let ty = type_entry(oid).filter(|ty| ty.kind == "d")?;
    let reader = Reader::new("pg_type");
    let row = rows("pg_type").iter().find(|row| reader.oid(row, "oid") == oid)?;
    let typmod = i32::try_from(reader.number(row, "typtypmod")).unwrap_or(-1);
    Some((&ty.name, reader.oid(row, "typbasetype"), typmod))
}

fn collation_name(oid: u32) -> Option<&'static str> {
    let reader = Reader::new("pg_collation");
    let row = rows("pg_collation").iter().find(|row| reader.oid(row, "oid") == oid)?;
    Some(reader.text(row, "collname"))
}

/// A type as information_schema names it.
pub fn data_type(oid: u32) -> String {
    let reader = Reader::new("pg_type");
    let row = rows("pg_type").iter().find(|row| reader.oid(row, "oid") == oid);
    match row {
        Some(row) if reader.oid(row, "typelem") != 0 && reader.number(row, "typlen") == -1 => {
            "ARRAY".to_owned()
        }
        Some(row) if reader.oid(row, "typnamespace") == crate::catalog::PG_CATALOG => type_name(oid),
        Some(_) => "USER-DEFINED".to_owned(),
        None => type_name(oid),
    }
}
