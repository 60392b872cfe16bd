//! The server, the role, the publication and the slot.

use super::{Findings, provider};
use crate::{
    error::PgError,
    quote::{literal, shown, shown_table},
    session::Session,
    slot,
};

/// What the checks of the tables need to know.
#[derive(Debug)]
pub(super) struct Facts {
    /// The role, quoted where it must be.
    pub(super) role: String,
    pub(super) provider: provider::Provider,
    pub(super) publication: Option<Publication>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Publication {
    /// UPDATE or DELETE are published: rows must then be identified.
    pub(super) changes_rows: bool,
    pub(super) via_root: bool,
    pub(super) all_tables: bool,
}

/// `$1` is the slot, `$2` the publication.
const SERVER: &str = "\
SELECT current_setting('wal_level'), pg_is_in_recovery(), current_database()::text, current_user::text,
       current_setting('max_replication_slots')::bigint, (SELECT count(*) FROM pg_replication_slots),
       current_setting('max_wal_senders')::bigint, (SELECT count(*) FROM pg_stat_replication),
       r.rolsuper OR r.rolreplication
         OR coalesce((SELECT bool_or(pg_has_role(r.oid, m.oid, 'MEMBER')) FROM pg_roles m
                      WHERE m.rolname IN ('rds_replication', 'rds_superuser')), false),
       current_setting('max_slot_wal_keep_size', true), current_setting('idle_replication_slot_timeout', true)
FROM pg_roles r WHERE r.rolname = current_user";

pub(super) async fn check(
    session: &Session,
    publication: &str,
    slot_name: &str,
    tables: &[(String, String)],
    findings: &mut Findings,
) -> Result<Facts, PgError> {
    // Sessions of older servers do not come about.
    findings.ok("version");
    let provider = provider::detect(session).await?;
    let row = session.query_one(SERVER, &[]).await.map_err(PgError::sql("check the server"))?;
    let (wal_level, standby): (&str, bool) = (row.get(0), row.get(1));
    let database: &str = row.get(2);
    let role = shown(row.get(3));

    if wal_level == "logical" {
        findings.ok("wal-level");
    } else {
        let message = format!("wal_level is {wal_level}, and the log then lacks what decoding needs");
        findings.fatal("wal-level", "WalLevel", message, provider.set_wal_level());
    }
    match (standby, session.version() >= 160_000) {
        (true, false) => findings.fatal(
            "primary",
            "StandbyUnsupported",
            "the server is a standby, and standbys before 16 cannot decode",
            "name the primary in the PgConnection",
        ),
        (true, true) => findings.warn(
            "primary",
            "Standby",
            "the server is a standby: a slot on it is lost when the primary removes rows that it needs",
            "set hot_standby_feedback = on, and use a physical slot between the two; or name the primary",
        ),
        (false, _) => findings.ok("primary"),
    }
    if row.get(8) {
        findings.ok("replication-privilege");
    } else {
        let message = format!("role {role} may not replicate");
        let remedy = provider.permit_replication(&role);
        findings.fatal("replication-privilege", "ReplicationNotPermitted", message, remedy);
    }

    let state = slot::state(session, slot_name).await?;
    limits(&row, provider, state.as_ref(), findings);
    match state.as_ref().map(|state| state.check(database, None)) {
        Some(Err(error)) => {
            let problem = error.problem();
            findings.fatal("slot", &problem.reason, problem.message, problem.remedy);
        }
        _ => findings.ok("slot"),
    }
    retention(&row, findings);
    let publication = publication_check(session, publication, database, tables, findings).await?;
    Ok(Facts { role, provider, publication })
}

fn limits(
    row: &tokio_postgres::Row,
    provider: provider::Provider,
    state: Option<&slot::SlotState>,
    findings: &mut Findings,
) {
    let (slots, used): (i64, i64) = (row.get(4), row.get(5));
    let ours = i64::from(state.is_some());
    // The slot itself, and a temporary one while a table is added.
    match slots - used + ours {
        ..=0 => findings.fatal(
            "replication-slots",
            "NoSlotFree",
            format!("all {slots} replication slots (max_replication_slots) are in use"),
            format!(
                "drop unused ones (SELECT slot_name, active FROM pg_replication_slots), or {}",
                provider.raise("max_replication_slots", used + 4)
            ),
        ),
        1 => findings.warn(
            "replication-slots",
            "NoSpareSlot",
            format!(
                "one of {slots} replication slots is free: adding a table later needs another for a while"
            ),
            provider.raise("max_replication_slots", slots + 4),
        ),
        _ => findings.ok("replication-slots"),
    }
    let (senders, busy): (i64, i64) = (row.get(6), row.get(7));
    let ours = i64::from(state.is_some_and(|state| state.active_pid.is_some()));
    match senders - busy + ours {
        ..=0 => findings.fatal(
            "wal-senders",
            "NoSenderFree",
            format!("all {senders} WAL senders (max_wal_senders) are in use"),
            provider.raise("max_wal_senders", busy + 4),
        ),
        1 => findings.warn(
            "wal-senders",
            "NoSpareSender",
            format!("one of {senders} WAL senders is free: adding a table later needs another for a while"),
            provider.raise("max_wal_senders", senders + 4),
        ),
        _ => findings.ok("wal-senders"),
    }
}

/// Settings that decide how long the worker may be away.
fn retention(row: &tokio_postgres::Row, findings: &mut Findings) {
    match row.get::<_, Option<&str>>(9) {
        Some("-1") | None => findings.warn(
            "slot-retention",
            "RetentionUnlimited",
            "a slot that is not read keeps log until the server's disk is full (max_slot_wal_keep_size is not set)",
            "set max_slot_wal_keep_size (13 and later), and watch the slot's retained bytes",
        ),
        Some(_) => findings.ok("slot-retention"),
    }
    match row.get::<_, Option<&str>>(10) {
        Some("0") | None => {}
        Some(time) => findings.warn(
            "slot-idle-timeout",
            "SlotIdleTimeout",
            format!("the server gives a slot up that is not read for {time} (idle_replication_slot_timeout)"),
            "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();",
        ),
    }
}

async fn publication_check(
    session: &Session,
    publication: &str,
    database: &str,
    tables: &[(String, String)],
    findings: &mut Findings,
) -> Result<Option<Publication>, PgError> {
    let via_root = if session.version() >= 130_000 { "pubviaroot" } else { "false" };
    let sql = format!(
        "SELECT pubinsert, pubupdate, pubdelete, pubtruncate, {via_root}, puballtables
         FROM pg_publication WHERE pubname = $1::text"
    );
    let row =
        session.query_opt(&sql, &[&publication]).await.map_err(PgError::sql("check the publication"))?;
    let name = shown(publication);
    let Some(row) = row else {
        let list: Vec<String> = tables.iter().map(|(schema, table)| shown_table(schema, table)).collect();
        let remedy = match list.is_empty() {
            true => format!("CREATE PUBLICATION {name} FOR TABLE …;"),
            false => format!("CREATE PUBLICATION {name} FOR TABLE {};", list.join(", ")),
        };
        let message = format!("publication {name} does not exist in database {}", shown(database));
        findings.fatal("publication", "PublicationMissing", message, remedy);
        return Ok(None);
    };
    findings.ok("publication");
    let operations = ["insert", "update", "delete", "truncate"];
    let missing: Vec<&str> = operations
        .iter()
        .enumerate()
        .filter(|(index, _)| !row.get::<_, bool>(*index))
        .map(|(_, name)| *name)
        .collect();
    if missing.is_empty() {
        findings.ok("publication-operations");
    } else {
        findings.fatal(
            "publication-operations",
            "OperationsNotPublished",
            format!(
                "publication {name} does not publish {}: what is kept would differ from the tables",
                missing.join(", ")
            ),
            format!("ALTER PUBLICATION {name} SET (publish = {});", literal(&operations.join(", "))),
        );
    }
    Ok(Some(Publication {
        changes_rows: row.get::<_, bool>(1) || row.get::<_, bool>(2),
        via_root: row.get(4),
        all_tables: row.get(5),
    }))
}
