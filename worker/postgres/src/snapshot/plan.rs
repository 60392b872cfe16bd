//! Cuts a table into COPY statements.

use crate::{
    catalog::{RelationKind, UpstreamTable},
    error::PgError,
    quote::{identifier, qualified},
    shape::Wanted,
    wire::connection::Wire,
};

/// Tables below so many blocks (of 8 KiB) are copied in one go: another connection costs more than it saves.
const SMALL_BLOCKS: u64 = 2048;
/// Parts for each connection, so that all of them have something to do until the end.
const PARTS_EACH: u64 = 4;

/// A physical table.
struct Piece {
    name: String,
    blocks: u64,
}

/// The COPY statements that give the whole table, each row once.
pub(super) async fn parts(
    wire: &mut Wire,
    table: &UpstreamTable,
    wanted: &[Wanted],
    parallelism: usize,
) -> Result<Vec<String>, PgError> {
    let select = Select { columns: columns(wanted), filter: filter(table) };
    let name = qualified(&table.schema, &table.name);
    let partitioned = table.kind == RelationKind::Partitioned;
    let whole = || vec![select.statement(if partitioned { "" } else { "ONLY " }, &name, None)];
    // Without tid range scans every part would read all of the table.
    if parallelism < 2 || wire.version() < 140_000 {
        return Ok(whole());
    }
    let Some(pieces) = pieces(wire, table.oid).await? else { return Ok(whole()) };
    let total: u64 = pieces.iter().map(|piece| piece.blocks).sum();
    if total < SMALL_BLOCKS {
        return Ok(whole());
    }
    let blocks = total.div_ceil(parallelism as u64 * PARTS_EACH).max(SMALL_BLOCKS / 4);
    Ok(pieces
        .iter()
        .flat_map(|piece| {
            let ranges = ranges(piece.blocks, blocks);
            ranges.into_iter().map(|range| select.statement("ONLY ", &piece.name, Some(range)))
        })
        .collect())
}

struct Select {
    columns: String,
    filter: Option<String>,
}

impl Select {
    fn statement(&self, only: &str, name: &str, range: Option<(Option<u64>, Option<u64>)>) -> String {
        let mut conditions: Vec<String> = self.filter.iter().map(|filter| format!("({filter})")).collect();
        if let Some((from, to)) = range {
            conditions.extend(from.map(|block| format!("ctid >= '({block},0)'::tid")));
            conditions.extend(to.map(|block| format!("ctid < '({block},0)'::tid")));
        }
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        format!("COPY (SELECT {} FROM {only}{name}{conditions}) TO STDOUT (FORMAT binary)", self.columns)
    }
}

/// Ranges of blocks, the first one open at its start and the last one at its end: the file may grow while we copy, and rows of the
/// snapshot may not be past its end as it was measured, but nothing is lost by asking.
fn ranges(blocks: u64, each: u64) -> Vec<(Option<u64>, Option<u64>)> {
    let cuts: Vec<u64> = (1..).map(|n| n * each).take_while(|&cut| cut < blocks).collect();
    let starts = std::iter::once(None).chain(cuts.iter().copied().map(Some));
    let ends = cuts.iter().copied().map(Some).chain(std::iter::once(None));
    starts.zip(ends).collect()
}

/// A column that is kept as text goes through its output function, as it does in the stream: a cast to text prints some types
/// differently (boolean, inet, char(n)). `num_nulls` and not `IS NULL`, which a composite value of nulls would pass.
fn columns(wanted: &[Wanted]) -> String {
    let columns: Vec<String> = wanted
        .iter()
        .map(|want| {
            let name = identifier(&want.name);
            match want.as_text {
                true => format!("CASE WHEN num_nulls({name}) = 0 THEN format('%s', {name}) END"),
                false => name,
            }
        })
        .collect();
    columns.join(", ")
}

fn filter(table: &UpstreamTable) -> Option<String> {
    table.published.as_ref()?.row_filter.clone()
}

/// The physical tables below a relation, itself for a plain one. `None` where not all of them can be read on their own: a foreign
/// partition, one that the role may only read by its root, or some columns only: `ctid` takes SELECT on the table.
async fn pieces(wire: &mut Wire, oid: u32) -> Result<Option<Vec<Piece>>, PgError> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')
                AND has_schema_privilege(n.oid, 'USAGE'),
                pg_relation_size(c.oid) / current_setting('block_size')::bigint
         FROM pg_partition_tree({oid}) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE t.isleaf
         UNION ALL
         SELECT format('%I.%I', n.nspname, c.relname), has_table_privilege(c.oid, 'SELECT'),
                pg_relation_size(c.oid) / current_setting('block_size')::bigint
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = {oid} AND c.relkind = 'r' AND NOT c.relispartition"
    );
    let rows = wire.query("measure the table", &sql).await?;
    let mut pieces = Vec::with_capacity(rows.len());
    for row in rows {
        let [Some(name), Some(readable), Some(blocks)] = row.as_slice() else { return Ok(None) };
        if readable != "t" {
            return Ok(None);
        }
        pieces.push(Piece { name: name.clone(), blocks: blocks.parse().unwrap_or(0) });
    }
    Ok((!pieces.is_empty()).then_some(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once() {
        assert_eq!(ranges(10, 100), [(None, None)]);
        assert_eq!(ranges(300, 100), [(None, Some(100)), (Some(100), Some(200)), (Some(200), None)]);
        assert_eq!(ranges(301, 100).last(), Some(&(Some(300), None)));
    }

    #[test]
    fn statements_filter_and_cut() {
        let select = Select { columns: "\"a\"".into(), filter: Some("a > 1".into()) };
        assert_eq!(
            select.statement("ONLY ", "s.t", Some((Some(5), None))),
            "COPY (SELECT \"a\" FROM ONLY s.t WHERE (a > 1) AND ctid >= '(5,0)'::tid) TO STDOUT (FORMAT binary)"
        );
    }
}
