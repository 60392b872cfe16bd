//! A batch's way out: handed on to the coordinator, written with its LSN, confirmed.

use std::{sync::atomic::Ordering, time::Duration};

use offtake_store::{Retry, TableId, WriteBatch};

use super::{Applier, ApplierError};
use crate::ingest::{problems, records, staged::Staged};

/// An open transaction's first piece that is handed on before its commit has at least so many changes; later ones have a fifth of those before.
const PIECE_CHANGES: u64 = 32_768;
/// Positions after the start of a commit record that lie before its end for certain: the header of a WAL record is 24 bytes long. They are the
/// times of the pieces; the last one is kept for taking them back.
const PIECES: u64 = 22;
/// How long a write waits before it is tried again when the disk is full.
const DISK_RETRY: Duration = Duration::from_secs(1);

impl Applier {
    /// Hands a piece of a big open transaction on, so that views are computed while the rest arrives. Nobody sees it before the
    /// transaction is written. Its time lies within the commit record: after everything before, before its end.
    pub(super) fn hand_on_piece(&mut self) -> Result<(), ApplierError> {
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
    pub(super) fn abandon_open_transaction(&mut self) -> Result<(), ApplierError> {
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
    pub(super) fn close_batch(&mut self) -> Result<(), ApplierError> {
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

    /// Writes one batch that ends at the applied LSN. A full disk is waited for, with the problem in status; tables that a new catalog lacks
    /// are removed meanwhile, and what the batch has of them with them.
    pub(super) fn write(&mut self, fill: impl Fn(&mut WriteBatch)) -> Result<(), ApplierError> {
        let mut waited = false;
        let mut removed = Vec::new();
        loop {
            let mut batch = WriteBatch::new();
            fill(&mut batch);
            removed.iter().for_each(|id| records::forget_table(&mut batch, *id));
            records::put_applied(&mut batch, self.applied);
            match self.store.write(batch) {
                Ok(()) => break,
                Err(error) if error.retry() == Retry::Later => {
                    if !waited {
                        tracing::error!("{error}; trying again");
                    }
                    self.board.post(|status| status.source.problem = Some(problems::store(&error)));
                    waited = true;
                }
                Err(error) => return Err(error.into()),
            }
            if self.inbox.is_closed() {
                return Err(ApplierError::Stopping);
            }
            if let Some(catalog) = self.inbox.catalog() {
                removed.extend(self.remove_missing(&catalog)?);
            }
            std::thread::sleep(DISK_RETRY);
        }
        if waited {
            self.board.post(|status| status.source.problem = None);
        }
        self.counters.applied.store(self.applied.0, Ordering::Relaxed);
        Ok(())
    }
}

/// What the batch changes in the tables.
pub(super) fn write_rows(staged: &Staged, batch: &mut WriteBatch) {
    staged.writes(|write| match write.value {
        Some(value) => batch.put(TableId(write.table), write.key, value.as_ref()),
        None => batch.delete(TableId(write.table), write.key),
    });
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::Arc,
        thread::JoinHandle,
        time::{Duration, Instant},
    };

    use offtake_contract::{Catalog, Connection, Lsn, OnLost, Source, Table};
    use offtake_postgres::{
        pgoutput::{Change, Relation, RelationColumn, StreamEvent},
        shape::Wanted,
    };
    use offtake_row::Type;
    use offtake_store::{Options, Store};
    use tokio::sync::{mpsc, oneshot, watch};

    use super::super::{Applier, ApplierError, Inbox, Message};
    use crate::{
        board::Board,
        coordinator::{Coordinator, Published},
        ingest::records::Layout,
    };

    const DEADLINE: Duration = Duration::from_secs(60);
    const OID: u32 = 4711;

    fn catalog(generation: u64, tables: &[&str]) -> Arc<Catalog> {
        let connection = Connection {
            object: "default/app".into(),
            host: "localhost".into(),
            address: None,
            port: 5432,
            database: "app".into(),
            user: "app".into(),
            password: None,
            tls: Default::default(),
        };
        let source = Source {
            object: "default/app".into(),
            connection,
            publication: "app".into(),
            slot: "app".into(),
            on_lost: OnLost::Stop,
        };
        let table = |name: &&str| Table {
            object: format!("default/{name}"),
            upstream_schema: "public".into(),
            upstream_table: (*name).into(),
            schema: "public".into(),
            name: (*name).into(),
            exclude_columns: Vec::new(),
            text_columns: Vec::new(),
        };
        let tables = tables.iter().map(table).collect();
        Arc::new(Catalog { generation, source, tables, views: Vec::new() })
    }

    struct Running {
        sender: mpsc::Sender<Message>,
        coming: watch::Sender<Option<Arc<Catalog>>>,
        board: Board,
        thread: JoinHandle<Result<(), ApplierError>>,
        _directory: tempfile::TempDir,
    }

    /// An applier on a full volume, with a table that is being copied; it waits for room for that table's changes.
    fn waiting_for_room() -> Running {
        let directory = tempfile::tempdir().unwrap();
        let full = Options { reserve_bytes: u64::MAX / 2, ..Options::default() };
        let store = Store::open_with(directory.path(), full).unwrap();
        let board = Board::new();
        let (results, writer) = offtake_results::results();
        let published = Published {
            relations: watch::Sender::new(Arc::default()),
            views: watch::Sender::new(Arc::new(BTreeMap::new())),
        };
        let (coordinator, handle) = Coordinator::new(1, (results, writer), board.clone(), published).unwrap();
        std::thread::spawn(move || coordinator.run().unwrap());
        let known = watch::Sender::new(Arc::default());
        let applier = Applier::recover(store, board.clone(), handle, Arc::default(), known).unwrap();
        let (sender, messages) = mpsc::channel(8);
        let (coming, coming_seen) = watch::channel(None);
        let thread = std::thread::spawn(move || applier.run(Inbox::new(messages, coming_seen)));

        sender
            .blocking_send(Message::Catalog(catalog(1, &["needed", "large"])))
            .unwrap_or_else(|_| panic!("the applier ended"));
        let column = Wanted {
            name: "id".into(),
            ty: Type::Int4,
            as_text: false,
            source: Some(Type::Int4),
            type_oid: 23,
            typmod: -1,
            nullable: false,
        };
        let layout = Layout { oid: OID, columns: vec![column], key: vec![0], fence: None };
        let (reply, kept) = oneshot::channel();
        let buffer = Message::Buffer { id: 2, layout, reply };
        sender.blocking_send(buffer).unwrap_or_else(|_| panic!("the applier ended"));
        kept.blocking_recv().unwrap();
        let relation = Arc::new(Relation {
            oid: OID,
            schema: "public".into(),
            name: "large".into(),
            replica_identity: b'd',
            columns: vec![RelationColumn { name: "id".into(), type_oid: 23, typmod: -1, key: true }],
        });
        let mut position = 1000;
        let transaction = |position: u64| {
            let change = Change::Truncate {
                relations: vec![relation.clone()],
                cascade: false,
                restart_identity: false,
            };
            let (at, end) = (Lsn(position), Lsn(position + 10));
            Message::Events(vec![
                StreamEvent::Begin { final_lsn: at, commit_time: 0, xid: 1 },
                StreamEvent::Relation(relation.clone()),
                StreamEvent::Change(change),
                StreamEvent::Commit { commit_lsn: at, end_lsn: end, commit_time: 0 },
            ])
        };
        // The store looks at the volume once a second.
        let running = Running { sender, coming, board, thread, _directory: directory };
        running.until("a refused write", |running| {
            if running.sender.try_send(transaction(position)).is_ok() {
                position += 100;
            }
            running.reason().as_deref() == Some("VolumeFull")
        });
        // The stream goes on until nothing more fits in.
        while running.sender.try_send(transaction(position)).is_ok() {
            position += 100;
        }
        running
    }

    impl Running {
        fn reason(&self) -> Option<String> {
            self.board.read().source.problem.as_ref().map(|problem| problem.reason.clone())
        }

        fn until(&self, what: &str, mut done: impl FnMut(&Running) -> bool) {
            let began = Instant::now();
            while !done(self) {
                assert!(
                    began.elapsed() < DEADLINE,
                    "waited {DEADLINE:?} for {what}: {:?}",
                    self.board.read()
                );
                std::thread::sleep(Duration::from_millis(10));
            }
        }

        fn ends(self) {
            let Running { sender, thread, _directory, .. } = self;
            drop(sender);
            let began = Instant::now();
            while !thread.is_finished() {
                assert!(began.elapsed() < DEADLINE, "the applier waits on");
                std::thread::sleep(Duration::from_millis(10));
            }
            thread.join().unwrap().unwrap();
        }
    }

    #[test]
    fn on_a_full_volume_tables_can_be_removed() {
        let running = waiting_for_room();
        let needed = catalog(2, &["needed"]);
        running.coming.send_replace(Some(needed.clone()));
        running
            .sender
            .blocking_send(Message::Catalog(needed))
            .unwrap_or_else(|_| panic!("the applier ended"));
        running.until("the table to go and the writes to go on", |running| {
            running.board.read().tables.len() == 1 && running.reason().is_none()
        });
        running.until("the catalog to be taken up", |running| running.board.read().generation == 2);
        running.ends();
    }

    #[test]
    fn on_a_full_volume_the_worker_can_be_stopped() {
        waiting_for_room().ends();
    }
}
