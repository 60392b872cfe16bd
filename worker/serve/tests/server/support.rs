//! A server over hand-made results, as the worker would make them.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use offtake_contract::{
    ColumnStatus, Drift, DriftChange, Lag, Lsn, Problem, SlotStatus, SnapshotProgress, SourcePhase,
    SourceStatus, Status, TablePhase, TableStatus, ViewPhase, ViewStatus,
};
use offtake_lir::{CollectionId, EvalError};
use offtake_plan::{Relation, RelationKind, RelationProblem, Relations};
use offtake_results::{Writer, results};
use offtake_row::{Column, Row, RowPacker, Type, text};
use offtake_serve::{Config, PutCatalog, Server, Shared, ViewText, bind};
use tokio::sync::{mpsc, watch};

pub const ORDERS: CollectionId = CollectionId(1);
pub const TOTALS: CollectionId = CollectionId(2);
pub const TYPES: CollectionId = CollectionId(3);
pub const ALTERED: CollectionId = CollectionId(4);
pub const COPYING: CollectionId = CollectionId(5);
pub const FAULTY: CollectionId = CollectionId(6);
pub const MIXED: CollectionId = CollectionId(7);

/// The LSN of the first version.
pub const FIRST: u64 = 0x100;

pub struct Fixture {
    pub sql: SocketAddr,
    pub http: SocketAddr,
    pub writer: Writer,
    pub relations: watch::Sender<Arc<Relations>>,
    pub _views: watch::Sender<Arc<BTreeMap<CollectionId, ViewText>>>,
    pub status: watch::Sender<Arc<Status>>,
    pub catalogs: mpsc::Receiver<PutCatalog>,
    pub shutdown: watch::Sender<bool>,
    pub served: tokio::task::JoinHandle<()>,
}

fn columns(list: &[(&str, Type, bool)]) -> Vec<Column> {
    list.iter().map(|(name, ty, nullable)| Column::new(*name, *ty, *nullable)).collect()
}

pub fn orders_columns() -> Vec<Column> {
    columns(&[
        ("id", Type::Int4, false),
        ("region", Type::Varchar(Some(40)), true),
        ("amount", Type::Numeric(Some((12, 2))), false),
        ("placed", Type::Timestamptz, true),
    ])
}

pub fn types_columns() -> Vec<Column> {
    columns(&[
        ("b", Type::Bool, true),
        ("i2", Type::Int2, true),
        ("i4", Type::Int4, true),
        ("i8", Type::Int8, true),
        ("f4", Type::Float4, true),
        ("f8", Type::Float8, true),
        ("n", Type::Numeric(None), true),
        ("t", Type::Text, true),
        ("v", Type::Varchar(Some(10)), true),
        ("c", Type::Bpchar(Some(4)), true),
        ("d", Type::Date, true),
        ("tm", Type::Time, true),
        ("ts", Type::Timestamp, true),
        ("tz", Type::Timestamptz, true),
        ("u", Type::Uuid, true),
        ("by", Type::Bytea, true),
        ("j", Type::Json, true),
        ("jb", Type::Jsonb, true),
    ])
}

/// A row from PostgreSQL's text forms.
pub fn row(columns: &[Column], values: &[Option<&str>]) -> Row {
    let mut packer = RowPacker::new();
    for (column, value) in columns.iter().zip(values) {
        match value {
            Some(value) => text::parse(column.ty, value, &mut packer).expect("the fixture's values parse"),
            None => packer.push(offtake_row::Datum::Null),
        }
    }
    packer.finish()
}

pub fn order(id: i32, region: &str, amount: &str) -> Row {
    let id = id.to_string();
    row(&orders_columns(), &[Some(&id), Some(region), Some(amount), Some("2026-11-01 12:00:00+00")])
}

fn relation(
    id: CollectionId,
    schema: &str,
    name: &str,
    columns: Vec<Column>,
    kind: RelationKind,
) -> Relation {
    Relation {
        id,
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns,
        key: None,
        kind,
        problem: None,
        indexes: Vec::new(),
    }
}

pub fn relations() -> Relations {
    let totals = columns(&[("region", Type::Varchar(Some(40)), true), ("total", Type::Numeric(None), true)]);
    let one = || columns(&[("id", Type::Int4, false)]);
    Relations::new(vec![
        Relation {
            key: Some(vec![0]),
            indexes: vec![vec![0]],
            ..relation(ORDERS, "public", "orders", orders_columns(), RelationKind::Table)
        },
        relation(TOTALS, "public", "totals", totals, RelationKind::View),
        relation(TYPES, "v1", "types", types_columns(), RelationKind::Table),
        Relation {
            problem: Some(RelationProblem {
                sqlstate: "0A000",
                message: "source table schema has been altered".to_owned(),
                detail: Some("Column \"amount\" of public.altered was dropped upstream.".to_owned()),
                hint: Some("Apply a new SourceTable beside this one.".to_owned()),
            }),
            ..relation(ALTERED, "public", "altered", one(), RelationKind::Table)
        },
        relation(COPYING, "public", "copying", one(), RelationKind::Table),
        relation(FAULTY, "public", "faulty", one(), RelationKind::View),
        relation(MIXED, "public", "Mixed Case", one(), RelationKind::Table),
    ])
}

fn column_status(list: &[Column]) -> Vec<ColumnStatus> {
    list.iter()
        .map(|column| ColumnStatus {
            name: column.name.clone(),
            ty: column.ty.to_string(),
            nullable: column.nullable,
        })
        .collect()
}

pub fn status() -> Status {
    let table = |schema: &str, name: &str, phase, columns: &[Column]| TableStatus {
        object: format!("default/{name}"),
        schema: schema.to_owned(),
        name: name.to_owned(),
        upstream: format!("public.{name}"),
        phase,
        problem: None,
        snapshot: SnapshotProgress::default(),
        columns: column_status(columns),
        drift: Vec::new(),
        rows: Some(3),
        memory_bytes: Some(1234),
    };
    let mut copying = table("public", "copying", TablePhase::Snapshotting, &[]);
    copying.snapshot = SnapshotProgress {
        rows_copied: 250,
        rows_estimated: Some(1000),
        bytes: 4096,
        started_at: Some("2026-11-01T12:00:00Z".to_owned()),
        finished_at: None,
    };
    let mut altered = table("public", "altered", TablePhase::SchemaAltered, &[]);
    altered.problem = Some(Problem::new(
        "SchemaAltered",
        "column amount of public.altered was dropped",
        "Apply a new SourceTable.",
    ));
    altered.drift = vec![Drift {
        change: DriftChange::ColumnDropped,
        column: Some("amount".to_owned()),
        lsn: Some(Lsn(0xff)),
        observed_at: "2026-11-01T12:00:00Z".to_owned(),
        breaking: true,
        message: "column amount was dropped".to_owned(),
    }];
    Status {
        revision: 7,
        generation: 1,
        version: "0.1.0".to_owned(),
        source: SourceStatus {
            object: "default/shop".to_owned(),
            phase: SourcePhase::Streaming,
            server_version: Some(180_004),
            slot: SlotStatus { name: "offtake_shop".to_owned(), ..SlotStatus::default() },
            lag: Lag { bytes: Some(0), seconds: Some(0.0) },
            lsn: Some(Lsn(FIRST)),
            ..SourceStatus::default()
        },
        tables: vec![
            table("public", "orders", TablePhase::Running, &orders_columns()),
            table("v1", "types", TablePhase::Running, &types_columns()),
            copying,
            altered,
        ],
        views: vec![ViewStatus {
            object: "default/totals".to_owned(),
            schema: "public".to_owned(),
            name: "totals".to_owned(),
            phase: ViewPhase::Running,
            problem: None,
            columns: Vec::new(),
            rows: Some(2),
            memory_bytes: Some(99),
            errors: 0,
        }],
    }
}

/// One row with a value in every column and one of NULLs.
pub const TYPE_VALUES: [&str; 18] = [
    "t",
    "-2",
    "-2147483648",
    "9223372036854775807",
    "1.5",
    "0.1",
    "-123456789.012300",
    "grün, \"x\"",
    "varchar",
    "ab  ",
    "2026-02-28",
    "23:59:59.999999",
    "2026-02-28 01:02:03.000004",
    "2026-02-28 01:02:03.5+00",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "\\xdeadbeef",
    "{\"a\":  1}",
    "{\"a\": 1}",
];

fn fill(writer: &mut Writer) {
    for relation in relations().iter() {
        if relation.id != COPYING {
            let types = relation.columns.iter().map(|column| column.ty).collect();
            writer.create(relation.id, types, relation.indexes.clone(), FIRST);
        }
    }
    writer.load(
        ORDERS,
        vec![
            (order(1, "north", "10.50"), 1),
            (order(2, "south", "20.00"), 1),
            (order(3, "north", "0.25"), 1),
        ],
    );
    let totals = relations().get(TOTALS).expect("is there").columns.clone();
    writer.load(
        TOTALS,
        vec![
            (row(&totals, &[Some("north"), Some("10.75")]), 1),
            (row(&totals, &[Some("south"), Some("20.00")]), 1),
        ],
    );
    let values: Vec<Option<&str>> = TYPE_VALUES.iter().copied().map(Some).collect();
    writer.load(TYPES, vec![(row(&types_columns(), &values), 1), (row(&types_columns(), &[None; 18]), 1)]);
    writer.update_errors(FAULTY, FIRST, vec![(EvalError::division_by_zero(), 1)]);
    for id in [ORDERS, TOTALS, TYPES, ALTERED, FAULTY, MIXED] {
        writer.load(id, Vec::new());
        writer.advance(id, FIRST + 1);
    }
    writer.publish();
}

/// Starts a server on free ports; `change` edits its configuration.
pub async fn start(change: impl FnOnce(&mut Config)) -> Fixture {
    let (results, mut writer) = results();
    fill(&mut writer);
    let (relations, relations_seen) = watch::channel(Arc::new(relations()));
    let view = ViewText {
        reads: Vec::new(),
        query: "SELECT region, sum(amount) AS total FROM orders GROUP BY region".to_owned(),
        plan: "Reduce region; sum(amount)\n  Get public.orders".to_owned(),
    };
    let (views, views_seen) = watch::channel(Arc::new(BTreeMap::from([(TOTALS, view)])));
    let (status, status_seen) = watch::channel(Arc::new(status()));
    let (catalog, catalogs) = mpsc::channel(1);
    let mut config = Config::loopback(0, 0);
    config.wait_timeout = Duration::from_secs(5);
    change(&mut config);
    let shared = Shared {
        results,
        relations: relations_seen,
        views: views_seen,
        status: status_seen,
        catalog: Some(catalog),
        registry: prometheus::Registry::new(),
    };
    let server: Server = bind(config, shared).await.expect("binds");
    let (sql, http) = (server.sql_address(), server.http_address());
    let (shutdown, stop) = watch::channel(false);
    let served = tokio::spawn(server.run(stop));
    Fixture { sql, http, writer, relations, _views: views, status, catalogs, shutdown, served }
}

/// Inserts an order into the table and its view at `time` and publishes it.
pub fn insert(writer: &mut Writer, time: u64, row: Row) {
    writer.update(ORDERS, time, vec![(row, 1)]);
    for id in [ORDERS, TOTALS, TYPES, ALTERED, FAULTY, MIXED] {
        writer.advance(id, time + 1);
    }
    writer.publish();
}
