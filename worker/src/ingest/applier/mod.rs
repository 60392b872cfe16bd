//! The applier: one thread that turns the stream's events into exact tables.
//!
//! It takes whole transactions, resolves old rows, writes rows and LSN to the store in one atomic batch, hands the same changes
//! on to the coordinator, and has the LSN confirmed upstream once it is synced. Transactions that arrived together become one batch.
//! It owns every table's state; others ask it by [`Message`].

mod batch;
mod fold;
mod inbox;
mod message;
mod roster;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use offtake_contract::{Drift, Lsn, Problem};
use offtake_postgres::{
    pgoutput::{Change, Relation, StreamEvent},
    shape::Shape,
};
use offtake_row::RowPacker;
use offtake_store::{Store, StoreError, TableId};
use thiserror::Error;
use tokio::sync::watch;

pub use inbox::Inbox;
pub use message::Message;

use super::{
    change::RowChange,
    problems,
    records::{RecordError, Records, TableRecord, TableState},
    staged::{Before, Staged},
    syncer::Syncer,
    tables,
};
use crate::{board::Board, coordinator};

/// An open transaction's changes are kept back until its commit arrives, unless they are more than this.
const STAGE_EARLY: usize = 4_096;
/// A batch is closed at the next commit once it has taken in this many changes.
const BATCH_CHANGES: u64 = 100_000;
/// The longest key that the store takes, in bytes. In a table without a key of its own, the whole row is the key.
pub(super) const LONGEST_KEY: usize = 65_535;

/// Numbers that change too often to be posted one by one.
#[derive(Debug, Default)]
pub struct Counters {
    pub changes: AtomicU64,
    pub transactions: AtomicU64,
    /// The applied LSN.
    pub applied: AtomicU64,
    /// Microseconds since 2000-01-01 of the newest applied commit.
    pub commit_time: AtomicU64,
}

/// Why the applier stopped. The process ends with it: what is in the store is right, and a restart goes on from there.
#[derive(Debug, Error)]
pub enum ApplierError {
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Coordinator(#[from] coordinator::Gone),
    /// The process ends, while a write still waits for room.
    #[error("the worker is stopping")]
    Stopping,
}

/// One table and what the stream said of it.
struct Table {
    record: TableRecord,
    /// How the stream's columns map to the table's; known once the stream named the relation.
    shape: Option<Shape>,
    /// While copying: the next place in the queue of waiting changes.
    next_pending: u64,
    /// While copying: changes are being kept.
    buffering: bool,
    /// The copy is complete as of this LSN and waits for the stream to get there.
    copied: Option<Lsn>,
    /// While copying: why the stream's description does not fit. It may be older than the snapshot.
    unfit: Option<Unfit>,
    /// While copying: why the copy cannot begin.
    waits: Option<Problem>,
}

impl Table {
    /// Whatever was copied is no use any more, nor is what the upstream was like then.
    fn forget_copy(&mut self) {
        self.buffering = false;
        self.copied = None;
        if let Some(layout) = &mut self.record.layout {
            layout.fence = None;
        }
    }
}

/// A description of the stream that a table's layout does not fit.
struct Unfit {
    problem: Problem,
    altered: bool,
    drift: Option<Drift>,
}

/// See the module.
pub struct Applier {
    store: Store,
    records: Records,
    board: Board,
    coordinator: coordinator::Handle,
    counters: Arc<Counters>,
    syncer: Syncer,
    /// Every table, for the copier and the watcher.
    known: watch::Sender<Arc<Vec<TableRecord>>>,
    tables: BTreeMap<u64, Table>,
    by_oid: HashMap<u32, Vec<u64>>,
    /// What this stream said of each relation last. It says so once, perhaps before we knew of a table on it.
    relations: HashMap<u32, Arc<Relation>>,
    applied: Lsn,
    /// Events of a transaction whose commit has not arrived.
    tail: Vec<StreamEvent>,
    staged: Staged,
    pending: Vec<(u64, u64, Vec<u8>)>,
    /// The commit position of the transaction being taken in.
    open: Option<Lsn>,
    /// The last time that the coordinator has changes of: after `applied` while pieces of an open transaction were handed on.
    handed_on: u64,
    /// Pieces of the open transaction were handed on.
    pieces: bool,
    packer: RowPacker,
    inbox: Inbox,
}

impl Before for Store {
    type Error = StoreError;
    type Bytes = offtake_store::Slice;

    fn get(&self, table: u64, key: &[u8]) -> Result<Option<offtake_store::Slice>, StoreError> {
        Store::get(self, TableId(table), key)
    }

    fn scan(&self, table: u64, f: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for entry in Store::scan(self, TableId(table))? {
            let (key, value) = entry?;
            f(&key, &value);
        }
        Ok(())
    }
}

impl Applier {
    /// Takes up what the store holds: running tables are handed on, copies that were cut short start again.
    pub fn recover(
        store: Store,
        board: Board,
        coordinator: coordinator::Handle,
        counters: Arc<Counters>,
        known: watch::Sender<Arc<Vec<TableRecord>>>,
    ) -> Result<Applier, ApplierError> {
        let records = Records::new(store.clone());
        let applied = records.applied()?.unwrap_or_default();
        let syncer = Syncer::start(store.clone(), applied);
        let mut applier = Applier {
            store,
            records,
            board,
            coordinator,
            counters,
            syncer,
            known,
            tables: BTreeMap::new(),
            by_oid: HashMap::new(),
            relations: HashMap::new(),
            applied,
            tail: Vec::new(),
            staged: Staged::default(),
            pending: Vec::new(),
            open: None,
            handed_on: applied.0,
            pieces: false,
            packer: RowPacker::new(),
            inbox: Inbox::default(),
        };
        applier.counters.applied.store(applied.0, Ordering::Relaxed);
        applier.coordinator.advance(applied.0)?;
        for record in applier.records.recover_tables()? {
            applier.adopt(record)?;
        }
        if let Some(catalog) = applier.records.catalog()? {
            applier.take_catalog(&catalog)?;
        }
        Ok(applier)
    }

    /// Runs until every sender is gone.
    pub fn run(mut self, inbox: Inbox) -> Result<(), ApplierError> {
        self.inbox = inbox;
        match self.take_all() {
            // What was not written is not confirmed either: it comes again.
            Ok(()) | Err(ApplierError::Stopping) => {
                self.syncer.stop();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take_all(&mut self) -> Result<(), ApplierError> {
        while let Some(message) = self.inbox.wait() {
            self.take(message)?;
            // Whatever arrived in the meantime belongs to the same batch.
            while self.staged.changes() < BATCH_CHANGES {
                let Some(message) = self.inbox.next_now() else { break };
                self.take(message)?;
            }
            self.close_batch()?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), ApplierError> {
        match message {
            Message::Events(events) => self.take_events(events),
            Message::Settle { reply } => {
                self.tail.clear();
                self.abandon_open_transaction()?;
                self.close_batch()?;
                reply.send(self.applied).ok();
                Ok(())
            }
            Message::Stream(feedback) => {
                self.tables.values_mut().for_each(|table| table.shape = None);
                self.relations.clear();
                self.syncer.confirm_to(feedback);
                Ok(())
            }
            other => {
                // These change tables: what was taken in before them is written before them.
                self.close_batch()?;
                self.take_command(other)
            }
        }
    }

    fn take_command(&mut self, message: Message) -> Result<(), ApplierError> {
        match message {
            Message::Events(_) | Message::Stream(_) | Message::Settle { .. } => {}
            Message::ForgetCopies => {
                for table in
                    self.tables.values_mut().filter(|table| table.record.state == TableState::Copying)
                {
                    table.forget_copy();
                }
                // The copier takes them up again.
                self.announce();
            }
            Message::Catalog(catalog) => {
                self.records.put_catalog(&catalog)?;
                self.take_catalog(&catalog)?;
            }
            Message::Buffer { id, layout, reply } => {
                let relation = self.relations.get(&layout.oid).cloned();
                if self.tables.contains_key(&id) {
                    self.store.clear_table(TableId(id))?;
                    self.store.clear_pending(TableId(id))?;
                    self.pending.retain(|(table, ..)| *table != id);
                    self.by_oid.values_mut().for_each(|ids| ids.retain(|other| *other != id));
                    self.by_oid.entry(layout.oid).or_default().push(id);
                }
                if let Some(table) = self.tables.get_mut(&id) {
                    table.record.layout = Some(layout);
                    table.buffering = true;
                    table.next_pending = 0;
                    table.copied = None;
                    table.shape = None;
                    table.unfit = None;
                    table.waits = None;
                    self.records.put_table(&table.record)?;
                    self.coordinator.declare(tables::declaration(&table.record))?;
                    tables::post(&self.board, &table.record);
                }
                if let Some(relation) = relation {
                    self.take_relation(id, &relation)?;
                }
                self.announce();
                reply.send(()).ok();
            }
            Message::Copied { id, snapshot, progress } => {
                // A table that stopped while it was copied stays so, and a copy that was given up meanwhile is no use.
                let copying =
                    |table: &&mut Table| table.record.state == TableState::Copying && table.buffering;
                if let Some(table) = self.tables.get_mut(&id).filter(copying) {
                    table.record.snapshot = progress;
                    table.copied = Some(snapshot);
                }
                self.fold_copied()?;
            }
            Message::CopyWaits { id, problem } => self.wait_for_upstream(id, problem)?,
            Message::CopyFailed { id, problem } => self.stop_table(id, problem, false)?,
            Message::Observed { id, fence, drift, stop, altered } => {
                if let Some(table) = self.tables.get_mut(&id) {
                    // The copier makes another copy, of the table as it is now.
                    if let Some(problem) = &stop
                        && table.record.state == TableState::Copying
                    {
                        let object = &table.record.definition.object;
                        tracing::info!(table = object, "the copy starts again: {}", problem.message);
                        table.forget_copy();
                        self.announce();
                        return Ok(());
                    }
                    if let Some(layout) = &mut table.record.layout {
                        layout.fence = Some(*fence);
                    }
                    for new in drift {
                        tables::add_drift(&mut table.record, new);
                    }
                    // In one write with the fence: with the new fence alone, a restart would find nothing changed.
                    if let Some(problem) = stop {
                        return self.stop_table(id, problem, altered);
                    }
                    self.records.put_table(&table.record)?;
                    tables::post(&self.board, &table.record);
                }
                self.announce();
            }
            Message::Slot { at, recopy, reply } => {
                // Before the position: a restart in between finds a slot that is ahead of it, and copies again. The other way round, the
                // old tables would go on from it without what is missing.
                if recopy {
                    let definitions: Vec<_> =
                        self.tables.values().map(|table| table.record.definition.clone()).collect();
                    let old: Vec<u64> = self.tables.keys().copied().collect();
                    self.replace_tables(old, definitions)?;
                    self.announce();
                }
                // Stored, so that a restart knows that nothing before it can be missing.
                self.applied = self.applied.max(at);
                self.close_batch()?;
                reply.send(()).ok();
            }
        }
        Ok(())
    }

    /// Takes in every transaction that is complete; the rest waits for its commit.
    fn take_events(&mut self, events: Vec<StreamEvent>) -> Result<(), ApplierError> {
        let mut events = if self.tail.is_empty() {
            events
        } else {
            let mut tail = std::mem::take(&mut self.tail);
            tail.extend(events);
            tail
        };
        let complete = events
            .iter()
            .rposition(|event| matches!(event, StreamEvent::Commit { .. }))
            .map_or(if self.open.is_none() && !opens(&events) { events.len() } else { 0 }, |last| last + 1);
        let tail = events.split_off(complete);
        for event in events {
            self.take_event(event)?;
        }
        if tail.len() > STAGE_EARLY {
            // A big transaction: take it in while it arrives. What was complete before it goes out first.
            if self.open.is_none() {
                self.close_batch()?;
            }
            for event in tail {
                self.take_event(event)?;
            }
            self.hand_on_piece()?;
        } else if self.open.is_none() && !opens(&tail) {
            for event in tail {
                self.take_event(event)?;
            }
        } else {
            self.tail = tail;
        }
        Ok(())
    }

    fn take_event(&mut self, event: StreamEvent) -> Result<(), ApplierError> {
        match event {
            StreamEvent::Begin { final_lsn, .. } => self.open = Some(final_lsn),
            StreamEvent::Relation(relation) => {
                for id in self.by_oid.get(&relation.oid).cloned().unwrap_or_default() {
                    self.take_relation(id, &relation)?;
                }
                self.relations.insert(relation.oid, relation);
            }
            StreamEvent::Change(change) => self.take_change(&change)?,
            StreamEvent::Commit { end_lsn, commit_time, .. } => {
                self.open = None;
                self.applied = end_lsn;
                self.counters.transactions.fetch_add(1, Ordering::Relaxed);
                self.counters.commit_time.store(commit_time.max(0) as u64, Ordering::Relaxed);
                if self.staged.changes() >= BATCH_CHANGES {
                    self.close_batch()?;
                }
            }
            StreamEvent::Keepalive { wal_end } => {
                if self.open.is_none() && wal_end > self.applied {
                    self.applied = wal_end;
                }
            }
        }
        Ok(())
    }

    /// The stream described a table's relation: before its first change, and whenever it was altered.
    fn take_relation(&mut self, id: u64, relation: &Relation) -> Result<(), ApplierError> {
        let Some(table) = self.tables.get_mut(&id) else { return Ok(()) };
        let Some(layout) = &table.record.layout else { return Ok(()) };
        match Shape::new(relation, &layout.columns, &layout.key) {
            Ok(shape) => {
                table.shape = Some(shape);
                table.unfit = None;
                let found = tables::drift_of_relation(&table.record, relation, self.applied);
                if !found.is_empty() {
                    found.into_iter().for_each(|drift| tables::add_drift(&mut table.record, drift));
                    self.records.put_table(&table.record)?;
                    tables::post(&self.board, &table.record);
                }
            }
            Err(error) => {
                let drift = tables::drift_of_error(&error, self.applied);
                let unfit = Unfit { problem: error.problem(), altered: error.is_altered(), drift };
                table.shape = None;
                // The stream may be behind the snapshot, or may not have told of the table since it was altered: what comes under this
                // description decides, once the copy is there.
                if table.record.state == TableState::Copying {
                    table.unfit = Some(unfit);
                } else {
                    self.stop_unfit(id, unfit)?;
                }
            }
        }
        Ok(())
    }

    fn take_change(&mut self, change: &Change) -> Result<(), ApplierError> {
        let relations = match change {
            Change::Insert { relation, .. }
            | Change::Update { relation, .. }
            | Change::Delete { relation, .. } => std::slice::from_ref(relation),
            Change::Truncate { relations, .. } => relations.as_slice(),
        };
        for relation in relations {
            let ids = self.by_oid.get(&relation.oid).map_or(0, Vec::len);
            for place in 0..ids {
                let Some(&id) = self.by_oid.get(&relation.oid).and_then(|ids| ids.get(place)) else { break };
                if let Err(problem) = self.change_table(id, change)? {
                    self.stop_table(id, problem, false)?;
                }
            }
        }
        self.counters.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Applies a change to one table, or keeps it while the table is copied. The inner error stops the table.
    fn change_table(&mut self, id: u64, change: &Change) -> Result<Result<(), Problem>, ApplierError> {
        let Some(table) = self.tables.get_mut(&id) else { return Ok(Ok(())) };
        let live = match table.record.state {
            TableState::Live => true,
            TableState::Copying if table.buffering => false,
            TableState::Copying | TableState::Stopped { .. } => return Ok(Ok(())),
        };
        if !live && table.unfit.is_some() {
            let commit = self.open.unwrap_or(self.applied);
            self.pending.push((id, table.next_pending, RowChange::Undescribed.to_bytes(commit.0)));
            table.next_pending += 1;
            return Ok(Ok(()));
        }
        let (Some(shape), Some(layout)) = (&table.shape, &table.record.layout) else {
            return Ok(Err(problems::unannounced_relation(&table.record)));
        };
        let change = match RowChange::decode(change, shape, &layout.key, &mut self.packer) {
            Ok(change) => change,
            Err(error) => return Ok(Err(problems::value(&table.record, &error))),
        };
        if change.longest_key(&layout.key, &mut self.packer) > LONGEST_KEY {
            return Ok(Err(problems::row_too_large(&table.record, !layout.key.is_empty())));
        }
        if live {
            let applied = change.apply(&mut self.staged, &self.store, id, &layout.key, &mut self.packer)?;
            return Ok(applied.map_err(|mismatch| problems::mismatch(&table.record, &mismatch)));
        }
        let commit = self.open.unwrap_or(self.applied);
        self.pending.push((id, table.next_pending, change.to_bytes(commit.0)));
        table.next_pending += 1;
        Ok(Ok(()))
    }
}

/// Whether a transaction begins in these events and does not end in them.
fn opens(events: &[StreamEvent]) -> bool {
    events.iter().any(|event| matches!(event, StreamEvent::Begin { .. }))
}
