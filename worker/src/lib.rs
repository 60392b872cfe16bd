//! The worker: wires ingestion, store, engine, results and serving into one process.
//!
//! The way of the data, as modules: [`ingest`] reads the upstream and keeps exact tables in the store; [`coordinator`] hands every batch to the
//! engine and publishes results; `offtake-serve` answers from those. [`board`] is what all of them post their state to. [`process`] starts
//! and stops them in order; [`commands`], [`up`] and [`demo`] are the ways to run a process.

pub mod args;
pub mod board;
pub mod check;
pub mod commands;
pub mod coordinator;
pub mod demo;
pub mod ingest;
pub mod metrics;
pub mod process;
pub mod telemetry;
pub mod up;
