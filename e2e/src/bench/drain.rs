//! The same backlog, drained by pg_recvlogical and by a worker that keeps a view.

use std::future::Future;

use anyhow::ensure;
use tokio::time::Instant;
use tokio_postgres::Client;

use super::{
    Bench, DEADLINE, machine, poll, rate, shop,
    table::{Line, grouped},
};
use crate::{
    upstream::wal_end,
    worker::{self, rows},
};

/// What was drained, and how it is to be called.
pub struct Backlog {
    pub name: String,
    pub changes: u64,
    /// The least part of pg_recvlogical's rate.
    pub mark: f64,
}

/// Makes a backlog while the worker is stopped, and times both.
pub async fn measure<F>(
    bench: &Bench,
    backlog: Backlog,
    make: impl FnOnce(Vec<Client>) -> F,
) -> anyhow::Result<Line>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let Backlog { name, changes, mark } = backlog;
    let (client, mut worker) = shop::open(bench).await?;
    let ended = worker.stop().await;
    ensure!(ended.success(), "the worker ended with {ended}:\n{}", worker.log());
    for slot in ["peer_before", "peer_after"] {
        client.execute("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", &[&slot]).await?;
    }
    make(vec![bench.client().await?, bench.client().await?]).await?;
    let end = wal_end(&client).await?;
    // Something that is published follows: pg_recvlogical ends when it sees it, not at its next keepalive.
    client.batch_execute("INSERT INTO marks DEFAULT VALUES").await?;
    let expected = answer(&client, "SELECT region, count(*), sum(amount) FROM orders JOIN customers ON customers.id = customer GROUP BY 1").await?;

    let first = bench.tools.receive("peer_before", end).await?;

    let start = Instant::now();
    worker.spawn();
    let streaming = poll(&mut worker, "the worker to take its slot", || slot_taken(&client)).await?;
    let reader = worker.connect().await;
    reader.batch_execute(&format!("SET offtake.wait_timeout = {}", DEADLINE.as_millis())).await?;
    worker::read_at(&reader, end).await?;
    // Until the view is up again, reading it is an error; from then on, it waits.
    let seen = poll(&mut worker, "the view at the backlog's end", || async {
        Ok(answer(&reader, shop::READ).await.ok())
    });
    let seen = seen.await?;
    let done = Instant::now();
    ensure!(seen == expected, "{name}: the view at {end} is {seen:?} and should be {expected:?}");
    let peak = machine::peak_memory(&worker.data());
    shop::verify(&client, &mut worker, &name).await;

    let second = bench.tools.receive("peer_after", end).await?;
    worker.stop().await;

    let streamed = rate(changes, done - streaming);
    let from_start = rate(changes, done - start);
    let received = rate(changes, first.min(second));
    Ok(Line {
        name,
        offtake: format!("{} changes/s ({} from process start)", grouped(streamed), grouped(from_start)),
        peer: format!("pg_recvlogical {} changes/s", grouped(received)),
        ratio: Some(format!("{:.2} ({:.2})", streamed / received, from_start / received)),
        mark: format!("≥ {mark:.2}"),
        met: streamed / received >= mark,
        peak,
    })
}

/// The moment at which a slot other than the peers' is in use.
async fn slot_taken(client: &Client) -> anyhow::Result<Option<Instant>> {
    let taken =
        "SELECT EXISTS (SELECT 1 FROM pg_replication_slots WHERE active AND slot_name NOT LIKE 'peer%')";
    Ok(client.query_one(taken, &[]).await?.get::<_, bool>(0).then(Instant::now))
}

async fn answer(client: &Client, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let mut rows = rows(client, sql).await?;
    rows.sort();
    Ok(rows)
}
