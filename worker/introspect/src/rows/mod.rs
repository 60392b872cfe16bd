//! The rows of the catalogs' relations. What is the same in every database is data (`content`); the rest is made here. A relation that is
//! named in neither has no rows, which is what is true of it: there are no triggers, sequences, extensions, …

mod activity;
mod class;
mod constraint;
mod dependency;
mod index;
mod information;
mod record;
mod role;
mod setting;
mod statistics;
mod summary;
mod time_zone;

use std::sync::Arc;

use offtake_lir::CollectionId;
use offtake_row::Row;

use crate::{
    catalog::Catalog,
    content,
    definition::{Definition, of_collection},
    moment::Moment,
};
use record::Records;

pub(crate) use index::{column_list, definition as index_definition};
pub(crate) use summary::view_text;

/// How the rows of a relation are made.
enum Made {
    /// From the catalog: they hold for as long as it does.
    OfCatalog(fn(&Catalog, &mut Records)),
    /// From the catalog and what is at this moment.
    AtMoment(fn(&Catalog, &Moment, &mut Records)),
}

use Made::{AtMoment, OfCatalog};

/// Every relation that is made here: schema, name, and how.
const RELATIONS: &[(&str, &str, Made)] = &[
    ("pg_catalog", "pg_attribute", OfCatalog(class::attributes)),
    ("pg_catalog", "pg_authid", OfCatalog(role::authids)),
    ("pg_catalog", "pg_class", AtMoment(class::classes)),
    ("pg_catalog", "pg_constraint", OfCatalog(constraint::constraints)),
    ("pg_catalog", "pg_cursors", AtMoment(activity::cursors)),
    ("pg_catalog", "pg_database", OfCatalog(class::databases)),
    ("pg_catalog", "pg_depend", OfCatalog(dependency::dependencies)),
    ("pg_catalog", "pg_description", OfCatalog(dependency::descriptions)),
    ("pg_catalog", "pg_get_keywords", OfCatalog(setting::keywords)),
    ("pg_catalog", "pg_index", OfCatalog(index::indexes)),
    ("pg_catalog", "pg_indexes", OfCatalog(index::summaries)),
    ("pg_catalog", "pg_namespace", OfCatalog(class::namespaces)),
    ("pg_catalog", "pg_prepared_statements", AtMoment(activity::prepared_statements)),
    ("pg_catalog", "pg_rewrite", OfCatalog(dependency::rules)),
    ("pg_catalog", "pg_roles", OfCatalog(role::roles)),
    ("pg_catalog", "pg_settings", AtMoment(setting::settings)),
    ("pg_catalog", "pg_shadow", OfCatalog(role::shadows)),
    ("pg_catalog", "pg_stat_activity", AtMoment(activity::activity)),
    ("pg_catalog", "pg_stat_all_indexes", OfCatalog(statistics::indexes)),
    ("pg_catalog", "pg_stat_all_tables", AtMoment(statistics::tables)),
    ("pg_catalog", "pg_stat_archiver", OfCatalog(statistics::zeros)),
    ("pg_catalog", "pg_stat_bgwriter", OfCatalog(statistics::zeros)),
    ("pg_catalog", "pg_stat_database", AtMoment(statistics::databases)),
    ("pg_catalog", "pg_stat_gssapi", AtMoment(activity::gssapi)),
    ("pg_catalog", "pg_stat_ssl", AtMoment(activity::ssl)),
    ("pg_catalog", "pg_stat_user_indexes", OfCatalog(statistics::indexes)),
    ("pg_catalog", "pg_stat_user_tables", AtMoment(statistics::tables)),
    ("pg_catalog", "pg_stat_wal", OfCatalog(statistics::zeros)),
    ("pg_catalog", "pg_statio_all_indexes", OfCatalog(statistics::indexes)),
    ("pg_catalog", "pg_statio_all_tables", OfCatalog(statistics::table_blocks)),
    ("pg_catalog", "pg_statio_user_indexes", OfCatalog(statistics::indexes)),
    ("pg_catalog", "pg_statio_user_tables", OfCatalog(statistics::table_blocks)),
    ("pg_catalog", "pg_tables", OfCatalog(summary::tables)),
    ("pg_catalog", "pg_timezone_abbrevs", OfCatalog(time_zone::abbreviations)),
    ("pg_catalog", "pg_timezone_names", OfCatalog(time_zone::names)),
    ("pg_catalog", "pg_user", OfCatalog(role::users)),
    ("pg_catalog", "pg_views", OfCatalog(summary::views)),
    ("information_schema", "character_sets", OfCatalog(information::character_sets)),
    ("information_schema", "check_constraints", OfCatalog(information::check_constraints)),
    ("information_schema", "collations", OfCatalog(information::collations)),
    ("information_schema", "column_privileges", OfCatalog(information::column_privileges)),
    ("information_schema", "columns", OfCatalog(information::columns)),
    ("information_schema", "constraint_column_usage", OfCatalog(information::constraint_columns)),
    ("information_schema", "constraint_table_usage", OfCatalog(information::constraint_tables)),
    ("information_schema", "enabled_roles", AtMoment(information::enabled_roles)),
    ("information_schema", "information_schema_catalog_name", OfCatalog(information::catalog_name)),
    ("information_schema", "key_column_usage", OfCatalog(information::key_columns)),
    ("information_schema", "role_column_grants", AtMoment(information::role_column_grants)),
    ("information_schema", "role_table_grants", AtMoment(information::role_table_grants)),
    ("information_schema", "routines", OfCatalog(information::routines)),
    ("information_schema", "schemata", OfCatalog(information::schemata)),
    ("information_schema", "table_constraints", OfCatalog(information::table_constraints)),
    ("information_schema", "table_privileges", OfCatalog(information::table_privileges)),
    ("information_schema", "tables", OfCatalog(information::tables)),
    ("information_schema", "view_table_usage", OfCatalog(information::view_tables)),
    ("information_schema", "views", OfCatalog(information::views)),
];

/// The rows of a relation of the catalogs, or of a function in FROM; `None` for any other collection. `moment` is asked where the rows
/// depend on it.
pub fn rows(catalog: &Catalog, id: CollectionId, moment: &dyn Fn() -> Arc<Moment>) -> Option<Arc<Vec<Row>>> {
    let definition = of_collection(id)?;
    let made = RELATIONS
        .iter()
        .find(|(schema, name, _)| *schema == definition.schema && *name == definition.name)
        .map(|(_, _, made)| made);
    Some(match made {
        Some(OfCatalog(make)) => catalog.cache.rows(id, || {
            let mut records = Records::new(definition);
            make(catalog, &mut records);
            records.finish()
        }),
        Some(AtMoment(make)) => {
            let mut records = Records::new(definition);
            make(catalog, &moment(), &mut records);
            Arc::new(records.finish())
        }
        None => catalog.cache.rows(id, || the_same_everywhere(definition)),
    })
}

/// Whether the rows of a collection are made here, and not the same in every database.
pub fn is_made(id: CollectionId) -> bool {
    of_collection(id).is_some_and(|definition| {
        RELATIONS.iter().any(|(schema, name, _)| *schema == definition.schema && *name == definition.name)
    })
}

fn the_same_everywhere(definition: &Definition) -> Vec<Row> {
    match definition.schema {
        "pg_catalog" => content::rows(definition.name).to_vec(),
        _ => Vec::new(),
    }
}

/// Rights as an `aclitem[]`: everybody may do what `rights` say, and so may the owner, who has no others.
fn acl(rights: &str) -> record::Value<'static> {
    let owner = crate::catalog::OWNER_NAME;
    record::Value::Texts(vec![format!("{owner}={rights}/{owner}"), format!("={rights}/{owner}")])
}

#[cfg(test)]
mod tests {
    use offtake_row::{Datum, Type};

    use super::*;
    use crate::definition::{definitions, functions_in_from};

    /// Whether a value is held as its type's values are.
    fn fits(ty: Type, datum: &Datum<'_>) -> bool {
        let mut written = String::new();
        offtake_row::text::write(ty, *datum, &mut written);
        let mut parsed = offtake_row::RowPacker::new();
        match ty {
            // Their texts are names, which are not read here.
            Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole => {
                matches!(datum, Datum::Int(_))
            }
            Type::PgNodeTree => matches!(datum, Datum::Text(_)),
            // Rights are written, never read.
            Type::Array(offtake_row::Element::AclItem) => matches!(datum, Datum::Array(_)),
            _ => {
                offtake_row::text::parse(ty, &written, &mut parsed).is_ok()
                    && parsed.finish() == Row::pack([*datum])
            }
        }
    }

    #[test]
    fn every_row_fits_its_relation() {
        let catalog = crate::sample::catalog();
        let moment = Arc::new(crate::sample::moment());
        let ids = definitions().iter().map(|definition| definition.collection);
        for id in ids.chain(functions_in_from().iter().map(|function| function.collection)) {
            let definition = of_collection(id).expect("is there");
            let rows = rows(&catalog, id, &|| moment.clone()).expect("is there");
            for row in rows.iter() {
                let datums = row.unpack();
                assert_eq!(datums.len(), definition.columns.len(), "{}", definition.name);
                for (datum, column) in datums.iter().zip(&definition.columns) {
                    let name = format!("{}.{}.{}", definition.schema, definition.name, column.name);
                    assert!(!(datum.is_null() && column.not_null), "{name} is NULL");
                    assert!(datum.is_null() || fits(column.ty, datum), "{name}: {datum:?}");
                }
            }
        }
        assert!(RELATIONS.iter().all(|(schema, name, _)| {
            definitions().iter().any(|known| known.schema == *schema && known.name == *name)
                || functions_in_from().iter().any(|known| known.name == *name)
        }));
    }
}
