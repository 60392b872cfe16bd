//! Whether the upstream can be read from, before anything is created there: every finding at once, each with its remedy.

mod columns;
mod provider;
mod source;
mod tables;

use offtake_contract::Problem;

pub use columns::columns;

use crate::{
    Working,
    error::PgError,
    session::{self, Session},
};

/// The answer of a pre-flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// `server_version_num`, for example 180004.
    pub server_version: u32,
    /// Unique to the cluster of databases; empty where the role may not read it (the replication client tells it too).
    pub system_identifier: String,
    /// Who runs the server ("Amazon RDS"), where its settings tell.
    pub provider: Option<&'static str>,
    /// What was checked: the source first, then table by table.
    pub findings: Vec<Finding>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, one kebab-case word for all servers and tables: `wal-level`, `select-privilege`.
    pub check: &'static str,
    /// The upstream table (schema and name) that it is about; `None` for the source.
    pub table: Option<(String, String)>,
    pub ok: bool,
    /// Where it is not ok.
    pub problem: Option<Problem>,
    /// Not ok, and the source or the table cannot run with it. Others are warnings.
    pub fatal: bool,
}

impl Preflight {
    /// The first thing that keeps the source from running.
    pub fn fatal(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.fatal && finding.table.is_none())
    }

    /// The first thing that keeps a table from running.
    pub fn table(&self, schema: &str, table: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| {
            finding.fatal && finding.table.as_ref().is_some_and(|(s, t)| s == schema && t == table)
        })
    }
}

/// Checks the server, the role, the publication, the slot and the tables (schema and name).
///
/// # Errors
/// Only where the checks themselves cannot run; what they find is in the answer.
pub fn preflight<'a>(
    session: &'a Session,
    publication: &'a str,
    slot: &'a str,
    tables: &'a [(String, String)],
) -> Working<'a, Preflight> {
    Box::pin(check(session, publication, slot, tables))
}

async fn check(
    session: &Session,
    publication: &str,
    slot: &str,
    tables: &[(String, String)],
) -> Result<Preflight, PgError> {
    let mut findings = Findings::default();
    let facts = source::check(session, publication, slot, tables, &mut findings).await?;
    for (schema, table) in tables {
        findings.table = Some((schema.clone(), table.clone()));
        tables::check(session, publication, &facts, schema, table, &mut findings).await?;
    }
    Ok(Preflight {
        server_version: session.version(),
        system_identifier: session::system_identifier(session).await.unwrap_or_default(),
        provider: facts.provider.name(),
        findings: findings.list,
    })
}

/// Collects findings about the source, or about the table that is being looked at.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
    table: Option<(String, String)>,
}

impl Findings {
    fn ok(&mut self, check: &'static str) {
        self.list.push(Finding { check, table: self.table.clone(), ok: true, problem: None, fatal: false });
    }

    fn add(
        &mut self,
        check: &'static str,
        fatal: bool,
        reason: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let problem = Some(Problem::new(reason, message, remedy));
        self.list.push(Finding { check, table: self.table.clone(), ok: false, problem, fatal });
    }

    fn fatal(
        &mut self,
        check: &'static str,
        reason: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, true, reason, message, remedy);
    }

    fn warn(
        &mut self,
        check: &'static str,
        reason: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, false, reason, message, remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fatal_findings_are_the_sources_or_a_tables() {
        let mut findings = Findings::default();
        findings.ok("version");
        findings.warn("slot-limit", "Unlimited", "no limit", "set one");
        findings.table = Some(("public".into(), "t".into()));
        findings.fatal("published", "NotPublished", "it is not", "ALTER PUBLICATION …");
        let preflight = Preflight {
            server_version: 180_000,
            system_identifier: String::new(),
            provider: None,
            findings: findings.list,
        };
        assert_eq!(preflight.fatal(), None);
        assert_eq!(preflight.table("public", "t").map(|finding| finding.check), Some("published"));
        assert_eq!(preflight.table("public", "u"), None);
    }
}
