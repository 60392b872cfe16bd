//! Many small transactions: what matters is the cost of each.

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio_postgres::Client;

use super::{
    Bench,
    drain::{self, Backlog},
    shop::{self, ORDERS},
    table::Line,
};

const TRANSACTIONS: i64 = 100_000;
/// Statements that each connection has on their way.
const PIPELINED: usize = 32;

/// Half inserts, half updates, one row each.
pub async fn measure(bench: &Bench) -> Result<Line> {
    let backlog = Backlog {
        name: "backlog: 100,000 transactions of 1 change".to_owned(),
        changes: TRANSACTIONS as u64,
        mark: 1.0,
    };
    drain::measure(bench, backlog, |connections| async move {
        let count = connections.len() as i64;
        try_join_all(connections.iter().zip(0..).map(|(client, number)| write(client, number, count)))
            .await?;
        Ok(())
    })
    .await
}

/// One connection's share.
async fn write(client: &Client, number: i64, connections: i64) -> Result<()> {
    let insert = format!(
        "INSERT INTO orders VALUES ($1::bigint, {customer}, ($1::bigint % 99991) / 100.0, now(), md5($1::bigint::text))",
        customer = shop::customer_of("$1::bigint")
    );
    let insert = &client.prepare(&insert).await?;
    let update = &client.prepare("UPDATE orders SET amount = amount + 1.01 WHERE id = $1::bigint").await?;
    stream::iter((number..TRANSACTIONS).step_by(connections as usize))
        .map(|n| async move {
            let half = n / 2;
            let (statement, id) =
                if half % 2 == 0 { (insert, ORDERS + 1 + n) } else { (update, 1 + half * 7919 % ORDERS) };
            client.execute(statement, &[&id]).await
        })
        .buffered(PIPELINED)
        .try_for_each(|changed| async move {
            debug_assert_eq!(changed, 1);
            Ok(())
        })
        .await?;
    Ok(())
}
