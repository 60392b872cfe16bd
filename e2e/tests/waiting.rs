//! What has to wait for the upstream: tables that cannot be copied yet, copies that changes overtake, slots that older transactions hold
//! up. Each says what it waits for, and goes on by itself.

use offtake_contract::{SourcePhase, Status, TablePhase, TableStatus};
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
    upstream::PASSWORD,
    wait, worker,
};
use tokio_postgres::Client;

fn table<'a>(status: &'a Status, name: &str) -> Option<&'a TableStatus> {
    let object = format!("default/{name}");
    status.tables.iter().find(|table| table.object == object)
}

/// A transaction that has written, and stays open.
async fn open_transaction(upstream: &Upstream) -> Client {
    let client = upstream.connect().await;
    let write = "SET application_name = 'the holder'; BEGIN; INSERT INTO unwatched VALUES (1)";
    client.batch_execute(write).await.expect("an open transaction");
    client
}

fn waits_for_the_holder(status: &Status) -> bool {
    status.source.problem.as_ref().is_some_and(|problem| {
        problem.reason == "SnapshotWaits"
            && problem.message.contains("the holder")
            && problem.message.contains("idle in transaction, open since 2")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_cannot_be_copied_yet_is_copied_once_it_can() {
    let upstream = Upstream::start(super::NEWEST).await;
    let password = PASSWORD.replace('\'', "''");
    upstream
        .run(&format!(
            "CREATE ROLE reader LOGIN REPLICATION PASSWORD '{password}';
             CREATE TABLE here (id int PRIMARY KEY); CREATE TABLE unlisted (id int PRIMARY KEY);
             CREATE TABLE denied (id int PRIMARY KEY); CREATE TABLE odd (id int PRIMARY KEY, p point);
             INSERT INTO here VALUES (1); INSERT INTO unlisted VALUES (1); INSERT INTO denied VALUES (1);
             INSERT INTO odd VALUES (1, '(1,2)');
             GRANT SELECT ON here, unlisted, odd TO reader;
             CREATE PUBLICATION app FOR TABLE here, denied, odd;",
        ))
        .await;
    let user = format!("user: {}", upstream.server.user());
    let names = ["here", "late", "unlisted", "denied", "odd"];
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream).replace(&user, "user: reader")),
        ("tables.yaml", manifests::tables(&names)),
        ("view.yaml", manifests::view("of_late", "SELECT count(*) AS n FROM late")),
    ]);
    let refused = |status: &Status| {
        [
            ("late", "TableMissing"),
            ("unlisted", "NotPublished"),
            ("denied", "PermissionDenied"),
            ("odd", "UnsupportedType"),
        ]
        .iter()
        .all(|(name, reason)| {
            table(status, name).is_some_and(|table| {
                table.phase == TablePhase::Failed
                    && table.problem.as_ref().is_some_and(|problem| problem.reason == *reason)
            })
        }) && table(status, "here").is_some_and(|table| table.phase == TablePhase::Running)
    };
    worker.status_when("each table to say why it waits, and the first to run", refused).await;
    let reader = worker.connect().await;
    let error = worker::rows(&reader, "SELECT * FROM denied").await.expect_err("no rows yet");
    let error = error.as_db_error().expect("an answer of the server").clone();
    assert!(error.detail().or(error.hint()).is_some(), "{error:?}");
    // A restart looks at them afresh.
    worker.kill9();
    worker.spawn();
    worker.status_when("each table to say why it waits, again", refused).await;
    let spawned = worker.log().matches(" streaming ").count();

    upstream
        .run(
            "CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1); GRANT SELECT ON late TO reader;
             ALTER PUBLICATION app ADD TABLE late, unlisted; GRANT SELECT ON denied TO reader;
             ALTER TABLE odd DROP COLUMN p",
        )
        .await;
    worker.ready().await;
    upstream
        .run("INSERT INTO late VALUES (2); INSERT INTO unlisted VALUES (2); INSERT INTO denied VALUES (2)")
        .await;
    let mut questions = names.map(|name| format!("SELECT * FROM {name}")).to_vec();
    questions.push("SELECT count(*) FROM late".to_owned());
    let mut questions: Vec<Question<'_>> =
        questions.iter().map(|sql| Question { read: sql, ask: sql }).collect();
    questions.last_mut().expect("the view's").read = "SELECT n FROM of_late";
    oracle::compare(&upstream.connect().await, &mut worker, &questions, "once it can").await;
    assert_eq!(worker.log().matches(" streaming ").count(), spawned, "it healed without another session");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_copy_makes_another_copy() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream
        .run(
            "CREATE TABLE unwatched (id int); CREATE TABLE first (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY);
             INSERT INTO t VALUES (1); CREATE PUBLICATION app FOR TABLE first, t",
        )
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("first.yaml", manifests::tables(&["first"])),
    ]);
    worker.ready().await;
    // Its copy has begun, and cannot go on: the stream is without the table for a moment.
    let holder = open_transaction(&upstream).await;
    worker.write("t.yaml", &manifests::tables(&["t"]));
    worker.status_when("the copy to wait", waits_for_the_holder).await;
    let republish = "ALTER PUBLICATION app DROP TABLE t; INSERT INTO t SELECT max(id) + 1 FROM t; ALTER PUBLICATION app ADD TABLE t";
    upstream.run(republish).await;
    wait::until("the change to be noticed", || {
        std::future::ready(worker.log().contains("the copy starts again").then_some(()))
    })
    .await;
    let not_failed = |status: &Status| table(status, "t").is_some_and(|t| t.phase != TablePhase::Failed);
    assert!(not_failed(&worker.try_status().await.expect("a status")));

    // What changes while nobody looks concerns only a copy that nobody goes on with.
    worker.kill9();
    upstream.run(republish).await;
    worker.spawn();
    worker.status_when("the copy to wait again", waits_for_the_holder).await;
    holder.batch_execute("COMMIT").await.expect("COMMIT");
    worker.ready().await;
    let questions = [Question { read: "SELECT * FROM t", ask: "SELECT * FROM t" }];
    oracle::compare(&upstream.connect().await, &mut worker, &questions, "copied again").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_waits_says_for_whom_and_follows_an_edit_on_the_oldest() {
    a_slot_that_waits_says_for_whom_and_follows_an_edit(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_waits_says_for_whom_and_follows_an_edit_on_the_newest() {
    a_slot_that_waits_says_for_whom_and_follows_an_edit(super::NEWEST).await;
}

async fn a_slot_that_waits_says_for_whom_and_follows_an_edit(version: &str) {
    let upstream = Upstream::start(version).await;
    upstream
        .run("CREATE TABLE unwatched (id int); CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION app FOR TABLE t")
        .await;
    let holder = open_transaction(&upstream).await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    let status = worker.status_when("the slot to wait", waits_for_the_holder).await;
    assert_ne!(status.source.phase, SourcePhase::Streaming);

    let client = upstream.connect().await;
    // The one of a copy may not be gone yet.
    const SLOTS: &str = "SELECT slot_name::text FROM pg_replication_slots WHERE NOT temporary";
    let slots = async || {
        let rows = client.query(SLOTS, &[]).await;
        rows.expect("the slots").iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let edited = manifests::source_with(&upstream, "tls: {mode: Disable}", "slot: {name: another}");
    worker.write("source.yaml", &edited);
    wait::until("the other slot alone to be in the making", || async {
        (slots().await == ["another"]).then_some(())
    })
    .await;
    holder.batch_execute("COMMIT").await.expect("COMMIT");
    let status = worker.ready().await;
    assert_eq!(status.source.problem, None);
    assert_eq!(slots().await, ["another"], "the first is not left behind");
    worker.stop().await;
}
