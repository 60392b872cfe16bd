//! Queries, types, errors, transactions and settings, by tokio-postgres against an in-process server.

use std::{error::Error, time::Duration};

use crate::support::{FIRST, Fixture, TYPE_VALUES, insert, order, start};
use postgres_types::{FromSql, Type as PgType};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, error::SqlState};

async fn connect(fixture: &Fixture) -> Client {
    let config = format!("host=127.0.0.1 port={} user=offtake dbname=offtake", fixture.sql.port());
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

/// The binary form of a value, whatever its type.
struct Raw(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &PgType, raw: &'a [u8]) -> Result<Raw, Box<dyn Error + Sync + Send>> {
        Ok(Raw(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &PgType) -> Result<Raw, Box<dyn Error + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &PgType) -> bool {
        true
    }
}

/// A binary parameter as it is.
#[derive(Debug)]
struct Bytes(Option<Vec<u8>>);

impl postgres_types::ToSql for Bytes {
    fn to_sql(
        &self,
        _: &PgType,
        out: &mut postgres_types::private::BytesMut,
    ) -> Result<postgres_types::IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                postgres_types::IsNull::No
            }
            None => postgres_types::IsNull::Yes,
        })
    }

    fn accepts(_: &PgType) -> bool {
        true
    }

    postgres_types::to_sql_checked!();
}

async fn text(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

async fn value(client: &Client, sql: &str) -> String {
    text(client, sql).await[0][0].clone().expect("is not null")
}

async fn error(client: &Client, sql: &str) -> tokio_postgres::error::DbError {
    let error = client.simple_query(sql).await.err().unwrap_or_else(|| panic!("{sql} should fail"));
    error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn simple_queries_and_prepared_statements() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let rows =
        text(&client, "SELECT region, sum(amount) AS s FROM orders GROUP BY region ORDER BY region").await;
    assert_eq!(rows[0], [Some("north".to_owned()), Some("10.75".to_owned())]);
    assert_eq!(text(&client, "SELECT id FROM orders WHERE id = 2; SELECT 7").await.len(), 2);

    let statement = client
        .prepare("SELECT id, region FROM orders WHERE id = $1 AND region = $2")
        .await
        .expect("prepares");
    assert_eq!(statement.params(), [PgType::INT4, PgType::TEXT], "types are inferred");
    assert_eq!(statement.columns()[1].type_(), &PgType::VARCHAR);
    let rows = client.query(&statement, &[&2i32, &"south"]).await.expect("runs");
    assert_eq!((rows.len(), rows[0].get::<_, i32>(0), rows[0].get::<_, &str>(1)), (1, 2, "south"));
    let rows = client.query(&statement, &[&2i32, &None::<&str>]).await.expect("runs with NULL");
    assert!(rows.is_empty());

    // A portal is read in pieces, inside a transaction.
    let mut client = client;
    let transaction = client.transaction().await.expect("begins");
    let portal = transaction.bind("SELECT id FROM orders ORDER BY id", &[]).await.expect("binds");
    assert_eq!(transaction.query_portal(&portal, 2).await.expect("reads").len(), 2);
    assert_eq!(transaction.query_portal(&portal, 2).await.expect("reads the rest").len(), 1);
    transaction.commit().await.expect("commits");

    assert_eq!(value(&client, "SELECT count(*) FROM \"Mixed Case\"").await, "0");
    assert_eq!(value(&client, "SHOW search_path").await, "\"$user\", public");
    let plan = text(&client, "EXPLAIN totals").await;
    assert_eq!(plan[0][0].as_deref(), Some("Reduce region; sum(amount)"), "a view explains its own plan");
    assert!(!text(&client, "EXPLAIN SELECT count(*) FROM orders").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_in_text_and_in_binary_both_ways() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let rows = text(&client, "SELECT * FROM v1.types WHERE i4 IS NOT NULL").await;
    let expected: Vec<Option<String>> = TYPE_VALUES.iter().map(|value| Some((*value).to_owned())).collect();
    assert_eq!(rows, [expected]);

    let names: Vec<String> =
        crate::support::types_columns().iter().map(|column| column.name.clone()).collect();
    let binary = client.query("SELECT * FROM v1.types WHERE i4 IS NOT NULL", &[]).await.expect("runs");
    for (index, name) in names.iter().enumerate() {
        let Raw(value) = binary[0].get(index);
        let value = value.expect("is not null");
        // json has no equality in PostgreSQL, and jsonb none here.
        let sql = if name.starts_with('j') {
            format!("SELECT $1::{}", if name == "j" { "json" } else { "jsonb" })
        } else {
            format!("SELECT {name} FROM v1.types WHERE {name} = $1")
        };
        let back = client
            .query(&sql, &[&Bytes(Some(value.clone()))])
            .await
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let Raw(again) = back.first().unwrap_or_else(|| panic!("{name} is found by its binary form")).get(0);
        assert_eq!(again, Some(value), "{name}");
    }
    let nulls = client.query("SELECT * FROM v1.types WHERE i4 IS NULL", &[]).await.expect("runs");
    assert!((0..names.len()).all(|index| nulls[0].get::<_, Raw>(index).0.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_sqlstate_detail_and_hint() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    for (sql, code) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nothing FROM orders", "42703"),
        ("SELECT 1/0", "22012"),
        ("SELECT 'x'::int", "22P02"),
        ("INSERT INTO orders VALUES (1)", "25006"),
        ("CREATE TABLE t (a int)", "25006"),
        ("SELECT * FROM altered", "0A000"),
        ("SELECT * FROM copying", "55000"),
        ("SELECT * FROM faulty", "22012"),
        ("SET offtake.lsn = 'nonsense'", "22P02"),
        ("SET TimeZone = 'Europe/Berlin'", "0A000"),
        ("SET DateStyle = 'ISO, DMY'", "0A000"),
        ("SET nonsense = 1", "42704"),
        ("SHOW nonsense", "42704"),
        ("FETCH 1 FROM nothing", "34000"),
        ("SELECT $1::int", "42P02"),
        ("COPY orders TO '/tmp/x'", "0A000"),
    ] {
        assert_eq!(error(&client, sql).await.code().code(), code, "{sql}");
    }
    let altered = error(&client, "SELECT count(*) FROM altered").await;
    assert_eq!(altered.message(), "source table schema has been altered");
    assert!(altered.detail().is_some_and(|detail| detail.contains("amount")) && altered.hint().is_some());
    assert!(
        error(&client, "SELECT * FROM copying")
            .await
            .detail()
            .is_some_and(|detail| detail.contains("250 of about 1000"))
    );
    assert_eq!(
        error(&client, "DELETE FROM orders").await.message(),
        "cannot execute DELETE in a read-only transaction"
    );
    // The statement before an error is answered, the one after is not run.
    let error = client.simple_query("SELECT 1; SELECT 1/0; SELECT 2").await.expect_err("fails");
    assert_eq!(error.code(), Some(&SqlState::DIVISION_BY_ZERO));
    let wrong = client
        .query("SELECT id FROM orders WHERE id = $1", &[&Bytes(Some(vec![1]))])
        .await
        .expect_err("fails");
    assert_eq!(wrong.code().map(SqlState::code), Some("22P03"));
    assert_eq!(value(&client, "SELECT 1").await, "1", "the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_stays_at_one_version_and_fails_as_a_whole() {
    let mut fixture = start(|_| {}).await;
    let (reader, other) = (connect(&fixture).await, connect(&fixture).await);
    text(&reader, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY").await;
    assert_eq!(value(&reader, "SELECT count(*) FROM orders").await, "3");
    insert(&mut fixture.writer, FIRST + 5, order(4, "west", "1.00"));
    assert_eq!(value(&other, "SELECT count(*) FROM orders").await, "4");
    assert_eq!(value(&other, "SHOW offtake.lsn").await, "0/105");
    assert_eq!(value(&reader, "SELECT count(*) FROM orders").await, "3", "the first read pins");
    assert_eq!(value(&reader, "SHOW offtake.lsn").await, "0/100");
    assert_eq!(error(&reader, "SELECT 1/0").await.code().code(), "22012");
    assert_eq!(error(&reader, "SELECT 1").await.code().code(), "25P02");
    text(&reader, "COMMIT").await;
    assert_eq!(value(&reader, "SELECT count(*) FROM orders").await, "4");

    text(&reader, "BEGIN; SAVEPOINT a; SET search_path = v1").await;
    error(&reader, "SELECT * FROM orders").await;
    text(&reader, "ROLLBACK TO SAVEPOINT a").await;
    assert_eq!(value(&reader, "SELECT count(*) FROM orders").await, "4", "the savepoint's settings are back");
    text(&reader, "SET search_path = v1; ROLLBACK").await;
    assert_eq!(value(&reader, "SELECT count(*) FROM orders").await, "4", "a rollback undoes SET");

    // Cursors.
    text(&reader, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id").await;
    assert_eq!(text(&reader, "FETCH 3 FROM c").await.len(), 3);
    assert_eq!(text(&reader, "FETCH ALL FROM c").await.len(), 1);
    text(&reader, "COMMIT").await;
    assert_eq!(error(&reader, "FETCH 1 FROM c").await.code().code(), "34000");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_for_a_transaction_ends_with_it() {
    let fixture = start(|_| {}).await;
    let config = format!("host=127.0.0.1 port={} user=offtake dbname=offtake", fixture.sql.port());
    let (client, mut connection) = tokio_postgres::connect(&config, NoTls).await.expect("connects");
    let (tell, mut notices) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let tokio_postgres::AsyncMessage::Notice(notice) = message {
                tell.send(notice).ok();
            }
        }
    });
    let mut warned = async || {
        let notice = tokio::time::timeout(Duration::from_secs(10), notices.recv()).await;
        let notice = notice.expect("in time").expect("a warning");
        format!("{} {}", notice.code().code(), notice.message())
    };
    let default = value(&client, "SHOW search_path").await;

    // Alone, a SET LOCAL is over before it is of use.
    text(&client, "SET LOCAL search_path = v1").await;
    assert_eq!(warned().await, "25P01 SET LOCAL can only be used in transaction blocks");
    assert_eq!(value(&client, "SHOW search_path").await, default);
    text(&client, "SELECT set_config('search_path', 'v1', true)").await;
    assert_eq!(value(&client, "SHOW search_path").await, default);
    client.execute("SET LOCAL search_path = v1", &[]).await.expect("a warning only");
    assert_eq!(warned().await, "25P01 SET LOCAL can only be used in transaction blocks");
    assert_eq!(value(&client, "SHOW search_path").await, default);
    text(&client, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await;
    assert_eq!(warned().await, "25P01 SET TRANSACTION can only be used in transaction blocks");
    assert_eq!(value(&client, "SHOW transaction_isolation").await, "repeatable read");

    // Several statements of one message are a transaction.
    assert_eq!(value(&client, "SET LOCAL search_path = v1; SHOW search_path").await, "v1");
    assert_eq!(value(&client, "SHOW search_path").await, default);
    error(&client, "SET search_path = v1; SELECT 1/0").await;
    assert_eq!(value(&client, "SHOW search_path").await, default, "a failure undoes SET");
    error(&client, "SET search_path = v1; COMMIT; SET search_path = v2; SELECT 1/0").await;
    assert_eq!(value(&client, "SHOW search_path").await, "v1", "what was committed before stays");
    assert_eq!(warned().await, "25P01 there is no transaction in progress");
    text(&client, "SET search_path = v3; BEGIN; SET LOCAL search_path = v2; ROLLBACK").await;
    assert_eq!(value(&client, "SHOW search_path").await, "v1", "BEGIN takes in what was before it");
    text(&client, "SET search_path = v2; SET LOCAL search_path = v3; SELECT 1").await;
    assert_eq!(value(&client, "SHOW search_path").await, "v2");
    text(&client, "BEGIN; SET LOCAL search_path = v1; SET statement_timeout = '9s'; COMMIT").await;
    assert_eq!(value(&client, "SHOW search_path").await, "v2");
    assert_eq!(value(&client, "SHOW statement_timeout").await, "9s");
    assert!(notices.try_recv().is_err(), "no other warnings");
}

#[tokio::test(flavor = "multi_thread")]
async fn offtake_lsn_waits_for_the_writer_and_gives_up_in_time() {
    let mut fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let waiting = tokio::spawn(async move {
        text(&client, "SET offtake.lsn = '0/110'").await;
        (value(&client, "SELECT count(*) FROM orders").await, client)
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "0/110 is not there yet");
    insert(&mut fixture.writer, FIRST + 0x20, order(4, "west", "1.00"));
    let (count, client) = waiting.await.expect("is answered");
    assert_eq!(count, "4");

    text(&client, "SET offtake.wait_timeout = '50ms'").await;
    let late = error(&client, "SET offtake.lsn = 'F/0'").await;
    assert_eq!(late.code().code(), "57014");
    assert_eq!(late.message(), "LSN F/0 did not become readable within 50 ms");
    assert!(late.detail().is_some_and(|detail| detail.contains("0/120")) && late.hint().is_some());
    assert_eq!(value(&client, "SELECT count(*) FROM orders").await, "4", "the setting was not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_timeout_interrupt_a_wait() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let cancel = client.cancel_token();
    let waiting = tokio::spawn(async move { (error(&client, "SET offtake.lsn = 'F/0'").await, client) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel_query(NoTls).await.expect("is sent");
    let (canceled, client) = waiting.await.expect("is answered");
    assert_eq!(
        (canceled.code(), canceled.message()),
        (&SqlState::QUERY_CANCELED, "canceling statement due to user request")
    );
    text(&client, "SET statement_timeout = '50ms'").await;
    let late = error(&client, "SET offtake.lsn = 'F/0'").await;
    assert_eq!(late.message(), "canceling statement due to statement timeout");
    // A query of many rows that are never collected.
    let heavy = "SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e, orders f, orders g, orders h, orders i, orders j, orders k, orders l, orders m, orders n, orders o";
    assert_eq!(error(&client, heavy).await.code(), &SqlState::QUERY_CANCELED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_system_is_sql() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let rows = text(&client, "SELECT source, phase, lsn, slot FROM offtake.sources").await;
    assert_eq!(
        rows[0].iter().flatten().collect::<Vec<_>>(),
        ["default/shop", "Streaming", "0/100", "offtake_shop"]
    );
    let sql = "SELECT name, percent_copied, copy_started_at FROM offtake.tables WHERE phase = 'Snapshotting'";
    let rows = text(&client, sql).await;
    assert_eq!(rows[0].iter().flatten().collect::<Vec<_>>(), ["copying", "25", "2026-11-01 12:00:00+00"]);
    assert_eq!(
        value(&client, "SELECT remedy FROM offtake.tables WHERE reason = 'SchemaAltered'").await,
        "Apply a new SourceTable."
    );
    assert_eq!(value(&client, "SELECT change FROM offtake.drift WHERE breaking").await, "ColumnDropped");
    assert_eq!(value(&client, "SELECT sum(errors) FROM offtake.views").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_out() {
    use futures::StreamExt;
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let copy = |sql: &'static str| {
        let client = &client;
        async move {
            let stream = client.copy_out(sql).await.expect("starts");
            let chunks: Vec<_> = Box::pin(stream).collect().await;
            chunks.into_iter().flat_map(|chunk| chunk.expect("is data").to_vec()).collect::<Vec<u8>>()
        }
    };
    let csv =
        copy("COPY (SELECT id, region FROM orders ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)").await;
    assert_eq!(String::from_utf8_lossy(&csv), "id,region\n1,north\n2,south\n3,north\n");
    assert!(copy("COPY orders TO STDOUT (FORMAT binary)").await.starts_with(b"PGCOPY\n"));
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_planned_again_when_the_catalog_changed() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let statement = client.prepare("SELECT region FROM orders WHERE id = 1").await.expect("prepares");
    fixture.relations.send_replace(std::sync::Arc::new(crate::support::relations()));
    assert_eq!(client.query(&statement, &[]).await.expect("still runs").len(), 1);
    let gone =
        crate::support::relations().iter().filter(|relation| relation.name != "orders").cloned().collect();
    fixture.relations.send_replace(std::sync::Arc::new(offtake_plan::Relations::new(gone)));
    let error = client.query(&statement, &[]).await.expect_err("fails");
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_would_take_too_much_memory_ends_alone() {
    let fixture = start(|config| config.query_memory = 8 << 20).await;
    let client = connect(&fixture).await;
    // 3 ^ 12 rows.
    let all = (0..12).map(|number| format!("orders o{number}")).collect::<Vec<_>>().join(" CROSS JOIN ");
    for sql in [
        format!("SELECT o0.id FROM {all}"),
        format!("SELECT DISTINCT {} FROM {all}", numbered("id")),
        format!("SELECT count(*) FROM {all} GROUP BY {}", numbered("id")),
        format!("SELECT count(DISTINCT {}) FROM {all}", numbered("id::text").replace(", ", " || ")),
    ] {
        let error = error(&client, &sql).await;
        assert_eq!(*error.code(), SqlState::OUT_OF_MEMORY, "{sql}: {error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("View")), "{error:?}");
    }
    // What is not kept costs nothing, and what was kept is free again.
    assert_eq!(value(&client, &format!("SELECT count(*) FROM {all}")).await, "531441");
    assert_eq!(value(&client, "SELECT count(*) FROM (SELECT DISTINCT region FROM orders) o").await, "2");
}

/// A column of each of the twelve.
fn numbered(column: &str) -> String {
    (0..12).map(|number| format!("o{number}.{column}")).collect::<Vec<_>>().join(", ")
}
