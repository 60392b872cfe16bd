//! Ingestion: from the upstream database to exact tables in the store.
//!
//! [`Ingest`] is the supervisor: it reaches the database, makes sure that slot and store fit together, and runs one session after
//! another with backoff. Within a session, the stream is pumped to the [`applier`], new tables are copied ([`copier`]) and the upstream's
//! catalog is watched ([`watcher`]), side by side. What is decided is pure and lives in [`tables`], [`change`] and [`staged`].

pub mod applier;
mod change;
mod copier;
mod copies;
mod creation;
mod history;
mod problems;
mod records;
mod session;
mod staged;
mod syncer;
mod tables;
mod watcher;

use std::{sync::Arc, time::Duration};

pub use copies::Copies;
use offtake_contract::{Catalog, Lag, Problem, SourcePhase};
use offtake_postgres::error::{PgError, Retry};
use offtake_store::Store;
use parking_lot::Mutex;
pub use records::{RecordError, Records, TableRecord, TableState};
pub use tables::column_status;
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{board::Board, coordinator, ingest::applier::Message};

const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A session that lasted this long was a good one: the next failure starts from the first backoff again.
const GOOD_SESSION: Duration = Duration::from_secs(20);
const AGE_EVERY: Duration = Duration::from_secs(2);
/// The watcher posts the lag every second; after this time it is counted on without it.
const UNSEEN: Duration = Duration::from_secs(5);

/// Why a session ended, or could not begin.
#[derive(Debug, Error)]
enum SessionError {
    #[error(transparent)]
    Postgres(#[from] PgError),
    /// Something that only its owner can mend.
    #[error("{0}")]
    Stands(Problem),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Store(#[from] offtake_store::StoreError),
    /// The applier or the coordinator is gone: the process is ending.
    #[error("the worker is stopping")]
    Gone,
}

impl SessionError {
    fn problem(&self) -> Problem {
        match self {
            SessionError::Postgres(error) => error.problem(),
            SessionError::Stands(problem) => problem.clone(),
            SessionError::Store(error) => problems::store(error),
            SessionError::Record(error) => Problem::new(
                "DataDirectoryDamaged",
                error.to_string(),
                "check the volume; move the directory away to copy everything anew",
            ),
            SessionError::Gone => Problem::new("Stopping", self.to_string(), ""),
        }
    }

    /// Whether trying again can help without anybody changing anything.
    fn may_pass(&self) -> bool {
        match self {
            SessionError::Postgres(error) => error.retry() == Retry::Backoff,
            SessionError::Stands(_) | SessionError::Record(_) | SessionError::Gone => false,
            SessionError::Store(_) => true,
        }
    }
}

/// What every part of ingestion shares.
#[derive(Clone)]
pub struct Ingest {
    pub store: Store,
    pub records: Records,
    pub board: Board,
    pub applier: mpsc::Sender<Message>,
    pub coordinator: coordinator::Handle,
    /// Every table as the applier has it.
    pub known: watch::Receiver<Arc<Vec<TableRecord>>>,
    pub catalog: watch::Receiver<Option<Arc<Catalog>>>,
    pub copied: Arc<Mutex<Copies>>,
    /// Held by whoever hands on copied rows.
    pub loading: Arc<tokio::sync::Mutex<()>>,
}

impl Ingest {
    /// Runs sessions until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let board = self.board.clone();
        tokio::select! {
            () = self.sessions(stop) => {}
            () = age(board) => {}
        }
    }

    async fn sessions(mut self, stop: CancellationToken) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let Some(catalog) = self.catalog.borrow_and_update().clone() else {
                tokio::select! {
                    changed = self.catalog.changed() => if changed.is_err() { return },
                    () = stop.cancelled() => return,
                }
                continue;
            };
            let began = Instant::now();
            let ended = session::run(&mut self, &catalog, &stop).await;
            if stop.is_cancelled() {
                return;
            }
            let error = match ended {
                Ok(()) | Err(SessionError::Gone) => continue,
                Err(error) => error,
            };
            let (problem, passes) = (error.problem(), error.may_pass());
            tracing::warn!(source = catalog.source.object, "{problem}");
            self.board.post(|status| {
                status.source.phase = if passes { SourcePhase::Retrying } else { SourcePhase::Failed };
                status.source.problem = Some(problem);
            });
            backoff = if began.elapsed() > GOOD_SESSION {
                FIRST_BACKOFF
            } else {
                (backoff * 2).min(LONGEST_BACKOFF)
            };
            // What only its owner can mend is looked at again too, rarely: the mending may happen upstream, where nothing tells us.
            let pause = if passes { backoff } else { LONGEST_BACKOFF.min(backoff * 4) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = self.catalog.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    backoff = FIRST_BACKOFF;
                }
                () = stop.cancelled() => return,
            }
        }
    }

    async fn tell(&self, message: Message) -> Result<(), SessionError> {
        self.applier.send(message).await.map_err(|_| SessionError::Gone)
    }

    /// Room for one message.
    async fn reserve(&self) -> Result<mpsc::Permit<'_, Message>, SessionError> {
        self.applier.reserve().await.map_err(|_| SessionError::Gone)
    }
}

/// While nobody sees how far the upstream's log goes on (no stream comes, or the database does not answer), the lag is taken to be no less
/// than the time since.
async fn age(board: Board) {
    loop {
        tokio::time::sleep(AGE_EVERY).await;
        let Some((since, seconds)) = board.unseen_lag() else { continue };
        if since > UNSEEN {
            board.post(|status| status.source.lag = Lag { bytes: None, seconds: Some(seconds) });
        }
    }
}
