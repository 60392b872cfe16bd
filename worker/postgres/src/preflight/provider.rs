//! Managed services, where the same remedy is another handle.

use crate::{error::PgError, session::Session};

/// Who runs the server, as far as its settings tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// Amazon RDS and Aurora.
    Amazon,
    /// Google Cloud SQL and AlloyDB.
    Google,
    /// Azure Database for PostgreSQL.
    Azure,
    Neon,
    /// Its owner, or somebody who left no mark.
    Own,
}

pub(super) async fn detect(session: &Session) -> Result<Provider, PgError> {
    let sql = "SELECT bool_or(name LIKE 'rds.%'), bool_or(name LIKE 'cloudsql.%' OR name LIKE 'alloydb.%'),
                      bool_or(name LIKE 'azure.%'), bool_or(name LIKE 'neon.%')
               FROM pg_settings";
    let row = session.query_one(sql, &[]).await.map_err(PgError::sql("look at the settings"))?;
    let marks = [Provider::Amazon, Provider::Google, Provider::Azure, Provider::Neon];
    let found =
        marks.into_iter().enumerate().find(|(index, _)| row.get::<_, Option<bool>>(*index) == Some(true));
    Ok(found.map_or(Provider::Own, |(_, provider)| provider))
}

impl Provider {
    /// As its customers call it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Provider::Amazon => Some("Amazon RDS"),
            Provider::Google => Some("Google Cloud SQL"),
            Provider::Azure => Some("Azure Database"),
            Provider::Neon => Some("Neon"),
            Provider::Own => None,
        }
    }

    /// How `wal_level` becomes `logical`.
    pub(super) fn set_wal_level(self) -> &'static str {
        match self {
            Provider::Amazon => {
                "set rds.logical_replication = 1 in the parameter group of the instance or cluster, and reboot it"
            }
            Provider::Google => {
                "set the flag cloudsql.logical_decoding (AlloyDB: alloydb.logical_decoding) = on, which restarts it"
            }
            Provider::Azure => "set the server parameter wal_level = logical, and restart the server",
            Provider::Neon => "enable logical replication in the settings of the project",
            Provider::Own => "ALTER SYSTEM SET wal_level = 'logical'; and restart the server",
        }
    }

    /// How another setting is raised.
    pub(super) fn raise(self, setting: &str, to: i64) -> String {
        match self {
            Provider::Amazon => format!("set {setting} = {to} in the parameter group, and reboot"),
            Provider::Google => format!("set the flag {setting} = {to}, which restarts the instance"),
            Provider::Azure => format!("set the server parameter {setting} = {to}, and restart the server"),
            Provider::Neon | Provider::Own => {
                format!("ALTER SYSTEM SET {setting} = {to}; and restart the server")
            }
        }
    }

    /// How a role gets the right to replicate. `role` is quoted already.
    pub(super) fn permit_replication(self, role: &str) -> String {
        match self {
            Provider::Amazon => format!("GRANT rds_replication TO {role};"),
            _ => format!("ALTER ROLE {role} REPLICATION;"),
        }
    }
}
