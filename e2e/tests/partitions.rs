//! Partitioned tables under their root's name: which new partitions are harmless, and which bring rows that the stream did not tell.

use offtake_contract::TablePhase;
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
};

/// The worker is away while the partitions come, so that one look at the catalog sees each in its last state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_partition_that_began_empty_under_its_root_is_taken_in() {
    let upstream = Upstream::start(super::NEWEST).await;
    let roots = ["created", "altered", "filled", "attached", "emptied"];
    for root in roots {
        upstream
            .run(&format!(
                "CREATE TABLE {root} (id int PRIMARY KEY DEFAULT 1, v text DEFAULT 'x') PARTITION BY RANGE (id);
                 CREATE TABLE {root}_0 PARTITION OF {root} FOR VALUES FROM (0) TO (10);
                 INSERT INTO {root} VALUES (1)"
            ))
            .await;
    }
    upstream
        .run(&format!(
            "CREATE PUBLICATION app FOR TABLE {} WITH (publish_via_partition_root = true)",
            roots.join(", ")
        ))
        .await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&roots)),
    ]);
    worker.ready().await;
    worker.stop().await;

    // Each of these strings is one transaction.
    for transaction in [
        "CREATE TABLE created_1 PARTITION OF created FOR VALUES FROM (10) TO (20); INSERT INTO created_1 VALUES (11);
         CREATE TABLE created_2 PARTITION OF created FOR VALUES FROM (20) TO (40) PARTITION BY RANGE (id);
         CREATE TABLE created_3 PARTITION OF created_2 FOR VALUES FROM (20) TO (30); INSERT INTO created VALUES (21)",
        "CREATE TABLE altered_1 PARTITION OF altered FOR VALUES FROM (10) TO (20); INSERT INTO altered VALUES (11)",
        "ALTER TABLE altered ALTER v SET DEFAULT 'y'; CREATE INDEX ON altered (v)",
        "CREATE TABLE filled_1 (LIKE filled INCLUDING ALL); INSERT INTO filled_1 VALUES (11);
         ALTER TABLE filled ATTACH PARTITION filled_1 FOR VALUES FROM (10) TO (20)",
        "CREATE TABLE attached_1 (LIKE attached INCLUDING ALL); INSERT INTO attached_1 VALUES (11)",
        "ALTER TABLE attached ATTACH PARTITION attached_1 FOR VALUES FROM (10) TO (20)",
        "CREATE TABLE emptied_1 PARTITION OF emptied FOR VALUES FROM (10) TO (20); INSERT INTO emptied VALUES (11)",
        "TRUNCATE emptied_1",
    ] {
        upstream.run(transaction).await;
    }
    worker.spawn();
    let phase = |status: &offtake_contract::Status, name: &str| {
        let object = format!("default/{name}");
        status.tables.iter().find(|table| table.object == object).map(|table| table.phase)
    };
    worker
        .status_when("three tables to stop", |status| {
            ["filled", "attached", "emptied"]
                .iter()
                .all(|table| phase(status, table) == Some(TablePhase::Failed))
        })
        .await;
    let questions = ["created", "altered"].map(|table| format!("SELECT * FROM {table}"));
    let questions = questions.each_ref().map(|sql| Question { read: sql, ask: sql });
    oracle::compare(&upstream.connect().await, &mut worker, &questions, "partitions were created").await;
    // The look that stopped the three was one of all tables.
    let status = worker.try_status().await.expect("a status");
    for table in ["created", "altered"] {
        assert_eq!(phase(&status, table), Some(TablePhase::Running), "{table}");
    }
    worker.stop().await;
}
