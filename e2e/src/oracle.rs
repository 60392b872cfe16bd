//! PostgreSQL as the oracle: the same query, at the same position of the log, must give the same bag of rows.

use tokio_postgres::Client;

use crate::{
    upstream::wal_end,
    worker::{self, Worker},
};

/// A view and the query that PostgreSQL answers for it.
pub struct Question<'a> {
    pub read: &'a str,
    pub ask: &'a str,
}

/// Compares every question. The upstream must be at rest: no transaction may commit between its answer and the log position.
///
/// # Panics
/// With both answers, where they differ.
pub async fn compare(upstream: &Client, worker: &mut Worker, questions: &[Question<'_>], context: &str) {
    let mut expected = Vec::new();
    for question in questions {
        let rows = worker::rows(upstream, question.ask).await;
        expected.push(rows.unwrap_or_else(|error| panic!("{}: {error:?}", question.ask)));
    }
    let lsn = wal_end(upstream).await.expect("the log's end");
    let client = worker.connect().await;
    client.batch_execute("SET offtake.wait_timeout = 60000").await.expect("a setting");
    worker::read_at(&client, lsn).await.expect("a setting");
    // One transaction: all answers are of one position.
    client.batch_execute("BEGIN").await.expect("BEGIN");
    for (question, expected) in questions.iter().zip(expected) {
        let rows = worker::rows(&client, question.read).await;
        let rows = rows.unwrap_or_else(|error| panic!("{context}: {} at {lsn}: {error:?}", question.read));
        assert_same(&format!("{context}: {} at {lsn}", question.read), rows, expected);
    }
    client.batch_execute("COMMIT").await.expect("COMMIT");
}

/// An answer as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// Compares an answer with PostgreSQL's, as bags.
///
/// # Panics
/// With what differs.
pub fn assert_same(what: &str, rows: Rows, expected: Rows) {
    let (rows, expected) = (sorted(rows), sorted(expected));
    if rows != expected {
        let missing = minus(&expected, &rows);
        let extra = minus(&rows, &expected);
        panic!(
            "{what} differs from PostgreSQL: {} rows against {}\nmissing: {missing:?}\nextra: {extra:?}",
            rows.len(),
            expected.len()
        );
    }
}

fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

/// Up to 20 rows of `left` that `right` lacks, as bags.
fn minus(left: &Rows, right: &Rows) -> Rows {
    let mut right: std::collections::HashMap<&Vec<Option<String>>, usize> =
        right.iter().fold(Default::default(), |mut counts, row| {
            *counts.entry(row).or_insert(0) += 1;
            counts
        });
    let lacks = |row: &&Vec<Option<String>>| match right.get_mut(*row) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    left.iter().filter(lacks).take(20).cloned().collect()
}
