//! End-to-end tests: the real binary against real servers. Run by `cargo xtask test`, which builds the binary first.

mod big_transactions;
mod chaos;
mod checks;
mod clients;
mod demo;
mod examples;
mod idle;
mod in_flight;
mod lineage;
mod partitions;
mod schema_changes;
mod tls;
mod types;
mod waiting;

/// The oldest and the newest server that Offtake reads.
const OLDEST: &str = "11";
const NEWEST: &str = "18";
