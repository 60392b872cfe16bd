//! Which tables there are: taken up from the store, made those of the catalog, stopped.

use std::sync::Arc;

use offtake_contract::{Catalog, Problem, SnapshotProgress, TablePhase};
use offtake_lir::CollectionId;
use offtake_store::{Retry, TableId};

use super::{Applier, ApplierError, Table, Unfit};
use crate::{
    coordinator::Availability,
    ingest::{
        records::{TableRecord, TableState},
        tables,
    },
};

/// Rows handed on at once when a table is read from the store.
const ROWS_AT_ONCE: usize = 16_384;

impl Applier {
    /// A table found in the store.
    pub(super) fn adopt(&mut self, mut record: TableRecord) -> Result<(), ApplierError> {
        let id = TableId(record.id);
        self.store.create_table(id)?;
        match &record.state {
            TableState::Copying => {
                // Of an attempt that is over: nothing that changed since concerns the next one.
                if let Some(layout) = &mut record.layout {
                    layout.fence = None;
                }
                self.store.clear_table(id)?;
                self.store.clear_pending(id)?;
                self.coordinator.declare(tables::declaration(&record))?;
            }
            TableState::Live => {
                self.coordinator.declare(tables::declaration(&record))?;
                let bag = record.layout.as_ref().is_some_and(|layout| layout.key.is_empty());
                let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
                for entry in self.store.scan(id)? {
                    let (key, value) = entry?;
                    rows.push(tables::stored_row(&key, &value, bag));
                    if rows.len() == ROWS_AT_ONCE {
                        self.coordinator.rows(CollectionId(record.id), std::mem::take(&mut rows))?;
                    }
                }
                self.coordinator.rows(CollectionId(record.id), rows)?;
                self.coordinator.live(CollectionId(record.id), self.applied.0, Vec::new())?;
            }
            TableState::Stopped { .. } => self.coordinator.declare(tables::declaration(&record))?,
        }
        self.insert(record);
        Ok(())
    }

    fn insert(&mut self, record: TableRecord) {
        if let Some(layout) = &record.layout {
            self.by_oid.entry(layout.oid).or_default().push(record.id);
        }
        tables::post(&self.board, &record);
        let table = Table {
            record,
            shape: None,
            next_pending: 0,
            buffering: false,
            copied: None,
            unfit: None,
            waits: None,
        };
        self.tables.insert(table.record.id, table);
    }

    /// Makes the tables those of the catalog: new ones wait for their copy, ones that went are removed.
    pub(super) fn take_catalog(&mut self, catalog: &Catalog) -> Result<(), ApplierError> {
        let gone = self.missing(catalog);
        let is_there = |definition: &&offtake_contract::Table| {
            self.tables.values().any(|table| table.record.definition == **definition)
        };
        let new = catalog.tables.iter().filter(|definition| !is_there(definition)).cloned().collect();
        self.replace_tables(gone, new)?;
        self.board.post(|status| {
            status.source.object.clone_from(&catalog.source.object);
            status.source.slot.name.clone_from(&catalog.source.slot);
        });
        self.coordinator.views(catalog.views.clone(), catalog.generation)?;
        self.announce();
        Ok(())
    }

    /// The tables that a catalog does not have.
    fn missing(&self, catalog: &Catalog) -> Vec<u64> {
        self.tables
            .values()
            .filter(|table| !catalog.tables.contains(&table.record.definition))
            .map(|table| table.record.id)
            .collect()
    }

    /// Removes the tables that a catalog does not have, ahead of its turn.
    pub(super) fn remove_missing(&mut self, catalog: &Catalog) -> Result<Vec<u64>, ApplierError> {
        let mut removed = Vec::new();
        for id in self.missing(catalog) {
            match self.remove_table(id) {
                Ok(()) => removed.push(id),
                // There is not even room for that: whoever asks tries again.
                Err(ApplierError::Store(error)) if error.retry() == Retry::Later => break,
                Err(error) => return Err(error),
            }
        }
        if !removed.is_empty() {
            self.announce();
        }
        Ok(removed)
    }

    /// The new ones first: a name that an old and a new table share is never unknown to a reader.
    pub(super) fn replace_tables(
        &mut self,
        old: Vec<u64>,
        new: Vec<offtake_contract::Table>,
    ) -> Result<(), ApplierError> {
        for definition in new {
            self.add_table(definition)?;
        }
        for id in old {
            self.remove_table(id)?;
        }
        Ok(())
    }

    fn add_table(&mut self, definition: offtake_contract::Table) -> Result<(), ApplierError> {
        let record = TableRecord {
            id: self.records.next_table()?,
            definition,
            state: TableState::Copying,
            layout: None,
            snapshot: SnapshotProgress::default(),
            drift: Vec::new(),
        };
        self.store.create_table(TableId(record.id))?;
        self.records.put_table(&record)?;
        self.coordinator.declare(tables::declaration(&record))?;
        self.insert(record);
        Ok(())
    }

    fn remove_table(&mut self, id: u64) -> Result<(), ApplierError> {
        if !self.tables.contains_key(&id) {
            return Ok(());
        }
        // What may fail comes first: then the table is there as before.
        self.records.remove_table(id)?;
        self.store.drop_table(TableId(id))?;
        let Some(table) = self.tables.remove(&id) else { return Ok(()) };
        self.by_oid.values_mut().for_each(|ids| ids.retain(|other| *other != id));
        self.by_oid.retain(|_, ids| !ids.is_empty());
        self.staged.forget(id);
        self.pending.retain(|(table, ..)| *table != id);
        self.coordinator.drop_table(CollectionId(id))?;
        let object = table.record.definition.object;
        if !self.tables.values().any(|other| other.record.definition.object == object) {
            self.board.post(|status| status.tables.retain(|table| table.object != object));
        }
        Ok(())
    }

    /// Stops following a table: reads of it, and of the views on it, fail with the problem. Everything else goes on.
    pub(super) fn stop_table(
        &mut self,
        id: u64,
        problem: Problem,
        altered: bool,
    ) -> Result<(), ApplierError> {
        let Some(table) = self.tables.get_mut(&id) else { return Ok(()) };
        if matches!(table.record.state, TableState::Stopped { .. }) {
            return Ok(());
        }
        tracing::warn!(table = table.record.definition.object, "stopped: {problem}");
        self.staged.forget(id);
        self.pending.retain(|(table, ..)| *table != id);
        table.buffering = false;
        table.copied = None;
        table.record.state = TableState::Stopped { problem, altered };
        self.records.put_table(&table.record)?;
        self.coordinator.declare(tables::declaration(&table.record))?;
        tables::post(&self.board, &table.record);
        self.announce();
        Ok(())
    }

    /// The table's copy cannot begin as things are upstream: until it does, reads fail with the problem, as they do of a table that stopped.
    /// A restart looks at it afresh.
    pub(super) fn wait_for_upstream(&mut self, id: u64, problem: Problem) -> Result<(), ApplierError> {
        let Some(table) = self.tables.get_mut(&id) else { return Ok(()) };
        if table.record.state != TableState::Copying {
            return Ok(());
        }
        table.forget_copy();
        self.pending.retain(|(table, ..)| *table != id);
        let object = &table.record.definition.object;
        self.board.post_table(object, |status| {
            status.phase = TablePhase::Failed;
            status.problem = Some(problem.clone());
        });
        if table.waits.as_ref() == Some(&problem) {
            return Ok(());
        }
        tracing::warn!(table = object, "waiting: {problem}");
        table.waits = Some(problem.clone());
        let mut declaration = tables::declaration(&table.record);
        declaration.availability = Availability::Stopped { problem, altered: false };
        Ok(self.coordinator.declare(declaration)?)
    }

    /// Stops a table that the stream describes otherwise than it is laid out.
    pub(super) fn stop_unfit(&mut self, id: u64, unfit: Unfit) -> Result<(), ApplierError> {
        if let (Some(table), Some(drift)) = (self.tables.get_mut(&id), unfit.drift) {
            tables::add_drift(&mut table.record, drift);
        }
        self.stop_table(id, unfit.problem, unfit.altered)
    }

    /// Tells the copier and the watcher what tables there are.
    pub(super) fn announce(&self) {
        let known: Vec<TableRecord> = self.tables.values().map(|table| table.record.clone()).collect();
        self.known.send_replace(Arc::new(known));
    }
}
