//! The applier: one thread that turns the stream's events into exact tables.
//!
//! It takes whole transactions, resolves old rows, writes rows and LSN to the store in one atomic batch, hands the same changes
//! on to the coordinator, and has the LSN confirmed upstream once it is synced. Transactions that arrived together become one batch.
//! It owns every table's state; others ask it by [`Message`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use offtake_contract::{Catalog, Drift, Lsn, Problem, SnapshotProgress};
use offtake_lir::CollectionId;
use offtake_postgres::{
    fence::Fence,
    pgoutput::{Change, Relation, StreamEvent},
    shape::{Shape, ValueError},
    wire::Feedback,
};
use offtake_row::{Row, RowPacker};
use offtake_store::{Retry, Store, StoreError, TableId, WriteBatch};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    change::RowChange,
    problems,
    records::{self, Layout, RecordError, Records, TableRecord, TableState},
    staged::{Before, Mismatch, Staged},
    syncer::Syncer,
    tables,
};
use crate::{board::Board, coordinator};

/// An open transaction's changes are kept back until its commit arrives, unless they are more than this.
const STAGE_EARLY: usize = 4_096;
/// An open transaction's first piece that is handed on before its commit has at least so many changes; later ones have a fifth of those before.
const PIECE_CHANGES: u64 = 32_768;
/// Positions after the start of a commit record that lie before its end for certain: the header of a WAL record is 24 bytes long. They are the
/// times of the pieces; the last one is kept for taking them back.
const PIECES: u64 = 22;
/// A batch is closed at the next commit once it has taken in this many changes.
const BATCH_CHANGES: u64 = 100_000;
/// The longest key that the store takes, in bytes. In a table without a key of its own, the whole row is the key.
pub(super) const LONGEST_KEY: usize = 65_535;
/// How long a write waits before it is tried again when the disk is full.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// What the applier is told.
pub enum Message {
    /// The desired tables and views changed.
    Catalog(Arc<Catalog>),
    /// The stream that came until now is over: its complete transactions are applied, and where the next one has to begin is the answer.
    Settle {
        reply: oneshot::Sender<Lsn>,
    },
    /// A replication stream began: what was not committed before comes again.
    Stream(Feedback),
    /// The server went on with another timeline: copies whose snapshot the stream has not reached may show what never happened there.
    ForgetCopies,
    Events(Vec<StreamEvent>),
    /// From the next event on, this table's changes are to be kept for after its copy.
    Buffer {
        id: u64,
        layout: Layout,
        reply: oneshot::Sender<()>,
    },
    /// All rows of the table are in the store as of `snapshot`.
    Copied {
        id: u64,
        snapshot: Lsn,
        progress: SnapshotProgress,
    },
    /// The table cannot be copied as things are.
    CopyFailed {
        id: u64,
        problem: Problem,
    },
    /// The catalog upstream was looked at: what to remember and what it means for the table.
    Observed {
        id: u64,
        fence: Box<Fence>,
        drift: Vec<Drift>,
        stop: Option<Problem>,
        altered: bool,
    },
    /// The slot was made, and its stream begins here. `recopy`: another was lost, so every table is to be copied again.
    Slot {
        at: Lsn,
        recopy: bool,
        reply: oneshot::Sender<()>,
    },
}

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
        };
        applier.counters.applied.store(applied.0, Ordering::Relaxed);
        applier.coordinator.advance(applied.0)?;
        for record in applier.records.tables()? {
            applier.adopt(record)?;
        }
        if let Some(catalog) = applier.records.catalog()? {
            applier.take_catalog(&catalog)?;
        }
        Ok(applier)
    }

    /// A table found in the store.
    fn adopt(&mut self, record: TableRecord) -> Result<(), ApplierError> {
        let id = TableId(record.id);
        self.store.create_table(id)?;
        match &record.state {
            TableState::Copying => {
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
        let table =
            Table { record, shape: None, next_pending: 0, buffering: false, copied: None, unfit: None };
        self.tables.insert(table.record.id, table);
    }

    /// Runs until every sender is gone.
    pub fn run(mut self, mut inbox: mpsc::Receiver<Message>) -> Result<(), ApplierError> {
        while let Some(message) = inbox.blocking_recv() {
            self.take(message)?;
            // Whatever arrived in the meantime belongs to the same batch.
            while self.staged.changes() < BATCH_CHANGES {
                let Ok(message) = inbox.try_recv() else { break };
                self.take(message)?;
            }
            self.close_batch()?;
        }
        self.syncer.stop();
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
                    table.buffering = false;
                    table.copied = None;
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
                // A table that stopped while it was copied stays so.
                let copying = |table: &&mut Table| table.record.state == TableState::Copying;
                if let Some(table) = self.tables.get_mut(&id).filter(copying) {
                    table.record.snapshot = progress;
                    table.copied = Some(snapshot);
                }
                self.fold_copied()?;
            }
            Message::CopyFailed { id, problem } => self.stop_table(id, problem, false)?,
            Message::Observed { id, fence, drift, stop, altered } => {
                if let Some(table) = self.tables.get_mut(&id) {
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

    /// Makes the tables those of the catalog: new ones wait for their copy, ones that went are removed.
    fn take_catalog(&mut self, catalog: &Catalog) -> Result<(), ApplierError> {
        let gone: Vec<u64> = self
            .tables
            .values()
            .filter(|table| !catalog.tables.contains(&table.record.definition))
            .map(|table| table.record.id)
            .collect();
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

    /// The new ones first: a name that an old and a new table share is never unknown to a reader.
    fn replace_tables(
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
        let Some(table) = self.tables.remove(&id) else { return Ok(()) };
        self.by_oid.values_mut().for_each(|ids| ids.retain(|other| *other != id));
        self.by_oid.retain(|_, ids| !ids.is_empty());
        self.staged.forget(id);
        self.pending.retain(|(table, ..)| *table != id);
        self.coordinator.drop_table(CollectionId(id))?;
        self.records.remove_table(id)?;
        self.store.drop_table(TableId(id))?;
        let object = table.record.definition.object;
        if !self.tables.values().any(|other| other.record.definition.object == object) {
            self.board.post(|status| status.tables.retain(|table| table.object != object));
        }
        Ok(())
    }

    /// Stops following a table: reads of it, and of the views on it, fail with the problem. Everything else goes on.
    fn stop_table(&mut self, id: u64, problem: Problem, altered: bool) -> Result<(), ApplierError> {
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

    /// Stops a table that the stream describes otherwise than it is laid out.
    fn stop_unfit(&mut self, id: u64, unfit: Unfit) -> Result<(), ApplierError> {
        if let (Some(table), Some(drift)) = (self.tables.get_mut(&id), unfit.drift) {
            tables::add_drift(&mut table.record, drift);
        }
        self.stop_table(id, unfit.problem, unfit.altered)
    }

    /// Tells the copier and the watcher what tables there are.
    fn announce(&self) {
        let known: Vec<TableRecord> = self.tables.values().map(|table| table.record.clone()).collect();
        self.known.send_replace(Arc::new(known));
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
            Err(error) => return Ok(Err(value_problem(&table.record, &error))),
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

    /// Hands a piece of a big open transaction on, so that views are computed while the rest arrives. Nobody sees it before the
    /// transaction is written. Its time lies within the commit record: after everything before, before its end.
    fn hand_on_piece(&mut self) -> Result<(), ApplierError> {
        let Some(commit) = self.open else { return Ok(()) };
        let (all, waiting) = (self.staged.changes(), self.staged.waiting());
        let time = (commit.0 + 1).max(self.handed_on + 1);
        if waiting < PIECE_CHANGES.max((all - waiting) / 5) || time > commit.0 + PIECES {
            return Ok(());
        }
        self.coordinator.ahead(time, self.staged.hand_on())?;
        self.handed_on = time;
        self.pieces = true;
        Ok(())
    }

    /// What was staged for a transaction whose commit will not come on this stream. It comes again, whole.
    fn abandon_open_transaction(&mut self) -> Result<(), ApplierError> {
        if self.open.take().is_some() {
            // A transaction is only staged early when nothing complete is staged before it (see take_events).
            self.staged = Staged::default();
            self.pending.clear();
            if std::mem::take(&mut self.pieces) {
                self.handed_on += 1;
                self.coordinator.take_back(self.handed_on)?;
            }
        }
        Ok(())
    }

    /// Writes what is staged, hands it on, and has it confirmed. Nothing happens inside a transaction or where nothing changed.
    fn close_batch(&mut self) -> Result<(), ApplierError> {
        if self.open.is_some() || self.applied.0 == self.counters.applied.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut staged = std::mem::take(&mut self.staged);
        let pending = std::mem::take(&mut self.pending);
        // The views are computed while the store writes; they are readable once it has.
        let updates = staged.hand_on_last();
        if !updates.is_empty() {
            self.coordinator.ahead(self.applied.0, updates)?;
        }
        self.handed_on = self.handed_on.max(self.applied.0);
        self.pieces = false;
        self.write(|batch| {
            write_rows(&staged, batch);
            for (table, seq, bytes) in &pending {
                batch.append_pending(TableId(*table), *seq, bytes.as_slice());
            }
        })?;
        self.coordinator.advance(self.applied.0)?;
        self.syncer.written(self.applied);
        self.fold_copied()
    }

    /// Writes one batch that ends at the applied LSN. A full disk is waited for, with the problem in status.
    fn write(&mut self, fill: impl Fn(&mut WriteBatch)) -> Result<(), ApplierError> {
        let mut waited = false;
        loop {
            let mut batch = WriteBatch::new();
            fill(&mut batch);
            records::put_applied(&mut batch, self.applied);
            match self.store.write(batch) {
                Ok(()) => break,
                Err(error) if error.retry() == Retry::Later => {
                    tracing::error!("{error}; trying again");
                    self.board.post(|status| status.source.problem = Some(problems::store(&error)));
                    waited = true;
                    std::thread::sleep(DISK_RETRY);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if waited {
            self.board.post(|status| status.source.problem = None);
        }
        self.counters.applied.store(self.applied.0, Ordering::Relaxed);
        Ok(())
    }

    /// Brings copied tables that the stream has caught up with to the applied LSN, and makes them live.
    fn fold_copied(&mut self) -> Result<(), ApplierError> {
        if self.open.is_some() {
            return Ok(());
        }
        let ready: Vec<u64> = self
            .tables
            .iter()
            .filter(|(_, table)| table.copied.is_some_and(|snapshot| snapshot <= self.applied))
            .map(|(id, _)| *id)
            .collect();
        for id in ready {
            self.fold(id)?;
        }
        Ok(())
    }

    /// Applies what waited while the table was copied, all that committed after its snapshot, and switches the table on in the same write.
    fn fold(&mut self, id: u64) -> Result<(), ApplierError> {
        let Some(table) = self.tables.get(&id) else { return Ok(()) };
        let (Some(snapshot), Some(layout)) = (table.copied, table.record.layout.clone()) else {
            return Ok(());
        };
        let unfit = self.tables.get_mut(&id).and_then(|table| table.unfit.take());
        let Some(table) = self.tables.get(&id) else { return Ok(()) };
        // TRUNCATE does not respect snapshots: a copy that reads after one finds the table empty, whatever its snapshot. What came
        // before the last of them is gone in either case, so the changes are taken from there.
        let mut first = 0;
        for entry in self.store.pending(TableId(id))? {
            let (seq, bytes) = entry?;
            match RowChange::from_bytes(&bytes) {
                None => {
                    let problem = problems::unreadable_pending(&table.record);
                    return self.stop_table(id, problem, false);
                }
                Some((commit, RowChange::Undescribed)) if commit >= snapshot.0 => {
                    let record = &table.record;
                    return match unfit {
                        Some(unfit) => self.stop_unfit(id, unfit),
                        None => {
                            self.stop_table(id, problems::mismatch(record, &Mismatch::Undescribed), false)
                        }
                    };
                }
                Some((commit, RowChange::Truncate)) if commit >= snapshot.0 => first = seq,
                Some(_) => {}
            }
        }
        let mut staged = Staged::default();
        for entry in self.store.pending(TableId(id))? {
            let (seq, bytes) = entry?;
            let Some((commit, change)) = RowChange::from_bytes(&bytes) else { continue };
            // A transaction is in the snapshot exactly if its commit record stands before the snapshot's LSN.
            if commit < snapshot.0 || seq < first {
                continue;
            }
            if let Err(mismatch) =
                change.apply(&mut staged, &self.store, id, &layout.key, &mut self.packer)?
            {
                let problem = problems::mismatch(&table.record, &mismatch);
                return self.stop_table(id, problem, false);
            }
        }
        let mut record = table.record.clone();
        record.state = TableState::Live;
        let updates: Vec<(Row, i64)> =
            staged.hand_on_last().into_iter().flat_map(|(_, updates)| updates).collect();
        self.write(|batch| {
            write_rows(&staged, batch);
            batch.clear_pending(TableId(id));
            records::put_table(batch, &record);
        })?;
        self.store.sync()?;
        tracing::info!(table = record.definition.object, lsn = %self.applied, changes = updates.len(), "table is live");
        self.coordinator.declare(tables::declaration(&record))?;
        self.coordinator.live(CollectionId(id), self.applied.0, updates)?;
        tables::post(&self.board, &record);
        if let Some(table) = self.tables.get_mut(&id) {
            table.record = record;
            table.buffering = false;
            table.copied = None;
        }
        self.announce();
        Ok(())
    }
}

/// Rows handed on at once when a table is read from the store.
const ROWS_AT_ONCE: usize = 16_384;

/// What the batch changes in the tables.
fn write_rows(staged: &Staged, batch: &mut WriteBatch) {
    staged.writes(|write| match write.value {
        Some(value) => batch.put(TableId(write.table), write.key, value.as_ref()),
        None => batch.delete(TableId(write.table), write.key),
    });
}

/// Whether a transaction begins in these events and does not end in them.
fn opens(events: &[StreamEvent]) -> bool {
    events.iter().any(|event| matches!(event, StreamEvent::Begin { .. }))
}

fn value_problem(record: &TableRecord, error: &ValueError) -> Problem {
    problems::value(record, error)
}
