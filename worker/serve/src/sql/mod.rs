//! The PostgreSQL protocol: one connection a client.
//!
//! pgwire does the framing, TLS and SCRAM; the message loop, the session and every answer are here.
//! Source: PostgreSQL documentation, chapter 55 (Frontend/Backend Protocol).

mod auth;
mod cancel;
mod command;
mod connection;
mod copy;
mod extended;
mod read;
mod roster;
mod session;
mod simple;
mod statement;
mod witness;

use std::{sync::Arc, time::Duration};

use offtake_contract::Status;
use offtake_results::Results;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{memory::Memory, metrics::Metrics, pool::Pool, published::Publisher, settings::Settings};

pub use auth::Gate;
pub use cancel::Cancels;
pub use connection::serve;
pub use roster::{Roster, now};

/// What all connections share.
pub struct Core {
    pub results: Arc<Results>,
    pub publisher: Publisher,
    pub status: watch::Receiver<Arc<Status>>,
    pub pool: Pool,
    pub memory: Arc<Memory>,
    pub gate: Gate,
    pub cancels: Cancels,
    pub roster: Roster,
    /// When the server started, in microseconds since 2000-01-01.
    pub started: i64,
    pub metrics: Metrics,
    pub tls: Option<TlsAcceptor>,
    pub tls_required: bool,
    pub wait_timeout: Duration,
    pub statement_timeout: Option<Duration>,
    /// As the parameter `server_version`.
    pub server_version: String,
}

impl Core {
    /// The settings of a session that has set nothing.
    pub fn boot_settings(&self) -> Settings {
        Settings::new(self.wait_timeout, self.statement_timeout)
    }
}
