//! The end of a table's copy: what was kept meanwhile is applied, and the table is live.

use offtake_lir::CollectionId;
use offtake_row::Row;
use offtake_store::TableId;

use super::{Applier, ApplierError, batch::write_rows};
use crate::ingest::{
    change::RowChange,
    problems,
    records::{self, TableState},
    staged::{Mismatch, Staged},
    tables,
};

impl Applier {
    /// Brings copied tables that the stream has caught up with to the applied LSN, and makes them live.
    pub(super) fn fold_copied(&mut self) -> Result<(), ApplierError> {
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
        // It was removed while the write waited for room.
        if !self.tables.contains_key(&id) {
            return Ok(());
        }
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
