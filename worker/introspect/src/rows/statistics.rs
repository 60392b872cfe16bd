//! Statistics views. What there is to count here is how many rows a relation has; other counters stand at 0.

use super::record::{Records, Value};
use crate::{
    catalog::{Catalog, DATABASE, Kind},
    moment::Moment,
};

/// `pg_stat_user_tables`, `pg_stat_all_tables`.
pub fn tables(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    const COUNTERS: [&str; 16] = [
        "seq_scan",
        "seq_tup_read",
        "idx_scan",
        "idx_tup_fetch",
        "n_tup_ins",
        "n_tup_upd",
        "n_tup_del",
        "n_tup_hot_upd",
        "n_dead_tup",
        "n_mod_since_analyze",
        "n_ins_since_vacuum",
        "vacuum_count",
        "autovacuum_count",
        "analyze_count",
        "autoanalyze_count",
        "n_live_tup",
    ];
    for relation in catalog.relations.iter().filter(|relation| relation.kind == Kind::Table) {
        let rows = moment.sizes.get(&relation.oid).and_then(|size| size.rows).unwrap_or_default();
        let mut values: Vec<(&str, Value<'_>)> = vec![
            ("relid", relation.oid.into()),
            ("schemaname", (&relation.schema).into()),
            ("relname", (&relation.name).into()),
            ("n_live_tup", i64::try_from(rows).unwrap_or(i64::MAX).into()),
        ];
        values.extend(COUNTERS.map(|counter| (counter, 0.into())));
        records.add(&values);
    }
}

/// `pg_statio_user_tables`, `pg_statio_all_tables`.
pub fn table_blocks(catalog: &Catalog, records: &mut Records) {
    for (place, relation) in catalog.relations.iter().enumerate() {
        if relation.kind != Kind::Table {
            continue;
        }
        let mut values: Vec<(&str, Value<'_>)> = vec![
            ("relid", relation.oid.into()),
            ("schemaname", (&relation.schema).into()),
            ("relname", (&relation.name).into()),
            ("heap_blks_read", 0.into()),
            ("heap_blks_hit", 0.into()),
        ];
        if catalog.indexes.iter().any(|index| index.relation == place) {
            values.extend([("idx_blks_read", 0.into()), ("idx_blks_hit", 0.into())]);
        }
        records.add(&values);
    }
}

/// The views about indexes: `pg_stat_…` and `pg_statio_…`, `…_user_…` and `…_all_…`.
pub fn indexes(catalog: &Catalog, records: &mut Records) {
    for index in &catalog.indexes {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        let names: Vec<(&str, Value<'_>)> = vec![
            ("relid", relation.oid.into()),
            ("indexrelid", index.oid.into()),
            ("schemaname", (&relation.schema).into()),
            ("relname", (&relation.name).into()),
            ("indexrelname", (&index.name).into()),
        ];
        records.add_counters(&names);
    }
}

/// One row of counters that stand at 0.
pub fn zeros(_: &Catalog, records: &mut Records) {
    records.add_counters(&[]);
}

pub fn databases(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    let backends = i32::try_from(moment.clients.len()).unwrap_or(i32::MAX);
    records.add_counters(&[
        ("datid", DATABASE.into()),
        ("datname", (&catalog.database).into()),
        ("numbackends", backends.into()),
        ("checksum_failures", Value::Null),
    ]);
}
