//! The first copy of a table.

use std::net::SocketAddr;

use anyhow::{bail, ensure};
use offtake_contract::{SourcePhase, Status, TablePhase};
use tokio::time::Instant;

use super::{
    Bench, machine, poll, rate,
    table::{Line, grouped},
};
use crate::{Worker, manifests, oracle, oracle::Question};

const ROWS: u64 = 2_000_000;
const MARK: f64 = 0.35;

pub async fn measure(bench: &Bench) -> anyhow::Result<Line> {
    let client = bench.client().await?;
    client
        .batch_execute(&format!(
            "CREATE TABLE t (id bigint PRIMARY KEY, qty int NOT NULL, amount numeric(12,2) NOT NULL,
                             placed timestamptz NOT NULL, note text NOT NULL, doc jsonb NOT NULL);
             INSERT INTO t SELECT id, id % 1000, (id % 999983) / 100.0, timestamptz '2024-01-01Z' + id * interval '1 s',
                                  md5(id::text), jsonb_build_object('k', id % 97, 'tag', 'v' || id % 1009)
                           FROM generate_series(1, {ROWS}) id;
             CREATE TABLE marks (id bigint PRIMARY KEY);
             CREATE PUBLICATION app FOR TABLE t, marks"
        ))
        .await?;
    // As after an autovacuum: neither side sets hint bits for the other.
    client.batch_execute("VACUUM (FREEZE, ANALYZE) t").await?;
    client.batch_execute("CHECKPOINT").await?;

    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&bench.upstream)),
        ("marks.yaml", manifests::tables(&["marks"])),
    ]);
    let status = worker.ready().await;
    ensure!(status.source.phase == SourcePhase::Streaming, "the source is {:?}", status.source.phase);

    let first = bench.tools.copy_out("t").await?;

    let start = Instant::now();
    worker.write("t.yaml", &manifests::tables(&["t"]));
    let address = worker.http;
    let done = poll(&mut worker, "the table to run", || async {
        Ok((phase(address, "t").await? == Some(TablePhase::Running)).then(Instant::now))
    })
    .await?;
    let peak = machine::peak_memory(&worker.data());

    let second = bench.tools.copy_out("t").await?;
    let sums = "SELECT count(*), sum(id), sum(qty), sum(amount), min(placed), max(placed) FROM t";
    let sample = "SELECT id, qty, amount, placed, note, doc FROM t WHERE id % 1999 = 0";
    let questions = [Question { read: sums, ask: sums }, Question { read: sample, ask: sample }];
    oracle::compare(&client, &mut worker, &questions, "snapshot").await;
    worker.stop().await;

    let (copied, peer) = (rate(ROWS, done - start), rate(ROWS, first.min(second)));
    Ok(Line {
        name: "snapshot of 2,000,000 rows".to_owned(),
        offtake: format!("{} rows/s", grouped(copied)),
        peer: format!("binary COPY to /dev/null {} rows/s", grouped(peer)),
        ratio: Some(format!("{:.2}", copied / peer)),
        mark: format!("≥ {MARK:.2}"),
        met: copied / peer >= MARK,
        peak,
    })
}

/// The table's phase in the worker's status.
async fn phase(address: SocketAddr, name: &str) -> anyhow::Result<Option<TablePhase>> {
    let url = format!("http://{address}/v1/status");
    let status: Option<Status> =
        tokio::task::spawn_blocking(move || ureq::get(&url).call().ok()?.body_mut().read_json().ok()).await?;
    let table = status.into_iter().flat_map(|status| status.tables).find(|table| table.name == name);
    if let Some(problem) = table.as_ref().and_then(|table| table.problem.as_ref()) {
        bail!("the table {name} cannot be copied: {problem}");
    }
    Ok(table.map(|table| table.phase))
}
