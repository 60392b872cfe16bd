//! SQL sessions on the upstream, and the settings that every session of ours pins.

use std::ops::Deref;

use offtake_contract::{Connection, Lsn};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, config::SslMode};

use crate::{
    Working,
    error::PgError,
    quote::literal,
    tls,
    transport::{CONNECT_TIMEOUT, Handshake, Socket, address},
};

/// The oldest version that is read from.
pub const OLDEST_VERSION: u32 = 110_000;

/// A SQL session. It derefs to the client of tokio-postgres; dropping it ends the session.
#[derive(Debug)]
pub struct Session {
    client: Client,
    version: u32,
}

impl Session {
    /// The server's `server_version_num`, for example 180004.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Opens a SQL session with our settings.
///
/// # Errors
/// Whatever [`PgError`] has for connections, TLS and authentication; [`PgError::VersionTooOld`] below 11.
pub fn connect<'a>(connection: &'a Connection, application_name: &'a str) -> Working<'a, Session> {
    Box::pin(open(connection, application_name))
}

async fn open(connection: &Connection, application_name: &str) -> Result<Session, PgError> {
    let mut config = Config::new();
    config.user(&connection.user).dbname(&connection.database).application_name(application_name);
    if let Some(password) = &connection.password {
        config.password(password.expose());
    }
    let tls = tls::config(connection)?;
    let socket = Socket::open(connection).await?;
    let context = format!("connect to {}", address(connection));
    let opening = async {
        match tls {
            None => {
                config.ssl_mode(SslMode::Disable);
                let (client, driver) =
                    config.connect_raw(socket, NoTls).await.map_err(refused(connection))?;
                tokio::spawn(drive(driver));
                Ok::<_, PgError>(client)
            }
            Some(tls) => {
                config.ssl_mode(SslMode::Require);
                let handshake = Handshake { config: tls, name: tls::server_name(&connection.host)? };
                let (client, driver) =
                    config.connect_raw(socket, handshake).await.map_err(refused(connection))?;
                tokio::spawn(drive(driver));
                Ok(client)
            }
        }
    };
    let client = timeout(CONNECT_TIMEOUT, opening).await.map_err(|_| PgError::ConnectTimeout {
        address: address(connection),
        seconds: CONNECT_TIMEOUT.as_secs(),
    })??;
    let mut session = Session { client, version: 0 };
    let row = session
        .client
        .query_one("SELECT current_setting('server_version_num')", &[])
        .await
        .map_err(PgError::sql(context.as_str()))?;
    session.version =
        parse_version(row.get(0)).ok_or_else(|| PgError::protocol(context.as_str(), "no version"))?;
    check_version(session.version)?;
    session
        .client
        .batch_execute(&pin_settings(session.version, false))
        .await
        .map_err(PgError::sql(context))?;
    Ok(session)
}

/// The end of the write-ahead log: of what is written on a primary, of what is replayed on a standby.
pub async fn current_wal_lsn(session: &Session) -> Result<Lsn, PgError> {
    let row = session
        .query_one(&format!("SELECT ({CURRENT_WAL})::text"), &[])
        .await
        .map_err(PgError::sql("read the log position"))?;
    lsn(row.get(0))
}

/// Whether the server follows another one.
pub async fn is_standby(session: &Session) -> Result<bool, PgError> {
    let row = session
        .query_one("SELECT pg_is_in_recovery()", &[])
        .await
        .map_err(PgError::sql("read whether the server is a standby"))?;
    Ok(row.get(0))
}

/// What is unique to the cluster of databases; `None` where the role may not read the control file, which not every managed server allows.
///
/// Source: PostgreSQL, "System Information Functions", `pg_control_system`.
pub async fn system_identifier(session: &Session) -> Option<String> {
    let row = session.query_one("SELECT system_identifier::text FROM pg_control_system()", &[]).await.ok()?;
    Some(row.get(0))
}

/// SQL for the end of the log; `pg_current_wal_lsn()` fails on a standby.
pub(crate) const CURRENT_WAL: &str =
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END";

/// Reads a `pg_lsn` that was cast to text.
pub(crate) fn lsn(text: &str) -> Result<Lsn, PgError> {
    text.parse().map_err(|error| PgError::protocol("read the log position", format!("{error}")))
}

pub(crate) fn parse_version(text: &str) -> Option<u32> {
    text.parse().ok()
}

pub(crate) fn check_version(version: u32) -> Result<(), PgError> {
    if version < OLDEST_VERSION { Err(PgError::VersionTooOld { version: version / 10_000 }) } else { Ok(()) }
}

/// One statement that pins the settings which change how values are printed, what a session may see, and how long it may take. One
/// statement, because a walsender before 15 takes one at a time; `set_config`, because its lexer knows no `SET … TO` lists.
pub(crate) fn pin_settings(version: u32, replication: bool) -> String {
    let mut settings = vec![
        ("datestyle", "ISO, YMD"),
        ("intervalstyle", "postgres"),
        ("timezone", "UTC"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("lc_monetary", "C"),
        ("client_encoding", "UTF8"),
        // Expressions and type names are then printed with their schemas.
        ("search_path", "pg_catalog"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        // A role under row-level security would copy fewer rows without a word: an error instead.
        ("row_security", "off"),
    ];
    if version >= 140_000 {
        settings.push(("idle_session_timeout", "0"));
    }
    if version >= 170_000 {
        settings.push(("transaction_timeout", "0"));
    }
    if replication && version >= 120_000 {
        // Not 0: that switches the walsender's fast path off.
        settings.push(("wal_sender_timeout", "120s"));
    }
    let calls: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, false)", literal(name), literal(value)))
        .collect();
    format!("SELECT {}", calls.join(", "))
}

fn refused(connection: &Connection) -> impl FnOnce(tokio_postgres::Error) -> PgError + use<> {
    let address = address(connection);
    move |error| {
        use std::error::Error;
        if error.as_db_error().is_some() {
            return PgError::sql(format!("connect to {address}"))(error);
        }
        match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
            Some(source) if source.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
                let source = inner.map_or_else(
                    || std::io::Error::other("handshake failed"),
                    |inner| std::io::Error::new(std::io::ErrorKind::InvalidData, inner),
                );
                PgError::Tls { address, source }
            }
            // The driver's words for an answer of 'N' to the request for TLS.
            _ if error.to_string().contains("does not support TLS")
                || error.source().is_some_and(|s| s.to_string().contains("does not support TLS")) =>
            {
                PgError::TlsRefused { address }
            }
            _ if error.to_string().contains("password missing")
                || error.source().is_some_and(|s| s.to_string().contains("password missing")) =>
            {
                PgError::Authentication {
                    method: "password".into(),
                    lacks: "needs a password, and none is given",
                }
            }
            _ => PgError::sql(format!("connect to {address}"))(error),
        }
    }
}

/// Runs a session until its client is dropped.
async fn drive<S, T>(driver: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // Whoever uses the client sees the failure as well, as that of a query.
    if let Err(error) = driver.await {
        tracing::debug!(%error, "a SQL session ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_fit_the_version() {
        let eleven = pin_settings(110_022, true);
        assert!(!eleven.contains("wal_sender_timeout") && !eleven.contains("idle_session_timeout"));
        let eighteen = pin_settings(180_004, true);
        assert!(
            eighteen.contains("'wal_sender_timeout', '120s'") && eighteen.contains("transaction_timeout")
        );
        assert!(!pin_settings(180_004, false).contains("wal_sender_timeout"));
    }
}
