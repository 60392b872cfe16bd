//! Random transactions, random kills of the worker and of the server; PostgreSQL is the oracle at the same position of the log.

use offtake_contract::Status;
use offtake_e2e::{
    Upstream, Worker, manifests, oracle,
    program::{self, Program},
    wait, worker,
};
use offtake_embedded::Shutdown;
use rand::{Rng, SeedableRng, rngs::SmallRng};

const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_equals_postgres_after_any_crash_on_the_oldest() {
    survive(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_equals_postgres_after_any_crash_on_the_newest() {
    survive(super::NEWEST).await;
}

async fn survive(version: &str) {
    let seed = program::seed();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut upstream = Upstream::start(version).await;
    upstream.run(program::SCHEMA).await;
    let program = Program::start(&upstream.address(), seed, 3);
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&program::TABLES)),
        ("views.yaml", program::all_views()),
    ]);
    // Kills while tables are being copied: the copy starts again, nothing else is lost.
    for _ in 0..random.random_range(0..3) {
        let before = program.committed();
        let target = before + random.random_range(1..40);
        wait::until("some transactions", || {
            std::future::ready((program.committed() >= target).then_some(()))
        })
        .await;
        worker.kill9();
        worker.spawn();
    }
    let copied = finished(&worker.ready().await);
    let questions = program::questions();
    for round in 0..ROUNDS {
        let context = format!("PostgreSQL {version}, seed {seed}, round {round}");
        let target = program.committed() + random.random_range(20..150);
        wait::until("some transactions", || {
            std::future::ready((program.committed() >= target).then_some(()))
        })
        .await;
        views_fit_tables(&worker, &context).await;
        match random.random_range(0..6) {
            0 | 1 => {
                worker.kill9();
                worker.spawn();
            }
            2 => {
                worker.stop().await;
                worker.spawn();
            }
            3 => {
                upstream.server.kill9().await.expect("the server is killed");
                upstream.server.resume().await.expect("the server comes back");
            }
            4 => {
                worker.kill9();
                upstream.server.restart(Shutdown::Fast).await.expect("the server comes back");
                worker.spawn();
            }
            _ => {}
        }
        let _rest = program.at_rest().await;
        let client = upstream.connect().await;
        let status = worker.ready().await;
        oracle::compare(&client, &mut worker, &questions, &context).await;
        assert_eq!(finished(&status), copied, "{context}: something was copied again");
    }
    program.finish().await;
    worker.stop().await;
}

/// When each table's copy was finished.
fn finished(status: &Status) -> Vec<(String, Option<String>)> {
    let mut finished: Vec<_> = status
        .tables
        .iter()
        .map(|table| (table.object.clone(), table.snapshot.finished_at.clone()))
        .collect();
    finished.sort();
    finished
}

/// While transactions go on: within one SQL transaction, a view is what its tables say at that very position.
async fn views_fit_tables(worker: &Worker, context: &str) {
    let client = worker.connect().await;
    for _ in 0..5 {
        client.batch_execute("BEGIN").await.expect("BEGIN");
        let kept = worker::rows(&client, "SELECT n, total FROM total").await;
        let asked = worker::rows(&client, "SELECT count(*), sum(balance) FROM accounts").await;
        assert_eq!(
            kept.expect("the view"),
            asked.expect("the table"),
            "{context}: a view and its table are at odds"
        );
        client.batch_execute("COMMIT").await.expect("COMMIT");
    }
}
