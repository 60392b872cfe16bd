//! What a statement can ask about its session and about the server at this very moment.

use std::{collections::BTreeMap, net::SocketAddr};

/// Made when a statement asks for some of it.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// The session's user.
    pub user: String,
    /// The session that asks: one of `clients`.
    pub pid: i32,
    pub clients: Vec<Client>,
    pub settings: Vec<Setting>,
    /// Of relations that have contents, by OID.
    pub sizes: BTreeMap<u32, Size>,
    /// The server's own address, as this session's client reached it.
    pub address: Option<SocketAddr>,
    /// When the server started, in microseconds since 2000-01-01 00:00 UTC.
    pub started: i64,
    /// What the session has prepared.
    pub statements: Vec<PreparedStatement>,
    pub cursors: Vec<Cursor>,
}

/// A client's session. Times are microseconds since 2000-01-01 00:00 UTC.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub pid: i32,
    pub user: String,
    pub application_name: String,
    pub address: Option<SocketAddr>,
    pub came: i64,
    /// When its transaction began, if it is in one.
    pub transaction: Option<i64>,
    /// When its last statement began.
    pub query_start: Option<i64>,
    pub state_change: Option<i64>,
    pub state: ClientState,
    /// Its last statement.
    pub query: String,
    /// Protocol and cipher, where its connection is encrypted.
    pub tls: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientState {
    Active,
    #[default]
    Idle,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl ClientState {
    /// `pg_stat_activity.state`.
    pub fn as_str(self) -> &'static str {
        match self {
            ClientState::Active => "active",
            ClientState::Idle => "idle",
            ClientState::IdleInTransaction => "idle in transaction",
            ClientState::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// A setting and its values, as SHOW prints them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// As it is spelled in pg_settings.
    pub name: String,
    pub value: String,
    /// Before anything was set.
    pub default: String,
    /// What RESET goes back to.
    pub reset: String,
}

/// What a relation holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct PreparedStatement {
    pub name: String,
    pub text: String,
    /// Microseconds since 2000-01-01 00:00 UTC.
    pub prepared: i64,
    /// OIDs of the parameters' types.
    pub parameters: Vec<u32>,
    /// Made by PREPARE and not by the protocol.
    pub from_sql: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Cursor {
    pub name: String,
    pub text: String,
    pub hold: bool,
    pub scroll: bool,
    /// Microseconds since 2000-01-01 00:00 UTC.
    pub opened: i64,
}
