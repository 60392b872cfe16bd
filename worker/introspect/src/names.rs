//! What objects are called, and where a name is looked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Catalog, PG_CATALOG},
    content::{functions, type_entry},
    definition::definitions,
    identifier::{qualified, quote},
};

/// A name in a schema.
#[derive(Clone, Debug)]
pub struct Named {
    pub oid: u32,
    pub schema: String,
    pub name: String,
}

/// The schemas in which names without one are looked for, pg_catalog before all others unless the path names it. Source: PostgreSQL
/// documentation, 5.9.5.
pub fn path(search_path: &[String]) -> Vec<String> {
    let implicit =
        (!search_path.iter().any(|schema| schema == "pg_catalog")).then(|| "pg_catalog".to_owned());
    implicit.into_iter().chain(search_path.iter().cloned()).collect()
}

/// All that pg_class shows.
pub fn relations(catalog: &Catalog) -> Vec<Named> {
    let system = definitions().iter().map(|relation| Named {
        oid: relation.oid,
        schema: relation.schema.to_owned(),
        name: relation.name.to_owned(),
    });
    let own = catalog.relations.iter().map(|relation| Named {
        oid: relation.oid,
        schema: relation.schema.clone(),
        name: relation.name.clone(),
    });
    let indexes = catalog.indexes.iter().filter_map(|index| {
        let schema = catalog.relations.get(index.relation)?.schema.clone();
        Some(Named { oid: index.oid, schema, name: index.name.clone() })
    });
    system.chain(own).chain(indexes).collect()
}

/// The OIDs of those that are found by their bare names.
pub fn visible(named: &[Named], search_path: &[String]) -> BTreeSet<u32> {
    let path = path(search_path);
    let mut first: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
    for named in named {
        let Some(place) = path.iter().position(|schema| *schema == named.schema) else { continue };
        let entry = first.entry(&named.name).or_insert((place, named.oid));
        if place < entry.0 {
            *entry = (place, named.oid);
        }
    }
    first.into_values().map(|(_, oid)| oid).collect()
}

/// A name as `regclass` prints it: with its schema where it is not found without.
pub fn shown(named: &Named, visible: &BTreeSet<u32>) -> String {
    if visible.contains(&named.oid) { quote(&named.name) } else { qualified(&named.schema, &named.name) }
}

/// What `format_type` prints of a type without modifier. Source: `format_type_extended` in PostgreSQL's `format_type.c`.
pub fn type_name(oid: u32) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let Some(ty) = type_entry(oid) else { return "???".to_owned() };
    if let Some(element) = ty.element {
        return format!("{}[]", type_name(element));
    }
    let spelled = match ty.name.as_str() {
        "bit" => "bit",
        "bool" => "boolean",
        "bpchar" => "character",
        "float4" => "real",
        "float8" => "double precision",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "interval" => "interval",
        "numeric" => "numeric",
        "time" => "time without time zone",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "timetz" => "time with time zone",
        "varbit" => "bit varying",
        "varchar" => "character varying",
        name if ty.namespace == PG_CATALOG => return quote(name),
        name => return qualified("information_schema", name),
    };
    spelled.to_owned()
}

/// Functions by name: those of one name are told apart by their arguments only.
pub fn function_names() -> BTreeMap<&'static str, Vec<u32>> {
    let mut names: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for function in functions() {
        names.entry(&function.name).or_default().push(function.oid);
    }
    names
}
