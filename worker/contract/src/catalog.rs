//! The desired state of one ingestion cluster.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Everything one worker cluster should do: one source, its tables and its views. Replaces the previous catalog whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalog {
    /// Rises with every change of the catalog; [`crate::Status::generation`] repeats it once it is taken up.
    pub generation: u64,
    pub source: Source,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
}

/// One slot on one publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// The PgSource's `namespace/name`, for messages.
    pub object: String,
    pub connection: Connection,
    pub publication: String,
    /// The replication slot's name: `[a-z0-9_]{1,63}`.
    pub slot: String,
    #[serde(default)]
    pub on_lost: OnLost,
}

/// What to do when the slot is gone or invalidated, so that changes were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLost {
    /// Keep serving the last exact state and report the loss.
    #[default]
    Stop,
    /// Create the slot again and copy every table again.
    Resnapshot,
}

/// How to reach the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// The PgConnection's `namespace/name`, for messages.
    pub object: String,
    /// A host name, an address, or a directory that holds a Unix socket (starts with `/`).
    pub host: String,
    /// Where the host is, if that is not what its name says from here (as libpq's `hostaddr`). TLS and messages keep to `host`. It is
    /// no part of a catalog: each process finds its own way.
    #[serde(skip)]
    pub address: Option<String>,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Option<Secret>,
    #[serde(default)]
    pub tls: Tls,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    pub mode: TlsMode,
    /// PEM certificates of the authorities to trust; the system's where none are given.
    pub ca: Option<String>,
    /// PEM certificate chain and key of this client.
    pub client_certificate: Option<String>,
    pub client_key: Option<Secret>,
}

/// As libpq's `sslmode` (PostgreSQL documentation, section 34.19.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsMode {
    #[default]
    Disable,
    /// Encrypted, the server's certificate is not checked.
    Require,
    /// The certificate must come from a trusted authority.
    VerifyCa,
    /// … and must name the host.
    VerifyFull,
}

/// One version of one upstream table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The SourceTable's `namespace/name`: its identity. A changed definition under the same identity is copied anew.
    pub object: String,
    pub upstream_schema: String,
    pub upstream_table: String,
    /// Where it is seen in SQL.
    pub schema: String,
    pub name: String,
    pub exclude_columns: Vec<String>,
    pub text_columns: Vec<String>,
}

/// A query kept incrementally.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// The View's `namespace/name`: its identity.
    pub object: String,
    pub schema: String,
    pub name: String,
    pub query: String,
    /// Column lists that make look-ups by equality cheap.
    pub indexes: Vec<Vec<String>>,
}
