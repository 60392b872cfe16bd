//! The coordinator: one thread between the applier, the engine and the readers.
//!
//! It hands batches to the engine, takes the views' changes back, writes both into the results, and publishes a time once every
//! readable table and view is complete up to it. Batches arrive ahead of the time that may be published, while they are written to the
//! store or, of a big transaction, before its commit was seen. It plans and installs views ([`views`]) as tables come and go. Messages are taken in
//! the order in which they were sent, so that a table's contents and the batches after them never overtake each other.

mod handle;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use handle::Message;
pub use handle::{Availability, Declaration, Gone, Handle};
use offtake_contract::Lsn;
use offtake_engine::{Batch, Engine, EngineError, Install, Output};
use offtake_lir::{CollectionId, EvalError};
use offtake_plan::Relations;
use offtake_results::{Collection, Results, Writer};
use offtake_row::Row;
use offtake_serve::ViewText;
use thiserror::Error;
use tokio::sync::watch;
pub use views::findings;

use self::views::Views;
use crate::board::Board;

/// Row updates that may be on their way through the engine before further batches wait.
const IN_FLIGHT: usize = 200_000;
const POST_EVERY: Duration = Duration::from_millis(200);
/// From this many row updates on, the tables' next version is made before it may be published. Small batches wait: several at once copy
/// less of what versions share.
const PREPARED_ROWS: usize = 16_384;
/// Under a load of so many row updates at once versions are not published more often than this: a version shares with the one before
/// what did not change, and what did is copied once a version.
const BUSY_ROWS: usize = 2_000;
const BUSY_SPACING: Duration = Duration::from_millis(40);

/// Why the coordinator stopped.
#[derive(Debug, Error)]
pub enum CoordinatorError {
    #[error("the engine failed: {0}")]
    Engine(#[from] EngineError),
    /// A failover upstream can lose a transaction of which pieces came ahead; what follows then stands before its end.
    #[error(
        "changes came for time {time}, but time {ahead} was handed on already: views are computed anew from the store at the next start"
    )]
    TimeWentBack { time: u64, ahead: u64 },
}

/// What the coordinator publishes for readers.
pub struct Published {
    pub relations: watch::Sender<Arc<Relations>>,
    pub views: watch::Sender<Arc<BTreeMap<CollectionId, ViewText>>>,
}

/// What the engine says, queued for the coordinator.
enum FromEngine {
    Updates { id: CollectionId, time: u64, rows: Vec<(Row, i64)>, errors: Vec<(EvalError, i64)> },
    Frontier { id: CollectionId, upper: u64 },
    Failed(String),
}

struct EngineOutput(Sender<FromEngine>);

impl Output for EngineOutput {
    fn updates(&self, id: CollectionId, time: u64, rows: Vec<(Row, i64)>, errors: Vec<(EvalError, i64)>) {
        // A coordinator that is gone is a process that ends.
        self.0.send(FromEngine::Updates { id, time, rows, errors }).ok();
    }

    fn frontier(&self, id: CollectionId, upper: u64) {
        self.0.send(FromEngine::Frontier { id, upper }).ok();
    }

    fn failed(&self, reason: &str) {
        self.0.send(FromEngine::Failed(reason.to_owned())).ok();
    }
}

/// A table as the coordinator knows it.
struct Table {
    declaration: Declaration,
    /// Its first contents are complete: batches apply to it.
    live: bool,
}

/// See the module.
pub struct Coordinator {
    engine: Engine,
    results: Writer,
    readable: Arc<Results>,
    board: Board,
    published: Published,
    inbox: Receiver<Message>,
    outputs: Receiver<FromEngine>,
    tables: BTreeMap<CollectionId, Table>,
    views: Views,
    /// Tables and views that are complete but not in a published version yet.
    appearing: Vec<CollectionId>,
    /// Views that can never change.
    constant: BTreeSet<CollectionId>,
    /// The last time that may be read, once everything is complete up to it.
    now: u64,
    /// Times that were advanced to, from the newest version's on: only at these is a transaction there whole.
    written: VecDeque<u64>,
    /// The last time handed to the engine. Ahead of `now` no view is installed, because its first contents would be those of `now`.
    ahead: u64,
    /// Views could have been installed while `ahead` was in front.
    unsettled: bool,
    /// Up to which time, exclusively, the engine has completed a view.
    uppers: BTreeMap<CollectionId, u64>,
    /// Batches that views still have to work off: time and number of updates.
    in_flight: VecDeque<(u64, usize)>,
    in_flight_rows: usize,
    /// Row updates since the newest version, and when that one was published.
    unpublished_rows: usize,
    published_at: Instant,
    posted: Instant,
}

impl Coordinator {
    /// Starts the engine and makes the handle by which the coordinator is spoken to.
    pub fn new(
        threads: usize,
        (readable, results): (Arc<Results>, Writer),
        board: Board,
        published: Published,
    ) -> Result<(Coordinator, Handle), CoordinatorError> {
        let (sender, outputs) = crossbeam_channel::unbounded();
        let engine = Engine::start(threads, Arc::new(EngineOutput(sender)))?;
        let (handle, inbox) = handle::channel();
        let coordinator = Coordinator {
            engine,
            results,
            readable,
            board,
            published,
            inbox,
            outputs,
            tables: BTreeMap::new(),
            views: Views::default(),
            appearing: Vec::new(),
            constant: BTreeSet::new(),
            now: 0,
            written: VecDeque::from([0]),
            ahead: 0,
            unsettled: false,
            uppers: BTreeMap::new(),
            in_flight: VecDeque::new(),
            in_flight_rows: 0,
            unpublished_rows: 0,
            published_at: Instant::now(),
            posted: Instant::now(),
        };
        Ok((coordinator, handle))
    }

    /// Runs until every handle is gone or the engine fails.
    pub fn run(mut self) -> Result<(), CoordinatorError> {
        let never = crossbeam_channel::never();
        loop {
            // What the engine has ready goes first: it is what readers wait for.
            while let Ok(output) = self.outputs.try_recv() {
                self.take_output(output)?;
            }
            self.publish()?;
            let inbox = if self.in_flight_rows > IN_FLIGHT { &never } else { &self.inbox };
            crossbeam_channel::select! {
                recv(self.outputs) -> output => match output {
                    Ok(output) => self.take_output(output)?,
                    Err(_) => return Ok(()),
                },
                recv(inbox) -> input => match input {
                    Ok(input) => self.take(input)?,
                    Err(_) => return Ok(()),
                },
                default(self.spacing().unwrap_or(POST_EVERY)) => {}
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<(), CoordinatorError> {
        match message {
            Message::Ahead { time, tables } => self.take_ahead(time, tables),
            Message::Advance { time } => self.advance(time),
            Message::TakeBack { time } => self.take_back(time),
            Message::Declare(declaration) => self.declare(declaration),
            Message::Rows { id, rows } => {
                if self.tables.get(&id).is_some_and(|table| !table.live) {
                    self.results.load(id, rows);
                }
                Ok(())
            }
            Message::Live { id, time, updates } => self.live(id, time, updates),
            Message::Drop { id } => {
                if let Some(table) = self.tables.remove(&id) {
                    self.forget(id, table.live)?;
                    self.settle_views()?;
                }
                Ok(())
            }
            Message::Views { views, generation } => {
                for id in self.views.want(views) {
                    self.results.remove(id);
                    self.constant.remove(&id);
                    self.uppers.remove(&id);
                    self.engine.drop(id)?;
                }
                self.settle_views()?;
                self.board.post(|status| status.generation = generation);
                Ok(())
            }
        }
    }

    /// Changes that may be read once the time has advanced to them.
    fn take_ahead(
        &mut self,
        time: u64,
        tables: Vec<(CollectionId, Vec<(Row, i64)>)>,
    ) -> Result<(), CoordinatorError> {
        if time <= self.ahead {
            return Err(CoordinatorError::TimeWentBack { time, ahead: self.ahead });
        }
        let mut batch = Batch { time, tables: Vec::with_capacity(tables.len()) };
        let mut count = 0;
        let mut changed = Vec::with_capacity(tables.len());
        for (id, rows) in tables {
            if !self.tables.get(&id).is_some_and(|table| table.live) {
                continue;
            }
            count += rows.len();
            let rows = Arc::new(rows);
            if self.views.reads(id) {
                batch.tables.push((id, rows.clone()));
            }
            changed.push((id, rows));
        }
        self.engine.push(batch)?;
        self.ahead = time;
        self.in_flight.push_back((time, count));
        self.in_flight_rows += count;
        self.unpublished_rows += count;
        for (id, rows) in changed {
            self.results.update(id, time, Arc::unwrap_or_clone(rows));
            if count >= PREPARED_ROWS {
                // Now, while the engine computes the views and the store writes.
                self.results.prepare(id, time);
            }
        }
        Ok(())
    }

    /// What came ahead did happen, up to `time`, and is written.
    fn advance(&mut self, time: u64) -> Result<(), CoordinatorError> {
        // A time in the middle of what came ahead is the time of nothing; a later one follows.
        if time <= self.now || time < self.ahead {
            return Ok(());
        }
        if time > self.ahead {
            self.engine.advance(time)?;
            self.ahead = time;
        }
        self.now = time;
        for (id, _) in self.tables.iter().filter(|(_, table)| table.live) {
            self.results.advance(*id, time + 1);
        }
        for id in &self.constant {
            self.results.advance(*id, time + 1);
        }
        self.written.push_back(time);
        for (id, upper) in &self.uppers {
            self.results.advance(*id, whole(&self.written, *upper));
        }
        if std::mem::take(&mut self.unsettled) {
            self.settle_views()?;
        }
        Ok(())
    }

    /// What came ahead did not happen. The engine has computed with it, so it gets the opposite; both become readable at once, as nothing.
    fn take_back(&mut self, time: u64) -> Result<(), CoordinatorError> {
        if time <= self.ahead {
            return Err(CoordinatorError::TimeWentBack { time, ahead: self.ahead });
        }
        let mut batch = Batch { time, tables: Vec::new() };
        for (id, _) in self.tables.iter().filter(|(_, table)| table.live) {
            let mut rows = self.results.take_back(*id, self.now);
            if self.views.reads(*id) && !rows.is_empty() {
                rows.iter_mut().for_each(|(_, diff)| *diff = -*diff);
                batch.tables.push((*id, Arc::new(rows)));
            }
        }
        self.engine.push(batch)?;
        self.ahead = time;
        Ok(())
    }

    /// A table is known, or is known to be otherwise than it was.
    fn declare(&mut self, declaration: Declaration) -> Result<(), CoordinatorError> {
        let id = declaration.id;
        let live = self.tables.get(&id).is_some_and(|table| table.live);
        let stays_live = live && matches!(declaration.availability, Availability::Live);
        if live && !stays_live {
            self.forget(id, true)?;
        }
        if matches!(declaration.availability, Availability::Stopped { .. }) {
            self.results.remove(id);
        } else if !stays_live && !declaration.columns.is_empty() {
            // Its contents arrive from here on; they begin to mean something when it is live.
            let loading =
                self.tables.get(&id).is_some_and(|table| table.declaration.columns == declaration.columns)
                    && matches!(declaration.availability, Availability::Live);
            if !loading {
                let types = declaration.columns.iter().map(|column| column.ty).collect();
                self.results.create(id, types, vec![declaration.key.clone()], u64::MAX);
            }
        }
        self.tables.insert(id, Table { declaration, live: stays_live });
        self.settle_views()
    }

    /// A table's first contents are complete as of `time`, after `updates`.
    fn live(
        &mut self,
        id: CollectionId,
        time: u64,
        updates: Vec<(Row, i64)>,
    ) -> Result<(), CoordinatorError> {
        self.advance(time)?;
        let Some(table) = self.tables.get_mut(&id) else { return Ok(()) };
        self.results.load(id, updates);
        self.results.begin(id, time);
        self.results.advance(id, time + 1);
        table.live = true;
        self.engine.create_table(id)?;
        self.settle_views()
    }

    /// A table's rows are no longer needed by anyone.
    fn forget(&mut self, id: CollectionId, live: bool) -> Result<(), CoordinatorError> {
        self.results.remove(id);
        if live {
            // The views on it are dropped when they are settled; the engine lets their readers go on until then.
            self.engine.drop(id)?;
        }
        Ok(())
    }

    /// Installs and removes views so that they are what is wanted and what the tables allow, and tells readers.
    fn settle_views(&mut self) -> Result<(), CoordinatorError> {
        let tables: Vec<views::Known<'_>> = self
            .tables
            .iter()
            .map(|(id, table)| views::Known {
                declaration: &table.declaration,
                live: table.live,
                visible: self.results.is_visible(*id),
            })
            .collect();
        // What came ahead would be missing in a new view.
        let install = self.ahead == self.now;
        self.unsettled = !install;
        let settled = self.views.settle(&tables, install);
        for id in settled.dropped {
            self.results.remove(id);
            self.constant.remove(&id);
            self.uppers.remove(&id);
            self.engine.drop(id)?;
        }
        for install in settled.installed {
            let snapshot = views::Tables::of(
                &self.results,
                self.tables.iter().filter(|(_, table)| table.live).map(|(id, _)| *id),
            );
            self.results.create(install.id, install.types, install.indexes, self.now);
            self.engine.install(Install {
                id: install.id,
                lir: install.lir,
                as_of: self.now,
                snapshot: Arc::new(snapshot),
            })?;
        }
        let relations = self.views.relations(&tables, &|id| self.results.is_visible(id));
        self.appearing = tables
            .iter()
            .filter(|table| table.live && !table.visible)
            .map(|table| table.declaration.id)
            .chain(self.views.installed().filter(|id| !self.results.is_visible(*id)))
            .collect();
        self.published.relations.send_replace(Arc::new(Relations::new(relations)));
        self.published.views.send_replace(Arc::new(self.views.texts()));
        self.views.post(&self.board, &|id| self.results.is_visible(id));
        Ok(())
    }

    fn take_output(&mut self, output: FromEngine) -> Result<(), CoordinatorError> {
        match output {
            FromEngine::Updates { id, time, rows, errors } => {
                if self.views.is_installed(id) {
                    self.results.update(id, time, rows);
                    if !errors.is_empty() {
                        self.results.update_errors(id, time, errors);
                    }
                }
            }
            FromEngine::Frontier { id, upper } => {
                if self.views.is_installed(id) {
                    self.uppers.insert(id, upper);
                    // A view over constants alone is complete for ever; it moves on with the batches.
                    self.results.advance(id, whole(&self.written, upper));
                    if upper == u64::MAX {
                        self.constant.insert(id);
                    }
                }
            }
            FromEngine::Failed(reason) => {
                return Err(CoordinatorError::Engine(EngineError::Failed { reason }));
            }
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), CoordinatorError> {
        let before = self.results.time();
        let time = if self.spacing().is_some() { before } else { self.results.publish() };
        if time > before {
            while self.written.get(1).is_some_and(|next| *next <= time) {
                self.written.pop_front();
            }
            self.unpublished_rows = 0;
            self.published_at = Instant::now();
        }
        let done = self.worked_off();
        while self.in_flight.front().is_some_and(|(batch, _)| *batch < done) {
            if let Some((_, rows)) = self.in_flight.pop_front() {
                self.in_flight_rows -= rows;
            }
        }
        let appeared = |id: &CollectionId| self.results.is_visible(*id);
        if self.appearing.iter().any(appeared) {
            self.settle_views()?;
        }
        if self.posted.elapsed() >= POST_EVERY {
            self.posted = Instant::now();
            self.post(time);
        }
        Ok(())
    }

    /// How long the next version has to wait yet; `None`: not at all.
    fn spacing(&self) -> Option<Duration> {
        let busy = self.unpublished_rows > BUSY_ROWS;
        BUSY_SPACING.checked_sub(self.published_at.elapsed()).filter(|_| busy)
    }

    /// Up to which time, exclusively, every readable view is computed.
    fn worked_off(&self) -> u64 {
        let readable = self.uppers.iter().filter(|(id, _)| self.results.is_visible(**id));
        readable.map(|(_, upper)| *upper).min().unwrap_or(u64::MAX)
    }

    /// Posts what changes all the time: the readable LSN, rows and memory.
    fn post(&self, time: u64) {
        let version = self.readable.current();
        self.board.post(|status| {
            status.source.lsn = (time > 0).then_some(Lsn(time));
            for table in &mut status.tables {
                let known = self.tables.values().find(|known| known.declaration.object == table.object);
                let found = known.and_then(|known| version.get(known.declaration.id));
                table.rows = found.map(Collection::rows);
                table.memory_bytes = found.map(Collection::memory_bytes);
            }
            for view in &mut status.views {
                let found = self.views.id_of(&view.object).and_then(|id| version.get(id));
                view.rows = found.map(Collection::rows);
                view.memory_bytes = found.map(Collection::memory_bytes);
                view.errors = found.map_or(0, Collection::errors);
                if view.phase == offtake_contract::ViewPhase::Running {
                    view.problem = found.and_then(Collection::error).map(views::rows_in_error);
                }
            }
        });
    }
}

/// Up to which time, exclusively, a view is complete that the engine has computed up to `upper`: what came ahead of a transaction's end, and
/// every time between two ends, belongs to the end after it.
fn whole(written: &VecDeque<u64>, upper: u64) -> u64 {
    let complete = written.partition_point(|time| *time < upper);
    complete.checked_sub(1).and_then(|last| written.get(last)).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_complete_up_to_the_end_of_a_transaction() {
        let written = VecDeque::from([10, 20, 30]);
        assert_eq!(whole(&written, 31), 31);
        assert_eq!(whole(&written, u64::MAX), 31, "what came ahead is not written yet");
        assert_eq!(whole(&written, 30), 21, "computed up to just before the end");
        assert_eq!(whole(&written, 25), 21, "in the midst of the pieces of a transaction");
        assert_eq!(whole(&written, 5), 0);
    }
}
