//! What clients ask about the catalog: information_schema and pg_catalog, as drivers and tools do.

use crate::support::{Fixture, start};
use tokio_postgres::{Client, NoTls};

async fn connect(fixture: &Fixture) -> Client {
    let config = format!("host=127.0.0.1 port={} user=offtake dbname=offtake", fixture.sql.port());
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_and_their_true_types() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let rows = client
        .query(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = $1 ORDER BY table_name",
            &[&"public"],
        )
        .await
        .expect("runs");
    let names: Vec<(&str, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(names.contains(&("orders", "BASE TABLE")) && names.contains(&("totals", "VIEW")), "{names:?}");

    let rows = client
        .query(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull \
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relname = 'orders' AND n.nspname = 'public' AND a.attnum > 0 ORDER BY a.attnum",
            &[],
        )
        .await
        .expect("runs");
    let columns: Vec<(&str, &str, bool)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(
        columns,
        [
            ("id", "integer", true),
            ("region", "character varying(40)", false),
            ("amount", "numeric(12,2)", true),
            ("placed", "timestamp with time zone", false),
        ]
    );
    let rows = client.query("SELECT 'public.orders'::regclass::oid", &[]).await.expect("runs");
    let oid: u32 = rows[0].get(0);
    let rows = client.query("SELECT oid FROM pg_class WHERE relname = 'orders'", &[]).await.expect("runs");
    assert_eq!(rows[0].get::<_, u32>(0), oid);
}

#[tokio::test(flavor = "multi_thread")]
async fn oids_stay_when_other_relations_come_and_go() {
    let fixture = start(|_| {}).await;
    let client = connect(&fixture).await;
    let oid = async || -> u32 {
        let sql = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relname = 'types' AND nspname = 'v1'";
        client.query_one(sql, &[]).await.expect("is one").get(0)
    };
    let before = oid().await;
    let fewer =
        crate::support::relations().iter().filter(|relation| relation.name != "orders").cloned().collect();
    fixture.relations.send_replace(std::sync::Arc::new(offtake_plan::Relations::new(fewer)));
    assert_eq!(oid().await, before);
    assert!(
        client.query("SELECT 1 FROM pg_class WHERE relname = 'orders'", &[]).await.expect("runs").is_empty()
    );
}
