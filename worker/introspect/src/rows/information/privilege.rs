//! information_schema's views about rights: everybody may read everything.

use super::{all_relations, named, yes};
use crate::{
    catalog::{Catalog, OWNER_NAME},
    definition::definitions,
    moment::Moment,
    rows::record::{Records, Value},
};

const EVERYBODY: &str = "PUBLIC";

fn granted<'a>(grantee: &'a str) -> [(&'static str, Value<'a>); 4] {
    [
        ("grantor", OWNER_NAME.into()),
        ("grantee", grantee.into()),
        ("privilege_type", "SELECT".into()),
        // The owner may grant what it has.
        ("is_grantable", yes(grantee == OWNER_NAME)),
    ]
}

fn tables(catalog: &Catalog, grantees: &[&str], records: &mut Records) {
    for (schema, name, _) in all_relations(catalog) {
        for grantee in grantees {
            let mut values = named(catalog, schema, name).to_vec();
            values.extend(granted(grantee));
            values.push(("with_hierarchy", yes(true)));
            records.add(&values);
        }
    }
}

fn columns(catalog: &Catalog, grantees: &[&str], records: &mut Records) {
    let mut add = |schema: &str, table: &str, column: &str| {
        for grantee in grantees {
            let mut values = named(catalog, schema, table).to_vec();
            values.extend(granted(grantee));
            values.push(("column_name", column.into()));
            records.add(&values);
        }
    };
    for relation in definitions() {
        relation.columns.iter().for_each(|column| add(relation.schema, relation.name, column.name));
    }
    for relation in &catalog.relations {
        relation.columns.iter().for_each(|column| add(&relation.schema, &relation.name, &column.name));
    }
}

pub fn table_privileges(catalog: &Catalog, records: &mut Records) {
    tables(catalog, &[OWNER_NAME, EVERYBODY], records);
}

pub fn column_privileges(catalog: &Catalog, records: &mut Records) {
    columns(catalog, &[OWNER_NAME, EVERYBODY], records);
}

/// Rights that the session's role has got or given. What everybody has is not among them.
pub fn role_table_grants(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    if moment.user == OWNER_NAME {
        tables(catalog, &[OWNER_NAME], records);
    }
}

pub fn role_column_grants(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    if moment.user == OWNER_NAME {
        columns(catalog, &[OWNER_NAME], records);
    }
}
