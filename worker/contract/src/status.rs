//! The observed state of one ingestion cluster.

use serde::{Deserialize, Serialize};

use crate::{lsn::Lsn, problem::Problem};

/// What the worker sees of itself and of its upstream. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Rises with every change of this status: `GET /v1/status?after=N` waits for a larger one.
    pub revision: u64,
    /// The generation of the catalog that this status is about; 0 before the first.
    pub generation: u64,
    pub version: String,
    pub source: SourceStatus,
    pub tables: Vec<TableStatus>,
    pub views: Vec<ViewStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    pub object: String,
    pub phase: SourcePhase,
    pub problem: Option<Problem>,
    /// As `server_version_num`, for example 180004.
    pub server_version: Option<u32>,
    pub system_identifier: Option<String>,
    pub slot: SlotStatus,
    pub lag: Lag,
    /// Everything readable is exact at this LSN.
    pub lsn: Option<Lsn>,
    /// Changes and transactions applied since the worker started.
    pub changes_applied: u64,
    pub transactions_applied: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourcePhase {
    /// No catalog was taken up yet.
    #[default]
    Pending,
    /// Reaching the database, checking it, making the slot.
    Connecting,
    Streaming,
    /// The connection was lost or refused; it is tried again with backoff.
    Retrying,
    /// Nothing more is tried until something changes; `problem` says what.
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotStatus {
    pub name: String,
    pub confirmed_lsn: Option<Lsn>,
    /// Bytes of write-ahead log that the slot keeps on the primary.
    pub retained_bytes: Option<u64>,
    /// `pg_replication_slots.wal_status` (13 and later).
    pub wal_status: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Between the end of the upstream's write-ahead log and what is readable.
    pub bytes: Option<u64>,
    /// Age of the oldest upstream commit that is not readable yet; 0 when caught up.
    pub seconds: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableStatus {
    pub object: String,
    pub schema: String,
    pub name: String,
    pub upstream: String,
    pub phase: TablePhase,
    pub problem: Option<Problem>,
    pub snapshot: SnapshotProgress,
    pub columns: Vec<ColumnStatus>,
    pub drift: Vec<Drift>,
    pub rows: Option<u64>,
    pub memory_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TablePhase {
    #[default]
    Pending,
    Snapshotting,
    Running,
    /// A column that is used was dropped, renamed or retyped upstream. Reads fail and name it.
    SchemaAltered,
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotProgress {
    pub rows_copied: u64,
    /// From the upstream's statistics (`pg_class.reltuples`); absent where it has none.
    pub rows_estimated: Option<u64>,
    pub bytes: u64,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnStatus {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub nullable: bool,
}

/// A difference between a running SourceTable and its upstream table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    pub change: DriftChange,
    pub column: Option<String>,
    /// Where in the log it was noticed.
    pub lsn: Option<Lsn>,
    pub observed_at: String,
    /// Whether the table stopped because of it.
    pub breaking: bool,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriftChange {
    ColumnAdded,
    ColumnDropped,
    ColumnRenamed,
    TypeChanged,
    KeyChanged,
    ReplicaIdentityChanged,
    TableRenamed,
    TableReplaced,
    TableDropped,
    Unpublished,
    Truncated,
    PublicationChanged,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewStatus {
    pub object: String,
    pub schema: String,
    pub name: String,
    pub phase: ViewPhase,
    pub problem: Option<Problem>,
    pub columns: Vec<ColumnStatus>,
    pub rows: Option<u64>,
    pub memory_bytes: Option<u64>,
    /// The number of rows in error (division by zero and the like); reads fail while it is not 0.
    pub errors: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViewPhase {
    /// Waits for a table or view that it reads.
    #[default]
    Pending,
    /// Its first contents are being computed.
    Hydrating,
    Running,
    /// A table that it reads was altered upstream.
    SchemaAltered,
    /// The query cannot be kept; `problem` says why.
    Failed,
}
