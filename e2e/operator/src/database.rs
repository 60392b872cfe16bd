//! A PostgreSQL server on this machine that pods reach.

use std::{env, process::Command, time::Duration};

use anyhow::{Context, bail};
use offtake_cluster::Cluster;
use offtake_embedded::{Binaries, Options, Server, Shutdown};
use tokio::runtime::Runtime;

pub const DATABASE: &str = "app";
pub const PASSWORD: &str = "upstream";

/// A running server with an empty database.
pub struct Database {
    server: Server,
    /// As pods reach it.
    host: String,
    runtime: Runtime,
}

impl Database {
    pub fn start(cluster: &Cluster) -> anyhow::Result<Database> {
        let host = match cluster.host() {
            Some(host) => host,
            None => env::var("OFFTAKE_TEST_HOST").context(
                "with KUBECONFIG, OFFTAKE_TEST_HOST must be this machine's address as pods reach it",
            )?,
        };
        // The crates below name no crypto provider of their own.
        rustls::crypto::ring::default_provider().install_default().ok();
        let runtime = Runtime::new().context("starting the runtime")?;
        let options = Options {
            password: Some(PASSWORD.to_owned()),
            settings: vec![
                ("listen_addresses".to_owned(), "*".to_owned()),
                // A checkpoint moves the log's end while nobody writes.
                ("checkpoint_timeout".to_owned(), "1h".to_owned()),
            ],
            hba: vec!["host all all 0.0.0.0/0 scram-sha-256".to_owned()],
            deadline: Duration::from_secs(120),
            ..Options::default()
        };
        let server = runtime.block_on(async {
            let version = "any".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
            let binaries = Binaries::find_or_fetch(&version, None).await?;
            Ok::<_, anyhow::Error>(Server::start(&binaries, options).await?)
        })?;
        let database = Database { server, host, runtime };
        psql(&database.uri("postgres"), &format!("CREATE DATABASE {DATABASE}"))?;
        Ok(database)
    }

    /// Runs SQL and answers the rows: columns separated by `|`, as psql prints them unaligned.
    pub fn sql(&self, sql: &str) -> anyhow::Result<String> {
        psql(&self.uri(DATABASE), sql)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.runtime.block_on(self.server.stop(Shutdown::Immediate)).context("stopping PostgreSQL")
    }

    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.runtime.block_on(self.server.resume()).context("starting PostgreSQL again")
    }

    fn uri(&self, database: &str) -> String {
        format!("postgresql://{}:{PASSWORD}@127.0.0.1:{}/{database}", self.server.user(), self.server.port())
    }
}

/// Runs SQL against any server.
pub fn psql(uri: &str, sql: &str) -> anyhow::Result<String> {
    let output = Command::new("psql")
        .args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            uri,
        ])
        .args(["--command", sql])
        .env("PGCONNECT_TIMEOUT", "10")
        .output()
        .context("starting psql: install PostgreSQL's client programs")?;
    if !output.status.success() {
        bail!("{sql}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
