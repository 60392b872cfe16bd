//! The store: opening, tables, reads and writes.

mod open;
mod write;

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, Slice};
use parking_lot::{Mutex, RwLock};

use crate::{
    Loader, Pending, Scan, StoreError, WriteBatch,
    batch::meta_key,
    directory::{Directory, from_io},
    journal::Journal,
    versions,
};
use open::{open_tables, raise_floor};

const META: &str = "meta";
/// fjall's limit on keys.
const KEY_LIMIT: usize = u16::MAX as usize;
const VALUE_LIMIT: usize = u32::MAX as usize / 2;
/// fjall halts writers inside `commit` at 4 sealed memtables and 30 level-0 runs, without looking whether the worker that would make
/// room is still alive. We wait before it gets there, and look.
const SEALED_LIMIT: usize = 3;
const RUNS_LIMIT: usize = 16;
/// How many written bytes go by between looks at memory and free space, at most.
const LOOK_BYTES: u64 = 4 << 20;
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Where the meta keyspace keeps the sequence number that the next opening starts from.
const FLOOR_KEY: &[u8] = b"f";
/// How far ahead it is: half a year of 4,000 commits a second between two changes of tables, and 100 million openings in 63 bits.
const FLOOR_STEP: u64 = 1 << 36;

/// Names a table of the store. The caller chooses the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u64);

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How much memory and disk the store may take. The defaults suit one worker with a few GiB; see the crate's documentation for what they
/// were measured with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of table blocks kept in memory for reads.
    pub cache_bytes: u64,
    /// Bytes of recent writes that one table collects in memory before they become a file. Fixed when the table is created.
    pub memtable_bytes: u64,
    /// The same over all tables: beyond it the largest are written out first.
    pub write_buffer_bytes: u64,
    /// Bytes of journal on the disk; bounds the time that opening takes after a crash. At least 64 MiB.
    pub journal_bytes: u64,
    /// Bytes of rows that a [`Loader`] sorts at a time; it needs about a fifth more.
    pub load_chunk_bytes: usize,
    /// Bytes of the volume that stay free: below it writes are refused, but for those that only remove rows or change meta.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        const MIB: u64 = 1 << 20;
        Options {
            cache_bytes: 64 * MIB,
            memtable_bytes: 32 * MIB,
            write_buffer_bytes: 128 * MIB,
            journal_bytes: 128 * MIB,
            load_chunk_bytes: 64 << 20,
            reserve_bytes: 256 * MIB,
        }
    }
}

/// Durable tables in a directory, held by this process alone. Clones are the same store; it closes with the last of them.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    database: Database,
    meta: Keyspace,
    tables: RwLock<BTreeMap<TableId, Table>>,
    commit: Mutex<Commit>,
    journal: Journal,
    /// Replaced keyspaces, which may go once the commit that replaced them is durable.
    replaced: Mutex<Vec<Keyspace>>,
    failure: Mutex<Option<Failure>>,
    pub(crate) options: Options,
    // Last: the claim on the directory must outlive the database.
    pub(crate) directory: Directory,
}

/// Where a table's contents are.
#[derive(Clone)]
struct Table {
    rows: Generation,
    pending: Option<Generation>,
}

/// A keyspace and the number that its name ends with.
#[derive(Clone)]
pub(crate) struct Generation {
    number: u64,
    pub(crate) keyspace: Keyspace,
}

/// What the one committer at a time knows.
struct Commit {
    next_generation: u64,
    /// Sequence numbers below it may be used for making and removing keyspaces.
    floor: u64,
    bytes_since_look: u64,
    last_look: Instant,
}

/// The first failed write; later calls report it again.
struct Failure {
    cause: String,
    disk_full: bool,
}

impl Store {
    /// Opens the store in a directory, and makes both where they are missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Foreign`], [`StoreError::NewerFormat`], [`StoreError::Corrupt`], and what the file system says.
    pub fn open(path: impl AsRef<Path>) -> Result<Store, StoreError> {
        Store::open_with(path, Options::default())
    }

    /// As [`Store::open`], with other limits.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Store, StoreError> {
        let directory = Directory::claim(path.as_ref())?;
        versions::check(directory.path(), &directory.database())?;
        let database = directory.guard("opening the database", || {
            Database::builder(directory.database())
                .cache_size(options.cache_bytes)
                .max_journaling_size(options.journal_bytes.max(64 << 20))
                // With several workers fjall's first one spins on the queue for as long as another compacts.
                .worker_threads(1)
                .open()
        })?;
        let meta = directory
            .guard("opening the meta keyspace", || database.keyspace(META, || keyspace_options(&options)))?;
        let journal = Journal::new(directory.database());
        journal.open().map_err(|error| from_io(directory.path(), "opening the journal", error))?;
        let floor = raise_floor(&directory, &database, &meta, &journal)?;
        let (tables, next_generation) = open_tables(&directory, &database, &meta, &options)?;
        let commit = Commit { next_generation, floor, bytes_since_look: 0, last_look: Instant::now() };
        let inner = Inner {
            database,
            meta,
            tables: RwLock::new(tables),
            commit: Mutex::new(commit),
            journal,
            replaced: Mutex::default(),
            failure: Mutex::default(),
            options,
            directory,
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// The tables, ascending.
    pub fn tables(&self) -> Vec<TableId> {
        self.inner.tables.read().keys().copied().collect()
    }

    /// Makes an empty table, durably. Does nothing where it exists.
    pub fn create_table(&self, id: TableId) -> Result<(), StoreError> {
        let mut commit = self.inner.commit.lock();
        if self.inner.tables.read().contains_key(&id) {
            return Ok(());
        }
        self.check_failure()?;
        let table = Table { rows: self.create_generation(&mut commit, 't', id)?, pending: None };
        let mut batch = self.inner.database.batch();
        batch.insert(&self.inner.meta, record_key(id), table.record());
        self.commit(batch)?;
        self.inner.tables.write().insert(id, table);
        self.sync()
    }

    /// Removes a table, its contents and its pending changes, durably. Does nothing where it does not exist.
    pub fn drop_table(&self, id: TableId) -> Result<(), StoreError> {
        let _commit = self.inner.commit.lock();
        self.check_failure()?;
        let Some(table) = self.inner.tables.read().get(&id).cloned() else {
            return Ok(());
        };
        let mut batch = self.inner.database.batch();
        batch.remove(&self.inner.meta, record_key(id));
        self.commit(batch)?;
        self.inner.tables.write().remove(&id);
        self.inner
            .replaced
            .lock()
            .extend([Some(table.rows), table.pending].into_iter().flatten().map(|g| g.keyspace));
        self.sync()
    }

    /// Removes a table's contents; its pending changes stay. A [`WriteBatch`] of one [`WriteBatch::clear`].
    pub fn clear_table(&self, id: TableId) -> Result<(), StoreError> {
        let mut batch = WriteBatch::new();
        batch.clear(id);
        self.write(batch)
    }

    /// The value of a key.
    pub fn get(&self, id: TableId, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if key.is_empty() || key.len() > KEY_LIMIT {
            return Ok(None);
        }
        let rows = self.rows(id)?;
        self.inner.directory.guard("reading a row", || rows.get(key))
    }

    /// All rows, as they are now; writes that come later do not show.
    pub fn scan(&self, id: TableId) -> Result<Scan, StoreError> {
        Scan::new(self, Some(self.rows(id)?))
    }

    /// Roughly the number of rows: keys that were written several times count several times until they are compacted. Cheap.
    pub fn len_estimate(&self, id: TableId) -> Result<u64, StoreError> {
        Ok(self.rows(id)?.approximate_len() as u64)
    }

    /// Bytes that the store takes on the volume, roughly.
    pub fn disk_bytes(&self) -> u64 {
        self.inner.directory.guard("adding up file sizes", || self.inner.database.disk_space()).unwrap_or(0)
    }

    /// A meta fact.
    pub fn meta(&self, key: &str) -> Result<Option<Slice>, StoreError> {
        let key = meta_key(key);
        self.inner.directory.guard("reading a meta fact", || self.inner.meta.get(&key))
    }

    /// The meta facts whose keys start with `prefix`, in the order of the keys.
    pub fn meta_prefix(&self, prefix: &str) -> Result<Vec<(String, Slice)>, StoreError> {
        let prefix = meta_key(prefix);
        let mut facts = Vec::new();
        for item in Scan::new(self, Some(self.inner.meta.clone()))? {
            let (key, value) = item?;
            if key.starts_with(&prefix) {
                facts.push((String::from_utf8_lossy(&key[1..]).into_owned(), value));
            }
        }
        Ok(facts)
    }

    /// The table's pending changes, in the order of their sequence numbers.
    pub fn pending(&self, id: TableId) -> Result<Pending, StoreError> {
        let keyspace = match self.inner.tables.read().get(&id) {
            Some(table) => table.pending.as_ref().map(|pending| pending.keyspace.clone()),
            None => return Err(StoreError::UnknownTable { table: id }),
        };
        Ok(Pending(Scan::new(self, keyspace)?))
    }

    /// Removes the table's pending changes. A [`WriteBatch`] of one [`WriteBatch::clear_pending`].
    pub fn clear_pending(&self, id: TableId) -> Result<(), StoreError> {
        let mut batch = WriteBatch::new();
        batch.clear_pending(id);
        self.write(batch)
    }

    /// Makes all changes of the batch, or none. They survive the process at once, and a power cut after the next [`Store::sync`].
    ///
    /// It waits where the disk can't keep up.
    ///
    /// # Errors
    /// Where [`StoreError::retry`] says [`Retry::Reopen`], whether the batch was written is known after the store was opened again.
    /// Otherwise nothing was changed.
    pub fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut commit = self.inner.commit.lock();
        self.write_locked(&mut commit, batch, None)
    }

    /// Makes everything durable that was written before the call. May run on a thread of its own: [`Store::write`] does not wait for it.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.check_failure()?;
        let replaced = std::mem::take(&mut *self.inner.replaced.lock());
        if let Err(error) = self.inner.journal.sync() {
            let error = from_io(self.inner.directory.path(), "syncing the journal", error);
            return Err(self.note_failure(error));
        }
        for keyspace in replaced {
            self.remove_keyspace(keyspace);
        }
        Ok(())
    }

    /// Starts to load new contents for a table; see [`Loader`]. Rows written to the table until the load is finished are replaced too:
    /// keep its changes pending meanwhile.
    pub fn load(&self, id: TableId) -> Result<Loader, StoreError> {
        let mut commit = self.inner.commit.lock();
        self.check_failure()?;
        self.rows(id)?;
        let generation = self.create_generation(&mut commit, 't', id)?;
        Ok(Loader::new(self.clone(), id, generation))
    }

    /// Puts loaded contents in place, atomically with the batch and durably.
    pub(crate) fn replace(&self, id: TableId, rows: Generation, batch: WriteBatch) -> Result<(), StoreError> {
        let mut commit = self.inner.commit.lock();
        self.write_locked(&mut commit, batch, Some((id, rows)))?;
        drop(commit);
        self.sync()
    }

    /// Removes contents that never came into place.
    pub(crate) fn discard(&self, generation: Generation) {
        self.remove_keyspace(generation.keyspace);
    }

    fn rows(&self, id: TableId) -> Result<Keyspace, StoreError> {
        match self.inner.tables.read().get(&id) {
            Some(table) => Ok(table.rows.keyspace.clone()),
            None => Err(StoreError::UnknownTable { table: id }),
        }
    }

    fn create_generation(
        &self,
        commit: &mut Commit,
        kind: char,
        id: TableId,
    ) -> Result<Generation, StoreError> {
        if self.inner.database.seqno() + FLOOR_STEP / 2 > commit.floor {
            commit.floor = raise_floor(
                &self.inner.directory,
                &self.inner.database,
                &self.inner.meta,
                &self.inner.journal,
            )
            .map_err(|error| self.note_failure(error))?;
        }
        let number = commit.next_generation;
        commit.next_generation += 1;
        let keyspace = self.inner.directory.guard("making a table", || {
            self.inner
                .database
                .keyspace(&keyspace_name(kind, id, number), || keyspace_options(&self.inner.options))
        })?;
        Ok(Generation { number, keyspace })
    }

    fn remove_keyspace(&self, keyspace: Keyspace) {
        let name = keyspace.name().to_string();
        let removed = self
            .inner
            .directory
            .guard("removing replaced contents", || self.inner.database.delete_keyspace(keyspace));
        if let Err(error) = removed {
            // Nothing refers to it any more; the next start tries again.
            tracing::warn!(keyspace = name, %error, "could not remove replaced contents");
        }
    }
}

impl Table {
    fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        [Some(&self.rows), self.pending.as_ref()].into_iter().flatten().map(|generation| &generation.keyspace)
    }

    /// The value of the table's record: two generation numbers, big-endian; 0 for no pending changes.
    fn record(&self) -> [u8; 16] {
        let mut record = [0; 16];
        record[..8].copy_from_slice(&self.rows.number.to_be_bytes());
        record[8..].copy_from_slice(&self.pending.as_ref().map_or(0, |pending| pending.number).to_be_bytes());
        record
    }
}

fn keyspace_name(kind: char, id: TableId, number: u64) -> String {
    format!("{kind}{id}.{number}")
}

fn record_key(id: TableId) -> [u8; 9] {
    let mut key = [b't'; 9];
    key[1..].copy_from_slice(&id.0.to_be_bytes());
    key
}

fn keyspace_options(options: &Options) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes)
}

pub(crate) fn check_key(what: impl FnOnce() -> String, key: &[u8]) -> Result<(), StoreError> {
    if key.is_empty() || key.len() > KEY_LIMIT {
        return Err(StoreError::KeyLength { what: what(), length: key.len(), limit: KEY_LIMIT });
    }
    Ok(())
}

pub(crate) fn check_value(value: &[u8]) -> Result<(), StoreError> {
    if value.len() > VALUE_LIMIT {
        return Err(StoreError::ValueLength { length: value.len(), limit: VALUE_LIMIT });
    }
    Ok(())
}
