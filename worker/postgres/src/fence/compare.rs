//! Two observations and what happened between them. Pure.

use super::{Fence, PartitionFence, RelationFence, TableFence};
use crate::quote::{shown, shown_table};

/// Something that the stream may not have told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceChange {
    /// The OID of the table; `None` where it is about the publication, and so about all tables.
    pub table: Option<u32>,
    pub kind: FenceChangeKind,
    pub column: Option<String>,
    /// Changes may be missing from the stream: what is kept of the table is in doubt.
    pub loses_changes: bool,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceChangeKind {
    PublicationDropped,
    /// Dropped and created anew.
    PublicationReplaced,
    /// It publishes other operations, or partitions under other names.
    PublicationChanged,
    TableDropped,
    /// Dropped, and another table has its name.
    TableReplaced,
    TableRenamed,
    /// Not in the publication any more.
    Unpublished,
    /// In the publication for another reason than before: it may have been out of it meanwhile, or its row filter or column list
    /// changed.
    Republished,
    /// LOGGED to UNLOGGED or back.
    PersistenceChanged,
    /// Attached, detached or dropped partitions.
    PartitionsChanged,
    /// A partition's file was replaced: by TRUNCATE of the partition, which the stream does not tell under the root's name, or by
    /// VACUUM FULL or CLUSTER, which change nothing.
    PartitionRewritten,
    ReplicaIdentityChanged,
    KeyChanged,
    ColumnAdded,
    ColumnDropped,
    ColumnRenamed,
    TypeChanged,
}

impl FenceChange {
    /// Whether changes may be missing from the stream, so that the table must be copied anew.
    pub fn loses_changes(&self) -> bool {
        self.loses_changes
    }
}

/// What changed from one observation to a later one. Tables that only one of them has are not compared.
pub fn compare(before: &Fence, after: &Fence) -> Vec<FenceChange> {
    use FenceChangeKind::{PublicationChanged, PublicationDropped, PublicationReplaced};
    let mut changes = Vec::new();
    let mut publication = |kind, loses_changes, message: String| {
        changes.push(FenceChange { table: None, kind, column: None, loses_changes, message });
    };
    match (&before.publication, &after.publication) {
        (Some(was), None) => {
            publication(PublicationDropped, true, format!("publication {} was dropped", shown(&was.name)));
        }
        (Some(was), Some(is)) if was.oid != is.oid => {
            publication(
                PublicationReplaced,
                true,
                format!("publication {} was dropped and created anew", shown(&was.name)),
            );
        }
        (Some(was), Some(is)) if (was.operations, was.via_root) != (is.operations, is.via_root) => {
            let message = format!(
                "publication {} was altered: publish or publish_via_partition_root",
                shown(&was.name)
            );
            publication(PublicationChanged, true, message);
        }
        (Some(was), Some(is)) if was.owner != is.owner && was.owner != 0 => {
            publication(
                PublicationChanged,
                false,
                format!("publication {} has another owner", shown(&was.name)),
            );
        }
        (Some(was), Some(is)) if was.version != is.version && was.version != 0 => {
            // Set to what it was, too; nothing tells the two apart.
            let message = format!(
                "publication {} was altered and set back: it may have published less meanwhile",
                shown(&was.name)
            );
            publication(PublicationChanged, true, message);
        }
        _ => {}
    }
    for (oid, was) in &before.tables {
        if let Some(is) = after.tables.get(oid) {
            compare_table(*oid, was, is, &mut changes);
        }
    }
    changes
}

fn compare_table(oid: u32, was: &TableFence, is: &TableFence, changes: &mut Vec<FenceChange>) {
    let table = shown_table(&was.schema, &was.name);
    let Some(old) = &was.relation else { return };
    let mut found = |kind, column: Option<&str>, loses_changes, message: String| {
        let column = column.map(str::to_owned);
        changes.push(FenceChange { table: Some(oid), kind, column, loses_changes, message });
    };
    let Some(new) = &is.relation else {
        match is.under_name {
            Some(_) => {
                let message = format!("table {table} was dropped and created anew");
                found(FenceChangeKind::TableReplaced, None, true, message);
            }
            None => found(FenceChangeKind::TableDropped, None, true, format!("table {table} was dropped")),
        }
        return;
    };
    if (&old.schema, &old.name) != (&new.schema, &new.name) {
        let message = format!("table {table} is now named {}", shown_table(&new.schema, &new.name));
        found(FenceChangeKind::TableRenamed, None, false, message);
    }
    if old.memberships != new.memberships {
        if new.memberships.is_empty() {
            let message = format!("table {table} was taken out of the publication");
            found(FenceChangeKind::Unpublished, None, true, message);
        } else {
            // What it is published by was joined by another reason: it was never out.
            let kept =
                !old.memberships.is_empty() && old.memberships.iter().all(|m| new.memberships.contains(m));
            let message =
                format!("table {table} was taken out of the publication and put back, or its filter changed");
            if !kept {
                found(FenceChangeKind::Republished, None, true, message);
            }
        }
    }
    if old.persistence != new.persistence {
        let message = format!("table {table} was made LOGGED or UNLOGGED");
        found(FenceChangeKind::PersistenceChanged, None, true, message);
    }
    if old.replica_identity != new.replica_identity {
        let message = format!("the replica identity of table {table} was altered");
        found(FenceChangeKind::ReplicaIdentityChanged, None, false, message);
    } else if old.key != new.key {
        let message = format!("the key of table {table} was altered");
        found(FenceChangeKind::KeyChanged, None, false, message);
    }
    compare_partitions(&table, old, new, &mut found);
    compare_columns(&table, old, new, &mut found);
}

fn compare_partitions(
    table: &str,
    old: &RelationFence,
    new: &RelationFence,
    found: &mut impl FnMut(FenceChangeKind, Option<&str>, bool, String),
) {
    for (oid, was) in &old.partitions {
        match new.partitions.get(oid) {
            None => {
                let message = format!("partition {} of table {table} was detached or dropped", was.name);
                found(FenceChangeKind::PartitionsChanged, None, true, message);
            }
            Some(is) if is.file_node != was.file_node => {
                let message = format!("partition {} of table {table} was truncated or rewritten", was.name);
                found(FenceChangeKind::PartitionRewritten, None, true, message);
            }
            Some(is) if was.attached != 0 && is.attached != was.attached => {
                let message =
                    format!("partition {} of table {table} was detached and attached again", was.name);
                found(FenceChangeKind::PartitionsChanged, None, true, message);
            }
            Some(_) => {}
        }
    }
    for (oid, PartitionFence { name, born_attached, file_node, .. }) in
        new.partitions.iter().filter(|(oid, _)| !old.partitions.contains_key(oid))
    {
        // A new table's first file has its OID for a name.
        let first_file = *file_node == 0 || file_node == oid;
        let (message, loses) = match (born_attached, first_file) {
            (true, true) => (format!("partition {name} of table {table} was created"), false),
            (true, false) => (
                format!("partition {name} of table {table} was created, and truncated or rewritten since"),
                true,
            ),
            (false, _) => {
                (format!("partition {name} was attached to table {table}, perhaps with rows in it"), true)
            }
        };
        found(FenceChangeKind::PartitionsChanged, None, loses, message);
    }
}

fn compare_columns(
    table: &str,
    old: &RelationFence,
    new: &RelationFence,
    found: &mut impl FnMut(FenceChangeKind, Option<&str>, bool, String),
) {
    for (number, was) in &old.columns {
        let Some(is) = new.columns.get(number) else {
            let message = format!("column {} of table {table} was dropped", shown(&was.name));
            found(FenceChangeKind::ColumnDropped, Some(&was.name), false, message);
            continue;
        };
        if was.name != is.name {
            let message =
                format!("column {} of table {table} is now named {}", shown(&was.name), shown(&is.name));
            found(FenceChangeKind::ColumnRenamed, Some(&was.name), false, message);
        }
        if (was.type_oid, was.typmod) != (is.type_oid, is.typmod) {
            let message = format!("the type of column {} of table {table} was altered", shown(&was.name));
            found(FenceChangeKind::TypeChanged, Some(&was.name), false, message);
        } else if was.version != 0 && is.version != was.version && new.file_node != old.file_node {
            // ALTER COLUMN … TYPE with USING can leave the type as it is and every value another; the stream has no word of it.
            // (A default that was set and a VACUUM FULL between two looks are the same to see: then the doubt is for nothing.)
            let message =
                format!("column {} of table {table} was altered, and the table rewritten", shown(&was.name));
            found(FenceChangeKind::TypeChanged, Some(&was.name), false, message);
        }
        for (oid, label) in &was.labels {
            // Rows that have the value show it by its new name at once, and no change of them comes.
            if let Some(renamed) = is.labels.get(oid).filter(|renamed| *renamed != label) {
                let column = shown(&was.name);
                let message = format!(
                    "the value {label:?} of column {column} of table {table} is now named {renamed:?}"
                );
                found(FenceChangeKind::TypeChanged, Some(&was.name), false, message);
            }
        }
    }
    for (_, is) in new.columns.iter().filter(|(number, _)| !old.columns.contains_key(number)) {
        let message = format!("column {} of table {table} was added", shown(&is.name));
        found(FenceChangeKind::ColumnAdded, Some(&is.name), false, message);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use offtake_contract::Lsn;

    use super::{
        super::{ColumnFence, PublicationFence},
        *,
    };

    fn fence() -> Fence {
        let column = |name: &str, type_oid, labels| ColumnFence {
            name: name.into(),
            type_oid,
            typmod: -1,
            version: 700,
            labels,
        };
        let moods = BTreeMap::from([(30, "happy".to_owned()), (31, "sad".to_owned())]);
        let relation = RelationFence {
            schema: "public".into(),
            name: "t".into(),
            persistence: "p".into(),
            replica_identity: "d".into(),
            key: vec![1],
            memberships: vec!["r7".into()],
            partitions: BTreeMap::new(),
            file_node: 50,
            columns: BTreeMap::from([(1, column("id", 20, BTreeMap::new())), (2, column("a", 25, moods))]),
        };
        let table = TableFence {
            schema: "public".into(),
            name: "t".into(),
            under_name: Some(10),
            relation: Some(relation),
        };
        let publication = PublicationFence {
            oid: 5,
            name: "p".into(),
            operations: [true; 4],
            via_root: false,
            owner: 6,
            version: 600,
        };
        Fence { observed_at: Lsn(1), publication: Some(publication), tables: BTreeMap::from([(10, table)]) }
    }

    fn kinds(after: impl FnOnce(&mut Fence)) -> Vec<(FenceChangeKind, bool)> {
        let mut changed = fence();
        after(&mut changed);
        compare(&fence(), &changed).iter().map(|change| (change.kind, change.loses_changes)).collect()
    }

    fn relation(fence: &mut Fence) -> &mut RelationFence {
        fence.tables.get_mut(&10).and_then(|table| table.relation.as_mut()).expect("the table of the test")
    }

    #[test]
    fn what_the_stream_does_not_tell() {
        use FenceChangeKind::*;
        assert_eq!(kinds(|fence| fence.observed_at = Lsn(2)), []);
        assert_eq!(kinds(|fence| fence.publication = None), [(PublicationDropped, true)]);
        let publication = |fence: &mut Fence, change: fn(&mut PublicationFence)| {
            change(fence.publication.as_mut().expect("the publication"));
        };
        for (change, loses) in [
            ((|p| p.operations[1] = false) as fn(&mut PublicationFence), true),
            (|p| p.version = 601, true),
            (|p| (p.owner, p.version) = (7, 601), false),
        ] {
            assert_eq!(kinds(|fence| publication(fence, change)), [(PublicationChanged, loses)]);
        }
        assert_eq!(
            kinds(|fence| fence.tables.get_mut(&10).expect("the table").relation = None),
            [(TableReplaced, true)]
        );
        assert_eq!(kinds(|fence| relation(fence).memberships.clear()), [(Unpublished, true)]);
        assert_eq!(kinds(|fence| relation(fence).memberships = vec!["r8".into()]), [(Republished, true)]);
        assert_eq!(kinds(|fence| relation(fence).memberships.push("s9".into())), []);
        assert_eq!(kinds(|fence| relation(fence).persistence = "u".into()), [(PersistenceChanged, true)]);
    }

    #[test]
    fn columns_are_known_by_number() {
        use FenceChangeKind::*;
        assert_eq!(
            kinds(|fence| {
                let columns = &mut relation(fence).columns;
                columns.get_mut(&2).expect("the column").name = "b".into();
            }),
            [(ColumnRenamed, false)]
        );
        let altered = |fence: &mut Fence| {
            relation(fence).columns.get_mut(&2).expect("the column").version = 701;
        };
        let labels = |fence: &mut Fence, oid, label: &str| {
            relation(fence).columns.get_mut(&2).expect("the column").labels.insert(oid, label.to_owned());
        };
        assert_eq!(kinds(|fence| labels(fence, 32, "calm")), [], "a value more");
        assert_eq!(kinds(|fence| labels(fence, 31, "blue")), [(TypeChanged, false)]);
        assert_eq!(kinds(altered), [], "a default, or statistics");
        assert_eq!(
            kinds(|fence| relation(fence).file_node = 51),
            [],
            "VACUUM FULL, or a column added with values"
        );
        assert_eq!(
            kinds(|fence| {
                altered(fence);
                relation(fence).file_node = 51;
            }),
            [(TypeChanged, false)]
        );
        assert_eq!(
            kinds(|fence| {
                let columns = &mut relation(fence).columns;
                let column = columns.remove(&2).expect("the column");
                columns.insert(3, column);
            }),
            [(ColumnDropped, false), (ColumnAdded, false)]
        );
    }

    #[test]
    fn only_a_new_partition_is_harmless() {
        let attached_by = |attached, file_node, born_attached| PartitionFence {
            name: "p1".into(),
            file_node,
            born_attached,
            attached,
        };
        let part = |file_node, born_attached| attached_by(8, file_node, born_attached);
        let with = |part| {
            let mut fence = fence();
            relation(&mut fence).partitions.insert(11, part);
            fence
        };
        let loses =
            |before: &Fence, after: &Fence| compare(before, after).iter().any(FenceChange::loses_changes);
        assert!(!loses(&fence(), &with(part(11, true))));
        assert!(!loses(&fence(), &with(part(0, true))), "partitioned itself");
        assert!(loses(&fence(), &with(part(11, false))));
        assert!(loses(&fence(), &with(part(12, true))), "truncated before it was seen");
        assert!(loses(&with(part(1, true)), &fence()));
        assert!(loses(&with(part(1, true)), &with(part(2, true))));
        assert!(loses(&with(part(1, true)), &with(attached_by(9, 1, false))));
    }
}
