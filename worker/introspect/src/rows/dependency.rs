//! pg_rewrite, pg_depend and pg_description: what views are, what they read, and comments.

use super::record::{Records, Value};
use crate::{
    catalog::{Catalog, Kind, rule_oid},
    content,
};

/// OIDs of the catalogs. Source: `pg_class`.
pub const PG_CLASS: u32 = 1259;
const PG_REWRITE: u32 = 2618;

/// The rule that is a view: as in PostgreSQL, but for the query's tree.
pub fn rules(catalog: &Catalog, records: &mut Records) {
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::View) {
        records.add(&[
            ("oid", rule_oid(relation.oid).into()),
            ("rulename", "_RETURN".into()),
            ("ev_class", relation.oid.into()),
            ("ev_type", "1".into()),
            ("ev_enabled", "O".into()),
            ("is_instead", true.into()),
            ("ev_qual", "<>".into()),
            ("ev_action", "<>".into()),
        ]);
    }
}

pub fn dependencies(catalog: &Catalog, records: &mut Records) {
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::View) {
        let itself = [(relation.oid, "i"), (relation.oid, "n")];
        for (read, kind) in itself.into_iter().chain(relation.reads.iter().map(|oid| (*oid, "n"))) {
            records.add(&[
                ("classid", PG_REWRITE.into()),
                ("objid", rule_oid(relation.oid).into()),
                ("refclassid", PG_CLASS.into()),
                ("refobjid", read.into()),
                ("deptype", kind.into()),
            ]);
        }
    }
}

pub fn descriptions(catalog: &Catalog, records: &mut Records) {
    for row in content::rows("pg_description") {
        records.add_row(row.clone());
    }
    for relation in &catalog.relations {
        if let Some(comment) = &relation.comment {
            records.add(&[
                ("objoid", relation.oid.into()),
                ("classoid", PG_CLASS.into()),
                ("objsubid", Value::Int(0)),
                ("description", comment.into()),
            ]);
        }
    }
}
