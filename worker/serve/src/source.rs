//! What a query reads: the collections of one pinned version, and the system relations made from the status and the catalog.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use offtake_contract::Status;
use offtake_introspect::{Catalog, Moment};
use offtake_lir::{CollectionId, EvalError, Source, SqlState};
use offtake_results::Version;
use offtake_row::Row;

use crate::{memory::Share, system};

/// How many rows are handed out between two looks at the interruption flag.
const STRIDE: usize = 1024;

/// One version, one status and one catalog, for one evaluation.
pub struct Snapshot {
    version: Arc<Version>,
    system: BTreeMap<CollectionId, Arc<Vec<Row>>>,
    interrupted: Arc<AtomicBool>,
    memory: Share,
}

impl Snapshot {
    /// `collections` are those that the query reads; `moment` is made if one of them asks for it; `interrupted` stops the evaluation at
    /// its next look; `memory` is what it may keep.
    pub fn new(
        version: Arc<Version>,
        status: &Status,
        catalog: &Catalog,
        moment: &dyn Fn() -> Arc<Moment>,
        collections: impl IntoIterator<Item = CollectionId>,
        interrupted: Arc<AtomicBool>,
        memory: Share,
    ) -> Snapshot {
        let rows = |id| match system::rows(id, status) {
            Some(rows) => Some(Arc::new(rows)),
            None => offtake_introspect::rows(catalog, id, moment),
        };
        let system = collections.into_iter().filter_map(|id| rows(id).map(|rows| (id, rows))).collect();
        Snapshot { version, system, interrupted, memory }
    }

    /// What it was given to keep, once the rows are there.
    pub fn into_memory(self) -> Share {
        self.memory
    }

    fn check(&self) -> Result<(), EvalError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(EvalError::new(SqlState(*b"57014"), "canceling statement"));
        }
        Ok(())
    }

    fn feed<'a>(
        &self,
        rows: impl Iterator<Item = (&'a Row, i64)>,
        f: &mut dyn FnMut(&Row, i64),
    ) -> Result<(), EvalError> {
        for (index, (row, count)) in rows.enumerate() {
            if index % STRIDE == 0 {
                self.check()?;
            }
            f(row, count);
        }
        Ok(())
    }
}

impl Source for Snapshot {
    fn interrupted(&self) -> Result<(), EvalError> {
        self.check()
    }

    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        if let Some(rows) = self.system.get(&id) {
            return self.feed(rows.iter().map(|row| (row, 1)), f);
        }
        let collection = self.version.get(id).ok_or_else(|| gone(id))?;
        match collection.error() {
            Some(error) => Err(error.clone()),
            None => self.feed(collection.scan(), f),
        }
    }

    fn indexes(&self, id: CollectionId) -> Vec<Vec<usize>> {
        self.version
            .get(id)
            .map(|collection| collection.indexes().map(<[usize]>::to_vec).collect())
            .unwrap_or_default()
    }

    fn lookup(
        &self,
        id: CollectionId,
        columns: &[usize],
        key: &Row,
        f: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        let collection = self.version.get(id)?;
        if let Some(error) = collection.error() {
            return Some(Err(error.clone()));
        }
        let found = collection.lookup(columns, key)?;
        Some(self.check().and_then(|()| self.feed(found, f)))
    }

    fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        self.memory.keep(bytes)
    }
}

/// Checked before the evaluation starts, so this names a fault of ours.
fn gone(id: CollectionId) -> EvalError {
    EvalError::new(SqlState::INTERNAL, format!("collection {id} is not in the version that is read"))
}
