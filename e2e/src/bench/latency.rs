//! From a commit upstream to a read that sees it, under a steady load that the machine carries easily.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offtake_contract::Lsn;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_postgres::{Client, types::ToSql};

use super::{
    Bench, machine,
    shop::{self, CUSTOMERS, ORDERS, REGIONS},
    table::{Line, grouped},
};
use crate::worker;

const RATE: u32 = 200;
const WARM_UP: usize = RATE as usize;
const MEASURED: usize = 20 * RATE as usize;
/// Enough that none has to finish one read before the next is due.
const READERS: usize = 8;
const MARK: Duration = Duration::from_millis(50);

/// A transaction that has committed.
struct Committed {
    at: Instant,
    lsn: Lsn,
    region: i32,
    /// What the region's count must have reached.
    orders: i64,
}

pub async fn measure(bench: &Bench) -> Result<Line> {
    let (client, mut worker) = shop::open(bench).await?;
    let mut readers = JoinSet::new();
    let mut queues = Vec::new();
    for _ in 0..READERS {
        let (queue, commits) = mpsc::unbounded_channel();
        queues.push(queue);
        readers.spawn(read(worker.connect().await, commits));
    }
    let start = Instant::now();
    write(&client, queues).await?;
    let took = start.elapsed();
    let mut latencies = Vec::with_capacity(MEASURED);
    while let Some(done) = readers.join_next().await {
        let seen = done.context("a reader")??;
        latencies.extend(seen.into_iter().filter(|(nth, _)| *nth >= WARM_UP).map(|(_, latency)| latency));
    }
    ensure!(latencies.len() == MEASURED, "{} of {MEASURED} commits were read", latencies.len());
    let peak = machine::peak_memory(&worker.data());
    shop::verify(&client, &mut worker, "latency").await;
    worker.stop().await;

    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part).round() as usize];
    let (p50, p99, worst) = (at(0.5), at(0.99), at(1.0));
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    Ok(Line {
        name: format!("commit to visible at {RATE} transactions/s"),
        offtake: format!(
            "p50 {}, p99 {} (worst {})",
            milliseconds(p50),
            milliseconds(p99),
            milliseconds(worst)
        ),
        peer: format!(
            "– ({} transactions/s reached)",
            grouped((WARM_UP + MEASURED) as f64 / took.as_secs_f64())
        ),
        ratio: None,
        mark: "p99 < 50 ms".to_owned(),
        met: p99 < MARK,
        peak,
    })
}

/// Commits at the rate, and tells the readers in turn.
async fn write(client: &Client, queues: Vec<UnboundedSender<(usize, Committed)>>) -> Result<()> {
    let insert = format!(
        "INSERT INTO orders VALUES ($1::bigint, {}, ($1::bigint % 99991) / 100.0, now(), 'live')",
        shop::customer_of("$1::bigint")
    );
    let insert = client.prepare(&insert).await?;
    let position = client.prepare("SELECT pg_current_wal_lsn()::text").await?;
    let counts = client
        .query("SELECT substr(region, 8)::int, count(*) FROM orders JOIN customers c ON c.id = customer GROUP BY 1", &[])
        .await?;
    let mut orders = vec![0; REGIONS as usize];
    for row in counts {
        orders[row.get::<_, i32>(0) as usize] = row.get::<_, i64>(1);
    }
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for nth in 0..WARM_UP + MEASURED {
        ticks.tick().await;
        let id = ORDERS + 1 + nth as i64;
        // Both go out at once; the position is taken after the commit all the same.
        let (committed, lsn) = tokio::join!(
            async { client.execute(&insert, &[&id]).await.map(|_| Instant::now()) },
            client.query_one(&position, &[]),
        );
        let customer = 1 + id * 7919 % i64::from(CUSTOMERS);
        let region = (customer % i64::from(REGIONS)) as i32;
        orders[region as usize] += 1;
        let lsn = lsn?.get::<_, String>(0).parse()?;
        let commit = Committed { at: committed?, lsn, region, orders: orders[region as usize] };
        queues[nth % queues.len()].send((nth, commit)).ok().context("a reader ended early")?;
    }
    Ok(())
}

/// Reads the view at each commit's LSN: how long after the commit the answer was there.
async fn read(
    client: Client,
    mut commits: UnboundedReceiver<(usize, Committed)>,
) -> Result<Vec<(usize, Duration)>> {
    let select = client.prepare("SELECT orders FROM sales WHERE region = $1").await?;
    let mut seen = Vec::new();
    while let Some((nth, commit)) = commits.recv().await {
        let region = format!("region {}", commit.region);
        let key: [&(dyn ToSql + Sync); 1] = [&region];
        let (set, row) = tokio::join!(worker::read_at(&client, commit.lsn), client.query_one(&select, &key));
        let at = Instant::now();
        set?;
        let orders: i64 = row?.get(0);
        ensure!(
            orders >= commit.orders,
            "{region} shows {orders} orders at {}, where {} were committed",
            commit.lsn,
            commit.orders
        );
        seen.push((nth, at - commit.at));
    }
    Ok(seen)
}
