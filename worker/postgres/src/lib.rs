//! The PostgreSQL upstream, versions 11 to 18: sessions and TLS, pre-flight checks, the catalog, slots, the snapshot copy and the
//! replication stream with its decoder.
//!
//! The way of the data: [`preflight`] says what is missing, [`catalog`] describes a table and [`shape`] fixes which of its columns are
//! kept, [`wire`] creates the slot, [`snapshot`] copies the table as the slot's snapshot sees it, [`wire`] streams what came after
//! and [`pgoutput`] decodes it, [`shape`] turns tuples into rows. What the stream does not tell, [`fence`] sees in the catalog.
//!
//! Futures are boxed at the crate's edge: an `async fn` is compiled anew in every crate that awaits it, a boxed future here, once.
//!
//! The crate knows no engine, no store and no Kubernetes. It retries nothing: [`PgError::retry`] tells its caller what would help.

pub mod catalog;
pub mod error;
pub mod fence;
pub mod pgoutput;
pub mod preflight;
mod quote;
pub mod session;
pub mod shape;
pub mod slot;
pub mod snapshot;
pub mod timeline;
mod tls;
mod transport;
pub mod wire;

use std::pin::Pin;

pub use error::{PgError, Retry, ServerError};
pub use session::Session;

/// Work under way. Boxed where much is below it, because an `async fn` is compiled by the crate that awaits it, again and again.
pub type Working<'a, T> = Pin<Box<dyn Future<Output = Result<T, PgError>> + Send + 'a>>;
