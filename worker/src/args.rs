//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

/// PostgreSQL change data capture with views that stay right.
#[derive(Debug, Parser)]
#[command(name = "offtake", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a small shop on a private PostgreSQL server, with tables and views kept over it.
    Demo(Demo),
    /// Run the manifests of a folder, without Kubernetes, until stopped.
    Up(Up),
    /// End for good what `up` began: drop the slot upstream and remove the data directory.
    Down(Down),
    /// Check the manifests of a folder and report every finding with its remedy.
    Check(Check),
    /// Run a worker that is given its catalog over HTTP (what a StatefulSet runs).
    Worker(Worker),
}

#[derive(Debug, Args)]
pub struct Listen {
    /// Where to serve SQL.
    #[arg(long, default_value = "127.0.0.1:7654", value_name = "ADDRESS")]
    pub sql_listen: SocketAddr,
    /// Where to serve status, metrics and the HTTP API.
    #[arg(long, default_value = "127.0.0.1:7655", value_name = "ADDRESS")]
    pub http_listen: SocketAddr,
    /// A file of `user:password` lines for SCRAM-SHA-256. Without it, anyone may connect, and only loopback is served.
    #[arg(long, value_name = "FILE")]
    pub users_file: Option<PathBuf>,
    /// PEM certificate chain for TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM private key for TLS.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// A file with the bearer token that the HTTP API asks for.
    #[arg(long, value_name = "FILE")]
    pub http_token_file: Option<PathBuf>,
    /// What ad-hoc queries may take until their rows are sent, all together; default: a quarter of the memory.
    #[arg(long, value_name = "MIB")]
    pub query_memory: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// PostgreSQL: `any` (the machine's newest, or one from Maven Central), `system`, a major (11 to 18) or an exact version.
    #[arg(long, default_value = "any", value_name = "VERSION")]
    pub postgres: String,
    /// Keep the workload running for this long, for example 60s or 5m, and end. Without it, Ctrl-C ends the demo.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Transactions a second that the workload aims at.
    #[arg(long, default_value_t = 100, value_name = "RATE")]
    pub rate: u32,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Debug, Args)]
pub struct Up {
    /// The folder that holds the manifests (YAML or JSON).
    #[arg(short = 'f', long = "filename", value_name = "DIR")]
    pub manifests: PathBuf,
    /// Where tables are kept; a second start goes on from there.
    #[arg(long, default_value = ".offtake", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Which PgSource to run where the folder holds several.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Timely worker threads; default: the PgSource's spec.worker.threads, or 1.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Debug, Args)]
pub struct Down {
    /// The folder that holds the manifests (YAML or JSON).
    #[arg(short = 'f', long = "filename", value_name = "DIR")]
    pub manifests: PathBuf,
    /// Where `offtake up` kept the tables: removed.
    #[arg(long, default_value = ".offtake", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Which PgSource where the folder holds several.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The folder that holds the manifests (YAML or JSON).
    #[arg(short = 'f', long = "filename", value_name = "DIR")]
    pub manifests: PathBuf,
    /// Which PgSource to check where the folder holds several.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Also connect to the database and check what the source needs there.
    #[arg(long)]
    pub connect: bool,
}

#[derive(Debug, Args)]
pub struct Worker {
    /// Where tables are kept.
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Timely worker threads.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub threads: usize,
    #[command(flatten)]
    pub listen: Listen,
}

/// Reads `500ms`, `60s`, `5m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a time: write a number and ms, s, m or h, as in 60s");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    milliseconds.and_then(|unit| number.checked_mul(unit)).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_or_refused_with_the_reason() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "s", "60", "1d", "-1s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
