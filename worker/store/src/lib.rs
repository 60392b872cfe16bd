//! Durable tables on the volume, atomic with the LSN.
//!
//! A [`Store`] is a directory with any number of tables (key → value, both bytes), per table a queue of pending changes, and a small
//! map of meta facts (the LSN, the catalog). A [`WriteBatch`] changes any of them together; after a crash all of it is there or
//! nothing. Rows, types and time mean nothing here.
//!
//! # What is promised
//!
//! * [`Store::write`] is atomic, and survives the death of the process (`kill -9`) as soon as it returned.
//! * After [`Store::sync`] everything written before the call survives a power cut too. Confirm nothing upstream before it.
//! * [`Store::load`] replaces a table's contents in bulk; readers see the old contents until `finish`, and a crash leaves them.
//! * Data never panics: a damaged or foreign directory, a second process, a full volume are named in [`StoreError`].
//! * A full volume refuses writes before it is quite full ([`Options::reserve_bytes`]), so that the store stays well and goes on when
//!   there is room again. What only removes rows, or changes meta, is let through: that is how room is made.
//!
//! # How
//!
//! It is a layer over [`fjall`] 3, an LSM tree: a keyspace per table, one for meta, and one per table that has pending changes. A table's
//! record in the meta keyspace names the keyspace (by a generation number) that holds it. To clear a table, or to put loaded contents in
//! its place, is to commit another number: O(1) and atomic with everything else in the batch. The keyspaces that no record names are
//! removed after the next sync and at every start.
//!
//! fjall's own `clear` is not used: version 3.1 journals it without looking at the sequence number when the journal is replayed, so that
//! a crash after `clear` and bulk ingestion loses the ingested rows.
//!
//! # Memory and speed
//!
//! Memory is bounded by [`Options`]: with the defaults 64 MiB of blocks, 128 MiB of recent writes over all tables and what is being written
//! out of them, 64 MiB and a fifth while a table is loaded, and the batch in hand. The example `measure` stayed at 80 MiB reading, 240 MiB
//! writing and loading, 340 MiB after a batch of 72 MB.
//!
//! Measured with it on 2 shared cores at load 4 and 2 million rows of 145 bytes: load 530,000 to 660,000 rows/s, scan 1.3 million rows/s
//! (2.2 from the operating system's cache), get 420,000/s of hot keys and 140,000/s over a table four times the cache; write 140,000
//! batches/s of one row and the LSN, 24,000/s of five rows in no order over 2 million keys (merging files takes the rest; 20,000 with
//! a thread that syncs all the time, p50 18 µs, p99 0.2 ms, the longest 0.4 s), 310,000 rows/s in one batch of 500,000. To open replays up
//! to [`Options::journal_bytes`] and what came since the last memtable was written out: 4 s after that batch, well below 1 s else.
//! One background thread: with more of them, fjall 3.1's first worker spins on its queue for as long as another merges.

mod batch;
mod directory;
mod error;
mod journal;
mod load;
mod read;
mod store;
mod versions;

pub use batch::WriteBatch;
pub use error::{Retry, StoreError};
pub use fjall::Slice;
pub use load::Loader;
pub use read::{Pending, Scan};
pub use store::{Options, Store, TableId};
