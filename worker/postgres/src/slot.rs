//! The replication slot as SQL shows it. It is created by [`crate::wire::ReplicationClient::create_slot`].

use futures::future::BoxFuture;
use offtake_contract::Lsn;

use crate::{
    error::PgError,
    session::{CURRENT_WAL, Session, lsn},
};

/// A row of `pg_replication_slots`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotState {
    pub name: String,
    /// Empty for a physical slot.
    pub plugin: String,
    pub database: String,
    pub temporary: bool,
    /// The session that reads from it.
    pub active_pid: Option<i32>,
    /// What the consumer said it needs no more.
    pub confirmed_flush: Option<Lsn>,
    /// From where the server keeps its log for this slot.
    pub restart_lsn: Option<Lsn>,
    /// Bytes of log that it keeps.
    pub retained_bytes: Option<u64>,
    /// `reserved`, `extended`, `unreserved` or `lost` (13 and later).
    pub wal_status: Option<String>,
    /// Bytes that may be written before it is in danger (13 and later, with `max_slot_wal_keep_size`).
    pub safe_wal_bytes: Option<i64>,
    /// Why it was invalidated (17 and later).
    pub invalidation_reason: Option<String>,
}

/// A transaction that the creation of a slot waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Absent for a prepared transaction.
    pub pid: Option<i32>,
    /// The application's name, or the name of the prepared transaction.
    pub name: String,
    pub user: String,
    /// `active`, `idle in transaction`, … or `prepared`.
    pub state: String,
    /// When it began, as `2026-11-23 12:03:07Z`: unlike its age, that stays the same from look to look.
    pub since: String,
}

/// The slot's state; `None` where there is no slot of this name.
pub fn state<'a>(session: &'a Session, slot: &'a str) -> BoxFuture<'a, Result<Option<SlotState>, PgError>> {
    Box::pin(async move {
        let wal_status = if session.version() >= 130_000 {
            "wal_status, safe_wal_size"
        } else {
            "NULL::text, NULL::bigint"
        };
        let reason = if session.version() >= 170_000 { "invalidation_reason" } else { "NULL::text" };
        let sql = format!(
            "SELECT coalesce(plugin::text, ''), coalesce(database::text, ''), temporary, active_pid,
                confirmed_flush_lsn::text, restart_lsn::text, (({CURRENT_WAL}) - restart_lsn)::bigint,
                {wal_status}, {reason}
         FROM pg_replication_slots WHERE slot_name = $1::text"
        );
        let context = PgError::sql(format!("read the state of replication slot {slot}"));
        let Some(row) = session.query_opt(&sql, &[&slot]).await.map_err(context)? else { return Ok(None) };
        let position = |index: usize| row.get::<_, Option<&str>>(index).map(lsn).transpose();
        Ok(Some(SlotState {
            name: slot.to_owned(),
            plugin: row.get(0),
            database: row.get(1),
            temporary: row.get(2),
            active_pid: row.get(3),
            confirmed_flush: position(4)?,
            restart_lsn: position(5)?,
            retained_bytes: row.get::<_, Option<i64>>(6).and_then(|bytes| u64::try_from(bytes).ok()),
            wal_status: row.get(7),
            safe_wal_bytes: row.get(8),
            invalidation_reason: row.get(9),
        }))
    })
}

impl SlotState {
    /// Whether a stream from this slot would be whole. `durable` is the last position that was made durable here, where there is one:
    /// a slot that was confirmed beyond it has a gap. (So what is confirmed must be made durable first, the position of a keepalive
    /// included.)
    ///
    /// # Errors
    /// [`PgError::SlotForeign`], [`PgError::SlotLost`], [`PgError::SlotAhead`].
    pub fn check(&self, database: &str, durable: Option<Lsn>) -> Result<(), PgError> {
        let slot = || self.name.clone();
        if self.plugin != "pgoutput" {
            let what = if self.plugin.is_empty() { "a physical slot" } else { &self.plugin };
            return Err(PgError::SlotForeign {
                slot: slot(),
                why: format!("it is {what}, and pgoutput is needed"),
            });
        }
        if self.database != database {
            let why =
                format!("it belongs to database {:?}, and the connection is to {database:?}", self.database);
            return Err(PgError::SlotForeign { slot: slot(), why });
        }
        if let Some(reason) = &self.invalidation_reason {
            return Err(PgError::SlotLost { slot: slot(), why: format!("invalidation_reason is {reason}") });
        }
        if self.wal_status.as_deref() == Some("lost") {
            return Err(PgError::SlotLost { slot: slot(), why: "wal_status is lost".into() });
        }
        match (self.confirmed_flush, durable) {
            (Some(confirmed), Some(durable)) if confirmed > durable => {
                Err(PgError::SlotAhead { slot: slot(), confirmed, durable })
            }
            _ => Ok(()),
        }
    }
}

/// The transactions that hold the creation of a slot up, oldest first: it waits until all that run have ended.
pub fn blockers<'a>(session: &'a Session) -> BoxFuture<'a, Result<Vec<Blocker>, PgError>> {
    Box::pin(async move {
        let sql = "\
        SELECT pid, name, owner, state, coalesce(to_char(began AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"'), '')
        FROM (
            SELECT pid, coalesce(application_name, '') AS name, coalesce(usename::text, '') AS owner,
                   coalesce(state, '') AS state, xact_start AS began
            FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
            UNION ALL
            SELECT NULL, gid, owner::text, 'prepared', prepared FROM pg_prepared_xacts
        ) open
        ORDER BY began, pid, name";
        let rows = session.query(sql, &[]).await.map_err(PgError::sql("look for open transactions"))?;
        let blocker = |row: &tokio_postgres::Row| Blocker {
            pid: row.get(0),
            name: row.get(1),
            user: row.get(2),
            state: row.get(3),
            since: row.get(4),
        };
        Ok(rows.iter().map(blocker).collect())
    })
}

/// Drops a slot; `false` where there was none.
///
/// # Errors
/// [`PgError::SlotActive`] where a session reads from it.
pub fn drop<'a>(session: &'a Session, slot: &'a str) -> BoxFuture<'a, Result<bool, PgError>> {
    Box::pin(async move {
        let Some(state) = state(session, slot).await? else { return Ok(false) };
        if let Some(pid) = state.active_pid {
            return Err(PgError::SlotActive { slot: slot.to_owned(), pid });
        }
        match session.execute("SELECT pg_drop_replication_slot($1::text)", &[&slot]).await {
            Ok(_) => Ok(true),
            // Somebody else dropped it meanwhile.
            Err(error) if error.code().is_some_and(|code| code.code() == "42704") => Ok(false),
            Err(error) => Err(PgError::sql(format!("drop replication slot {slot}"))(error)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> SlotState {
        SlotState {
            name: "s".into(),
            plugin: "pgoutput".into(),
            database: "shop".into(),
            temporary: false,
            active_pid: None,
            confirmed_flush: Some(Lsn(100)),
            restart_lsn: Some(Lsn(50)),
            retained_bytes: Some(1),
            wal_status: Some("reserved".into()),
            safe_wal_bytes: None,
            invalidation_reason: None,
        }
    }

    #[test]
    fn only_a_slot_without_a_gap_will_do() {
        assert!(slot().check("shop", None).is_ok());
        assert!(slot().check("shop", Some(Lsn(100))).is_ok());
        assert!(matches!(slot().check("shop", Some(Lsn(99))), Err(PgError::SlotAhead { .. })));
        assert!(matches!(slot().check("other", None), Err(PgError::SlotForeign { .. })));
        let lost = SlotState { wal_status: Some("lost".into()), ..slot() };
        assert!(matches!(lost.check("shop", None), Err(PgError::SlotLost { .. })));
        let decoding = SlotState { plugin: "test_decoding".into(), ..slot() };
        assert!(matches!(decoding.check("shop", None), Err(PgError::SlotForeign { .. })));
    }
}
