//! What the worker remembers across restarts, beside the rows themselves: the catalog, the source's identity, each table's state.
//!
//! Everything here is JSON under a key of the store's meta keyspace and is written in the same atomic batch as the rows it speaks of.

use offtake_contract::{Catalog, Drift, Lsn, Problem, SnapshotProgress, Table};
use offtake_postgres::{fence::Fence, shape::Wanted};
use offtake_store::{Store, StoreError, TableId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The upstream that the stored rows came from. Another system or slot must never continue them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    pub system_identifier: String,
    pub database: String,
    pub publication: String,
    pub slot: String,
    /// The timeline that the rows were read from.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// Why the slot cannot go on from the rows: they are of a branch of history that the server left, or its log cannot be read beyond them.
    /// It stands until everything is copied again, for the server and its slot may look in order meanwhile.
    #[serde(default)]
    pub severed: Option<String>,
}

/// One SourceTable's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Names its rows in the store and its collection downstream; never used twice.
    pub id: u64,
    pub definition: Table,
    pub state: TableState,
    /// Known once the upstream table was described.
    pub layout: Option<Layout>,
    pub snapshot: SnapshotProgress,
    pub drift: Vec<Drift>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    /// Being copied, or about to be; rows in the store are not a table yet.
    Copying,
    /// Its rows are exact at the applied LSN.
    Live,
    /// No longer followed.
    Stopped {
        problem: Problem,
        /// A used column was altered (as opposed to a failure of another kind).
        altered: bool,
    },
}

/// How the upstream table was laid out when it was copied, and which of it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub oid: u32,
    /// The columns that are kept, in order.
    pub columns: Vec<Wanted>,
    /// Positions in `columns` of the key, ascending; empty for a table that is a bag of whole rows.
    pub key: Vec<usize>,
    /// The catalog as it stood when the copy began: what later observations are compared with.
    pub fence: Option<Fence>,
}

/// Why a record cannot be had.
#[derive(Debug, Error)]
pub enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the record \"{key}\" in the store is not what this version writes")]
    Unreadable { key: String, source: serde_json::Error },
}

/// Reads and writes records in a store.
#[derive(Clone)]
pub struct Records {
    store: Store,
}

const CATALOG: &str = "catalog";
const SOURCE: &str = "source";
const APPLIED: &str = "applied_lsn";
const WORKER: &str = "worker";
const NEXT_TABLE: &str = "next_table";
const TABLE_PREFIX: &str = "table/";

impl Records {
    pub fn new(store: Store) -> Records {
        Records { store }
    }

    pub fn catalog(&self) -> Result<Option<Catalog>, RecordError> {
        self.read(CATALOG)
    }

    pub fn put_catalog(&self, catalog: &Catalog) -> Result<(), StoreError> {
        self.write(|batch| put(batch, CATALOG, catalog))
    }

    pub fn source(&self) -> Result<Option<SourceRecord>, RecordError> {
        self.read(SOURCE)
    }

    pub fn put_source(&self, source: &SourceRecord) -> Result<(), StoreError> {
        self.write(|batch| put(batch, SOURCE, source))
    }

    /// The end of the last transaction that is in the store; `None` before the first.
    pub fn applied(&self) -> Result<Option<Lsn>, RecordError> {
        self.read(APPLIED)
    }

    pub fn tables(&self) -> Result<Vec<TableRecord>, RecordError> {
        let found = self.store.meta_prefix(TABLE_PREFIX)?;
        found.iter().map(|(key, value)| parse(key, value)).collect()
    }

    /// The tables, tidied up after a crash: when a table is replaced, the new record is written before the old one goes, and a table in the
    /// store comes before its record and goes after it.
    pub fn recover_tables(&self) -> Result<Vec<TableRecord>, RecordError> {
        let mut records = self.tables()?;
        let replaced = replaced(&records);
        for id in &replaced {
            tracing::info!(table = id, "removing a table that another has replaced");
            self.remove_table(*id)?;
        }
        records.retain(|record| !replaced.contains(&record.id));
        for id in self.store.tables() {
            if !records.iter().any(|record| record.id == id.0) {
                tracing::info!(table = id.0, "removing rows that belong to no table");
                self.store.drop_table(id)?;
            }
        }
        Ok(records)
    }

    /// A table id that was never given out before.
    pub fn next_table(&self) -> Result<u64, RecordError> {
        let id = self.read(NEXT_TABLE)?.unwrap_or(1u64);
        self.write(|batch| put(batch, NEXT_TABLE, &(id + 1)))?;
        Ok(id)
    }

    /// A name for this store, made once: how this worker recognises its own connections upstream.
    pub fn worker_id(&self) -> Result<String, RecordError> {
        if let Some(id) = self.read(WORKER)? {
            return Ok(id);
        }
        let id = format!("{:016x}", rand::random::<u64>());
        self.write(|batch| put(batch, WORKER, &id))?;
        Ok(id)
    }

    /// Writes one table's record by itself.
    pub fn put_table(&self, record: &TableRecord) -> Result<(), StoreError> {
        self.write(|batch| put_table(batch, record))
    }

    pub fn remove_table(&self, id: u64) -> Result<(), StoreError> {
        self.write(|batch| batch.delete_meta(&table_key(id)))
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RecordError> {
        self.store.meta(key)?.map(|value| parse(key, &value)).transpose()
    }

    fn write(&self, fill: impl FnOnce(&mut offtake_store::WriteBatch)) -> Result<(), StoreError> {
        let mut batch = offtake_store::WriteBatch::new();
        fill(&mut batch);
        self.store.write(batch)?;
        self.store.sync()
    }
}

/// Tables of which a later one has the very definition. Ids rise.
fn replaced(records: &[TableRecord]) -> Vec<u64> {
    let later =
        |one: &TableRecord, other: &TableRecord| other.id > one.id && other.definition == one.definition;
    records
        .iter()
        .filter(|one| records.iter().any(|other| later(one, other)))
        .map(|record| record.id)
        .collect()
}

/// Adds a table's record to a batch.
pub fn put_table(batch: &mut offtake_store::WriteBatch, record: &TableRecord) {
    put(batch, &table_key(record.id), record);
}

/// Takes a table, and its record, out of a batch.
pub fn forget_table(batch: &mut offtake_store::WriteBatch, id: u64) {
    batch.forget(TableId(id));
    batch.delete_meta(&table_key(id));
}

/// Adds the applied LSN to a batch.
pub fn put_applied(batch: &mut offtake_store::WriteBatch, lsn: Lsn) {
    put(batch, APPLIED, &lsn);
}

fn table_key(id: u64) -> String {
    format!("{TABLE_PREFIX}{id:016x}")
}

fn put<T: Serialize>(batch: &mut offtake_store::WriteBatch, key: &str, value: &T) {
    let json = serde_json::to_vec(value).expect("records have string keys and no failing serialisers");
    batch.put_meta(key, json.as_slice());
}

fn parse<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(value).map_err(|source| RecordError::Unreadable { key: key.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, name: &str) -> TableRecord {
        let definition = Table {
            object: format!("default/{name}"),
            upstream_schema: "public".into(),
            upstream_table: name.into(),
            schema: "public".into(),
            name: name.into(),
            exclude_columns: Vec::new(),
            text_columns: Vec::new(),
        };
        let snapshot = SnapshotProgress::default();
        TableRecord { id, definition, state: TableState::Live, layout: None, snapshot, drift: Vec::new() }
    }

    /// Every table is to be copied again; the process dies when the first has its new record, and another one its new rows only.
    #[test]
    fn a_replacement_that_was_cut_short_leaves_one_of_each() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let records = Records::new(store.clone());
        for (id, name) in [(1, "a"), (2, "b"), (3, "a")] {
            store.create_table(TableId(id)).unwrap();
            records.put_table(&record(id, name)).unwrap();
        }
        store.create_table(TableId(4)).unwrap();
        let ids = |tables: Vec<TableRecord>| tables.iter().map(|table| table.id).collect::<Vec<_>>();
        assert_eq!(ids(records.recover_tables().unwrap()), [2, 3]);
        assert_eq!(ids(records.tables().unwrap()), [2, 3]);
        assert_eq!(store.tables(), [TableId(2), TableId(3)]);
    }
}
