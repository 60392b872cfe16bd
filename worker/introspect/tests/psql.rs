//! The queries of psql 15's commands, as `psql -E` shows them.

use offtake_introspect::{Introspection, Kind, RelationInfo};
use offtake_row::{Column, Row, Type};

fn relations() -> Vec<RelationInfo> {
    let columns = vec![
        Column::new("id", Type::Int4, false),
        Column::new("region", Type::Varchar(Some(40)), true),
        Column::new("amount", Type::Numeric(Some((12, 2))), false),
    ];
    let relation = |oid, schema: &str, name: &str, kind, key, definition: Option<&str>| RelationInfo {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind,
        columns: columns.clone(),
        key,
        definition: definition.map(str::to_owned),
    };
    vec![
        relation(16384, "public", "orders", Kind::Table, vec![0], None),
        relation(16385, "v1", "orders", Kind::Table, vec![], None),
        relation(16386, "public", "big", Kind::View, vec![], Some("SELECT * FROM orders")),
    ]
}

fn introspection() -> Introspection {
    Introspection::new("offtake", "15.0 (Offtake)", &relations()).expect("is set up")
}

async fn rows(sql: &str) -> Vec<Row> {
    introspection().query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}\n{error}")).1
}

/// The values of a row as text.
fn texts(row: &Row) -> Vec<String> {
    row.iter().map(|datum| format!("{datum:?}").replace("Text(\"", "").replace("\")", "")).collect()
}

#[tokio::test]
async fn every_captured_query_runs() {
    let introspection = introspection();
    let mut failures = Vec::new();
    for query in include_str!("psql15.sql").split(";\n").map(str::trim).filter(|query| !query.is_empty()) {
        if let Err(error) = introspection.query(query, &[]).await {
            failures.push(format!("{query}\n{error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn a_table_is_described_with_its_types_and_its_key() {
    let found = rows(
        "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname OPERATOR(pg_catalog.~) '^(orders)$' COLLATE pg_catalog.default \
         AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3",
    )
    .await;
    assert_eq!(found.iter().map(|row| texts(row)[0].clone()).collect::<Vec<_>>(), ["Int(16384)", "Int(16385)"]);

    let columns = rows(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull \
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 ORDER BY a.attnum",
    )
    .await;
    let columns: Vec<String> = columns.iter().map(|row| texts(row).join(" ")).collect();
    assert_eq!(
        columns,
        ["id integer Bool(true)", "region character varying(40) Bool(false)", "amount numeric(12,2) Bool(true)"]
    );
    let index = rows("SELECT pg_catalog.pg_get_indexdef(i.indexrelid, 0, true) FROM pg_catalog.pg_index i WHERE i.indrelid = 16384").await;
    assert_eq!(texts(&index[0]), ["CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)"]);
    let view = rows("SELECT pg_catalog.pg_get_viewdef('16386'::pg_catalog.oid, true)").await;
    assert_eq!(texts(&view[0]), [" SELECT * FROM orders;"]);
    let oid = rows("SELECT 'v1.orders'::regclass::oid, to_regclass('orders'), to_regtype('nothing')").await;
    assert_eq!(texts(&oid[0]), ["Int(16385)", "Int(16384)", "Null"]);
}

#[tokio::test]
async fn parameters_and_errors() {
    let introspection = introspection();
    let sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1 AND ordinal_position < $2 AND table_schema = 'public'";
    let (columns, rows) =
        introspection.query(sql, &[Some("orders".to_owned()), Some("3".to_owned())]).await.expect("runs");
    assert_eq!((columns.len(), rows.len(), columns[0].name.as_str()), (2, 2, "column_name"));
    let error = introspection.query("SELECT nothing FROM pg_class", &[]).await.expect_err("fails");
    assert_eq!(error.sqlstate(), "0A000");
    assert_eq!(introspection.query("SELECT (", &[]).await.expect_err("fails").sqlstate(), "42601");
}
