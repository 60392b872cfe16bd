//! The only language between operator and worker: the [`Catalog`] is what is wanted, the [`Status`] is what is observed.
//!
//! `PUT /v1/catalog` takes a whole [`Catalog`] and is idempotent; `GET /v1/status` answers a whole [`Status`]. Both are plain JSON. The
//! crate knows serde and nothing else: no Kubernetes, no database, no engine.

mod catalog;
mod lsn;
mod problem;
mod secret;
mod status;

pub use catalog::{Catalog, Connection, OnLost, Source, Table, Tls, TlsMode, View};
pub use lsn::{Lsn, ParseLsnError};
pub use problem::Problem;
pub use secret::Secret;
pub use status::{
    ColumnStatus, Drift, DriftChange, Lag, SlotStatus, SnapshotProgress, SourcePhase, SourceStatus, Status,
    TablePhase, TableStatus, ViewPhase, ViewStatus,
};
