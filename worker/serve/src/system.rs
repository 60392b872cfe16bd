//! The state of the system as relations: `offtake.sources`, `offtake.tables`, `offtake.views`, `offtake.drift`.
//!
//! The rows are made from the same [`Status`] that `GET /v1/status` answers, whenever they are read.

use offtake_contract::{Problem, Status};
use offtake_lir::CollectionId;
use offtake_plan::{Relation, RelationKind};
use offtake_row::{Column, Datum, Row, RowPacker, Type};

/// The schema that holds them; no table or view of a catalog may be in it.
pub const SCHEMA: &str = "offtake";

/// The name, the columns, and how its rows are made.
struct SystemRelation {
    name: &'static str,
    columns: &'static [(&'static str, Type, bool)],
    rows: fn(&Status, &mut dyn FnMut(Vec<Value>)),
}

/// A value of a system relation before it is packed.
enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Float(Option<f64>),
    Bool(bool),
    /// RFC 3339.
    Instant(Option<String>),
}

const RELATIONS: [SystemRelation; 4] = [
    SystemRelation {
        name: "sources",
        columns: &[
            ("source", Type::Text, false),
            ("phase", Type::Text, false),
            ("lsn", Type::Text, true),
            ("lag_bytes", Type::Int8, true),
            ("lag_seconds", Type::Float8, true),
            ("slot", Type::Text, false),
            ("confirmed_lsn", Type::Text, true),
            ("retained_bytes", Type::Int8, true),
            ("wal_status", Type::Text, true),
            ("server_version", Type::Int4, true),
            ("system_identifier", Type::Text, true),
            ("changes_applied", Type::Int8, false),
            ("transactions_applied", Type::Int8, false),
            ("generation", Type::Int8, false),
            ("reason", Type::Text, true),
            ("message", Type::Text, true),
            ("remedy", Type::Text, true),
        ],
        rows: sources,
    },
    SystemRelation {
        name: "tables",
        columns: &[
            ("source_table", Type::Text, false),
            ("schema", Type::Text, false),
            ("name", Type::Text, false),
            ("upstream", Type::Text, false),
            ("phase", Type::Text, false),
            ("rows", Type::Int8, true),
            ("memory_bytes", Type::Int8, true),
            ("rows_copied", Type::Int8, false),
            ("rows_estimated", Type::Int8, true),
            ("percent_copied", Type::Float8, true),
            ("bytes_copied", Type::Int8, false),
            ("copy_started_at", Type::Timestamptz, true),
            ("copy_finished_at", Type::Timestamptz, true),
            ("drift", Type::Int8, false),
            ("reason", Type::Text, true),
            ("message", Type::Text, true),
            ("remedy", Type::Text, true),
        ],
        rows: tables,
    },
    SystemRelation {
        name: "views",
        columns: &[
            ("view", Type::Text, false),
            ("schema", Type::Text, false),
            ("name", Type::Text, false),
            ("phase", Type::Text, false),
            ("rows", Type::Int8, true),
            ("memory_bytes", Type::Int8, true),
            ("errors", Type::Int8, false),
            ("lsn", Type::Text, true),
            ("lag_seconds", Type::Float8, true),
            ("reason", Type::Text, true),
            ("message", Type::Text, true),
            ("remedy", Type::Text, true),
        ],
        rows: views,
    },
    SystemRelation {
        name: "drift",
        columns: &[
            ("source_table", Type::Text, false),
            ("schema", Type::Text, false),
            ("name", Type::Text, false),
            ("upstream", Type::Text, false),
            ("change", Type::Text, false),
            ("column", Type::Text, true),
            ("lsn", Type::Text, true),
            ("observed_at", Type::Timestamptz, true),
            ("breaking", Type::Bool, false),
            ("message", Type::Text, false),
        ],
        rows: drift,
    },
];

/// The system relations, for planning.
pub fn relations() -> impl Iterator<Item = Relation> {
    RELATIONS.iter().enumerate().map(|(index, relation)| Relation {
        id: id(index),
        schema: SCHEMA.to_owned(),
        name: relation.name.to_owned(),
        columns: relation
            .columns
            .iter()
            .map(|(name, ty, nullable)| Column::new(*name, *ty, *nullable))
            .collect(),
        key: None,
        kind: RelationKind::System,
        problem: None,
        indexes: Vec::new(),
    })
}

/// System relations count down from the end, where no collection of a catalog gets to.
fn id(index: usize) -> CollectionId {
    CollectionId(u64::MAX - index as u64)
}

/// The rows of a system relation; `None` for any other collection.
pub fn rows(collection: CollectionId, status: &Status) -> Option<Vec<Row>> {
    let relation = usize::try_from(u64::MAX - collection.0).ok().and_then(|index| RELATIONS.get(index))?;
    let mut rows = Vec::new();
    let mut packer = RowPacker::new();
    (relation.rows)(status, &mut |values| {
        debug_assert_eq!(values.len(), relation.columns.len());
        for value in values {
            pack(value, &mut packer);
        }
        rows.push(packer.finish());
    });
    Some(rows)
}

fn pack(value: Value, packer: &mut RowPacker) {
    match value {
        Value::Text(text) => packer.push(text.as_deref().map_or(Datum::Null, Datum::Text)),
        Value::Int(number) => packer.push(number.map_or(Datum::Null, Datum::Int)),
        Value::Float(number) => packer.push(number.map_or(Datum::Null, Datum::Float8)),
        Value::Bool(value) => packer.push(Datum::Bool(value)),
        Value::Instant(text) => {
            let mut parsed = RowPacker::new();
            match text.map(|text| offtake_row::text::parse(Type::Timestamptz, &text, &mut parsed)) {
                Some(Ok(())) => packer.extend_from_row(&parsed.finish()),
                _ => packer.push(Datum::Null),
            }
        }
    }
}

fn text(value: impl ToString) -> Value {
    Value::Text(Some(value.to_string()))
}

fn optional(value: Option<impl ToString>) -> Value {
    Value::Text(value.map(|value| value.to_string()))
}

fn count(value: u64) -> Value {
    Value::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn optional_count(value: Option<u64>) -> Value {
    Value::Int(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

/// A phase is printed as the status spells it.
fn word(value: impl std::fmt::Debug) -> Value {
    Value::Text(Some(format!("{value:?}")))
}

fn problem(problem: &Option<Problem>) -> [Value; 3] {
    let part =
        |get: fn(&Problem) -> &String| Value::Text(problem.as_ref().map(|problem| get(problem).clone()));
    [part(|problem| &problem.reason), part(|problem| &problem.message), part(|problem| &problem.remedy)]
}

fn sources(status: &Status, row: &mut dyn FnMut(Vec<Value>)) {
    let source = &status.source;
    if source.object.is_empty() {
        return;
    }
    let mut values = vec![
        text(&source.object),
        word(source.phase),
        optional(source.lsn),
        optional_count(source.lag.bytes),
        Value::Float(source.lag.seconds),
        text(&source.slot.name),
        optional(source.slot.confirmed_lsn),
        optional_count(source.slot.retained_bytes),
        optional(source.slot.wal_status.as_ref()),
        Value::Int(source.server_version.map(i64::from)),
        optional(source.system_identifier.as_ref()),
        count(source.changes_applied),
        count(source.transactions_applied),
        count(status.generation),
    ];
    values.extend(problem(&source.problem));
    row(values);
}

fn tables(status: &Status, row: &mut dyn FnMut(Vec<Value>)) {
    for table in &status.tables {
        let snapshot = &table.snapshot;
        let percent = if snapshot.finished_at.is_some() {
            Some(100.0)
        } else {
            snapshot
                .rows_estimated
                .filter(|rows| *rows > 0)
                // Statistics lag behind: never claim to be done before the copy is.
                .map(|estimated| (snapshot.rows_copied as f64 * 100.0 / estimated as f64).min(99.9))
        };
        let mut values = vec![
            text(&table.object),
            text(&table.schema),
            text(&table.name),
            text(&table.upstream),
            word(table.phase),
            optional_count(table.rows),
            optional_count(table.memory_bytes),
            count(snapshot.rows_copied),
            optional_count(snapshot.rows_estimated),
            Value::Float(percent.map(|percent| (percent * 10.0).round() / 10.0)),
            count(snapshot.bytes),
            Value::Instant(snapshot.started_at.clone()),
            Value::Instant(snapshot.finished_at.clone()),
            count(table.drift.len() as u64),
        ];
        values.extend(problem(&table.problem));
        row(values);
    }
}

fn views(status: &Status, row: &mut dyn FnMut(Vec<Value>)) {
    for view in &status.views {
        let readable = view.rows.is_some();
        let mut values = vec![
            text(&view.object),
            text(&view.schema),
            text(&view.name),
            word(view.phase),
            optional_count(view.rows),
            optional_count(view.memory_bytes),
            count(view.errors),
            optional(status.source.lsn.filter(|_| readable)),
            Value::Float(status.source.lag.seconds.filter(|_| readable)),
        ];
        values.extend(problem(&view.problem));
        row(values);
    }
}

fn drift(status: &Status, row: &mut dyn FnMut(Vec<Value>)) {
    for table in &status.tables {
        for drift in &table.drift {
            row(vec![
                text(&table.object),
                text(&table.schema),
                text(&table.name),
                text(&table.upstream),
                word(drift.change),
                optional(drift.column.as_ref()),
                optional(drift.lsn),
                Value::Instant(Some(drift.observed_at.clone())),
                Value::Bool(drift.breaking),
                text(&drift.message),
            ]);
        }
    }
}
