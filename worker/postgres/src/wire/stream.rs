//! The consumer's end of a replication stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use offtake_contract::Lsn;
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};

use super::{connection::Wire, reader::Reader};
use crate::{error::PgError, pgoutput::StreamEvent};

/// What may wait for the consumer, in bytes of the stream. Beyond it nothing more is read, and the server holds the rest in its log.
pub(super) const BUFFERED_BYTES: usize = 64 << 20;

/// How long [`ReplicationStream::stop`] waits for the server to let the slot go.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running stream. A task of its own reads the socket, answers keepalives and reports what is durable, also while the consumer is busy;
/// dropping the stream ends it.
#[derive(Debug)]
pub struct ReplicationStream {
    batches: mpsc::UnboundedReceiver<Result<Batch, PgError>>,
    budget: Arc<Semaphore>,
    feedback: Feedback,
    reader: JoinHandle<()>,
    server_version: u32,
    server_pid: i32,
}

/// Events and what they hold of the budget.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<StreamEvent>,
    pub(super) cost: u32,
}

/// Tells the server what needs not be sent again.
#[derive(Clone, Debug)]
pub struct Feedback(pub(super) Arc<Report>);

/// What consumer and reader share.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// An LSN; 0 until something was made durable: the server then leaves the slot's position as it is.
    pub(super) durable: AtomicU64,
    pub(super) urgent: AtomicBool,
    pub(super) stop: AtomicBool,
    pub(super) received_bytes: AtomicU64,
    pub(super) changed: Notify,
}

impl Feedback {
    /// Everything up to `lsn` is durable. The report goes out within 20 ms, together with what else becomes durable until then.
    pub fn durable(&self, lsn: Lsn) {
        if self.0.durable.fetch_max(lsn.0, Ordering::AcqRel) < lsn.0 {
            self.0.changed.notify_one();
        }
    }

    /// As [`Feedback::durable`], reported at once.
    pub fn durable_now(&self, lsn: Lsn) {
        self.0.durable.fetch_max(lsn.0, Ordering::AcqRel);
        self.0.urgent.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }

    /// Bytes received since the stream started.
    pub fn received_bytes(&self) -> u64 {
        self.0.received_bytes.load(Ordering::Relaxed)
    }
}

impl ReplicationStream {
    pub(super) fn new(wire: Wire, status_interval: Duration) -> ReplicationStream {
        let (sender, batches) = mpsc::unbounded_channel();
        let (server_version, server_pid) = (wire.version(), wire.pid());
        let budget = Arc::new(Semaphore::new(BUFFERED_BYTES));
        let feedback = Feedback(Arc::new(Report::default()));
        let reader = Reader::new(wire, feedback.0.clone(), budget.clone(), sender, status_interval);
        ReplicationStream {
            batches,
            budget,
            feedback,
            reader: tokio::spawn(reader.run()),
            server_version,
            server_pid,
        }
    }

    /// The server's `server_version_num`, for example 180004.
    pub fn server_version(&self) -> u32 {
        self.server_version
    }

    /// The server's process that sends the stream: what `pg_replication_slots.active_pid` shows while it is unbroken.
    pub fn server_pid(&self) -> i32 {
        self.server_pid
    }

    /// The next events, in order; never none. A transaction is not held back until its commit: a large one comes in many batches.
    /// Cancel-safe.
    ///
    /// # Errors
    /// Why the stream ended, after everything that arrived before. It does not go on: connect anew.
    pub async fn next_batch(&mut self) -> Result<Vec<StreamEvent>, PgError> {
        match self.batches.recv().await {
            Some(Ok(batch)) => {
                self.budget.add_permits(batch.cost as usize);
                Ok(batch.events)
            }
            Some(Err(error)) => Err(error),
            None => Err(PgError::Closed { context: "replication stream".into() }),
        }
    }

    /// A handle for whoever makes things durable; it may be used from any thread.
    pub fn feedback(&self) -> Feedback {
        self.feedback.clone()
    }

    /// Ends the stream in order: reports what is durable, says goodbye and waits until the server has let the slot go, 5 s at most.
    pub async fn stop(mut self) -> Result<(), PgError> {
        self.feedback.0.stop.store(true, Ordering::Release);
        self.feedback.0.changed.notify_one();
        // A task that does not end in time is aborted by the drop.
        let _ = timeout(STOP_TIMEOUT, &mut self.reader).await;
        Ok(())
    }
}

impl Drop for ReplicationStream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
