//! PostgreSQL's own clients, as what Offtake is measured against.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use offtake_contract::Lsn;
use tokio::process::Command;

use crate::{
    Upstream,
    upstream::{DATABASE, PASSWORD},
};

/// Where they are and whom they talk to.
pub struct Tools {
    folder: PathBuf,
    address: [String; 8],
}

impl Tools {
    pub fn of(upstream: &Upstream) -> anyhow::Result<Tools> {
        let major = upstream.server.major();
        let folders = [format!("/usr/lib/postgresql/{major}/bin"), format!("/usr/pgsql-{major}/bin")];
        let found = folders.iter().map(PathBuf::from).find(|folder| folder.join("pg_recvlogical").exists());
        let folder = found.with_context(|| {
            format!(
                "pg_recvlogical of PostgreSQL {major} is in none of {}: install postgresql-{major}",
                folders.join(", ")
            )
        })?;
        let port = upstream.server.port().to_string();
        let address =
            ["-h", upstream.server.host(), "-p", &port, "-U", upstream.server.user(), "-d", DATABASE];
        Ok(Tools { folder, address: address.map(str::to_owned) })
    }

    /// `COPY (SELECT * FROM table) TO STDOUT (FORMAT binary)` through psql to `/dev/null`.
    pub async fn copy_out(&self, table: &str) -> anyhow::Result<Duration> {
        let copy = format!("COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)");
        self.run("psql", &["-q", "-X", "-v", "ON_ERROR_STOP=1", "-c", &copy]).await
    }

    /// Reads a slot from where it stands to `end`, into `/dev/null`.
    pub async fn receive(&self, slot: &str, end: Lsn) -> anyhow::Result<Duration> {
        let end = end.to_string();
        let options = ["-o", "proto_version=1", "-o", "publication_names=app"];
        let arguments = ["--slot", slot, "--start", "--no-loop", "--endpos", &end, "-f", "/dev/null"];
        self.run("pg_recvlogical", &[&arguments[..], &options[..]].concat()).await
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Duration> {
        let mut command = Command::new(self.folder.join(program));
        command.args(&self.address).args(arguments).env("PGPASSWORD", PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let start = Instant::now();
        let ended =
            command.spawn().with_context(|| format!("starting {program}"))?.wait_with_output().await?;
        let took = start.elapsed();
        ensure!(
            ended.status.success(),
            "{program}: {}: {}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr)
        );
        Ok(took)
    }
}
