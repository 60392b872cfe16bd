//! The clients that people use: psql, psycopg and tokio-postgres, against the real worker.

use std::process::{Command, Stdio};

use offtake_e2e::{
    Upstream, Worker, manifests,
    upstream::{connect, wal_end},
    worker::{self, rows},
};

const SCHEMA: &str = "
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, amount numeric(12,2), note varchar(40), placed timestamptz);
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 50) i;
    INSERT INTO orders SELECT i, 1 + i % 50, i * 1.25, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || i END, timestamptz '2024-01-01 00:00Z' + i * interval '1 hour'
        FROM generate_series(1, 1000) i;
    CREATE PUBLICATION app FOR TABLE orders, customers;
";

async fn shop() -> (Upstream, Worker) {
    let upstream = Upstream::start("any").await;
    upstream.run(SCHEMA).await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["orders", "customers"])),
        (
            "views.yaml",
            manifests::view(
                "by_customer",
                "SELECT c.name, count(*) AS orders, sum(o.amount) AS amount FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.name",
            ),
        ),
    ]);
    worker.ready().await;
    (upstream, worker)
}

fn psql(worker: &Worker, command: &str) -> (String, String) {
    let output = Command::new("psql")
        .args([
            "-X",
            "-h",
            &worker.sql.ip().to_string(),
            "-p",
            &worker.sql.port().to_string(),
            "-U",
            "offtake",
            "-d",
            "offtake",
            "-c",
            command,
        ])
        .stdin(Stdio::null())
        .output()
        .expect("psql is installed by `cargo xtask test`");
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_finds_its_way() {
    let (_upstream, worker) = shop().await;
    for (command, expected) in [
        ("\\dt", vec!["orders", "customers", "table"]),
        ("\\d", vec!["orders", "by_customer", "view"]),
        (
            "\\d orders",
            vec!["amount", "numeric(12,2)", "character varying(40)", "timestamp with time zone", "not null"],
        ),
        ("\\dv", vec!["by_customer"]),
        ("SELECT * FROM by_customer ORDER BY amount DESC LIMIT 3", vec!["customer", "(3 rows)"]),
        ("EXPLAIN by_customer", vec!["Reduce", "Join"]),
        ("SELECT name, phase, rows FROM offtake.tables ORDER BY name", vec!["customers", "Running", "1000"]),
        ("SELECT name, phase FROM offtake.views", vec!["by_customer", "Running"]),
        ("SELECT phase FROM offtake.sources", vec!["Streaming"]),
        ("SELECT * FROM offtake.drift", vec!["(0 rows)"]),
        ("SHOW offtake.lsn", vec!["/"]),
    ] {
        let (shown, errors) = psql(&worker, command);
        assert!(errors.is_empty(), "{command}: {errors}");
        for expected in expected {
            assert!(shown.contains(expected), "{command}: no \"{expected}\" in\n{shown}");
        }
    }
    let (_, errors) = psql(&worker, "INSERT INTO orders VALUES (1)");
    assert!(errors.contains("cannot execute INSERT in a read-only transaction"), "{errors}");
    let (_, errors) = psql(&worker, "SELECT nope FROM orders");
    assert!(errors.contains("column \"nope\" does not exist"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_postgres_prepares_and_reads_its_own_writes() {
    let (upstream, worker) = shop().await;
    let client = worker.connect().await;
    let statement = client
        .prepare("SELECT id, customer_id, note, amount::text FROM orders WHERE id = $1")
        .await
        .expect("prepared");
    for id in [1i64, 3, 999] {
        let row = client.query_one(&statement, &[&id]).await.expect("the row");
        assert_eq!(row.get::<_, i64>(0), id);
        assert_eq!(row.get::<_, Option<String>>(2).is_none(), id % 3 == 0);
    }
    assert!(client.query_opt(&statement, &[&5000i64]).await.expect("no row").is_none());

    // Read-your-writes: commit upstream, take the position, set it, read.
    let writer = upstream.connect().await;
    for id in 2000..2020i64 {
        writer
            .batch_execute(&format!("INSERT INTO orders VALUES ({id}, 1, 1)"))
            .await
            .expect("a write upstream");
        let lsn = wal_end(&writer).await.expect("the log's end");
        worker::read_at(&client, lsn).await.expect("a setting");
        assert!(
            client.query_opt(&statement, &[&id]).await.expect("a read").is_some(),
            "{id} is not there at {lsn}"
        );
    }
    // A position that nobody has reached yet: the wait ends, with what to do.
    client.batch_execute("SET offtake.wait_timeout = 300").await.expect("a setting");
    let error = client.batch_execute("SET offtake.lsn = 'FFFFFFFF/0'").await.expect_err("the wait ends");
    assert!(error.as_db_error().is_some_and(|error| error.hint().is_some()), "{error:?}");
    client.batch_execute("RESET offtake.lsn").await.expect("a reset");
    let error = client.batch_execute("SET offtake.lsn = 'nonsense'").await.expect_err("not an LSN");
    assert!(error.as_db_error().is_some(), "{error:?}");

    // All reads of a transaction are of one position, whatever comes meanwhile.
    client.batch_execute("BEGIN").await.expect("BEGIN");
    let before = rows(&client, "SELECT count(*) FROM orders").await.expect("a count");
    writer.batch_execute("DELETE FROM orders").await.expect("a write upstream");
    let other =
        connect(&format!("host={} port={} user=offtake dbname=offtake", worker.sql.ip(), worker.sql.port()))
            .await
            .expect("another session");
    worker::read_at(&other, wal_end(&writer).await.expect("the log's end")).await.expect("a setting");
    assert_eq!(
        rows(&other, "SELECT count(*) FROM orders").await.expect("a count"),
        vec![vec![Some("0".to_owned())]]
    );
    assert_eq!(rows(&client, "SELECT count(*) FROM orders").await.expect("a count"), before);
    client.batch_execute("COMMIT").await.expect("COMMIT");
}

const PYTHON: &str = r#"
import sys, decimal, psycopg
with psycopg.connect(host=sys.argv[1], port=sys.argv[2], user="offtake", dbname="offtake") as connection:
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute("SELECT id, amount, note, placed FROM orders WHERE customer_id = %s AND amount > %s ORDER BY id LIMIT 2", (7, decimal.Decimal("10.00")))
            rows = cursor.fetchall()
            assert len(rows) == 2 and rows[0][0] == 56 and rows[0][1] == decimal.Decimal("70.00"), rows
            assert rows[0][3].isoformat().startswith("2024-01-03T08:00:00"), rows
    for _ in range(8):
        assert connection.execute("SELECT count(*) FROM by_customer WHERE name = %s", ("customer 8",), prepare=True).fetchone() == (1,)
    connection.commit()
    try:
        connection.execute("DELETE FROM orders")
        raise SystemExit("a write was taken")
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.rollback()
print("psycopg is content")
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg_reads_text_and_binary() {
    let (_upstream, worker) = shop().await;
    let python = std::env::var("OFFTAKE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .args(["-c", PYTHON, &worker.sql.ip().to_string(), &worker.sql.port().to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("Python with psycopg is installed by `cargo xtask test`");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && shown.contains("content"),
        "{shown}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scram_and_tls_let_in_who_knows_the_password() {
    let authority = super::tls::Authority::new();
    let (certificate, key) = authority.issue("localhost");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (certificate, key) = (file("tls.crt", &certificate), file("tls.key", &key));
    let (ca, users) = (file("ca.crt", &authority.pem()), file("users", "reader:s3 cret:x\n"));
    let upstream = Upstream::start("any").await;
    upstream.run(SCHEMA).await;
    let mut worker = Worker::start_with(
        &[("source.yaml", manifests::source(&upstream)), ("tables.yaml", manifests::tables(&["orders"]))],
        &["--users-file", &users, "--tls-certificate", &certificate, "--tls-key", &key],
    );
    worker.ready().await;
    let psql = |password: &str, ssl: &str| {
        let address = format!(
            "host=localhost hostaddr={} port={} user=reader dbname=offtake {ssl} connect_timeout=10",
            worker.sql.ip(),
            worker.sql.port()
        );
        let output = Command::new("psql")
            .args(["-X", "-w", "-At", &address, "-c", "SELECT count(*) FROM orders"])
            .env("PGPASSWORD", password)
            .stdin(Stdio::null())
            .output()
            .expect("psql is installed by `cargo xtask test`");
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let verify = format!("sslmode=verify-full sslrootcert={ca}");
    let (rows, errors) = psql("s3 cret:x", &format!("{verify} channel_binding=require"));
    assert_eq!(rows.trim(), "1000", "{errors}");
    let (rows, errors) = psql("s3 cret:x", "sslmode=disable");
    assert_eq!(rows.trim(), "1000", "on loopback TLS is offered, not asked for: {errors}");
    let (_, errors) = psql("wrong", &verify);
    assert!(errors.contains("password authentication failed"), "{errors}");
    worker.stop().await;

    // Without users, only loopback is served.
    let open = Command::new(worker::binary())
        .args(["up", "-f", &worker.manifests().display().to_string()])
        .args(["--data-dir", &folder.path().join("data").display().to_string()])
        .args(["--sql-listen", "0.0.0.0:0", "--http-listen", "127.0.0.1:0"])
        .output()
        .expect("offtake up runs");
    let said = String::from_utf8_lossy(&open.stderr);
    assert!(!open.status.success() && said.contains("loopback"), "{said}");
}
