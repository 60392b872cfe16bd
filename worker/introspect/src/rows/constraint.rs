//! pg_constraint: primary keys.

use super::record::{Records, array};
use crate::catalog::Catalog;

pub fn constraints(catalog: &Catalog, records: &mut Records) {
    for index in catalog.indexes.iter().filter(|index| index.primary) {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        records.add(&[
            ("oid", index.oid.into()),
            ("conname", (&index.name).into()),
            ("connamespace", catalog.schema_oid(&relation.schema).into()),
            ("contype", "p".into()),
            ("convalidated", true.into()),
            ("conrelid", relation.oid.into()),
            ("conindid", index.oid.into()),
            ("confupdtype", " ".into()),
            ("confdeltype", " ".into()),
            ("confmatchtype", " ".into()),
            ("conislocal", true.into()),
            ("connoinherit", true.into()),
            ("conkey", array(index.columns.iter().map(|column| column + 1))),
        ]);
    }
}
