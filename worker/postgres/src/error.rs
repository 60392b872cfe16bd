//! What can go wrong with an upstream, in words for its owner, and what would help.

use std::{fmt, io};

use offtake_contract::{Lsn, Problem};

use crate::{
    pgoutput::DecodeError,
    quote::{literal, shown_table},
    shape::{ShapeError, ValueError},
};

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Again after a while: networks, restarts, failovers, limits that others use up.
    Backoff,
    /// Not before something was changed: the manifests, a Secret, the upstream's settings.
    OnChange,
}

/// An operation on the upstream that failed.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    #[error("cannot connect to {address}: {source}")]
    Connect { address: String, source: io::Error },
    #[error("cannot connect to {address}: no answer within {seconds} s")]
    ConnectTimeout { address: String, seconds: u64 },
    /// The server speaks no TLS, but the connection asks for it.
    #[error("{address} does not offer TLS")]
    TlsRefused { address: String },
    #[error("TLS with {address} failed: {source}")]
    Tls { address: String, source: io::Error },
    /// The TLS material of the connection can't be used.
    #[error("tls.{field}: {message}")]
    TlsMaterial { field: &'static str, message: String },
    /// The server wants a kind of authentication that this client has no answer to.
    #[error("the server asks for {method} authentication, which {lacks}")]
    Authentication { method: String, lacks: &'static str },
    /// What the server itself answered.
    #[error("{context}: {error}")]
    Server { context: String, error: ServerError },
    /// The connection broke.
    #[error("{context}: {source}")]
    Io { context: String, source: io::Error },
    #[error("{context}: the server closed the connection")]
    Closed { context: String },
    #[error("the server sent nothing for {seconds} s, although asked")]
    Silent { seconds: u64 },
    /// Neither side's fault by the books: a proxy in between, or a bug.
    #[error("{context}: {message}")]
    Protocol { context: String, message: String },
    #[error("the replication stream cannot be read: {0}")]
    Decode(#[from] DecodeError),
    #[error("PostgreSQL {version} is too old: Offtake reads from 11 and later")]
    VersionTooOld { version: u32 },
    #[error("table {} does not exist", shown_table(.schema, .table))]
    TableMissing { schema: String, table: String },
    #[error("replication slot {slot:?} does not exist")]
    SlotMissing { slot: String },
    /// The slot was invalidated: changes that were not read yet are gone.
    #[error("replication slot {slot:?} is lost ({why})")]
    SlotLost { slot: String, why: String },
    /// The slot moved past what this worker made durable: somebody else read from it, or it was created anew.
    #[error(
        "replication slot {slot:?} was confirmed up to {confirmed}, beyond {durable}, the last position that \
         this worker made durable: the changes between are gone"
    )]
    SlotAhead { slot: String, confirmed: Lsn, durable: Lsn },
    #[error("replication slot {slot:?} cannot be used: {why}")]
    SlotForeign { slot: String, why: String },
    /// The slot is read by another session.
    #[error("replication slot {slot:?} is in use by the session with pid {pid}")]
    SlotActive { slot: String, pid: i32 },
    /// A snapshot that is older than the table's file does not see its rows.
    #[error("table {table} was rewritten after the snapshot was taken")]
    Rewritten { table: String },
    #[error("copy of {table}: {source}")]
    Value { table: String, source: ValueError },
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// An error as the server reports it.
///
/// Source: PostgreSQL documentation, section 55.8 (Error and Notice Message Fields) and appendix A (Error Codes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters, for example `28P01`.
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.sqlstate)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl PgError {
    /// From tokio-postgres, with what was being done.
    pub(crate) fn sql(context: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> PgError {
        let context = context.into();
        move |error| match error.as_db_error() {
            Some(db) => PgError::Server {
                context,
                error: ServerError {
                    sqlstate: db.code().code().to_owned(),
                    message: db.message().to_owned(),
                    detail: db.detail().map(str::to_owned),
                    hint: db.hint().map(str::to_owned),
                },
            },
            None if error.is_closed() => PgError::Closed { context },
            None => PgError::Io { context, source: io::Error::other(error) },
        }
    }

    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(io::Error) -> PgError {
        let context = context.into();
        move |source| match source.kind() {
            io::ErrorKind::UnexpectedEof => PgError::Closed { context },
            _ => PgError::Io { context, source },
        }
    }

    pub(crate) fn protocol(context: impl Into<String>, message: impl Into<String>) -> PgError {
        PgError::Protocol { context: context.into(), message: message.into() }
    }

    /// The server's error code, where the server answered.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            PgError::Server { error, .. } => Some(&error.sqlstate),
            _ => None,
        }
    }

    /// What is wrong and what its owner can do.
    pub fn problem(&self) -> Problem {
        if let PgError::Shape(error) = self {
            return error.problem();
        }
        let (reason, remedy, _) = self.classify();
        Problem::new(reason, self.to_string(), remedy)
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        self.classify().2
    }

    fn classify(&self) -> (&'static str, String, Retry) {
        use Retry::{Backoff, OnChange};
        let plain = |reason, remedy: &str, retry| (reason, remedy.to_owned(), retry);
        match self {
            PgError::Connect { .. } | PgError::ConnectTimeout { .. } => plain(
                "Unreachable",
                "check host and port of the PgConnection, firewalls, and that the server listens there \
                 (listen_addresses)",
                Backoff,
            ),
            PgError::TlsRefused { .. } => plain(
                "TlsRefused",
                "switch TLS on at the server (ssl = on), or set tls.mode: Disable where the network is trusted",
                OnChange,
            ),
            PgError::Tls { source, .. } => {
                match source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                    Some(rustls::Error::InvalidCertificate(_)) => plain(
                        "CertificateRejected",
                        "give the authority that signed the server's certificate in tls.caSecretRef; VerifyFull also \
                     needs the host among the certificate's subject alternative names",
                        OnChange,
                    ),
                    _ => plain(
                        "TlsFailed",
                        "check that the server speaks TLS 1.2 or later, and the client certificate",
                        Backoff,
                    ),
                }
            }
            PgError::TlsMaterial { .. } => plain(
                "InvalidTlsMaterial",
                "give PEM text in the Secret that the PgConnection names",
                OnChange,
            ),
            PgError::Authentication { .. } => plain(
                "AuthenticationUnsupported",
                "use scram-sha-256, md5, password or cert in pg_hba.conf, and give passwordSecretRef where a \
                 password is asked for",
                OnChange,
            ),
            PgError::Server { error, .. } => server(error),
            PgError::Io { .. } | PgError::Closed { .. } | PgError::Silent { .. } => {
                plain("ConnectionLost", "nothing: it is tried again", Backoff)
            }
            PgError::Protocol { .. } => plain(
                "ProtocolError",
                "connect to the server itself: a pooler or proxy in between may not pass replication through",
                Backoff,
            ),
            PgError::Decode(_) => {
                plain("StreamMalformed", "please report this with the server's version", OnChange)
            }
            PgError::VersionTooOld { .. } => {
                plain("VersionTooOld", "upgrade the server to 11 or later", OnChange)
            }
            PgError::TableMissing { .. } => plain(
                "TableMissing",
                "correct upstream.schema and upstream.table, or create the table",
                OnChange,
            ),
            PgError::SlotMissing { .. } => plain(
                "SlotMissing",
                "changes since the slot went are gone: set slot.onLost: Resnapshot to copy the tables again",
                OnChange,
            ),
            PgError::SlotLost { slot, .. } => (
                "SlotLost",
                format!(
                    "raise max_slot_wal_keep_size, drop it with SELECT pg_drop_replication_slot({}), and set \
                     slot.onLost: Resnapshot to copy the tables again",
                    literal(slot)
                ),
                OnChange,
            ),
            PgError::SlotAhead { .. } => plain(
                "SlotAhead",
                "give each PgSource a slot of its own, and set slot.onLost: Resnapshot to copy the tables again",
                OnChange,
            ),
            PgError::SlotForeign { .. } => {
                plain("SlotForeign", "give the PgSource another slot.name", OnChange)
            }
            PgError::SlotActive { pid, .. } => (
                "SlotActive",
                format!(
                    "it is tried again; if that session is a leftover, end it: SELECT pg_terminate_backend({pid})"
                ),
                Backoff,
            ),
            PgError::Rewritten { .. } => plain("TableRewritten", "nothing: the copy starts again", Backoff),
            PgError::Value { .. } => plain(
                "ValueUnsupported",
                "name the column in textColumns to keep it as text, or in excludeColumns",
                OnChange,
            ),
            PgError::Shape(_) => plain("SchemaAltered", "", OnChange),
        }
    }
}

/// The reason, the remedy and the retry for an error of the server's.
fn server(error: &ServerError) -> (&'static str, String, Retry) {
    use Retry::{Backoff, OnChange};
    let message = error.message.as_str();
    let hint = || error.hint.clone().unwrap_or_default();
    let says = |text: &str| message.contains(text);
    let (reason, remedy, retry) = match error.sqlstate.as_str() {
        "28P01" => ("AuthenticationFailed", "correct user and password of the PgConnection".to_owned(), OnChange),
        "28000" if says("pg_hba.conf") => (
            "HostRejected",
            "add a line to the server's pg_hba.conf that lets this user in from here (database \"all\" or its \
             name covers replication=database)"
                .to_owned(),
            OnChange,
        ),
        "28000" => ("AuthenticationFailed", "correct the user of the PgConnection".to_owned(), OnChange),
        "3D000" => ("DatabaseMissing", "correct database of the PgConnection".to_owned(), OnChange),
        "42501" if says("row-level security") || says("row security") => (
            "RowSecurity",
            "a copy would lack the rows that the policies hide: ALTER ROLE … BYPASSRLS".to_owned(),
            OnChange,
        ),
        "42501" if says("replication") || says("WAL sender") => (
            "ReplicationNotPermitted",
            "ALTER ROLE … REPLICATION (on RDS: GRANT rds_replication TO …)".to_owned(),
            OnChange,
        ),
        "42501" => ("PermissionDenied", "GRANT USAGE ON SCHEMA … and SELECT ON TABLE … to the user".to_owned(), OnChange),
        "42704" if says("publication") => (
            "PublicationMissing",
            "CREATE PUBLICATION; 17 and older cannot read the slot past the time without it: set slot.onLost: Resnapshot to make it again \
             and copy every table again"
                .to_owned(),
            OnChange,
        ),
        "42704" if says("replication slot") => (
            "SlotMissing",
            "changes since the slot went are gone: set slot.onLost: Resnapshot to copy the tables again".to_owned(),
            OnChange,
        ),
        // The snapshot of an exporter that has gone: unknown before 17, or its file is missing.
        "42704" | "22023" if says("snapshot") => ("SnapshotGone", "nothing: the copy starts again".to_owned(), Backoff),
        "55000" if says("wal_level") || says("logical decoding requires") => {
            ("WalLevel", "ALTER SYSTEM SET wal_level = logical, and restart the server".to_owned(), OnChange)
        }
        "55000" if says("replica identity") => {
            ("ReplicaIdentityMissing", "ALTER TABLE … REPLICA IDENTITY FULL, or add a primary key".to_owned(), OnChange)
        }
        "55000" if says("slot") => (
            "SlotLost",
            "raise max_slot_wal_keep_size, drop the slot, and set slot.onLost: Resnapshot".to_owned(),
            OnChange,
        ),
        "55006" => ("SlotActive", "nothing: it is tried again until the other session has gone".to_owned(), Backoff),
        "53300" => ("TooManyConnections", "raise max_connections, or max_wal_senders for replication".to_owned(), Backoff),
        "53400" => (
            "LimitReached",
            format!("raise max_replication_slots and max_wal_senders, or drop unused slots. {}", hint()),
            Backoff,
        ),
        "57P01" | "57P02" | "57P03" => ("ServerRestarting", "nothing: it is tried again".to_owned(), Backoff),
        "58P01" if says("WAL segment") || says("wal segment") => (
            "SlotLost",
            "the log that the slot needs was removed: drop the slot, and set slot.onLost: Resnapshot".to_owned(),
            OnChange,
        ),
        "42P01" | "3F000" => {
            ("TableMissing", "correct upstream.schema and upstream.table, or create the table".to_owned(), OnChange)
        }
        "42703" => ("SchemaAltered", "apply a SourceTable for the table's new columns".to_owned(), OnChange),
        "XX000" if says("could not map filenumber") => (
            "DecodingFailed",
            "a bug of Aurora PostgreSQL 16.1 and its like: upgrade the server".to_owned(),
            Backoff,
        ),
        "54000" | "53200" => (
            "DecodingFailed",
            format!("the server lacks memory for decoding: raise logical_decoding_work_mem. {}", hint()),
            Backoff,
        ),
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57") || code.starts_with("58") => {
            ("ServerUnavailable", hint(), Backoff)
        }
        code if code.starts_with("40") => ("TransactionConflict", "nothing: it is tried again".to_owned(), Backoff),
        code if code.starts_with("XX") => ("ServerFault", "see the server's log".to_owned(), Backoff),
        _ => ("ServerError", hint(), OnChange),
    };
    (reason, remedy.trim_end().to_owned(), retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(sqlstate: &str, message: &str) -> PgError {
        let error =
            ServerError { sqlstate: sqlstate.into(), message: message.into(), ..ServerError::default() };
        PgError::Server { context: "start replication".into(), error }
    }

    /// The words of the servers 13 to 18, as they were seen.
    #[test]
    fn one_loss_has_many_words() {
        for message in [
            "cannot read from logical replication slot \"s\"",
            "can no longer get changes from replication slot \"s\"",
            "can no longer access replication slot \"s\"",
        ] {
            let error = answered("55000", message);
            assert_eq!((error.problem().reason.as_str(), error.retry()), ("SlotLost", Retry::OnChange));
        }
    }

    #[test]
    fn restarts_are_waited_for_and_wrong_passwords_are_not() {
        assert_eq!(answered("57P03", "the database system is starting up").retry(), Retry::Backoff);
        assert_eq!(
            answered("28P01", "password authentication failed for user \"u\"").retry(),
            Retry::OnChange
        );
        assert_eq!(
            answered("55006", "replication slot \"s\" is active for PID 1").problem().reason,
            "SlotActive"
        );
    }
}
