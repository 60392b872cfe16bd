//! Transactions that are taken in while they arrive: nobody sees a part of one, also where the stream breaks in the middle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use offtake_contract::ViewPhase;
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
    program, wait, worker,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// Rows of each transaction, and what it leaves.
const ROWS: i64 = 150_000;
const LEFT: i64 = ROWS - ROWS / 10;

const SCHEMA: &str = "CREATE TABLE items (id bigint PRIMARY KEY, part int NOT NULL, amount bigint NOT NULL, note text NOT NULL);
CREATE TABLE parts (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO parts SELECT id, 'part ' || id % 7 FROM generate_series(0, 99) id;
CREATE PUBLICATION app FOR TABLE items, parts";
const TOTALS: &str = "SELECT p.name, count(*) AS n, sum(i.amount) AS amount FROM items i JOIN parts p ON p.id = i.part GROUP BY p.name";
const COUNT: &str = "SELECT count(*) AS n, sum(amount) AS amount FROM items";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_transaction_is_seen_whole_or_not_at_all() {
    let seed = program::seed();
    let mut random = SmallRng::seed_from_u64(seed);
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run(SCHEMA).await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["items", "parts"])),
        ("views.yaml", manifests::view("totals", TOTALS) + &manifests::view("amount", COUNT)),
    ]);
    worker.ready().await;
    let client = upstream.connect().await;
    for round in 0..3 {
        let context = format!("seed {seed}, round {round}");
        let done = Arc::new(AtomicBool::new(false));
        let watching = tokio::spawn(watch(worker.connect().await, done.clone(), context.clone()));
        let first = round * ROWS;
        client
            .batch_execute(&format!(
                "BEGIN;
                 INSERT INTO items SELECT id, id % 100, id, md5(id::text) FROM generate_series({first}, {last}) id;
                 UPDATE items SET amount = amount + 1, part = (part + 1) % 100 WHERE id >= {first} AND id % 3 = 0;
                 DELETE FROM items WHERE id >= {first} AND id % 10 = 5;
                 UPDATE parts SET name = 'part ' || (id + {round}) % 7 WHERE id < 30;
                 COMMIT",
                last = first + ROWS - 1
            ))
            .await
            .expect("a big transaction");
        // The stream breaks while it arrives.
        for _ in 0..random.random_range(2..6) {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1200))).await;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication";
            client.batch_execute(end).await.expect("walsenders are ended");
        }
        if round == 1 {
            // A view that comes meanwhile begins with the whole of it.
            worker.write("late.yaml", &manifests::view("late", COUNT));
        }
        done.store(true, Ordering::Relaxed);
        watching.await.expect("nobody saw a part");
        if round == 2 {
            worker.kill9();
            worker.spawn();
        }
        let mut questions = vec![
            Question { read: "SELECT * FROM totals", ask: TOTALS },
            Question { read: COUNT, ask: COUNT },
        ];
        questions.push(Question { read: "SELECT * FROM amount", ask: COUNT });
        questions.push(Question {
            read: "SELECT * FROM items WHERE id % 499 = 0",
            ask: "SELECT * FROM items WHERE id % 499 = 0",
        });
        if round >= 1 {
            questions.push(Question { read: "SELECT * FROM late", ask: COUNT });
        }
        let views = if round == 0 { 2 } else { 3 };
        worker
            .status_when("every view to run", |status| {
                status.views.len() == views
                    && status.views.iter().all(|view| view.phase == ViewPhase::Running)
            })
            .await;
        oracle::compare(&client, &mut worker, &questions, &context).await;
    }
    worker.stop().await;
}

/// Reads the views for as long as it is not done.
async fn watch(client: tokio_postgres::Client, done: Arc<AtomicBool>, context: String) {
    while !done.load(Ordering::Relaxed) {
        for read in
            ["SELECT COALESCE(sum(n), 0) FROM totals", "SELECT n FROM amount", "SELECT count(*) FROM items"]
        {
            let rows = wait::until(read, || async { worker::rows(&client, read).await.ok() }).await;
            let seen: i64 = rows[0][0].as_deref().expect("a count").parse().expect("a number");
            assert_eq!(seen % LEFT, 0, "{context}: {read} shows a part of a transaction: {seen} rows");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
