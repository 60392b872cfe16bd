//! The notice board: every part of the worker posts what it observes, and the whole is the [`Status`] that others read.
//!
//! Posting never blocks on readers. An equal status is not published again, so a revision always means a change.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::{Status, TableStatus, ViewStatus};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The worker's one status, shared by all its parts.
#[derive(Clone, Debug)]
pub struct Board {
    published: Arc<watch::Sender<Arc<Status>>>,
    draft: Arc<Mutex<Status>>,
    /// When somebody last saw how far behind the readable state is, and by how many seconds.
    behind: Arc<Mutex<Option<(Instant, f64)>>>,
}

impl Board {
    pub fn new() -> Board {
        let status = Status { version: env!("CARGO_PKG_VERSION").to_owned(), ..Status::default() };
        Board {
            published: Arc::new(watch::Sender::new(Arc::new(status.clone()))),
            draft: Arc::new(Mutex::new(status)),
            behind: Arc::default(),
        }
    }

    /// Remembers by how many seconds the readable state is behind the upstream, as seen just now.
    pub fn saw_lag(&self, seconds: f64) {
        *self.behind.lock() = Some((Instant::now(), seconds));
    }

    /// How long ago that was, and what the seconds would be now if nothing had become readable since.
    pub fn unseen_lag(&self) -> Option<(Duration, f64)> {
        let (seen, seconds) = (*self.behind.lock())?;
        let since = seen.elapsed();
        Some((since, seconds + since.as_secs_f64()))
    }

    /// Changes the status. Readers see it, with a new revision, if it differs from what they saw.
    pub fn post(&self, change: impl FnOnce(&mut Status)) {
        let mut draft = self.draft.lock();
        change(&mut draft);
        let published = self.published.borrow().clone();
        draft.revision = published.revision;
        if *draft != *published {
            draft.revision += 1;
            self.published.send_replace(Arc::new(draft.clone()));
        }
    }

    /// Changes one table's status; nothing where the table is gone.
    pub fn post_table(&self, object: &str, change: impl FnOnce(&mut TableStatus)) {
        self.post(|status| {
            if let Some(table) = status.tables.iter_mut().find(|table| table.object == object) {
                change(table);
            }
        });
    }

    /// Changes one view's status; nothing where the view is gone.
    pub fn post_view(&self, object: &str, change: impl FnOnce(&mut ViewStatus)) {
        self.post(|status| {
            if let Some(view) = status.views.iter_mut().find(|view| view.object == object) {
                change(view);
            }
        });
    }

    pub fn read(&self) -> Arc<Status> {
        self.published.borrow().clone()
    }

    pub fn subscribe(&self) -> watch::Receiver<Arc<Status>> {
        self.published.subscribe()
    }
}

impl Default for Board {
    fn default() -> Board {
        Board::new()
    }
}

/// The present, as status tells it: RFC 3339 in UTC, whole seconds.
pub fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    jiff::Timestamp::from_second(since.as_secs() as i64).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_status_is_not_published_again() {
        let board = Board::new();
        board.post(|status| status.generation = 4);
        let revision = board.read().revision;
        board.post(|status| status.generation = 4);
        assert_eq!(board.read().revision, revision);
        board.post(|status| status.generation = 5);
        assert_eq!(board.read().revision, revision + 1);
    }
}
