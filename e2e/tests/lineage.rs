//! History upstream: tables rewritten under a snapshot, servers restored to an earlier state or promoted without the end of the log, a
//! publication that was not there when the log was written.

use offtake_contract::{Lsn, SourcePhase, Status};
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
    upstream::{copy_files, wal_end},
    wait,
};
use offtake_embedded::{Options, Shutdown};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_rewritten_after_the_snapshot_is_copied_under_a_newer_one() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream
        .run(
            "CREATE TABLE a_large (id int PRIMARY KEY, t text);
             INSERT INTO a_large SELECT i, repeat('x', 100) FROM generate_series(1, 600000) i;
             CREATE TABLE b_small (id int PRIMARY KEY); INSERT INTO b_small SELECT generate_series(1, 100);
             CREATE PUBLICATION app FOR TABLE a_large, b_small;",
        )
        .await;
    let client = upstream.connect().await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["a_large", "b_small"])),
    ]);
    // Both tables are copied under one snapshot, the large one first.
    wait::until("the snapshot", || async {
        let slots = "SELECT 1 FROM pg_replication_slots WHERE temporary AND confirmed_flush_lsn IS NOT NULL";
        client.query_opt(slots, &[]).await.expect("the slots")
    })
    .await;
    client
        .batch_execute("ALTER TABLE b_small ADD COLUMN at timestamptz DEFAULT clock_timestamp()")
        .await
        .expect("a rewrite");
    worker.ready().await;
    let questions = [
        Question { read: "SELECT id FROM b_small", ask: "SELECT id FROM b_small" },
        Question {
            read: "SELECT count(*), sum(id) FROM a_large",
            ask: "SELECT count(*), sum(id) FROM a_large",
        },
    ];
    oracle::compare(&client, &mut worker, &questions, "after the rewrite").await;
    assert!(worker.log().contains("was rewritten after the snapshot was taken"), "the rewrite came too late");
    worker.stop().await;
}

/// A server with one table, and its worker, stopped; the copy of the server's files is older than what the worker applied.
async fn outrun() -> (Upstream, Worker, tempfile::TempDir, Lsn) {
    let mut upstream = Upstream::start_with(super::NEWEST, Options::default()).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.ready().await;
    worker.stop().await;
    upstream.server.stop(Shutdown::Fast).await.expect("the server stops");
    let saved = tempfile::tempdir().expect("a folder");
    copy_files(&upstream.server.data_dir(), &saved.path().join("data"));
    upstream.server.resume().await.expect("the server goes on");
    upstream.run("INSERT INTO t SELECT generate_series(2, 20000)").await;
    worker.spawn();
    let status = worker
        .status_when("the later rows", |status| status.tables.iter().any(|table| table.rows == Some(20_000)))
        .await;
    worker.stop().await;
    upstream.server.kill9().await.expect("the server is killed");
    std::fs::remove_dir_all(upstream.server.data_dir()).expect("the lost state goes");
    copy_files(&saved.path().join("data"), &upstream.server.data_dir());
    (upstream, worker, saved, status.source.lsn.expect("an LSN"))
}

fn lost(saying: &'static str) -> impl Fn(&Status) -> bool {
    move |status| {
        let problem = status.source.problem.as_ref();
        problem.is_some_and(|problem| problem.reason == "SlotLost" && problem.message.contains(saying))
    }
}

/// Writes upstream until its log has passed a position.
async fn pass(upstream: &Upstream, position: Lsn) {
    let client = upstream.connect().await;
    while wal_end(&client).await.expect("the log's end") <= position {
        upstream.run("INSERT INTO t SELECT max(id) + 1000000 FROM t; SELECT pg_switch_wal()").await;
    }
}

/// Asks for a new copy and compares it with what is upstream.
async fn copied_again(upstream: &Upstream, worker: &mut Worker) {
    let copied_at =
        |status: &Status| status.tables.first().and_then(|table| table.snapshot.finished_at.clone());
    let before = copied_at(&worker.try_status().await.expect("a status"));
    let resnapshot = manifests::source_with(upstream, "tls: {mode: Disable}", "slot: {onLost: Resnapshot}");
    worker.write("source.yaml", &resnapshot);
    worker
        .status_when("another copy", |status| copied_at(status).is_some() && copied_at(status) != before)
        .await;
    worker.ready().await;
    let questions = [Question { read: "SELECT * FROM t", ask: "SELECT * FROM t" }];
    oracle::compare(&upstream.connect().await, worker, &questions, "copied again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_to_an_earlier_state_is_not_followed_silently() {
    let (mut upstream, mut worker, _saved, applied) = outrun().await;
    upstream.server.resume().await.expect("the restored server starts");
    worker.spawn();
    worker.status_when("the restored state to be noticed", lost("restored to an earlier state")).await;
    // The log passes the position that was applied, and looks in order: the loss still stands, over a restart too.
    pass(&upstream, applied).await;
    worker.kill9();
    worker.spawn();
    worker.status_when("the loss, still", lost("restored to an earlier state")).await;
    copied_again(&upstream, &mut worker).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_server_that_lacked_the_end_is_not_followed_silently() {
    let (mut upstream, mut worker, _saved, applied) = outrun().await;
    std::fs::write(upstream.server.data_dir().join("standby.signal"), "").expect("a standby");
    upstream.server.resume().await.expect("the standby starts");
    upstream.run("SELECT pg_promote()").await;
    pass(&upstream, applied).await;
    worker.spawn();
    worker.status_when("the other timeline to be noticed", lost("timeline 2")).await;
    copied_again(&upstream, &mut worker).await;
    worker.stop().await;
}

/// Logical decoding on a standby, which is promoted while the stream goes on: later sessions go on from there, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_goes_over_to_another_timeline_is_followed() {
    let hba = vec!["host replication all 127.0.0.1/32 trust".to_owned()];
    let options = Options { hba, ..Options::default() };
    let mut primary = Upstream::start_with(super::NEWEST, options.clone()).await;
    primary.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION app FOR TABLE t").await;
    let mut standby = Upstream::start_with(super::NEWEST, options).await;
    for server in [&mut primary.server, &mut standby.server] {
        server.stop(Shutdown::Fast).await.expect("the server stops");
    }
    std::fs::remove_dir_all(standby.server.data_dir()).expect("the standby's own state goes");
    copy_files(&primary.server.data_dir(), &standby.server.data_dir());
    std::fs::write(standby.server.data_dir().join("standby.signal"), "").expect("a standby");
    let upstream_of_it =
        format!("host=127.0.0.1 port={} user={}", primary.server.port(), primary.server.user());
    standby.server.set("primary_conninfo", &upstream_of_it);
    standby.server.set("hot_standby_feedback", "on");
    for server in [&mut primary.server, &mut standby.server] {
        server.resume().await.expect("the server starts");
    }
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&standby)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    // A standby makes no slot before it hears which transactions run.
    let client = primary.connect().await;
    wait::until("the table to run", || async {
        client.batch_execute("SELECT pg_log_standby_snapshot()").await.expect("a note for standbys");
        let status = worker.try_status().await?;
        status.tables.iter().all(|table| table.rows == Some(1)).then_some(())
    })
    .await;
    worker.ready().await;

    standby.run("SELECT pg_promote()").await;
    wait::until("the other timeline to be noticed", || {
        std::future::ready(worker.log().contains("went on with timeline 2").then_some(()))
    })
    .await;
    standby.run("INSERT INTO t SELECT generate_series(2, 1000)").await;
    let questions = [Question { read: "SELECT * FROM t", ask: "SELECT * FROM t" }];
    oracle::compare(&standby.connect().await, &mut worker, &questions, "on the other timeline").await;
    worker.kill9();
    worker.spawn();
    worker.status_when("the stream again", |status| status.source.phase == SourcePhase::Streaming).await;
    standby.run("INSERT INTO t VALUES (0)").await;
    oracle::compare(&standby.connect().await, &mut worker, &questions, "in the next session").await;
    worker.stop().await;
}

/// 17 and older look the publication up in the catalog as it was when the change was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_cannot_be_read_past_a_dropped_publication_is_told_and_made_again() {
    let upstream = Upstream::start(super::OLDEST).await;
    upstream
        .run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION app FOR TABLE t")
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.ready().await;
    upstream.run("DROP PUBLICATION app").await;
    upstream.run("INSERT INTO t VALUES (2)").await;
    worker
        .status_when("the publication to be missed", |status| {
            status.source.phase == SourcePhase::Failed
                && status
                    .source
                    .problem
                    .as_ref()
                    .is_some_and(|problem| problem.reason == "PublicationMissing")
        })
        .await;
    upstream.run("CREATE PUBLICATION app FOR TABLE t").await;
    worker.status_when("the slot to be given up", lost("publication \"app\" did not exist")).await;
    let streams = |worker: &Worker| worker.log().matches(" streaming ").count();
    let before = streams(&worker);
    worker.kill9();
    worker.spawn();
    worker.status_when("the loss, still", lost("publication \"app\" did not exist")).await;
    assert_eq!(streams(&worker), before, "it is known without another attempt");
    copied_again(&upstream, &mut worker).await;
    upstream.run("INSERT INTO t VALUES (3)").await;
    let questions = [Question { read: "SELECT * FROM t", ask: "SELECT * FROM t" }];
    oracle::compare(&upstream.connect().await, &mut worker, &questions, "followed again").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_older_than_its_publication_is_told_and_made_again() {
    let upstream = Upstream::start(super::OLDEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY)").await;
    upstream.run("SELECT pg_create_logical_replication_slot('offtake_default_app', 'pgoutput')").await;
    upstream.run("INSERT INTO t VALUES (1)").await;
    upstream.run("CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.status_when("the slot to be given up", lost("publication \"app\" did not exist")).await;
    copied_again(&upstream, &mut worker).await;
    worker.stop().await;
}
