//! pg_index and pg_indexes: keys of tables and indexes of Views.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_row::Type;

use super::{
    class::collation,
    record::{Records, Value, vector},
};
use crate::{
    catalog::{Catalog, Index, RelationInfo},
    content::{Reader, rows},
    identifier::{qualified, quote},
};

/// `pg_opclass.oid` of btree's default operator classes by the type that they are for.
static CLASSES: LazyLock<BTreeMap<u32, u32>> = LazyLock::new(|| {
    let reader = Reader::new("pg_opclass");
    let classes = rows("pg_opclass").iter().filter(|row| reader.flag(row, "opcdefault"));
    classes.map(|row| (reader.oid(row, "opcintype"), reader.oid(row, "oid"))).collect()
});

fn operator_class(ty: Type) -> u32 {
    // varchar is indexed as text.
    let ty = if matches!(ty, Type::Varchar(_)) { Type::Text } else { ty };
    // Any other array has the class of anyarray.
    const ANYARRAY: u32 = 2277;
    let oid = if matches!(ty, Type::Array(_)) { ANYARRAY } else { ty.oid() };
    CLASSES.get(&oid).copied().unwrap_or_default()
}

fn columns<'a>(catalog: &'a Catalog, index: &'a Index) -> impl Iterator<Item = &'a offtake_row::Column> {
    let relation = catalog.relations.get(index.relation);
    index.columns.iter().filter_map(move |column| relation.and_then(|relation| relation.columns.get(*column)))
}

pub fn indexes(catalog: &Catalog, records: &mut Records) {
    for index in &catalog.indexes {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        let count = index.columns.len() as i64;
        records.add(&[
            ("indexrelid", index.oid.into()),
            ("indrelid", relation.oid.into()),
            ("indnatts", count.into()),
            ("indnkeyatts", count.into()),
            ("indisunique", index.primary.into()),
            ("indisprimary", index.primary.into()),
            ("indimmediate", true.into()),
            ("indisvalid", true.into()),
            ("indisready", true.into()),
            ("indislive", true.into()),
            ("indkey", vector(index.columns.iter().map(|column| column + 1))),
            ("indcollation", vector(columns(catalog, index).map(|column| collation(column.ty)))),
            ("indclass", vector(columns(catalog, index).map(|column| operator_class(column.ty)))),
            ("indoption", vector(index.columns.iter().map(|_| 0))),
        ]);
    }
}

pub fn summaries(catalog: &Catalog, records: &mut Records) {
    for index in &catalog.indexes {
        let Some(relation) = catalog.relations.get(index.relation) else { continue };
        records.add(&[
            ("schemaname", (&relation.schema).into()),
            ("tablename", (&relation.name).into()),
            ("indexname", (&index.name).into()),
            ("tablespace", Value::Null),
            ("indexdef", definition(index, relation, &qualified(&relation.schema, &relation.name)).into()),
        ]);
    }
}

/// `CREATE INDEX …`, as `pg_get_indexdef` prints it, on a table that is called so.
pub fn definition(index: &Index, relation: &RelationInfo, table: &str) -> String {
    format!(
        "CREATE {}INDEX {} ON {} USING btree ({})",
        if index.primary { "UNIQUE " } else { "" },
        quote(&index.name),
        table,
        column_list(&index.columns, relation)
    )
}

/// The names of columns with commas between them.
pub fn column_list(columns: &[usize], relation: &RelationInfo) -> String {
    let names = columns.iter().filter_map(|column| relation.columns.get(*column));
    names.map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}
