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

    /// Writes one batch that ends at the applied LSN. A full disk is waited for, with the problem in status.
    pub(super) fn write(&mut self, fill: impl Fn(&mut WriteBatch)) -> Result<(), ApplierError> {
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
}

/// What the batch changes in the tables.
pub(super) fn write_rows(staged: &Staged, batch: &mut WriteBatch) {
    staged.writes(|write| match write.value {
        Some(value) => batch.put(TableId(write.table), write.key, value.as_ref()),
        None => batch.delete(TableId(write.table), write.key),
    });
}
