//! The tables, the view and the worker of the measurements that stream.

use tokio_postgres::Client;

use super::Bench;
use crate::{Worker, manifests, oracle, oracle::Question};

pub const CUSTOMERS: i32 = 10_000;
pub const ORDERS: i64 = 100_000;
pub const REGIONS: i32 = 50;

/// A join and sums by group.
const QUERY: &str = "SELECT c.region, count(*) AS orders, sum(o.amount) AS amount
FROM orders o JOIN customers c ON c.id = o.customer GROUP BY c.region";
pub const READ: &str = "SELECT region, orders, amount FROM sales";

/// Fills the database and starts a worker that keeps the tables and the view.
pub async fn open(bench: &Bench) -> anyhow::Result<(Client, Worker)> {
    let client = bench.client().await?;
    client
        .batch_execute(&format!(
            "CREATE TABLE customers (id int PRIMARY KEY, region text NOT NULL);
             CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2) NOT NULL,
                                  placed timestamptz NOT NULL, note text NOT NULL);
             CREATE TABLE marks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
             INSERT INTO customers SELECT id, 'region ' || id % {REGIONS} FROM generate_series(1, {CUSTOMERS}) id;
             INSERT INTO orders SELECT id, {customer}, (id % 99991) / 100.0,
                                       timestamptz '2024-01-01Z' + id * interval '1 s', md5(id::text)
                                FROM generate_series(1, {ORDERS}) id;
             CREATE PUBLICATION app FOR TABLE customers, orders, marks;
             ANALYZE",
            customer = customer_of("id"),
        ))
        .await?;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&bench.upstream)),
        ("tables.yaml", manifests::tables(&["customers", "orders"])),
        ("views.yaml", manifests::view("sales", QUERY)),
    ]);
    worker.ready().await;
    Ok((client, worker))
}

/// SQL for the customer of an order: spread over all of them.
pub fn customer_of(id: &str) -> String {
    format!("(1 + {id}::bigint * 7919 % {CUSTOMERS})::int")
}

/// Fails unless tables and view are PostgreSQL's.
pub async fn verify(client: &Client, worker: &mut Worker, context: &str) {
    let orders = "SELECT count(*), sum(id), sum(amount), min(placed), max(placed) FROM orders";
    let sample = "SELECT id, customer, amount, placed, note FROM orders WHERE id % 997 = 0";
    let questions = [
        Question { read: READ, ask: QUERY },
        Question { read: orders, ask: orders },
        Question { read: sample, ask: sample },
    ];
    oracle::compare(client, worker, &questions, context).await;
}
