//! Atomic writes, and what holds them back: failures, a full volume, too much in memory.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::{Duration, Instant},
};

use fjall::{AbstractTree, Keyspace, PersistMode};

use super::{
    Commit, Failure, Generation, LOOK_BYTES, LOOK_PERIOD, RUNS_LIMIT, SEALED_LIMIT, Store, Table, TableId,
    check_key, check_value, record_key,
};
use crate::{Retry, StoreError, WriteBatch, batch::Change};

/// What merging files may need for a while. With less than that free, a background failure is put down to the volume's size.
const WORKER_BYTES: u64 = 256 << 20;
/// What of the reserve is kept even from writes that only free: the journal needs it until files are merged.
const LAST_RESERVE_BYTES: u64 = 64 << 20;

impl Store {
    pub(super) fn write_locked(
        &self,
        commit: &mut Commit,
        batch: WriteBatch,
        loaded: Option<(TableId, Generation)>,
    ) -> Result<(), StoreError> {
        self.check_failure()?;
        self.check(&batch)?;
        self.look(commit, batch.bytes as u64, batch.only_frees())?;
        let mut items = fjall::OwnedWriteBatch::with_capacity(self.inner.database.clone(), batch.len() + 1)
            .durability(Some(PersistMode::Buffer));
        let mut touched: BTreeMap<TableId, Table> = BTreeMap::new();
        let mut moved: Vec<TableId> = Vec::new();
        let mut replaced: Vec<Keyspace> = Vec::new();
        if let Some((id, rows)) = loaded {
            let Some(mut table) = self.inner.tables.read().get(&id).cloned() else {
                self.discard(rows);
                return Err(StoreError::UnknownTable { table: id });
            };
            replaced.push(std::mem::replace(&mut table.rows, rows).keyspace);
            touched.insert(id, table);
            moved.push(id);
        }
        // Rows come in runs of one table: look it up once a run.
        let mut run: Option<(TableId, Keyspace)> = None;
        for change in batch.changes {
            match change {
                Change::Put(id, key, value) => {
                    items.insert(self.run(&mut run, &mut touched, id)?, key, value)
                }
                Change::Delete(id, key) => items.remove(self.run(&mut run, &mut touched, id)?, key),
                Change::PutMeta(key, value) => items.insert(&self.inner.meta, key, value),
                Change::DeleteMeta(key) => items.remove(&self.inner.meta, key),
                Change::Clear(id) => {
                    let rows = self.create_generation(commit, 't', id)?;
                    let table = self.touch(&mut touched, id)?;
                    replaced.push(std::mem::replace(&mut table.rows, rows).keyspace);
                    moved.push(id);
                    run = None;
                }
                Change::AppendPending(id, sequence, value) => {
                    let table = self.touch(&mut touched, id)?;
                    let pending = match &table.pending {
                        Some(pending) => pending,
                        None => {
                            moved.push(id);
                            table.pending.insert(self.create_generation(commit, 'p', id)?)
                        }
                    };
                    items.insert(&pending.keyspace, sequence.to_be_bytes(), value);
                }
                Change::ClearPending(id) => {
                    if let Some(pending) = self.touch(&mut touched, id)?.pending.take() {
                        replaced.push(pending.keyspace);
                        moved.push(id);
                    }
                }
            }
        }
        for id in &moved {
            items.insert(&self.inner.meta, record_key(*id), touched[id].record());
        }
        self.make_room(0, touched.values().flat_map(Table::keyspaces))?;
        self.commit(items)?;
        if !moved.is_empty() {
            let mut tables = self.inner.tables.write();
            for id in moved {
                tables.insert(id, touched[&id].clone());
            }
            drop(tables);
            self.inner.replaced.lock().append(&mut replaced);
        }
        Ok(())
    }

    /// Refuses a batch before anything of it is done.
    fn check(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let tables = self.inner.tables.read();
        let mut known: Option<TableId> = None;
        let mut table = |id: TableId| {
            if known != Some(id) && !tables.contains_key(&id) {
                return Err(StoreError::UnknownTable { table: id });
            }
            known = Some(id);
            Ok(())
        };
        for change in &batch.changes {
            match change {
                Change::Put(id, key, value) => {
                    table(*id)?;
                    check_key(|| format!("table {id}"), key)?;
                    check_value(value)?;
                }
                Change::Delete(id, key) => {
                    table(*id)?;
                    check_key(|| format!("table {id}"), key)?;
                }
                Change::AppendPending(id, _, value) => {
                    table(*id)?;
                    check_value(value)?;
                }
                Change::Clear(id) | Change::ClearPending(id) => table(*id)?,
                Change::PutMeta(key, value) => {
                    check_key(|| "meta".to_owned(), key)?;
                    check_value(value)?;
                }
                Change::DeleteMeta(key) => check_key(|| "meta".to_owned(), key)?,
            }
        }
        Ok(())
    }

    fn run<'a>(
        &self,
        run: &'a mut Option<(TableId, Keyspace)>,
        touched: &mut BTreeMap<TableId, Table>,
        id: TableId,
    ) -> Result<&'a Keyspace, StoreError> {
        if run.as_ref().is_none_or(|(current, _)| *current != id) {
            *run = Some((id, self.touch(touched, id)?.rows.keyspace.clone()));
        }
        Ok(&run.as_ref().expect("it was set in the line before").1)
    }

    /// The table as the batch has left it so far.
    fn touch<'a>(
        &self,
        touched: &'a mut BTreeMap<TableId, Table>,
        id: TableId,
    ) -> Result<&'a mut Table, StoreError> {
        match touched.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let table = self.inner.tables.read().get(&id).cloned();
                Ok(entry.insert(table.ok_or(StoreError::UnknownTable { table: id })?))
            }
        }
    }

    pub(super) fn commit(&self, items: fjall::OwnedWriteBatch) -> Result<(), StoreError> {
        self.inner.directory.guard("writing", || items.commit()).map_err(|error| self.note_failure(error))
    }

    /// Looks from time to time whether there is room on the volume and too much in memory.
    fn look(&self, commit: &mut Commit, bytes: u64, frees: bool) -> Result<(), StoreError> {
        commit.bytes_since_look += bytes;
        if commit.bytes_since_look < LOOK_BYTES && commit.last_look.elapsed() < LOOK_PERIOD {
            return Ok(());
        }
        // The reserve is there so that a full volume can still be tidied up.
        let reserve = self.inner.options.reserve_bytes;
        self.check_volume(bytes, if frees { reserve.min(LAST_RESERVE_BYTES) } else { reserve })?;
        commit.bytes_since_look = 0;
        commit.last_look = Instant::now();
        // A table is written out at `memtable_bytes` by fjall itself; many small ones together are nobody's business but ours.
        let mut memtables: Vec<(u64, Keyspace)> = Vec::new();
        for keyspace in self.inner.tables.read().values().flat_map(Table::keyspaces).chain([&self.inner.meta])
        {
            memtables.push((keyspace.tree.active_memtable().size(), keyspace.clone()));
        }
        let mut total: u64 = memtables.iter().map(|(size, _)| size).sum();
        if total > self.inner.options.write_buffer_bytes {
            memtables.sort_unstable_by_key(|(size, _)| std::cmp::Reverse(*size));
            for (size, keyspace) in memtables {
                if total <= self.inner.options.write_buffer_bytes / 2 {
                    break;
                }
                self.inner
                    .directory
                    .guard("writing a memtable out", || keyspace.rotate_memtable())
                    .map_err(|error| self.note_failure(error))?;
                total -= size;
            }
        }
        Ok(())
    }

    fn check_volume(&self, bytes: u64, reserve: u64) -> Result<(), StoreError> {
        let available = self.inner.directory.available()?;
        // What is written goes into the journal first and into a table file later.
        let needed = reserve.saturating_add(bytes.saturating_mul(2));
        if available < needed {
            let path = self.inner.directory.path().to_owned();
            return Err(StoreError::DiskFull { path, doing: "writing", available, needed, reopen: false });
        }
        Ok(())
    }

    /// Waits until the background worker has caught up with these keyspaces; `bytes` more are about to be written outside of the journal.
    pub(crate) fn make_room<'a>(
        &self,
        bytes: u64,
        keyspaces: impl Iterator<Item = &'a Keyspace>,
    ) -> Result<(), StoreError> {
        if bytes > 0 {
            self.check_failure()?;
            self.check_volume(bytes, self.inner.options.reserve_bytes)?;
        }
        for keyspace in keyspaces {
            while keyspace.sealed_memtable_count() >= SEALED_LIMIT
                || keyspace.tree.l0_run_count() >= RUNS_LIMIT
            {
                // Fails once the background worker has died.
                self.inner
                    .directory
                    .guard("waiting for the background worker", || {
                        self.inner.database.persist(PersistMode::Buffer)
                    })
                    .map_err(|error| self.note_failure(error))?;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }

    pub(super) fn check_failure(&self) -> Result<(), StoreError> {
        match &*self.inner.failure.lock() {
            None => Ok(()),
            Some(failure) => Err(self.failed(failure)),
        }
    }

    fn failed(&self, failure: &Failure) -> StoreError {
        let path = self.inner.directory.path().to_owned();
        if failure.disk_full {
            let available = self.inner.directory.available().unwrap_or(0);
            let needed = self.inner.options.reserve_bytes.max(WORKER_BYTES);
            StoreError::DiskFull { path, doing: "writing", available, needed, reopen: true }
        } else {
            StoreError::Failed { path, cause: failure.cause.clone() }
        }
    }

    /// Remembers a failure that leaves the disk in doubt, and says what it was for good.
    pub(super) fn note_failure(&self, error: StoreError) -> StoreError {
        if error.retry() == Retry::Later {
            return error;
        }
        // The background worker's own error is in the log only; a full volume is its usual cause.
        let worker_found_no_room = matches!(error, StoreError::Failed { .. })
            && self
                .inner
                .directory
                .available()
                .is_ok_and(|available| available < self.inner.options.reserve_bytes.max(WORKER_BYTES));
        let disk_full = worker_found_no_room || matches!(error, StoreError::DiskFull { .. });
        let mut failure = self.inner.failure.lock();
        if failure.is_none() {
            tracing::error!(%error, "the store stops");
            let cause = match &error {
                StoreError::Failed { cause, .. } => cause.clone(),
                other => other.to_string(),
            };
            *failure = Some(Failure { cause, disk_full });
        }
        if worker_found_no_room { self.failed(failure.as_ref().expect("it was set above")) } else { error }
    }
}
