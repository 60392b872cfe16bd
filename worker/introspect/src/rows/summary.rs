//! pg_tables and pg_views.

use super::record::{Records, Value};
use crate::{
    catalog::{Catalog, Kind, OWNER_NAME},
    definition::definitions,
};

pub fn tables(catalog: &Catalog, records: &mut Records) {
    let mut add = |schema: &str, name: &str, indexed: bool| {
        records.add(&[
            ("schemaname", schema.into()),
            ("tablename", name.into()),
            ("tableowner", OWNER_NAME.into()),
            ("hasindexes", indexed.into()),
            ("hasrules", false.into()),
            ("hastriggers", false.into()),
            ("rowsecurity", false.into()),
        ]);
    };
    for relation in definitions().iter().filter(|relation| relation.kind == "r") {
        add(relation.schema, relation.name, false);
    }
    for (place, relation) in catalog.relations.iter().enumerate() {
        if relation.kind == Kind::Table {
            let indexed = catalog.indexes.iter().any(|index| index.relation == place);
            add(&relation.schema, &relation.name, indexed);
        }
    }
}

pub fn views(catalog: &Catalog, records: &mut Records) {
    let mut add = |schema: &str, name: &str, definition: Option<String>| {
        records.add(&[
            ("schemaname", schema.into()),
            ("viewname", name.into()),
            ("viewowner", OWNER_NAME.into()),
            ("definition", definition.map_or(Value::Null, Value::from)),
        ]);
    };
    for relation in definitions().iter().filter(|relation| relation.kind == "v") {
        add(relation.schema, relation.name, None);
    }
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::View) {
        add(&relation.schema, &relation.name, relation.definition.as_deref().map(view_text));
    }
}

/// A view's query as `pg_get_viewdef` answers it: after a blank, with a semicolon.
pub fn view_text(query: &str) -> String {
    format!(" {};", query.trim().trim_end_matches(';').trim_end())
}
