//! information_schema. Source: PostgreSQL 15 documentation, chapter 37, and the views' own definitions.

mod column;
mod constraint;
mod privilege;

use super::{
    record::{Records, Value},
    summary::view_text,
};
use crate::{
    catalog::{Catalog, Kind, OWNER_NAME},
    content::{Reader, rows, type_entry},
    definition::definitions,
    moment::Moment,
};

pub use column::{columns, data_type};
pub use constraint::{
    check_constraints, constraint_columns, constraint_tables, key_columns, table_constraints,
};
pub use privilege::{column_privileges, role_column_grants, role_table_grants, table_privileges};

/// `YES` or `NO`.
fn yes(value: bool) -> Value<'static> {
    if value { "YES" } else { "NO" }.into()
}

/// The database, the schema and the name of a relation, under the names that such columns have.
fn named<'a>(catalog: &'a Catalog, schema: &'a str, name: &'a str) -> [(&'static str, Value<'a>); 3] {
    [
        ("table_catalog", (&catalog.database).into()),
        ("table_schema", schema.into()),
        ("table_name", name.into()),
    ]
}

/// Schema, name and whether it is a table, of all relations, the catalogs' too.
fn all_relations(catalog: &Catalog) -> impl Iterator<Item = (&str, &str, bool)> {
    let system = definitions().iter().map(|relation| (relation.schema, relation.name, relation.kind == "r"));
    let own = catalog.relations.iter();
    system.chain(
        own.map(|relation| (relation.schema.as_str(), relation.name.as_str(), relation.kind == Kind::Table)),
    )
}

pub fn catalog_name(catalog: &Catalog, records: &mut Records) {
    records.add(&[("catalog_name", (&catalog.database).into())]);
}

pub fn schemata(catalog: &Catalog, records: &mut Records) {
    for name in catalog.schemas.keys() {
        records.add(&[
            ("catalog_name", (&catalog.database).into()),
            ("schema_name", name.into()),
            ("schema_owner", OWNER_NAME.into()),
        ]);
    }
}

pub fn tables(catalog: &Catalog, records: &mut Records) {
    for (schema, name, table) in all_relations(catalog) {
        let mut values = named(catalog, schema, name).to_vec();
        values.extend([
            ("table_type", if table { "BASE TABLE" } else { "VIEW" }.into()),
            ("is_insertable_into", yes(false)),
            ("is_typed", yes(false)),
        ]);
        records.add(&values);
    }
}

pub fn views(catalog: &Catalog, records: &mut Records) {
    let mut add = |schema: &str, name: &str, definition: Option<String>| {
        let mut values = named(catalog, schema, name).to_vec();
        values.extend([
            ("view_definition", definition.into()),
            ("check_option", "NONE".into()),
            ("is_updatable", yes(false)),
            ("is_insertable_into", yes(false)),
            ("is_trigger_updatable", yes(false)),
            ("is_trigger_deletable", yes(false)),
            ("is_trigger_insertable_into", yes(false)),
        ]);
        records.add(&values);
    };
    for relation in definitions().iter().filter(|relation| relation.kind == "v") {
        add(relation.schema, relation.name, None);
    }
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::View) {
        add(&relation.schema, &relation.name, relation.definition.as_deref().map(view_text));
    }
}

pub fn view_tables(catalog: &Catalog, records: &mut Records) {
    for view in &catalog.relations {
        let read = catalog.relations.iter().filter(|relation| view.reads.contains(&relation.oid));
        for relation in read {
            let mut values = named(catalog, &relation.schema, &relation.name).to_vec();
            values.extend([
                ("view_catalog", (&catalog.database).into()),
                ("view_schema", (&view.schema).into()),
                ("view_name", (&view.name).into()),
            ]);
            records.add(&values);
        }
    }
}

pub fn character_sets(catalog: &Catalog, records: &mut Records) {
    records.add(&[
        ("character_set_name", "UTF8".into()),
        ("character_repertoire", "UCS".into()),
        ("form_of_use", "UTF8".into()),
        ("default_collate_catalog", (&catalog.database).into()),
        ("default_collate_schema", "pg_catalog".into()),
        ("default_collate_name", "C".into()),
    ]);
}

pub fn collations(catalog: &Catalog, records: &mut Records) {
    let reader = Reader::new("pg_collation");
    for row in rows("pg_collation") {
        records.add(&[
            ("collation_catalog", (&catalog.database).into()),
            ("collation_schema", "pg_catalog".into()),
            ("collation_name", reader.text(row, "collname").into()),
            ("pad_attribute", "NO PAD".into()),
        ]);
    }
}

pub fn enabled_roles(_: &Catalog, moment: &Moment, records: &mut Records) {
    records.add(&[("role_name", (&moment.user).into())]);
}

pub fn routines(catalog: &Catalog, records: &mut Records) {
    let reader = Reader::new("pg_proc");
    let database = || Value::from(&catalog.database);
    for row in rows("pg_proc") {
        let name = reader.text(row, "proname");
        let result = reader.oid(row, "prorettype");
        let internal = reader.oid(row, "prolang") == INTERNAL;
        records.add(&[
            ("specific_catalog", database()),
            ("specific_schema", "pg_catalog".into()),
            ("specific_name", format!("{name}_{}", reader.oid(row, "oid")).into()),
            ("routine_catalog", database()),
            ("routine_schema", "pg_catalog".into()),
            ("routine_name", name.into()),
            ("routine_type", (reader.text(row, "prokind") == "f").then_some("FUNCTION").into()),
            ("data_type", data_type(result).into()),
            ("type_udt_catalog", database()),
            ("type_udt_schema", "pg_catalog".into()),
            ("type_udt_name", type_entry(result).map(|ty| ty.name.as_str()).into()),
            ("dtd_identifier", "0".into()),
            ("routine_body", if internal { "EXTERNAL" } else { "SQL" }.into()),
            ("routine_definition", reader.text(row, "prosrc").into()),
            ("external_language", if internal { "INTERNAL" } else { "SQL" }.into()),
            ("parameter_style", "GENERAL".into()),
            ("is_deterministic", yes(reader.text(row, "provolatile") == "i")),
            ("sql_data_access", "MODIFIES".into()),
            ("is_null_call", yes(reader.flag(row, "proisstrict"))),
            ("schema_level_routine", yes(true)),
            ("max_dynamic_result_sets", 0.into()),
            ("security_type", if reader.flag(row, "prosecdef") { "DEFINER" } else { "INVOKER" }.into()),
            ("as_locator", yes(false)),
            ("is_udt_dependent", yes(false)),
        ]);
    }
}

/// `pg_language.oid` of functions that are in the server.
const INTERNAL: u32 = 12;
