//! One table.

use super::{Findings, source::Facts};
use crate::{
    catalog::{self, RelationKind, ReplicaIdentity, UpstreamTable},
    error::PgError,
    quote::{shown, shown_table},
    session::Session,
};

pub(super) async fn check(
    session: &Session,
    publication: &str,
    facts: &Facts,
    schema: &str,
    table: &str,
    findings: &mut Findings,
) -> Result<(), PgError> {
    let name = shown_table(schema, table);
    let described = match catalog::describe(session, publication, schema, table).await {
        Ok(described) => described,
        Err(error @ PgError::TableMissing { .. }) => {
            let problem = error.problem();
            findings.fatal("table", &problem.reason, problem.message, problem.remedy);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if !kind(&described, &name, findings) {
        return Ok(());
    }
    published(session, &described, publication, facts, &name, findings).await?;
    privileges(session, &described, facts, &name, findings).await?;
    identity(&described, facts, &name, findings);
    Ok(())
}

/// Whether a relation of this kind can be replicated at all.
fn kind(table: &UpstreamTable, name: &str, findings: &mut Findings) -> bool {
    let what = match table.kind {
        RelationKind::Table | RelationKind::Partitioned => None,
        RelationKind::View => Some("a view"),
        RelationKind::MaterializedView => Some("a materialized view"),
        RelationKind::Foreign => Some("a foreign table"),
        RelationKind::Other => Some("no table"),
    };
    if let Some(what) = what {
        let message = format!("{name} is {what}: its changes are not in the log");
        findings.fatal("table", "NotATable", message, "name the table that the rows come from");
        return false;
    }
    if table.unlogged {
        let message = format!("table {name} is unlogged: its changes are not in the log");
        findings.fatal("table", "Unlogged", message, format!("ALTER TABLE {name} SET LOGGED;"));
        return false;
    }
    findings.ok("table");
    true
}

async fn published(
    session: &Session,
    table: &UpstreamTable,
    publication: &str,
    facts: &Facts,
    name: &str,
    findings: &mut Findings,
) -> Result<(), PgError> {
    let Some(of) = facts.publication else { return Ok(()) };
    if table.published.is_some() {
        findings.ok("published");
        return Ok(());
    }
    let name_of_publication = publication;
    let publication = shown(publication);
    if table.kind == RelationKind::Partitioned && session.version() < 130_000 {
        let message =
            format!("{name} is partitioned, and servers before 13 publish its partitions one by one");
        findings.fatal(
            "published",
            "NotPublished",
            message,
            "make a SourceTable of each partition, or upgrade to 13",
        );
        return Ok(());
    }
    // Is it in the publication, under other names?
    let sql = "\
        WITH RECURSIVE line AS (
            SELECT $2::oid AS oid
            UNION SELECT i.inhparent FROM line JOIN pg_class c ON c.oid = line.oid AND c.relispartition
            JOIN pg_inherits i ON i.inhrelid = line.oid
        )
        SELECT format('%I.%I', n.nspname, c.relname), c.oid = $2::oid FROM pg_publication p
        JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN line ON line.oid = r.prrelid
        JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.pubname = $1::text ORDER BY 2 LIMIT 1";
    let row = session
        .query_opt(sql, &[&name_of_publication, &table.oid])
        .await
        .map_err(PgError::sql(format!("check table {name}")))?;
    let member = row.is_some() || of.all_tables;
    if table.kind == RelationKind::Partitioned && member && !of.via_root {
        let message =
            format!("publication {publication} sends changes of {name} under the names of its partitions");
        let remedy = format!("ALTER PUBLICATION {publication} SET (publish_via_partition_root = true);");
        findings.fatal("published", "NotPublishedViaRoot", message, remedy);
    } else if table.is_partition && member && of.via_root {
        let root = row.map_or_else(|| "its root".to_owned(), |row| row.get(0));
        let message =
            format!("publication {publication} sends changes of partition {name} under the name of {root}");
        findings.fatal("published", "PublishedAsRoot", message, format!("make the SourceTable of {root}"));
    } else {
        let message = format!("publication {publication} does not contain table {name}");
        let remedy = format!("ALTER PUBLICATION {publication} ADD TABLE {name};");
        findings.fatal("published", "NotPublished", message, remedy);
    }
    Ok(())
}

/// The copy needs SELECT, and policies must hide no row from it. The stream needs neither. Which columns it needs is the SourceTable's to
/// say: see [`super::columns`].
async fn privileges(
    session: &Session,
    table: &UpstreamTable,
    facts: &Facts,
    name: &str,
    findings: &mut Findings,
) -> Result<(), PgError> {
    let sql = "\
        SELECT has_schema_privilege(c.relnamespace, 'USAGE'),
               has_any_column_privilege(c.oid, 'SELECT'),
               row_security_active(c.oid)
        FROM pg_class c WHERE c.oid = $1::oid";
    let row =
        session.query_one(sql, &[&table.oid]).await.map_err(PgError::sql(format!("check table {name}")))?;
    let role = &facts.role;
    let (usage, select, hidden): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let mut grants = Vec::new();
    if !usage {
        grants.push(format!("GRANT USAGE ON SCHEMA {} TO {role};", shown(&table.schema)));
    }
    if !select {
        grants.push(format!("GRANT SELECT ON {name} TO {role};"));
    }
    if grants.is_empty() {
        findings.ok("select-privilege");
    } else {
        let message = format!("role {role} may not read table {name}");
        findings.fatal("select-privilege", "PermissionDenied", message, grants.join(" "));
    }
    if hidden {
        let message = format!("policies of table {name} hide rows from role {role}: a copy would lack them");
        findings.fatal("row-security", "RowSecurity", message, format!("ALTER ROLE {role} BYPASSRLS;"));
    } else {
        findings.ok("row-security");
    }
    Ok(())
}

/// Without a replica identity UPDATE and DELETE on a published table fail upstream: inserts can be kept, but its owner should know.
fn identity(table: &UpstreamTable, facts: &Facts, name: &str, findings: &mut Findings) {
    let identified = table.replica_identity == ReplicaIdentity::Full || !table.key.is_empty();
    if identified || facts.publication.is_some_and(|of| !of.changes_rows) {
        findings.ok("replica-identity");
        return;
    }
    let why = match table.replica_identity {
        ReplicaIdentity::Nothing => "REPLICA IDENTITY NOTHING",
        ReplicaIdentity::Index => "a replica identity whose index is gone",
        ReplicaIdentity::Default | ReplicaIdentity::Full => "no primary key and no replica identity",
    };
    findings.warn(
        "replica-identity",
        "ReplicaIdentityMissing",
        format!("table {name} has {why}: once it is published, UPDATE and DELETE on it fail upstream"),
        format!("add a primary key, or ALTER TABLE {name} REPLICA IDENTITY FULL;"),
    );
}
