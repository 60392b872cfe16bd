//! The custom resources of Offtake: [`PgConnection`], [`PgSource`], [`SourceTable`], [`View`] (group `offtake.dev`, version `v1alpha1`).
//!
//! The types are the API. From them follow the [`definitions`] that a cluster takes (`crds/*.yaml`, written by `crdgen`), the reading
//! of the same objects from files without a cluster ([`manifests`]), and the way from objects to what a worker is told ([`catalog`]).
//! Nothing here talks to a cluster or a database.

// kube reads one attribute for each printer column.
#![allow(clippy::duplicated_attributes)]

pub mod catalog;
pub mod definitions;
pub mod fields;
pub mod manifests;
mod pg_connection;
mod pg_source;
mod quantity;
mod reference;
mod rules;
mod source_table;
mod view;

pub use pg_connection::{
    AwsPrivateLink, Check, PgConnection, PgConnectionSpec, PgConnectionStatus, SshTunnel, Tls, TlsMode,
};
pub use pg_source::{
    CatalogStatus, Lag, OnLost, PgSource, PgSourceSpec, PgSourceStatus, Ready, ReclaimPolicy, Resources,
    Slot, SlotStatus, Snapshot, Storage, Worker, WorkerStatus,
};
pub use quantity::Quantity;
pub use reference::{LocalRef, ObjectName, ParseObjectNameError, SecretKeyRef};
pub use source_table::{
    Column, Drift, SourceTable, SourceTablePhase, SourceTableSpec, SourceTableStatus, TableSnapshot, Upstream,
};
pub use view::{Index, View, ViewSpec, ViewStatus};

/// The API group of all four kinds.
pub const GROUP: &str = "offtake.dev";
/// The only version so far.
pub const VERSION: &str = "v1alpha1";
