//! Keeps views up to date: plans ([`offtake_lir::Lir`]) rendered as timely and differential dataflows.
//!
//! An [`Engine`] owns worker threads. Tables are declared, views are installed and dropped while it runs, and each [`Batch`] of
//! table updates carries a time. What changes in a view comes out through [`Output`]: consolidated deltas per time, and a frontier
//! that tells up to which time they are complete. Nothing is read from the dataflow itself.
//!
//! Every collection has two halves: rows, and the errors that rows of the inputs raised. A view with errors has no answer until the
//! rows that raised them are gone; then it has one again.
//!
//! A time is an opaque `u64`. The crate knows no I/O, no clock and no SQL text.

mod command;
mod engine;
mod host;
mod hydrate;
mod index;
mod output;
mod render;
mod soundness;

pub use engine::{Batch, Engine, EngineError, Install, Updates};
pub use hydrate::Snapshot;
pub use output::Output;
