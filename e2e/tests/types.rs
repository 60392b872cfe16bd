//! Every type with its odd values, by copy and by stream, equals what PostgreSQL prints.

use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
};

const TABLE: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE TABLE every (
        id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(20,4), n38 numeric(38,10),
        t text, vc varchar(20), c char(6), d date, tm time, ts timestamp, tz timestamptz, u uuid, by bytea, j json, jb jsonb,
        dom positive, m mood, iv interval, arr int[]
    );
    CREATE PUBLICATION app FOR TABLE every;
";

/// Values that have broken others: NaN, infinities, years BC and far, negative zero, midnight's end, empty and odd text.
const ROWS: &str = r#"
    INSERT INTO every (id) VALUES (BASE + 1);
    INSERT INTO every VALUES (BASE + 2, true, -32768, -2147483648, -9223372036854775808, '-0', '-0', -0.0001, -9999999999999999999999999999.9999999999,
        '', '', '', '4713-01-01 BC', '00:00', '4713-01-01 00:00 BC', '4713-01-01 00:00 BC UTC', '00000000-0000-0000-0000-000000000000', '', '{}', '{}',
        1, 'sad', '1 year 2 days', '{}');
    INSERT INTO every VALUES (BASE + 3, false, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 'NaN', 'NaN',
        E'tab\t nl\n "quo''te" \\ back', 'grün', 'ab', 'infinity', '24:00', 'infinity', '-infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        '\x00ff7f5c27', '{"a" :  [1, 2.50, {"a": null}], "a": 1}', '{"b": 2.50, "a": [true, "\u00fc"]}', 7, 'happy', '-1 day 00:00:01.5', '{1,NULL,3}');
    INSERT INTO every VALUES (BASE + 4, NULL, 0, 0, 0, 'Infinity', '-Infinity', 9999999999999999.9999, 0,
        repeat('long ', 3000), repeat('v', 20), 'abcdef', '-infinity', '23:59:59.999999', '294276-12-31 23:59:59.999999', '0044-03-15 10:11:12.5 BC UTC',
        '123e4567-e89b-12d3-a456-426614174000', decode(repeat('ab', 5000), 'hex'), '"x"', 'null', 2147483647, NULL, NULL, NULL);
    INSERT INTO every VALUES (BASE + 5, true, 1, 1, 1, 0.1, 0.1, 1.5, 1.0000000001, 'a', 'b', 'c ', '2024-02-29', '12:34:56.7', '1999-12-31 23:59:59.5',
        '2024-06-30 23:30:00+05:30', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\xdeadbeef', '[]', '[1e3, 1.0]', 3, 'sad', '1 mon', '{{1,2},{3,4}}');
    INSERT INTO every VALUES (BASE + 6, true, 1, 1, 1, 1e-40, 5e-324, 12345.6789, 0.5, 'a', 'b', 'c', '0001-01-01', '00:00:00.000001', '0001-01-01 00:00:00',
        '1970-01-01 00:00:00Z', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', NULL, '1', '1', 3, 'sad', '0', '{0}');
    INSERT INTO every (id, f4, f8) VALUES (BASE + 7, 3.4028235e38, 1.7976931348623157e308), (BASE + 8, 123456.79, 1e15), (BASE + 9, 1e6, 123456789012345680);
"#;

const TEXT_COLUMNS: &str = "textColumns: [m]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_arrives_on_the_oldest() {
    every_value_arrives(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_arrives_on_the_newest() {
    every_value_arrives(super::NEWEST).await;
}

async fn every_value_arrives(version: &str) {
    let upstream = Upstream::start(version).await;
    upstream.run(TABLE).await;
    upstream.run(&ROWS.replace("BASE", "0")).await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::table("every", "every", TEXT_COLUMNS)),
    ]);
    worker.ready().await;
    let client = upstream.connect().await;
    client.batch_execute("SET TimeZone = 'UTC'; SET extra_float_digits = 1").await.expect("settings");
    // Before 12, PostgreSQL prints floats otherwise (extra_float_digits): there they are compared as bits alone.
    const OLD: &str =
        "SELECT id, b, i2, i4, i8, n, n38, t, vc, c, d, tm, ts, tz, u, by, j, jb, dom, m, iv, arr FROM every";
    let all = if version == super::OLDEST { OLD } else { "SELECT * FROM every" };
    let questions = [Question { read: all, ask: all }];
    oracle::compare(&client, &mut worker, &questions, "after the copy").await;
    floats_are_the_same_bits(&client, &worker).await;

    // The same by the stream; then updates that leave long values alone, and changes of keys.
    upstream.run(&ROWS.replace("BASE", "100")).await;
    oracle::compare(&client, &mut worker, &questions, "after inserts").await;
    floats_are_the_same_bits(&client, &worker).await;
    upstream.run("UPDATE every SET i4 = coalesce(i4 / 2, 5), f4 = NULL; UPDATE every SET id = id + 1000 WHERE id < 100").await;
    oracle::compare(&client, &mut worker, &questions, "after updates").await;
    floats_are_the_same_bits(&client, &worker).await;
    upstream.run("DELETE FROM every WHERE id % 2 = 0; INSERT INTO every (id) VALUES (-5)").await;
    oracle::compare(&client, &mut worker, &questions, "after deletes").await;
    floats_are_the_same_bits(&client, &worker).await;
    worker.stop().await;
}

/// Floats by the binary protocol, as bits. The worker was waited for already.
async fn floats_are_the_same_bits(upstream: &tokio_postgres::Client, worker: &Worker) {
    let bits = async |client: &tokio_postgres::Client| {
        let rows = client.query("SELECT id, f4, f8 FROM every ORDER BY id", &[]).await.expect("floats");
        let row = |row: &tokio_postgres::Row| {
            (
                row.get::<_, i32>(0),
                row.get::<_, Option<f32>>(1).map(f32::to_bits),
                row.get::<_, Option<f64>>(2).map(f64::to_bits),
            )
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(bits(&worker.connect().await).await, bits(upstream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_is_not_kept_is_refused_by_name_with_the_remedy() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run(TABLE).await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::table("every", "every", "excludeColumns: [iv]")),
    ]);
    let status = worker
        .status_when("the refusal", |status| status.tables.iter().any(|table| table.problem.is_some()))
        .await;
    let problem = status.tables[0].problem.clone().expect("the problem");
    assert!(problem.message.contains("mood"), "{problem}");
    assert!(problem.remedy.contains("textColumns") && problem.remedy.contains("excludeColumns"), "{problem}");

    // What the remedy says heals it, without a restart.
    worker.write("tables.yaml", &manifests::table("every", "every", TEXT_COLUMNS));
    worker.ready().await;
    worker.stop().await;
}
