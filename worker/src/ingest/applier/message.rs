//! What the applier is told.

use std::sync::Arc;

use offtake_contract::{Catalog, Drift, Lsn, Problem, SnapshotProgress};
use offtake_postgres::{fence::Fence, pgoutput::StreamEvent, wire::Feedback};
use tokio::sync::oneshot;

use crate::ingest::records::Layout;

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
    /// The table cannot be copied as things are upstream. Nothing of it was kept; it is tried again.
    CopyWaits {
        id: u64,
        problem: Problem,
    },
    /// The table has rows that cannot be kept.
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
