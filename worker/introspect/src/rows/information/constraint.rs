//! information_schema's views about primary keys and NOT NULL.

use super::{named, yes};
use crate::{
    catalog::{Catalog, Index, Kind, RelationInfo},
    definition::definitions,
    rows::{
        class::system_namespace,
        record::{Records, Value},
    },
};

fn keys(catalog: &Catalog) -> impl Iterator<Item = (&Index, &RelationInfo)> {
    let keys = catalog.indexes.iter().filter(|index| index.primary);
    keys.filter_map(|index| Some((index, catalog.relations.get(index.relation)?)))
}

/// NOT NULL is a constraint to information_schema. Schema, table, column and the constraint's name.
fn not_nulls(catalog: &Catalog) -> Vec<(&str, &str, &str, String)> {
    let name =
        |schema: u32, relation: u32, number: usize| format!("{schema}_{relation}_{}_not_null", number + 1);
    let mut found = Vec::new();
    for relation in definitions().iter().filter(|relation| relation.kind == "r") {
        let columns = relation.columns.iter().enumerate().filter(|(_, column)| column.not_null);
        found.extend(columns.map(|(number, column)| {
            let name = name(system_namespace(relation), relation.oid, number);
            (relation.schema, relation.name, column.name, name)
        }));
    }
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::Table) {
        let schema = catalog.schema_oid(&relation.schema);
        let columns = relation.columns.iter().enumerate();
        let columns = columns.filter(|(number, column)| !column.nullable || relation.key.contains(number));
        found.extend(columns.map(|(number, column)| {
            let name = name(schema, relation.oid, number);
            (relation.schema.as_str(), relation.name.as_str(), column.name.as_str(), name)
        }));
    }
    found
}

fn constraint<'a>(catalog: &'a Catalog, schema: &'a str, name: Value<'a>) -> [(&'static str, Value<'a>); 3] {
    [
        ("constraint_catalog", (&catalog.database).into()),
        ("constraint_schema", schema.into()),
        ("constraint_name", name),
    ]
}

pub fn table_constraints(catalog: &Catalog, records: &mut Records) {
    let mut add = |schema: &str, table: &str, name: Value<'_>, kind: &str| {
        let mut values = constraint(catalog, schema, name).to_vec();
        values.extend(named(catalog, schema, table));
        values.extend([
            ("constraint_type", kind.into()),
            ("is_deferrable", yes(false)),
            ("initially_deferred", yes(false)),
            ("enforced", yes(true)),
        ]);
        records.add(&values);
    };
    for (index, relation) in keys(catalog) {
        add(&relation.schema, &relation.name, (&index.name).into(), "PRIMARY KEY");
    }
    for (schema, table, _, name) in not_nulls(catalog) {
        add(schema, table, name.into(), "CHECK");
    }
}

pub fn check_constraints(catalog: &Catalog, records: &mut Records) {
    for (schema, _, column, name) in not_nulls(catalog) {
        let mut values = constraint(catalog, schema, name.into()).to_vec();
        values.push(("check_clause", format!("{column} IS NOT NULL").into()));
        records.add(&values);
    }
}

pub fn key_columns(catalog: &Catalog, records: &mut Records) {
    for (index, relation) in keys(catalog) {
        for (position, column) in index.columns.iter().enumerate() {
            let mut values = constraint(catalog, &relation.schema, (&index.name).into()).to_vec();
            values.extend(named(catalog, &relation.schema, &relation.name));
            values.push(("column_name", relation.columns.get(*column).map(|column| &column.name).into()));
            values.push(("ordinal_position", (position as i64 + 1).into()));
            records.add(&values);
        }
    }
}

pub fn constraint_columns(catalog: &Catalog, records: &mut Records) {
    for (index, relation) in keys(catalog) {
        for column in &index.columns {
            let mut values = constraint(catalog, &relation.schema, (&index.name).into()).to_vec();
            values.extend(named(catalog, &relation.schema, &relation.name));
            values.push(("column_name", relation.columns.get(*column).map(|column| &column.name).into()));
            records.add(&values);
        }
    }
}

pub fn constraint_tables(catalog: &Catalog, records: &mut Records) {
    for (index, relation) in keys(catalog) {
        let mut values = constraint(catalog, &relation.schema, (&index.name).into()).to_vec();
        values.extend(named(catalog, &relation.schema, &relation.name));
        records.add(&values);
    }
}
