//! Upstream schema changes: what is drift and nothing else, what stops one table, and what it says then.

use offtake_contract::{DriftChange, Problem, SourcePhase, Status, TablePhase, ViewPhase};
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
    upstream::wal_end,
    worker::{read_at, rows},
};

fn phase(status: &Status, object: &str) -> TablePhase {
    status.tables.iter().find(|table| table.object == object).expect("the table is in status").phase
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_changes_stop_what_they_break_on_the_oldest() {
    schema_changes(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_changes_stop_what_they_break_on_the_newest() {
    schema_changes(super::NEWEST).await;
}

/// The stream tells of a table with its next change only: until then, what it told is older than a copy that begins now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_of_a_quiet_table_is_copied() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream
        .run("CREATE TABLE goods (id int PRIMARY KEY, n int); INSERT INTO goods VALUES (1, 1); CREATE PUBLICATION app FOR TABLE goods")
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("goods.yaml", manifests::table("goods", "goods", "")),
    ]);
    worker.ready().await;
    let client = upstream.connect().await;
    upstream.run("INSERT INTO goods VALUES (2, 2)").await;
    let first = [Question { read: "SELECT * FROM goods", ask: "SELECT id, n FROM goods" }];
    oracle::compare(&client, &mut worker, &first, "described").await;

    upstream.run("ALTER TABLE goods ADD COLUMN w int DEFAULT 7").await;
    worker.write("goods2.yaml", &manifests::table("goods-v2", "goods", "schema: v2\n  name: goods"));
    worker
        .status_when("the second version", |status| {
            status.tables.len() == 2 && status.tables.iter().all(|table| table.phase == TablePhase::Running)
        })
        .await;
    upstream.run("INSERT INTO goods VALUES (3, 3, 3); UPDATE goods SET w = 8 WHERE id = 1").await;
    let [first] = first;
    let both = [first, Question { read: "SELECT * FROM v2.goods", ask: "SELECT id, n, w FROM goods" }];
    oracle::compare(&client, &mut worker, &both, "after the change").await;
    worker.stop().await;
}

async fn schema_changes(version: &str) {
    let upstream = Upstream::start(version).await;
    upstream
        .run(
            "CREATE TABLE goods (id int PRIMARY KEY, name text, price numeric(8,2), colour text, old text);
             CREATE TABLE others (id int PRIMARY KEY, n int);
             INSERT INTO goods SELECT i, 'name ' || i, i, 'red', 'x' FROM generate_series(1, 100) i;
             INSERT INTO others SELECT i, i FROM generate_series(1, 10) i;
             CREATE PUBLICATION app FOR TABLE goods, others;",
        )
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("goods.yaml", manifests::table("goods", "goods", "excludeColumns: [old]")),
        ("others.yaml", manifests::table("others", "others", "")),
        (
            "views.yaml",
            manifests::view("dear", "SELECT name, price FROM goods WHERE price > 50")
                + &manifests::view("all_n", "SELECT sum(n) AS n FROM others"),
        ),
    ]);
    worker.ready().await;
    let client = upstream.connect().await;

    // A column more is drift and nothing else.
    upstream.run("ALTER TABLE goods ADD COLUMN weight int DEFAULT 5; INSERT INTO goods VALUES (101, 'new', 101, 'blue', 'y', 9)").await;
    let questions = [
        Question { read: "SELECT * FROM goods", ask: "SELECT id, name, price, colour FROM goods" },
        Question { read: "SELECT * FROM dear", ask: "SELECT name, price FROM goods WHERE price > 50" },
    ];
    oracle::compare(&client, &mut worker, &questions, "a column was added").await;
    let status = worker
        .status_when("the drift", |status| {
            status
                .tables
                .iter()
                .any(|table| table.drift.iter().any(|drift| drift.change == DriftChange::ColumnAdded))
        })
        .await;
    assert_eq!(phase(&status, "default/goods"), TablePhase::Running);
    let drift = rows(&worker.connect().await, "SELECT \"change\", \"column\", breaking FROM offtake.drift")
        .await
        .expect("offtake.drift");
    assert!(
        drift.contains(&vec![Some("ColumnAdded".into()), Some("weight".into()), Some("f".into())]),
        "{drift:?}"
    );

    // A second version beside the first picks it up, and leaves out what the next change will break.
    worker.write(
        "goods2.yaml",
        &manifests::table("goods-v2", "goods", "schema: v2\n  name: goods\n  excludeColumns: [old, colour]"),
    );
    worker
        .status_when("the second version", |status| {
            status.tables.len() == 3 && status.tables.iter().all(|table| table.phase == TablePhase::Running)
        })
        .await;
    let second =
        [Question { read: "SELECT * FROM v2.goods", ask: "SELECT id, name, price, weight FROM goods" }];
    oracle::compare(&client, &mut worker, &second, "two versions").await;

    // An excluded column may go.
    upstream.run("ALTER TABLE goods DROP COLUMN old; UPDATE goods SET price = price + 1").await;
    oracle::compare(&client, &mut worker, &questions, "an excluded column was dropped").await;

    // A used one stops the table that uses it, and its views, by the promised error. Everything else goes on.
    upstream.run("ALTER TABLE goods DROP COLUMN colour; UPDATE goods SET price = price + 1; UPDATE others SET n = n * 2").await;
    worker
        .status_when("SchemaAltered, of the table and of the view on it", |status| {
            phase(status, "default/goods") == TablePhase::SchemaAltered
                && status
                    .views
                    .iter()
                    .any(|view| view.name == "dear" && view.phase == ViewPhase::SchemaAltered)
        })
        .await;
    let reader = worker.connect().await;
    for relation in ["goods", "dear"] {
        let error =
            reader.simple_query(&format!("SELECT * FROM {relation}")).await.expect_err("the read fails");
        let error = error.as_db_error().expect("an answer of the server").clone();
        assert_eq!(error.message(), "source table schema has been altered");
        assert!(error.detail().is_some_and(|detail| detail.contains("colour")), "{error:?}");
    }
    let others = [Question { read: "SELECT * FROM all_n", ask: "SELECT sum(n) FROM others" }];
    oracle::compare(&client, &mut worker, &others, "other tables go on").await;
    oracle::compare(&client, &mut worker, &second, "the second version goes on").await;

    // It stays so over a restart, and the mended manifest heals it.
    worker.kill9();
    worker.spawn();
    worker
        .status_when("SchemaAltered again", |status| {
            status.tables.len() == 3 && phase(status, "default/goods") == TablePhase::SchemaAltered
        })
        .await;
    worker.write("goods.yaml", &manifests::table("goods", "goods", "excludeColumns: [weight]"));
    worker.ready().await;
    let questions =
        [Question { read: "SELECT * FROM dear", ask: "SELECT name, price FROM goods WHERE price > 50" }];
    oracle::compare(&client, &mut worker, &questions, "healed").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_does_not_tell_stops_the_table() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream
        .run(
            "CREATE TABLE republished (id int PRIMARY KEY); CREATE TABLE replaced (id int PRIMARY KEY); CREATE TABLE kept (id int PRIMARY KEY);
             CREATE PUBLICATION app FOR TABLE republished, replaced, kept;",
        )
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["republished", "replaced", "kept"])),
    ]);
    worker.ready().await;
    upstream
        .run(
            "ALTER PUBLICATION app DROP TABLE republished; INSERT INTO republished VALUES (1); ALTER PUBLICATION app ADD TABLE republished;
             DROP TABLE replaced; CREATE TABLE replaced (id int PRIMARY KEY); INSERT INTO kept VALUES (1)",
        )
        .await;
    worker
        .status_when("both to stop", |status| {
            phase(status, "default/republished") == TablePhase::Failed
                && phase(status, "default/replaced") == TablePhase::Failed
        })
        .await;
    let reader = worker.connect().await;
    assert!(
        rows(&reader, "SELECT * FROM republished").await.is_err(),
        "rows may be missing: the read must fail"
    );
    let kept = [Question { read: "SELECT * FROM kept", ask: "SELECT * FROM kept" }];
    oracle::compare(&upstream.connect().await, &mut worker, &kept, "the third goes on").await;
    worker.stop().await;
}

/// Tables that only one statement each touches, and `kept`, which must go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_stops_its_table_and_view_alone() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream
        .run(
            "CREATE TABLE renamed (id int PRIMARY KEY, v int); CREATE TABLE retyped (id int PRIMARY KEY, v int);
             CREATE TABLE swapped (id int PRIMARY KEY, v int, w int); CREATE TABLE filtered (id int PRIMARY KEY, v int);
             CREATE TABLE listed (id int PRIMARY KEY, v int); CREATE TABLE removed (id int PRIMARY KEY, v int);
             CREATE TABLE gone (id int PRIMARY KEY, v int); CREATE TABLE kept (id int PRIMARY KEY, v int);
             CREATE TABLE rewritten (id int PRIMARY KEY, v int); INSERT INTO rewritten VALUES (1, 1);
             INSERT INTO swapped VALUES (1, 10, 20);
             CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE relabelled (id int PRIMARY KEY, v int, moods mood[]);
             INSERT INTO relabelled VALUES (1, 1, '{sad}');
             CREATE PUBLICATION app FOR TABLE renamed, retyped, swapped, filtered, listed, removed, gone, kept, rewritten, relabelled;",
        )
        .await;
    let names =
        ["renamed", "retyped", "swapped", "filtered", "listed", "removed", "gone", "kept", "rewritten"];
    let view =
        |table: &&str| manifests::view(&format!("of_{table}"), &format!("SELECT sum(v) AS v FROM {table}"));
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&names)),
        ("relabelled.yaml", manifests::table("relabelled", "relabelled", "textColumns: [moods]")),
        ("views.yaml", names.iter().map(view).collect()),
    ]);
    worker.ready().await;
    let client = upstream.connect().await;
    let kept = [
        Question { read: "SELECT * FROM kept", ask: "SELECT * FROM kept" },
        Question { read: "SELECT * FROM of_kept", ask: "SELECT sum(v) FROM kept" },
    ];

    // Columns: the stream tells it with the next change.
    upstream
        .run(
            "ALTER TABLE renamed RENAME v TO u; INSERT INTO renamed VALUES (1, 1);
             ALTER TABLE retyped ALTER v TYPE bigint; INSERT INTO retyped VALUES (1, 1);
             ALTER TABLE swapped RENAME v TO x; ALTER TABLE swapped RENAME w TO v; ALTER TABLE swapped RENAME x TO w;
             INSERT INTO swapped VALUES (2, 11, 21); INSERT INTO kept VALUES (1, 1);",
        )
        .await;
    let altered = ["renamed", "retyped", "swapped"];
    // No state from then on is served, not even until the catalog was looked at.
    let reader = worker.connect().await;
    reader.batch_execute("SET offtake.wait_timeout = 60000").await.expect("a setting");
    read_at(&reader, wal_end(&client).await.expect("the log's end")).await.expect("a setting");
    for relation in altered.iter().flat_map(|table| [(*table).to_owned(), format!("of_{table}")]) {
        let error = rows(&reader, &format!("SELECT * FROM {relation}")).await.expect_err(&relation);
        let message = error.as_db_error().map(|error| error.message().to_owned());
        assert_eq!(message.as_deref(), Some("source table schema has been altered"), "{relation}");
    }
    worker
        .status_when("three tables and their views to stop", |status| {
            altered.iter().all(|table| {
                phase(status, &format!("default/{table}")) == TablePhase::SchemaAltered
                    && status.views.iter().any(|view| {
                        view.name == format!("of_{table}") && view.phase == ViewPhase::SchemaAltered
                    })
            })
        })
        .await;
    oracle::compare(&client, &mut worker, &kept, "three tables were altered").await;

    // Other values of the same type, and other names of values: nothing of it is on the stream, now or later.
    upstream
        .run("ALTER TABLE rewritten ALTER v TYPE int USING v + 1; ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'")
        .await;
    worker
        .status_when("the rewritten and the relabelled table to stop", |status| {
            ["default/rewritten", "default/relabelled"]
                .iter()
                .all(|table| phase(status, table) == TablePhase::SchemaAltered)
        })
        .await;

    // Membership: only the catalog tells it.
    upstream
        .run(
            "ALTER PUBLICATION app SET TABLE renamed, retyped, swapped, filtered WHERE (id > 0), listed (id), gone, kept;
             DROP TABLE gone; INSERT INTO kept VALUES (2, 2);",
        )
        .await;
    missed(&mut worker, &["filtered", "listed", "removed", "gone"]).await;
    oracle::compare(&client, &mut worker, &kept, "four tables are published differently").await;

    // What is published of all tables.
    upstream
        .run(
            "ALTER PUBLICATION app SET (publish = 'insert'); UPDATE kept SET v = v + 1;
             ALTER PUBLICATION app SET (publish = 'insert, update, delete, truncate')",
        )
        .await;
    missed(&mut worker, &["kept"]).await;
    upstream
        .run("DROP PUBLICATION app; INSERT INTO kept VALUES (3, 3); CREATE PUBLICATION app FOR ALL TABLES;")
        .await;
    let again = ["kept", "removed"];
    let second = |table: &&str| {
        manifests::table(&format!("{table}-again"), table, &format!("schema: again\n  name: {table}"))
    };
    worker.write("again.yaml", &again.iter().map(second).collect::<String>());
    worker
        .status_when("both to run under the new publication", |status| {
            status.tables.iter().filter(|table| table.phase == TablePhase::Running).count() == again.len()
        })
        .await;
    upstream
        .run("DROP TABLE removed; CREATE TABLE removed (id int PRIMARY KEY, v int); INSERT INTO removed VALUES (1, 1); INSERT INTO kept VALUES (4, 4)")
        .await;
    missed(&mut worker, &["removed-again"]).await;
    let kept = [Question { read: "SELECT * FROM again.kept", ask: "SELECT * FROM kept" }];
    oracle::compare(&client, &mut worker, &kept, "a table was created anew").await;

    // Since 18 the stream goes on without its publication, and says nothing.
    upstream.run("DROP PUBLICATION app").await;
    missed(&mut worker, &["kept-again"]).await;
    worker.kill9();
    worker.spawn();
    worker
        .status_when("the source to miss its publication", |status| {
            status.source.phase == SourcePhase::Failed
                && status
                    .source
                    .problem
                    .as_ref()
                    .is_some_and(|problem| problem.reason == "PublicationMissing")
        })
        .await;
    worker.stop().await;
}

/// Waits until the tables have stopped because changes may be missing, and the views `of_` them with them.
async fn missed(worker: &mut Worker, tables: &[&str]) {
    let is_missed = |problem: &Option<Problem>| problem.as_ref().is_some_and(|p| p.reason == "ChangesMissed");
    worker
        .status_when(&format!("{tables:?} to stop"), |status| {
            tables.iter().all(|name| {
                let object = format!("default/{name}");
                let view = format!("of_{name}");
                phase(status, &object) == TablePhase::Failed
                    && status.tables.iter().any(|table| table.object == object && is_missed(&table.problem))
                    && status.views.iter().all(|known| known.name != view || is_missed(&known.problem))
            })
        })
        .await;
}
