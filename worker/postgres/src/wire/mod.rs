//! The replication connection: our own thin client of the frontend/backend protocol, for what tokio-postgres has no words for.
//!
//! [`connection`] frames messages and lets the session in, [`client`] speaks the replication commands, [`stream`] hands out events and
//! takes feedback, [`reader`] is the task between the two that owns the socket while streaming.
//!
//! Source: PostgreSQL documentation, chapter 55 (Frontend/Backend Protocol), 55.4 (Streaming Replication Protocol).

mod client;
pub(crate) mod connection;
mod pace;
mod reader;
mod stream;

pub use client::{CreatedSlot, ReplicationClient, SlotKind, SystemIdentity, Values};
pub use stream::{Feedback, ReplicationStream};
