//! Bulk loads.

use fjall::Slice;

use crate::{
    Store, StoreError, TableId, WriteBatch,
    store::{Generation, check_key, check_value},
};

/// Fills a table in bulk, in any order of the keys, and puts the new contents in place of the old at the end ([`Store::load`]).
///
/// Rows are collected in memory up to [`crate::Options::load_chunk_bytes`], sorted, and written as sorted files beside the table; the journal
/// never sees them. Dropped without [`Loader::finish`], it leaves nothing, and so does a crash.
pub struct Loader {
    store: Store,
    table: TableId,
    /// The new contents; `None` once they have been handed over.
    generation: Option<Generation>,
    /// The chunk's keys and values, one after the other.
    chunk: Vec<u8>,
    entries: Vec<Entry>,
    rows: u64,
    bytes: u64,
}

/// A row of the chunk. Sorting compares `prefix` first, which is the key's first bytes and nearly always tells.
#[derive(Clone, Copy)]
struct Entry {
    prefix: u64,
    offset: u32,
    key_length: u32,
    value_length: u32,
}

impl Entry {
    fn key<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[self.offset as usize..][..self.key_length as usize]
    }

    fn value<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[self.offset as usize + self.key_length as usize..][..self.value_length as usize]
    }
}

impl Loader {
    pub(crate) fn new(store: Store, table: TableId, generation: Generation) -> Loader {
        Loader {
            store,
            table,
            generation: Some(generation),
            chunk: Vec::new(),
            entries: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Takes a row. Of two rows with one key the later stays.
    ///
    /// # Errors
    /// From time to time it writes a chunk out, and reports what that met. The load can't go on after an error; drop it.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_key(|| format!("table {}", self.table), key)?;
        check_value(value)?;
        let length = key.len() + value.len();
        let limit = self.store.inner.options.load_chunk_bytes.min(u32::MAX as usize / 2);
        if !self.entries.is_empty() && self.chunk.len() + length > limit {
            self.flush()?;
        }
        let mut prefix = [0; 8];
        let known = key.len().min(8);
        prefix[..known].copy_from_slice(&key[..known]);
        self.entries.push(Entry {
            prefix: u64::from_be_bytes(prefix),
            offset: self.chunk.len() as u32,
            key_length: key.len() as u32,
            value_length: value.len() as u32,
        });
        self.chunk.extend_from_slice(key);
        self.chunk.extend_from_slice(value);
        self.rows += 1;
        self.bytes += length as u64;
        Ok(())
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of keys and values taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the loaded rows in place of the table's contents, durably. Returns the number of rows taken.
    pub fn finish(self) -> Result<u64, StoreError> {
        self.finish_with(WriteBatch::new())
    }

    /// As [`Loader::finish`], atomically with a batch. What the batch does to this table is done on top of the loaded rows.
    pub fn finish_with(mut self, batch: WriteBatch) -> Result<u64, StoreError> {
        self.flush()?;
        let generation = self.generation.take().expect("finish consumes the loader");
        self.store.replace(self.table, generation, batch)?;
        Ok(self.rows)
    }

    /// Sorts the chunk and writes it out.
    fn flush(&mut self) -> Result<(), StoreError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let chunk = &self.chunk;
        // Ties by the later offset first: of equal keys the first one in this order is the last one given.
        self.entries.sort_unstable_by(|a, b| {
            a.prefix
                .cmp(&b.prefix)
                .then_with(|| a.key(chunk).cmp(b.key(chunk)))
                .then_with(|| b.offset.cmp(&a.offset))
        });
        self.entries
            .dedup_by(|later, first| later.prefix == first.prefix && later.key(chunk) == first.key(chunk));
        let keyspace = &self.generation.as_ref().expect("it is there until finish").keyspace;
        self.store.make_room(chunk.len() as u64, [keyspace].into_iter())?;
        let entries = &self.entries;
        self.store.inner.directory.guard("loading a table", || {
            let mut ingestion = keyspace.start_ingestion()?;
            for entry in entries {
                ingestion.write(Slice::new(entry.key(chunk)), Slice::new(entry.value(chunk)))?;
            }
            ingestion.finish()
        })?;
        self.chunk.clear();
        self.entries.clear();
        Ok(())
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        if let Some(generation) = self.generation.take() {
            self.store.discard(generation);
        }
    }
}
