//! A real PostgreSQL server for one test.

use std::{path::Path, process::Command, time::Duration};

use offtake_contract::Lsn;
use offtake_embedded::{Binaries, Options, Server};
use tokio_postgres::{Client, NoTls};

/// The database that tests use.
pub const DATABASE: &str = "app";
pub const PASSWORD: &str = "pass'word: \"x\"";

/// A running server with an empty database.
pub struct Upstream {
    pub server: Server,
}

impl Upstream {
    /// Starts a server of a version (`11`, `18`, `any`).
    pub async fn start(version: &str) -> Upstream {
        Upstream::start_with(version, Options::default()).await
    }

    pub async fn start_with(version: &str, options: Options) -> Upstream {
        let version = version.parse().expect("a version");
        let binaries = Binaries::find_or_fetch(&version, None).await.expect("PostgreSQL binaries");
        let options = Options {
            password: Some(PASSWORD.to_owned()),
            durable: false,
            deadline: Duration::from_secs(120),
            ..options
        };
        let server = Server::start(&binaries, options).await.expect("a PostgreSQL server");
        let upstream = Upstream { server };
        let admin = upstream.connect_to("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await.expect("a database");
        upstream
    }

    pub async fn connect(&self) -> Client {
        self.connect_to(DATABASE).await
    }

    pub async fn connect_to(&self, database: &str) -> Client {
        connect(&self.server.connection_string(database)).await.expect("a connection upstream")
    }

    /// How to connect, for tasks that outlive a borrow of the server.
    pub fn address(&self) -> String {
        self.server.connection_string(DATABASE)
    }

    /// Runs SQL that must succeed.
    pub async fn run(&self, sql: &str) {
        self.connect().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

pub async fn connect(address: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The end of the upstream's log: a read at it sees everything committed before the call.
pub async fn wal_end(client: &Client) -> Result<Lsn, tokio_postgres::Error> {
    let row = client.query_one("SELECT pg_current_wal_lsn()::text", &[]).await?;
    Ok(row.get::<_, String>(0).parse().expect("PostgreSQL writes an LSN"))
}

/// Copies a stopped server's files, with their owners.
pub fn copy_files(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success(), "cp: {copied}");
}
