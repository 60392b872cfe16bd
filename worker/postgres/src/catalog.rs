//! What the upstream's catalog says of one table.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{error::PgError, session::Session};

/// A relation as it stands upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamTable {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: RelationKind,
    /// Unlogged or temporary: its changes are in no log.
    pub unlogged: bool,
    /// A partition of another table.
    pub is_partition: bool,
    /// Columns that are there now, in order.
    pub columns: Vec<UpstreamColumn>,
    pub replica_identity: ReplicaIdentity,
    /// The columns that identify a row in the stream: the primary key's (Default) or the chosen index's (Index), in the table's order.
    /// Empty where there are none, and with Full.
    pub key: Vec<String>,
    /// `None` where the publication does not send changes under this table's name.
    pub published: Option<Published>,
    /// The publication sends changes of partitions under their root's name (`publish_via_partition_root`).
    pub via_root: bool,
    /// From the planner's statistics; `None` where there are none yet.
    pub row_estimate: Option<u64>,
    /// On disk, with TOAST, without indexes; for a partitioned table of all its partitions.
    pub bytes: u64,
}

/// A column of an [`UpstreamTable`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamColumn {
    pub attnum: i16,
    pub name: String,
    pub type_oid: u32,
    pub typmod: i32,
    /// What a domain is made of, however deep; the type itself where it is none.
    pub base_type_oid: u32,
    pub base_typmod: i32,
    /// As `format_type` prints it.
    pub type_name: String,
    pub not_null: bool,
    /// A generated column. The stream lacks it before 18, and virtual ones on every version.
    pub generated: bool,
    /// The role may SELECT it: by a grant on the table, or on the column alone.
    pub readable: bool,
}

/// What the publication sends of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The columns that are sent, where the server tells (15 and later); else all but generated ones are.
    pub columns: Option<Vec<String>>,
    /// The row filter as an expression, where there is one (15 and later).
    pub row_filter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationKind {
    Table,
    Partitioned,
    View,
    MaterializedView,
    Foreign,
    /// A sequence, an index, a composite type.
    Other,
}

/// `pg_class.relreplident`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaIdentity {
    Default,
    Index,
    Full,
    Nothing,
}

impl RelationKind {
    pub(crate) fn from_relkind(relkind: &str) -> RelationKind {
        match relkind {
            "r" => RelationKind::Table,
            "p" => RelationKind::Partitioned,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterializedView,
            "f" => RelationKind::Foreign,
            _ => RelationKind::Other,
        }
    }
}

impl ReplicaIdentity {
    pub(crate) fn from_relreplident(letter: &str) -> ReplicaIdentity {
        match letter {
            "i" => ReplicaIdentity::Index,
            "f" => ReplicaIdentity::Full,
            "n" => ReplicaIdentity::Nothing,
            _ => ReplicaIdentity::Default,
        }
    }
}

impl UpstreamTable {
    /// Whether the stream carries a column.
    pub fn sends(&self, column: &UpstreamColumn) -> bool {
        match self.published.as_ref().and_then(|published| published.columns.as_ref()) {
            Some(sent) => sent.contains(&column.name),
            None => !column.generated,
        }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&UpstreamColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

const RELATION: &str = "\
SELECT c.oid, c.relkind::text, c.relpersistence::text, c.relispartition, c.relreplident::text,
       CASE WHEN c.relkind = 'p'
            THEN (SELECT sum(l.reltuples)::float8 FROM leaves JOIN pg_class l ON l.oid = leaves.oid
                  WHERE l.relkind <> 'p' AND l.reltuples >= 0)
            ELSE c.reltuples::float8 END,
       c.relpages::bigint,
       (SELECT coalesce(sum(pg_table_size(l.oid::regclass)), 0)::bigint FROM leaves JOIN pg_class l ON l.oid = leaves.oid
        WHERE l.relkind IN ('r', 'm')),
       (i.indkey::int2[])[0:i.indnkeyatts - 1]
FROM target
JOIN pg_class c ON c.oid = target.oid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
     AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END";

/// The relation and, for a partitioned one, everything below it.
const TARGET: &str = "\
WITH RECURSIVE target AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1::text AND c.relname = $2::text
), leaves AS (
    SELECT oid FROM target
    UNION
    SELECT i.inhrelid FROM leaves JOIN pg_class p ON p.oid = leaves.oid AND p.relkind = 'p'
    JOIN pg_inherits i ON i.inhparent = leaves.oid
)
";

/// `attgenerated` came with 12.
fn columns_query(version: u32) -> String {
    let generated = if version >= 120_000 { "a.attgenerated <> ''" } else { "false" };
    format!(
        "\
SELECT a.attnum, a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, {generated}, b.typid, b.typmod,
       coalesce(has_column_privilege(a.attrelid, a.attnum, 'SELECT'), false)
FROM pg_attribute a
CROSS JOIN LATERAL (
    WITH RECURSIVE chain AS (
        SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, a.atttypmod AS typmod, 0 AS depth
        FROM pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, chain.typtypmod, chain.depth + 1
        FROM chain JOIN pg_type t ON t.oid = chain.typbasetype WHERE chain.typtype = 'd'
    )
    SELECT oid AS typid, typmod FROM chain ORDER BY depth DESC LIMIT 1
) b
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum"
    )
}

/// Describes a table and what the publication sends of it.
///
/// # Errors
/// [`PgError::TableMissing`] where there is no such relation; a missing publication is no error, nothing is published then.
pub fn describe<'a>(
    session: &'a Session,
    publication: &'a str,
    schema: &'a str,
    table: &'a str,
) -> BoxFuture<'a, Result<UpstreamTable, PgError>> {
    Box::pin(async move {
        let context = || PgError::sql(format!("describe table {schema}.{table}"));
        let Some(row) =
            session.query_opt(&format!("{TARGET}{RELATION}"), &[&schema, &table]).await.map_err(context())?
        else {
            return Err(PgError::TableMissing { schema: schema.to_owned(), table: table.to_owned() });
        };
        let oid: u32 = row.get(0);
        let kind = RelationKind::from_relkind(row.get(1));
        let columns: Vec<UpstreamColumn> = session
            .query(&columns_query(session.version()), &[&oid])
            .await
            .map_err(context())?
            .iter()
            .map(|row| UpstreamColumn {
                attnum: row.get(0),
                name: row.get(1),
                type_oid: row.get(2),
                typmod: row.get(3),
                type_name: row.get(4),
                not_null: row.get(5),
                generated: row.get(6),
                base_type_oid: row.get(7),
                base_typmod: row.get(8),
                readable: row.get(9),
            })
            .collect();
        let key: Vec<i16> = row.get::<_, Option<Vec<i16>>>(8).unwrap_or_default();
        let key =
            columns.iter().filter(|column| key.contains(&column.attnum)).map(|column| column.name.clone());
        let estimate = row
            .get::<_, Option<f64>>(5)
            .filter(|&rows| rows > 0.0 || (rows == 0.0 && row.get::<_, i64>(6) > 0));
        Ok(UpstreamTable {
            oid,
            schema: schema.to_owned(),
            name: table.to_owned(),
            kind,
            unlogged: row.get::<_, &str>(2) != "p",
            is_partition: row.get(3),
            replica_identity: ReplicaIdentity::from_relreplident(row.get(4)),
            key: key.collect(),
            published: published(session, publication, schema, table).await?,
            via_root: via_root(session, publication).await?,
            row_estimate: estimate.map(|rows| rows as u64),
            bytes: row.get::<_, i64>(7).unsigned_abs(),
            columns,
        })
    })
}

/// `pg_publication_tables` names each table under whose name changes come: roots with `publish_via_partition_root`, else leaves.
async fn published(
    session: &Session,
    publication: &str,
    schema: &str,
    table: &str,
) -> Result<Option<Published>, PgError> {
    let context = PgError::sql(format!("read publication {publication}"));
    let extra = if session.version() >= 150_000 {
        "t.attnames::text[], t.rowfilter"
    } else {
        "NULL::text[], NULL::text"
    };
    let sql = format!(
        "SELECT {extra} FROM pg_publication_tables t
         WHERE t.pubname = $1::text AND t.schemaname = $2::text AND t.tablename = $3::text"
    );
    let row = session.query_opt(&sql, &[&publication, &schema, &table]).await.map_err(context)?;
    Ok(row.map(|row| Published { columns: row.get(0), row_filter: row.get(1) }))
}

/// `pubviaroot` came with 13.
async fn via_root(session: &Session, publication: &str) -> Result<bool, PgError> {
    if session.version() < 130_000 {
        return Ok(false);
    }
    let row = session
        .query_opt("SELECT pubviaroot FROM pg_publication WHERE pubname = $1::text", &[&publication])
        .await
        .map_err(PgError::sql(format!("read publication {publication}")))?;
    Ok(row.is_some_and(|row| row.get(0)))
}
