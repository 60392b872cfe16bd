//! What the end-to-end tests and benches stand on: real PostgreSQL servers, the real `offtake` binary, and PostgreSQL as the oracle.
//!
//! Nothing here waits for a time; everything waits for a condition with a deadline.

pub mod bench;
pub mod manifests;
pub mod oracle;
pub mod program;
pub mod upstream;
pub mod wait;
pub mod worker;

pub use upstream::Upstream;
pub use worker::Worker;
