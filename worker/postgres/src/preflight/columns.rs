//! The columns that a SourceTable keeps. Pure.

use super::{Finding, Findings};
use crate::{
    catalog::UpstreamTable,
    quote::{shown, shown_table},
    shape,
};

/// Whether a copy can keep the columns of a table as a SourceTable says. For tables that [`super::preflight`] finds in order.
pub fn columns(table: &UpstreamTable, exclude: &[String], text: &[String]) -> Vec<Finding> {
    let mut findings =
        Findings { table: Some((table.schema.clone(), table.name.clone())), ..Findings::default() };
    let laid_out = shape::select(table, exclude, text).and_then(|wanted| shape::key(table, &wanted));
    match laid_out {
        Ok(_) => findings.ok("columns"),
        Err(error) => {
            let problem = error.problem();
            findings.fatal("columns", &problem.reason, problem.message, problem.remedy);
        }
    }
    // No error: a column that was excluded may be dropped. But a misspelt one would let the column through that was meant.
    let gone: Vec<String> =
        exclude.iter().filter(|name| table.column(name).is_none()).map(|name| shown(name)).collect();
    if !gone.is_empty() {
        let name = shown_table(&table.schema, &table.name);
        findings.warn(
            "excluded-columns",
            "UnknownColumn",
            format!("excludeColumns names what {name} does not have: {}", gone.join(", ")),
            "correct excludeColumns, unless they were dropped",
        );
    }
    findings.list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Published, RelationKind, ReplicaIdentity, UpstreamColumn};

    fn table() -> UpstreamTable {
        let column = |attnum, name: &str, type_oid, readable| UpstreamColumn {
            attnum,
            name: name.into(),
            type_oid,
            typmod: -1,
            base_type_oid: type_oid,
            base_typmod: -1,
            type_name: "t".into(),
            not_null: false,
            generated: false,
            readable,
        };
        UpstreamTable {
            oid: 1,
            schema: "public".into(),
            name: "t".into(),
            kind: RelationKind::Table,
            unlogged: false,
            is_partition: false,
            columns: vec![
                column(1, "id", 23, true),
                column(2, "email", 25, false),
                column(3, "span", 600, true),
            ],
            replica_identity: ReplicaIdentity::Default,
            key: vec!["id".into()],
            published: Some(Published { columns: None, row_filter: None }),
            via_root: false,
            row_estimate: None,
            bytes: 0,
        }
    }

    #[test]
    fn a_check_says_what_the_copy_will_say() {
        let found = |exclude: &[&str], text: &[&str]| -> Vec<(&str, bool, Option<String>)> {
            let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            columns(&table(), &strings(exclude), &strings(text))
                .into_iter()
                .map(|finding| (finding.check, finding.fatal, finding.problem.map(|problem| problem.reason)))
                .collect()
        };
        let fatal = |reason: &str| vec![("columns", true, Some(reason.to_owned()))];
        assert_eq!(found(&["email", "span"], &[]), [("columns", false, None)]);
        assert_eq!(found(&["email"], &[]), fatal("UnsupportedType"));
        assert_eq!(found(&[], &["span"]), fatal("PermissionDenied"));
        assert_eq!(found(&["email", "id"], &["span"]), fatal("KeyLeftOut"));
        assert_eq!(found(&["email"], &["span", "sapn"]), fatal("UnknownColumn"));
        assert_eq!(
            found(&["email", "gone"], &["span"]),
            [("columns", false, None), ("excluded-columns", false, Some("UnknownColumn".to_owned()))]
        );
    }
}
