//! What SQL means, held against PostgreSQL.
//!
//! The same query is answered three times over the same rows: by a PostgreSQL server that the test starts ([`Oracle`]), by the one-off
//! executor ([`once`]) and, as a view installed before, amid and after the data, by the engine ([`kept`]). Column names, types, values
//! in text form and SQLSTATEs must agree. Queries come from files ([`file`]) or from a generator (`tests/random`).
//!
//! There is no worker here, no replication and no protocol: rows are read from PostgreSQL and given to the executors.

// Whoever asks here is a test: what fails may panic.
#![allow(clippy::unwrap_used)]

mod answer;
pub mod file;
pub mod judge;
pub mod kept;
pub mod once;
mod oracle;
mod recorder;
pub mod script;
mod world;

pub use answer::{Answer, Cells, minus};
pub use oracle::{Database, Oracle};
pub use world::{Bag, Moment, Reading, Table, View, World};
