//! One big transaction: what matters is the cost of a row, and that nothing shows before the commit.

use super::{
    Bench,
    drain::{self, Backlog},
    shop::{self, ORDERS},
    table::Line,
};

const ROWS: i64 = 500_000;

pub async fn measure(bench: &Bench) -> anyhow::Result<Line> {
    let backlog =
        Backlog { name: "one transaction of 500,000 inserts".to_owned(), changes: ROWS as u64, mark: 0.7 };
    drain::measure(bench, backlog, |connections| async move {
        let insert = format!(
            "INSERT INTO orders SELECT id, {customer}, (id % 99991) / 100.0, now() + id * interval '1 ms', md5(id::text)
             FROM generate_series({first}, {last}) id",
            customer = shop::customer_of("id"),
            first = ORDERS + 1,
            last = ORDERS + ROWS,
        );
        for client in connections.iter().take(1) {
            client.batch_execute(&insert).await?;
        }
        Ok(())
    })
    .await
}
