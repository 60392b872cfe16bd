//! The edge: the PostgreSQL wire protocol, the HTTP API, the metrics and a page that shows the state.
//!
//! Everything here reads: [`Results`](offtake_results::Results) for rows, watched values for what exists and how it is. A reader
//! holds one immutable version, so no client, however slow, holds the dataflow back; nothing here can reach it. Queries are planned and
//! evaluated on threads of their own ([`pool`]), never on a thread that serves sockets.
//!
//! [`bind`] opens both listeners and [`Server::run`] serves them until it is told to stop.

mod config;
mod encode;
mod error;
mod http;
mod lexer;
mod memory;
mod metrics;
mod pool;
mod published;
mod server;
mod settings;
mod shape;
mod source;
mod sql;
mod system;
mod tls;

pub use config::{Auth, CatalogRefused, Config, FieldProblem, PutCatalog, Shared, Tls, ViewText};
pub use error::BindError;
pub use server::{Server, bind};
