//! Feeds a new dataflow's inputs with the tables' contents, on a thread of its own and in chunks, so that other dataflows get their
//! steps and their updates in between.

use std::{collections::BTreeMap, io, sync::Arc, thread};

use crossbeam_channel::Sender;
use offtake_lir::CollectionId;
use offtake_row::Row;

use crate::{
    command::{Build, CollectionKey, DataflowId},
    engine::Shared,
};

/// Rows that a worker takes between two steps: some milliseconds of work.
const CHUNK: usize = 8192;

/// The tables' contents at the time that a view is installed at.
pub trait Snapshot: Send + Sync + 'static {
    /// Calls `f` with every row of the table and how often it is there. Called on a thread of the engine, once per table.
    fn rows(&self, table: CollectionId, f: &mut dyn FnMut(&Row, i64));
}

/// A piece of a table for one worker.
pub(crate) struct Load {
    pub table: CollectionKey,
    /// The dataflows that read it.
    pub targets: Arc<[DataflowId]>,
    /// Empty: the table is complete.
    pub rows: Vec<(Row, i64)>,
}

/// Loads the inputs of the given dataflows, each table once.
pub(crate) fn start(
    builds: &[Arc<Build>],
    snapshot: Arc<dyn Snapshot>,
    workers: Vec<Sender<Load>>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut tables: BTreeMap<CollectionKey, Vec<DataflowId>> = BTreeMap::new();
    for build in builds {
        for table in &build.tables {
            tables.entry(*table).or_default().push(build.id);
        }
    }
    if tables.is_empty() {
        return Ok(());
    }
    thread::Builder::new().name("engine-load".to_owned()).spawn(move || {
        let guarded = shared.clone();
        shared.guard("a snapshot", move || {
            for (table, targets) in tables {
                load(table, &targets.into(), &*snapshot, &workers, &guarded);
            }
        });
    })?;
    Ok(())
}

fn load(
    table: CollectionKey,
    targets: &Arc<[DataflowId]>,
    snapshot: &dyn Snapshot,
    workers: &[Sender<Load>],
    shared: &Shared,
) {
    let send = |worker: usize, rows: Vec<(Row, i64)>| {
        // A worker that has ended takes no more, and the engine with it.
        let _ = workers[worker].send(Load { table, targets: targets.clone(), rows });
        shared.unpark(worker);
    };
    let mut worker = 0;
    let mut rows = Vec::with_capacity(CHUNK);
    snapshot.rows(table.id, &mut |row, count| {
        if shared.halted() {
            return;
        }
        rows.push((row.clone(), count));
        if rows.len() == CHUNK {
            send(worker, std::mem::replace(&mut rows, Vec::with_capacity(CHUNK)));
            worker = (worker + 1) % workers.len();
        }
    });
    if !rows.is_empty() {
        send(worker, rows);
    }
    for worker in 0..workers.len() {
        send(worker, Vec::new());
    }
}
