//! What the stream does not tell.
//!
//! A table taken out of its publication and put back, dropped and created anew, a partition attached with rows in it, a publication
//! dropped (on 18): the stream goes on without a word, and rows are missing. Catalog rows have identities (OIDs) that such
//! acts change. So the catalog is observed every few seconds, and two observations are compared.

mod compare;

use futures::future::BoxFuture;
use std::collections::BTreeMap;

use offtake_contract::Lsn;
use serde::{Deserialize, Serialize};

use crate::{
    error::PgError,
    session::{CURRENT_WAL, Session, lsn},
};

pub use compare::{FenceChange, FenceChangeKind, compare};

/// A table to observe: by the OID it had when it was described, under the name it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub oid: u32,
    pub schema: String,
    pub name: String,
}

/// One observation, to be kept and compared with the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The end of the log just before: acts that the observation shows may be older or a little younger.
    pub observed_at: Lsn,
    pub(crate) publication: Option<PublicationFence>,
    /// By the OID that is watched.
    pub(crate) tables: BTreeMap<u32, TableFence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicationFence {
    pub(crate) oid: u32,
    pub(crate) name: String,
    /// insert, update, delete, truncate
    pub(crate) operations: [bool; 4],
    pub(crate) via_root: bool,
    #[serde(default)]
    pub(crate) owner: u32,
    /// The transaction that altered it last, in what it publishes or in whose it is; not in its list of tables.
    #[serde(default)]
    pub(crate) version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableFence {
    /// The name that is watched.
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The OID of whatever has that name now.
    pub(crate) under_name: Option<u32>,
    /// The relation of the watched OID, while it exists.
    pub(crate) relation: Option<RelationFence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RelationFence {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) persistence: String,
    pub(crate) replica_identity: String,
    /// The columns of the replica identity's index, by number.
    pub(crate) key: Vec<i16>,
    /// Why the table is in the publication: catalog rows by kind and OID, its partition ancestors' included. Empty: it is not.
    pub(crate) memberships: Vec<String>,
    /// For a partitioned table.
    pub(crate) partitions: BTreeMap<u32, PartitionFence>,
    /// Changed by everything that rewrites the table. 0 where it has no file of its own.
    #[serde(default)]
    pub(crate) file_node: u32,
    pub(crate) columns: BTreeMap<i16, ColumnFence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionFence {
    pub(crate) name: String,
    /// Changed by TRUNCATE, but by VACUUM FULL and CLUSTER as well. 0 for a partition that is partitioned itself.
    pub(crate) file_node: u32,
    /// Made by CREATE TABLE … PARTITION OF, so empty at first, and every row of it came under the root's name.
    pub(crate) born_attached: bool,
    /// The transaction that attached it.
    #[serde(default)]
    pub(crate) attached: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnFence {
    pub(crate) name: String,
    pub(crate) type_oid: u32,
    pub(crate) typmod: i32,
    /// The transaction that altered the column last, be it in its default.
    #[serde(default)]
    pub(crate) version: u32,
    /// Of an enum, or of what is made of one: its values' names by their OIDs.
    #[serde(default)]
    pub(crate) labels: BTreeMap<u32, String>,
}

/// Observes the publication and the tables. Each half is one statement, and so of one moment.
pub fn observe<'a>(
    session: &'a Session,
    publication: &'a str,
    tables: &'a [Watched],
) -> BoxFuture<'a, Result<Fence, PgError>> {
    Box::pin(async move {
        let via_root = if session.version() >= 130_000 { "pubviaroot" } else { "false" };
        let sql = format!(
            "SELECT ({CURRENT_WAL})::text, p.oid, pubinsert, pubupdate, pubdelete, pubtruncate, {via_root},
                p.pubowner, p.xmin::text::bigint
         FROM (VALUES (1)) one LEFT JOIN pg_publication p ON p.pubname = $1::text"
        );
        let row = session
            .query_one(&sql, &[&publication])
            .await
            .map_err(PgError::sql("observe the publication"))?;
        let observed_at = lsn(row.get(0))?;
        let publication_fence = row.get::<_, Option<u32>>(1).map(|oid| PublicationFence {
            oid,
            name: publication.to_owned(),
            operations: [row.get(2), row.get(3), row.get(4), row.get(5)],
            via_root: row.get(6),
            owner: row.get(7),
            version: transaction(row.get(8)),
        });
        let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
        let schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let rows = session
            .query(&tables_query(session.version()), &[&oids, &schemas, &names, &publication])
            .await
            .map_err(PgError::sql("observe the tables"))?;
        let tables = rows.iter().map(|row| (row.get(0), table_fence(row))).collect();
        Ok(Fence { observed_at, publication: publication_fence, tables })
    })
}

fn table_fence(row: &tokio_postgres::Row) -> TableFence {
    TableFence {
        schema: row.get(1),
        name: row.get(2),
        under_name: row.get(3),
        relation: row.get::<_, Option<String>>(4).map(|schema| RelationFence {
            schema,
            name: row.get(5),
            persistence: row.get(6),
            replica_identity: row.get(7),
            key: row.get::<_, Option<Vec<i16>>>(8).unwrap_or_default(),
            memberships: row.get::<_, Option<Vec<String>>>(9).unwrap_or_default(),
            partitions: {
                let oids = row.get::<_, Option<Vec<u32>>>(10).unwrap_or_default();
                let names = row.get::<_, Option<Vec<String>>>(11).unwrap_or_default();
                let nodes = row.get::<_, Option<Vec<u32>>>(12).unwrap_or_default();
                let born = row.get::<_, Option<Vec<bool>>>(13).unwrap_or_default();
                let attached = row.get::<_, Option<Vec<i64>>>(20).unwrap_or_default();
                let parts = names.into_iter().zip(nodes).zip(born).zip(attached).map(
                    |(((name, file_node), born_attached), attached)| PartitionFence {
                        name,
                        file_node,
                        born_attached,
                        attached: transaction(attached),
                    },
                );
                oids.into_iter().zip(parts).collect()
            },
            file_node: row.get::<_, Option<u32>>(19).unwrap_or_default(),
            columns: {
                let numbers = row.get::<_, Option<Vec<i16>>>(14).unwrap_or_default();
                let names = row.get::<_, Option<Vec<String>>>(15).unwrap_or_default();
                let types = row.get::<_, Option<Vec<u32>>>(16).unwrap_or_default();
                let modifiers = row.get::<_, Option<Vec<i32>>>(17).unwrap_or_default();
                let versions = row.get::<_, Option<Vec<i64>>>(18).unwrap_or_default();
                let labels = row.get::<_, Option<Vec<Option<String>>>>(21).unwrap_or_default();
                let columns = names.into_iter().zip(types).zip(modifiers).zip(versions).zip(labels).map(
                    |((((name, type_oid), typmod), version), labels)| ColumnFence {
                        name,
                        type_oid,
                        typmod,
                        version: transaction(version),
                        labels: labels.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
                    },
                );
                numbers.into_iter().zip(columns).collect()
            },
        }),
    }
}

/// A transaction's number as SQL's bigint has it.
fn transaction(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// SQL that tells a partition made by CREATE TABLE … PARTITION OF from one that was attached, perhaps with rows in it and perhaps by the
/// very transaction that created it. A creation writes the columns before the link to the parent; ATTACH writes every column again, by the
/// command that writes the link. So a column of the link's transaction and of an earlier command was there with the link from the
/// beginning. The command's number is to be trusted only where no transaction tried to delete or update the row since (`xmax`). Seen
/// on 13, 15, 17 and 18. Where every column was altered since, a created partition looks like an attached one.
const BORN_ATTACHED: &str = "EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = tree.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.xmax = 0 AND tree.untouched
    AND a.xmin = tree.attached AND a.cmin::text::bigint < tree.command)";

fn tables_query(version: u32) -> String {
    // FOR TABLES IN SCHEMA came with 15.
    let by_schema = if version >= 150_000 {
        "UNION ALL
         SELECT 's' || pn.oid FROM pg_publication_namespace pn JOIN pg_publication p ON p.oid = pn.pnpubid
         JOIN line ON true JOIN pg_class lc ON lc.oid = line.oid
         WHERE p.pubname = $4::text AND pn.pnnspid = lc.relnamespace"
    } else {
        ""
    };
    format!(
        "\
SELECT w.oid, w.schema, w.name,
       (SELECT x.oid FROM pg_class x JOIN pg_namespace xn ON xn.oid = x.relnamespace
        WHERE xn.nspname = w.schema AND x.relname = w.name),
       n.nspname::text, c.relname::text, c.relpersistence::text, c.relreplident::text,
       (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
        AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END),
       (WITH RECURSIVE line AS (
            SELECT c.oid AS oid
            UNION
            SELECT up.inhparent FROM line JOIN pg_class lc ON lc.oid = line.oid AND lc.relispartition
            JOIN pg_inherits up ON up.inhrelid = line.oid
        )
        SELECT array_agg(m ORDER BY m) FROM (
            SELECT 'r' || pr.oid AS m FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid
            WHERE p.pubname = $4::text AND pr.prrelid IN (SELECT oid FROM line)
            UNION ALL
            SELECT 'a' || p.oid FROM pg_publication p WHERE p.pubname = $4::text AND p.puballtables
            {by_schema}
        ) membership),
       parts.oids, parts.names, parts.nodes, parts.born,
       cols.numbers, cols.names, cols.types, cols.modifiers, cols.versions,
       pg_relation_filenode(c.oid), parts.attached, cols.labels
FROM unnest($1::oid[], $2::text[], $3::text[]) AS w(oid, schema, name)
LEFT JOIN pg_class c ON c.oid = w.oid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    WITH RECURSIVE tree AS (
        SELECT i.inhrelid AS oid, i.xmin AS attached, i.cmin::text::bigint AS command, i.xmax = 0 AS untouched
        FROM pg_inherits i WHERE i.inhparent = c.oid AND c.relkind = 'p'
        UNION ALL
        SELECT i.inhrelid, i.xmin, i.cmin::text::bigint, i.xmax = 0 FROM tree JOIN pg_class tc ON tc.oid = tree.oid AND tc.relkind = 'p'
        JOIN pg_inherits i ON i.inhparent = tree.oid
    )
    SELECT array_agg(tree.oid ORDER BY tree.oid) AS oids,
           array_agg(format('%I.%I', pn.nspname, pc.relname) ORDER BY tree.oid) AS names,
           array_agg(coalesce(pg_relation_filenode(tree.oid::regclass), 0::oid) ORDER BY tree.oid) AS nodes,
           array_agg({BORN_ATTACHED} ORDER BY tree.oid) AS born,
           array_agg(tree.attached::text::bigint ORDER BY tree.oid) AS attached
    FROM tree JOIN pg_class pc ON pc.oid = tree.oid JOIN pg_namespace pn ON pn.oid = pc.relnamespace
) parts ON true
LEFT JOIN LATERAL (
    SELECT array_agg(a.attnum ORDER BY a.attnum) AS numbers, array_agg(a.attname::text ORDER BY a.attnum) AS names,
           array_agg(a.atttypid ORDER BY a.attnum) AS types, array_agg(a.atttypmod ORDER BY a.attnum) AS modifiers,
           array_agg(a.xmin::text::bigint ORDER BY a.attnum) AS versions,
           array_agg((SELECT json_object_agg(e.oid, e.enumlabel)::text FROM pg_type t
                      JOIN pg_enum e ON e.enumtypid IN (t.oid, t.typelem, t.typbasetype) WHERE t.oid = a.atttypid)
                     ORDER BY a.attnum) AS labels
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) cols ON true"
    )
}
