//! A source whose tables rest while others write: what they write must not pile up on the primary.

use offtake_contract::Lsn;
use offtake_e2e::{Upstream, Worker, manifests, upstream::wal_end, wait};
use tokio_postgres::Client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resting_source_holds_back_no_log_that_others_write() {
    for version in [super::OLDEST, super::NEWEST] {
        let upstream = Upstream::start(version).await;
        upstream
            .run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE beside (i int); CREATE PUBLICATION app FOR TABLE t")
            .await;
        let mut worker = Worker::start(&[
            ("source.yaml", manifests::source(&upstream)),
            ("tables.yaml", manifests::tables(&["t"])),
        ]);
        worker.ready().await;
        let client = upstream.connect().await;

        // Another database.
        let other = upstream.connect_to("postgres").await;
        let noise = "CREATE TABLE noise AS SELECT i FROM generate_series(1, 100000) i";
        other.batch_execute(noise).await.expect("noise");
        confirmed(&client, wal_end(&client).await.expect("the log's end")).await;

        // A table of the same database that is not published.
        let beside = "INSERT INTO beside SELECT i FROM generate_series(1, 100000) i";
        client.batch_execute(beside).await.expect("rows beside");
        confirmed(&client, wal_end(&client).await.expect("the log's end")).await;

        // What was skipped is skipped for good: after a crash it goes on, and the next change comes through.
        worker.kill9();
        worker.spawn();
        client.batch_execute("INSERT INTO t VALUES (1)").await.expect("a row");
        confirmed(&client, wal_end(&client).await.expect("the log's end")).await;
        worker.status_when("the row", |status| status.tables[0].rows == Some(1)).await;
        worker.stop().await;
    }
}

/// Waits until the slot is confirmed up to there: the server may remove the log before it.
async fn confirmed(client: &Client, end: Lsn) {
    wait::until(format!("the slot to be confirmed up to {end}"), || async {
        let sql = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE NOT temporary";
        let row = client.query_one(sql, &[]).await.expect("the slot");
        let confirmed: Lsn = row.get::<_, String>(0).parse().expect("PostgreSQL writes an LSN");
        (confirmed >= end).then_some(())
    })
    .await;
}
