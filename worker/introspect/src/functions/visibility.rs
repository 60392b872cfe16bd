//! Whether an object is found by its bare name: `pg_table_is_visible` and its like.

use offtake_lir::{Lookup, Otherwise, Scalar};
use offtake_row::{
    ArrayBuilder, Datum, Element, Row,
    Type::{self, Bool, Oid},
};

use super::{CATALOG, Entry, Functions, arg, entry, look_up, nothing, number, truth};
use crate::{
    content::{Reader, rows, types},
    names::{path, relations, visible},
};

macro_rules! of_catalog {
    ($function:literal, $catalog:literal) => {
        entry($function, &[Oid], Bool, CATALOG, |functions, _| of_catalog(functions, $function, $catalog))
    };
}

pub const ENTRIES: &[Entry] = &[
    entry("pg_table_is_visible", &[Oid], Bool, CATALOG, |functions, _| {
        let answers = functions.lookup_in_path("pg_table_is_visible", |catalog, path| {
            let all = relations(catalog);
            let visible = visible(&all, path);
            let answers =
                all.iter().map(|relation| (number(relation.oid), truth(visible.contains(&relation.oid))));
            Lookup::new("pg_table_is_visible", vec![Oid], answers, Otherwise::null())
        });
        look_up(answers, [arg(0)])
    }),
    entry("pg_type_is_visible", &[Oid], Bool, CATALOG, |functions, _| {
        let answers = functions.lookup_in_path("pg_type_is_visible", |_, search_path| {
            let information = path(search_path).iter().any(|schema| schema == "information_schema");
            let answers = types()
                .map(|ty| (number(ty.oid), truth(ty.namespace == crate::catalog::PG_CATALOG || information)));
            Lookup::new("pg_type_is_visible", vec![Oid], answers, Otherwise::null())
        });
        look_up(answers, [arg(0)])
    }),
    of_catalog!("pg_function_is_visible", "pg_proc"),
    of_catalog!("pg_operator_is_visible", "pg_operator"),
    of_catalog!("pg_opclass_is_visible", "pg_opclass"),
    of_catalog!("pg_opfamily_is_visible", "pg_opfamily"),
    of_catalog!("pg_collation_is_visible", "pg_collation"),
    // There are none of these.
    entry("pg_conversion_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("pg_statistics_obj_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("pg_ts_config_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("pg_ts_dict_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("pg_ts_parser_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("pg_ts_template_is_visible", &[Oid], Bool, CATALOG, nothing),
    entry("current_schemas", &[Bool], Type::Array(Element::Name), CATALOG, current_schemas),
];

/// What is in pg_catalog is always found: no other schema has such objects.
fn of_catalog(functions: &Functions, name: &'static str, catalog: &'static str) -> Scalar {
    let answers = functions.lookup(name, |_| {
        let reader = Reader::new(catalog);
        let answers = rows(catalog).iter().map(|row| (number(reader.oid(row, "oid")), truth(true)));
        Lookup::new(name, vec![Oid], answers, Otherwise::null())
    });
    look_up(answers, [arg(0)])
}

/// The schemas of the path that exist, with the one that is there without being named if that is asked for.
fn current_schemas(functions: &Functions, _: &'static [Type]) -> Scalar {
    let answers = functions.lookup_in_path("current_schemas", |catalog, search_path| {
        let answer = |schemas: &[String]| {
            let mut array = ArrayBuilder::new();
            schemas
                .iter()
                .filter(|schema| catalog.schemas.contains_key(*schema))
                .for_each(|schema| array.push(Datum::Text(schema)));
            Row::pack([Datum::Array(array.finish())])
        };
        let answers = [(truth(false), answer(search_path)), (truth(true), answer(&path(search_path)))];
        Lookup::new("current_schemas", vec![Bool], answers, Otherwise::null())
    });
    look_up(answers, [arg(0)])
}
