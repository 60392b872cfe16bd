//! The replication commands.
//!
//! Options follow the server's version, never trial: `CREATE_REPLICATION_SLOT` took its options in parentheses from 15 on, pgoutput
//! knows `binary` and `messages` from 14 on.

use offtake_contract::{Connection, Lsn};

use super::{
    connection::{TextRow, Wire, server_error, unexpected},
    stream::ReplicationStream,
};
use crate::{
    Working,
    error::PgError,
    quote::{identifier, literal},
    session::lsn,
};

/// A connection to a walsender that is bound to a database. It takes commands until it streams.
#[derive(Debug)]
pub struct ReplicationClient {
    wire: Wire,
}

/// What `IDENTIFY_SYSTEM` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemIdentity {
    /// Unique to the cluster of databases; a replica has its primary's.
    pub system_identifier: String,
    /// Rises with every failover and point-in-time recovery.
    pub timeline: u32,
    /// The end of the flushed log.
    pub wal_position: Lsn,
    pub database: Option<String>,
}

/// How long a slot lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    Permanent,
    /// Gone with the connection that created it, or at its first error.
    Temporary,
}

/// A new slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedSlot {
    /// Transactions that commit after it come by the stream, all others are in the snapshot.
    pub consistent_point: Lsn,
    /// For `SET TRANSACTION SNAPSHOT`; lives until the next command on the connection, or its end.
    pub snapshot: Option<String>,
}

/// In which form the stream sends values.
///
/// Text always works. Binary costs less to decode, but a column that is kept as text (`Wanted::as_text`) of a type that Offtake does not
/// read can't be had from it: [`crate::shape::binary_serves`] tells. The server costs either way the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    Text,
    /// On servers before 14, which have no binary form, the same as `Text`.
    Binary,
}

impl ReplicationClient {
    /// Connects to a walsender.
    ///
    /// # Errors
    /// As [`crate::session::connect`], and the server's refusal where the role may not replicate.
    pub fn connect<'a>(
        connection: &'a Connection,
        application_name: &'a str,
    ) -> Working<'a, ReplicationClient> {
        Box::pin(async move {
            Ok(ReplicationClient { wire: Wire::open(connection, application_name, true).await? })
        })
    }

    /// The server's `server_version_num`, for example 180004.
    pub fn version(&self) -> u32 {
        self.wire.version()
    }

    /// Which cluster of databases this is, and where its log stands.
    pub async fn identify_system(&mut self) -> Result<SystemIdentity, PgError> {
        let context = "identify the system";
        let rows = self.wire.query(context, "IDENTIFY_SYSTEM").await?;
        let Some([Some(system_identifier), Some(timeline), Some(position), rest @ ..]) =
            rows.first().map(Vec::as_slice)
        else {
            return Err(PgError::protocol(context, "incomplete answer"));
        };
        Ok(SystemIdentity {
            system_identifier: system_identifier.clone(),
            timeline: timeline
                .parse()
                .map_err(|_| PgError::protocol(context, "the timeline is no number"))?,
            wal_position: lsn(position)?,
            database: rest.first().cloned().flatten(),
        })
    }

    /// The server's process that reads from a slot, on the very server that this connection is to.
    pub async fn reader_of(&mut self, slot: &str) -> Result<Option<i32>, PgError> {
        let context = format!("read who reads from replication slot {slot}");
        let sql = format!(
            "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
            literal(slot)
        );
        let rows = self.wire.query(&context, &sql).await?;
        Ok(super::connection::single(&rows).and_then(|pid| pid.parse().ok()))
    }

    /// The history of a timeline: see [`crate::timeline`]. Empty for the first one, which has none.
    pub async fn timeline_history(&mut self, timeline: u32) -> Result<String, PgError> {
        let context = "read the timeline's history";
        if timeline <= 1 {
            return Ok(String::new());
        }
        let rows = self.wire.query(context, &format!("TIMELINE_HISTORY {timeline}")).await?;
        match rows.into_iter().next().and_then(|row| row.into_iter().nth(1)).flatten() {
            Some(history) => Ok(history),
            None => Err(PgError::protocol(context, "incomplete answer")),
        }
    }

    /// Creates a logical slot for pgoutput. It waits until every transaction that runs now has ended: [`crate::slot::blockers`] names
    /// them.
    ///
    /// The publication must exist already: before 18 a slot that is older than its publication cannot be read.
    pub async fn create_slot(
        &mut self,
        name: &str,
        kind: SlotKind,
        export_snapshot: bool,
    ) -> Result<CreatedSlot, PgError> {
        let context = format!("create replication slot {name}");
        let sql = create_slot_command(self.version(), name, kind, export_snapshot);
        let rows = self.wire.query(&context, &sql).await?;
        let Some([_, Some(point), snapshot, ..]) = rows.first().map(Vec::as_slice) else {
            return Err(PgError::protocol(context, "incomplete answer"));
        };
        Ok(CreatedSlot {
            consistent_point: lsn(point)?,
            snapshot: snapshot.clone().filter(|name| export_snapshot && !name.is_empty()),
        })
    }

    /// Drops a slot. Waits while another session reads from it.
    pub async fn drop_slot(&mut self, name: &str) -> Result<(), PgError> {
        let context = format!("drop replication slot {name}");
        let sql = format!("DROP_REPLICATION_SLOT {} WAIT", identifier(name));
        self.wire.query(&context, &sql).await.map(drop)
    }

    /// Ends the connection; a snapshot that it exported and its temporary slots go with it. (Dropping it does the same, less politely.)
    pub async fn close(self) {
        self.wire.close().await;
    }

    /// Starts streaming. Transactions that committed before `from` do not come; a `from` before the slot's confirmed position is
    /// silently raised to it by the server, so compare first ([`crate::slot::SlotState::check`]).
    pub async fn start(
        mut self,
        slot: &str,
        from: Lsn,
        publication: &str,
        values: Values,
    ) -> Result<ReplicationStream, PgError> {
        let context = format!("stream from replication slot {slot}");
        let patience = self.status_interval().await?;
        let sql = start_command(self.version(), slot, from, publication, values);
        self.wire.send_query(&context, &sql).await?;
        loop {
            let frame = self.wire.frame(&context).await?;
            match frame.tag {
                // CopyBothResponse
                b'W' => return Ok(ReplicationStream::new(self.wire, patience)),
                b'E' => return Err(PgError::Server { context, error: server_error(&frame.body) }),
                b'N' | b'S' => {}
                tag => return Err(unexpected(&context, tag)),
            }
        }
    }

    /// How often the server must hear from us: a third of the time after which it would give us up, 10 s at most. Before 12 a client
    /// can't set that time.
    async fn status_interval(&mut self) -> Result<std::time::Duration, PgError> {
        let rows: Vec<TextRow> = self
            .wire
            .query(
                "read wal_sender_timeout",
                "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
            )
            .await?;
        let millis = super::connection::single(&rows).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let third = if millis == 0 { 10_000 } else { (millis / 3).clamp(100, 10_000) };
        Ok(std::time::Duration::from_millis(third))
    }
}

fn create_slot_command(version: u32, name: &str, kind: SlotKind, export_snapshot: bool) -> String {
    let temporary = if kind == SlotKind::Temporary { " TEMPORARY" } else { "" };
    let snapshot = match (version >= 150_000, export_snapshot) {
        (true, true) => "(SNAPSHOT 'export')",
        (true, false) => "(SNAPSHOT 'nothing')",
        (false, true) => "EXPORT_SNAPSHOT",
        (false, false) => "NOEXPORT_SNAPSHOT",
    };
    format!("CREATE_REPLICATION_SLOT {}{temporary} LOGICAL pgoutput {snapshot}", identifier(name))
}

fn start_command(version: u32, slot: &str, from: Lsn, publication: &str, values: Values) -> String {
    // The option is a list of identifiers in a string; the walsender's lexer knows no escape strings.
    let publications = format!("'{}'", identifier(publication).replace('\'', "''"));
    let binary = if values == Values::Binary && version >= 140_000 { ", binary 'true'" } else { "" };
    format!(
        "START_REPLICATION SLOT {} LOGICAL {from} (proto_version '1', publication_names {publications}{binary})",
        identifier(slot)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_follow_the_version() {
        let create = |version, kind| create_slot_command(version, "s", kind, true);
        assert_eq!(
            create(110_022, SlotKind::Temporary),
            "CREATE_REPLICATION_SLOT \"s\" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT"
        );
        assert_eq!(
            create(150_000, SlotKind::Permanent),
            "CREATE_REPLICATION_SLOT \"s\" LOGICAL pgoutput (SNAPSHOT 'export')"
        );
        let start = |version| start_command(version, "s", Lsn(0x1_0000_00FF), "it's", Values::Binary);
        assert_eq!(
            start(130_000),
            "START_REPLICATION SLOT \"s\" LOGICAL 1/FF (proto_version '1', publication_names '\"it''s\"')"
        );
        assert!(start(140_000).ends_with(", binary 'true')"));
    }
}
