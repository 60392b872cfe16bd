//! What is written together.

use fjall::Slice;

use crate::TableId;

/// Changes of tables, pending changes and meta that become true together ([`crate::Store::write`]).
///
/// The order of the calls counts: the later of two changes of one key wins, and what is put after a [`WriteBatch::clear`] stays.
#[derive(Debug, Default)]
pub struct WriteBatch {
    pub(crate) changes: Vec<Change>,
    /// Bytes of all keys and values.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Change {
    Put(TableId, Slice, Slice),
    Delete(TableId, Slice),
    Clear(TableId),
    PutMeta(Slice, Slice),
    DeleteMeta(Slice),
    AppendPending(TableId, u64, Slice),
    ClearPending(TableId),
}

impl WriteBatch {
    pub fn new() -> WriteBatch {
        WriteBatch::default()
    }

    /// With room for this many changes.
    pub fn with_capacity(changes: usize) -> WriteBatch {
        WriteBatch { changes: Vec::with_capacity(changes), bytes: 0 }
    }

    /// Sets the value of a key: 1 to 65,535 bytes.
    pub fn put(&mut self, table: TableId, key: impl Into<Slice>, value: impl Into<Slice>) {
        let (key, value) = (key.into(), value.into());
        self.push(Change::Put(table, key, value));
    }

    /// Removes a key; nothing happens where it is not there.
    pub fn delete(&mut self, table: TableId, key: impl Into<Slice>) {
        let key = key.into();
        self.push(Change::Delete(table, key));
    }

    /// Removes everything from the table, what this batch put into it before included (`TRUNCATE`). Costs the same for every size, a
    /// few file syncs; pending changes stay.
    pub fn clear(&mut self, table: TableId) {
        self.push(Change::Clear(table));
    }

    /// Sets a fact about the store as a whole: the LSN, a table's phase, the catalog.
    pub fn put_meta(&mut self, key: &str, value: impl Into<Slice>) {
        let (key, value) = (meta_key(key), value.into());
        self.push(Change::PutMeta(key, value));
    }

    pub fn delete_meta(&mut self, key: &str) {
        let key = meta_key(key);
        self.push(Change::DeleteMeta(key));
    }

    /// Keeps a change for later, beside the table. `seq` orders the pending changes; the same `seq` again replaces.
    pub fn append_pending(&mut self, table: TableId, seq: u64, value: impl Into<Slice>) {
        let value = value.into();
        self.push(Change::AppendPending(table, seq, value));
    }

    /// Removes the table's pending changes, what this batch appended before included.
    pub fn clear_pending(&mut self, table: TableId) {
        self.push(Change::ClearPending(table));
    }

    /// Takes out every change of a table and of its pending changes; meta stays.
    pub fn forget(&mut self, table: TableId) {
        self.changes.retain(|change| change.table() != Some(table));
        self.bytes = self.changes.iter().map(Change::bytes).sum();
    }

    /// Whether it adds no row and no pending change: it makes room, now or once files are merged, and takes next to none.
    pub(crate) fn only_frees(&self) -> bool {
        self.changes.iter().all(|change| !matches!(change, Change::Put(..) | Change::AppendPending(..)))
    }

    /// How many changes it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn push(&mut self, change: Change) {
        self.bytes += change.bytes();
        self.changes.push(change);
    }
}

impl Change {
    /// Of its key and its value.
    fn bytes(&self) -> usize {
        match self {
            Change::Put(_, key, value) | Change::PutMeta(key, value) => key.len() + value.len(),
            Change::Delete(_, key) | Change::DeleteMeta(key) => key.len(),
            Change::AppendPending(_, _, value) => 8 + value.len(),
            Change::Clear(_) | Change::ClearPending(_) => 0,
        }
    }

    fn table(&self) -> Option<TableId> {
        match self {
            Change::Put(table, ..)
            | Change::Delete(table, _)
            | Change::Clear(table)
            | Change::AppendPending(table, ..)
            | Change::ClearPending(table) => Some(*table),
            Change::PutMeta(..) | Change::DeleteMeta(_) => None,
        }
    }
}

/// The user's meta keys and the store's own table records share one keyspace.
pub(crate) fn meta_key(key: &str) -> Slice {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(b'm');
    bytes.extend_from_slice(key.as_bytes());
    bytes.into()
}
