//! `cargo xtask bench`: Offtake against PostgreSQL's own tools, on one server, in one run.
//!
//! Figures are ratios: both sides do the same work on the same data within minutes of each other, so a slow or busy machine slows
//! both. A peer runs before and after Offtake, and its better run counts. Every measurement ends by comparing Offtake's answers with
//! PostgreSQL's; where they differ, the bench fails.

mod backlog;
mod drain;
mod latency;
mod machine;
mod peer;
mod shop;
mod snapshot;
mod table;
mod transaction;

use std::{future::Future, time::Duration};

use anyhow::{bail, ensure};
use offtake_embedded::Options;
use tokio::time::Instant;
use tokio_postgres::Client;

use self::{machine::Load, table::Line};
use crate::{Upstream, Worker};

/// What can be measured, in this order.
pub const MEASUREMENTS: [&str; 4] = ["snapshot", "backlog", "transaction", "latency"];
/// A busy machine may be slow; what takes longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(900);
/// Over the defaults of [`offtake_embedded`] (`fsync=off`, `full_page_writes=off`): no checkpoint falls into a measurement.
const SETTINGS: [(&str, &str); 3] =
    [("shared_buffers", "128MB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "1h")];

/// Runs all measurements, or one of [`MEASUREMENTS`], prints their table, and after all of them writes it to `docs/benchmarks.md`.
pub async fn run(only: Option<String>) -> anyhow::Result<()> {
    if let Some(name) = &only {
        ensure!(
            MEASUREMENTS.contains(&name.as_str()),
            "there is no measurement \"{name}\"; there are {}",
            MEASUREMENTS.join(", ")
        );
    }
    let bench = Bench::start().await?;
    let before = Load::now();
    let mut lines = Vec::new();
    for name in MEASUREMENTS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        eprintln!("measuring: {name}");
        bench.reset().await?;
        lines.push(match name {
            "snapshot" => snapshot::measure(&bench).await?,
            "backlog" => backlog::measure(&bench).await?,
            "transaction" => transaction::measure(&bench).await?,
            _ => latency::measure(&bench).await?,
        });
        eprintln!("{}", lines.last().map(Line::brief).unwrap_or_default());
    }
    let text = table::render(&lines, &before, &Load::now(), &bench.circumstances().await?);
    println!("{text}");
    if only.is_none() {
        table::publish(&text)?;
    }
    Ok(())
}

/// The server that everything is measured on.
struct Bench {
    upstream: Upstream,
    tools: peer::Tools,
}

impl Bench {
    async fn start() -> anyhow::Result<Bench> {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let upstream = Upstream::start_with("system", Options { settings, ..Options::default() }).await;
        let tools = peer::Tools::of(&upstream)?;
        Ok(Bench { upstream, tools })
    }

    /// Makes the database empty: no table, publication or slot of an earlier measurement.
    async fn reset(&self) -> anyhow::Result<()> {
        let client = self.client().await?;
        let deadline = Instant::now() + DEADLINE;
        loop {
            // A worker's slot stays taken for a moment after its process is gone.
            client
                .batch_execute(
                    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active",
                )
                .await?;
            let left: i64 = client.query_one("SELECT count(*) FROM pg_replication_slots", &[]).await?.get(0);
            if left == 0 {
                break;
            }
            ensure!(
                Instant::now() < deadline,
                "{left} replication slots of an earlier measurement stay in use"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client
            .batch_execute("DROP PUBLICATION IF EXISTS app; DROP SCHEMA public CASCADE; CREATE SCHEMA public; CHECKPOINT")
            .await?;
        Ok(())
    }

    /// A session that prints times as Offtake does.
    async fn client(&self) -> anyhow::Result<Client> {
        let client = self.upstream.connect().await;
        client.batch_execute("SET timezone = 'UTC'").await?;
        Ok(client)
    }

    /// When and on what this was measured.
    async fn circumstances(&self) -> anyhow::Result<String> {
        let client = self.client().await?;
        let row = client
            .query_one(
                "SELECT to_char(now(), 'YYYY-MM-DD HH24:MI') || ' UTC, PostgreSQL ' || current_setting('server_version')
                     || ' (' || (SELECT string_agg(name || '=' || current_setting(name), ', ' ORDER BY name)
                                 FROM pg_settings WHERE name IN ('shared_buffers', 'max_wal_size', 'fsync',
                                      'full_page_writes', 'synchronous_commit', 'checkpoint_timeout')) || ')'",
                &[],
            )
            .await?;
        Ok(row.get(0))
    }
}

/// Asks tightly until the answer is `Some`, and fails when the worker ended or [`DEADLINE`] has passed.
async fn poll<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    worker: &mut Worker,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if let Some(status) = worker.ended() {
            bail!("the worker ended ({status}) before {what}; its log:\n{}", worker.log());
        }
        ensure!(
            Instant::now() < deadline,
            "waited {DEADLINE:?} for {what}; the worker's log:\n{}",
            worker.log()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many of something a second.
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
