//! The logical decoding messages of PostgreSQL's `pgoutput` plugin, protocol version 1. Pure: bytes in, events out.
//!
//! Source: PostgreSQL documentation, sections 55.5 and 55.9 (Logical Streaming Replication Protocol, Message Formats).

mod decoder;
mod tuple;

use std::sync::Arc;

use offtake_contract::Lsn;

pub use decoder::{DecodeError, Decoder};
pub use tuple::{Cell, Cells, OldTuple, Tuple};

/// A table as the stream describes it: sent before its first change, and again when its definition changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub oid: u32,
    /// `pg_catalog` is sent as the empty string and is filled in here.
    pub schema: String,
    pub name: String,
    /// `pg_class.relreplident`: `d`efault, `i`ndex, `f`ull, `n`othing.
    pub replica_identity: u8,
    /// The published columns in the table's order. Generated columns are not among them before PostgreSQL 18.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    pub name: String,
    /// `pg_attribute.atttypid`: the domain's OID where the type is a domain.
    pub type_oid: u32,
    pub typmod: i32,
    /// Part of the replica identity. With `REPLICA IDENTITY FULL` every column is.
    pub key: bool,
}

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Insert {
        relation: Arc<Relation>,
        new: Tuple,
    },
    Update {
        relation: Arc<Relation>,
        /// Absent where the replica identity is not FULL and no key column changed.
        old: Option<OldTuple>,
        new: Tuple,
    },
    Delete {
        relation: Arc<Relation>,
        old: OldTuple,
    },
    Truncate {
        relations: Vec<Arc<Relation>>,
        cascade: bool,
        restart_identity: bool,
    },
}

/// One event of the stream. Transactions arrive whole and in commit order: `Begin`, changes, `Commit`. Aborted ones never arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    Begin {
        /// Where the commit record starts: equals the `commit_lsn` of the `Commit` to come.
        final_lsn: Lsn,
        /// Microseconds since 2000-01-01 00:00 UTC, by the upstream's clock.
        commit_time: i64,
        xid: u32,
    },
    Change(Change),
    Commit {
        commit_lsn: Lsn,
        /// Where the commit record ends: the transaction's time, and what is confirmed once it is durable.
        end_lsn: Lsn,
        /// Microseconds since 2000-01-01 00:00 UTC, by the upstream's clock.
        commit_time: i64,
    },
    Relation(Arc<Relation>),
    /// Every transaction that ended at or before `wal_end` was sent before this event. It may come inside a transaction: the
    /// open one commits after `wal_end`.
    Keepalive {
        wal_end: Lsn,
    },
}
