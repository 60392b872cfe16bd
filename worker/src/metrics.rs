//! Prometheus metrics, made from the status when they are asked for: the numbers can not disagree with `GET /v1/status`.

use offtake_contract::Status;
use prometheus::{
    core::{Collector, Desc},
    proto, {GaugeVec, IntGaugeVec, Opts},
};

use crate::board::Board;

/// Names and help texts of all metrics of the worker.
const SOURCE_UP: (&str, &str) = ("offtake_source_streaming", "1 while the replication stream is running");
const LAG_BYTES: (&str, &str) =
    ("offtake_source_lag_bytes", "Bytes of write-ahead log that are not readable yet");
const LAG_SECONDS: (&str, &str) =
    ("offtake_source_lag_seconds", "Age of the oldest upstream state that is not readable yet");
const SLOT_RETAINED: (&str, &str) =
    ("offtake_slot_retained_bytes", "Bytes of write-ahead log that the slot keeps on the primary");
const CHANGES: (&str, &str) =
    ("offtake_source_changes_applied", "Row changes applied since the worker started");
const TRANSACTIONS: (&str, &str) =
    ("offtake_source_transactions_applied", "Transactions applied since the worker started");
const TABLE_READY: (&str, &str) = ("offtake_table_running", "1 while the table is exact and readable");
const TABLE_ROWS: (&str, &str) = ("offtake_table_rows", "Rows of the table");
const TABLE_COPIED: (&str, &str) =
    ("offtake_table_snapshot_rows_copied", "Rows copied by the table's snapshot");
const VIEW_READY: (&str, &str) = ("offtake_view_running", "1 while the view is exact and readable");
const VIEW_ROWS: (&str, &str) = ("offtake_view_rows", "Rows of the view");
const VIEW_MEMORY: (&str, &str) =
    ("offtake_view_memory_bytes", "Estimated memory of the view's readable rows");
const VIEW_ERRORS: (&str, &str) = ("offtake_view_errors", "Rows of the view that are in error");

/// Answers scrapes from the board.
pub struct StatusCollector {
    board: Board,
}

impl StatusCollector {
    pub fn new(board: Board) -> StatusCollector {
        StatusCollector { board }
    }
}

impl Collector for StatusCollector {
    fn desc(&self) -> Vec<&Desc> {
        // Unchecked on purpose: which labels there are depends on the catalog.
        Vec::new()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        families(&self.board.read())
    }
}

fn families(status: &Status) -> Vec<proto::MetricFamily> {
    use offtake_contract::{SourcePhase, TablePhase, ViewPhase};
    let mut found = Vec::new();
    let source = &status.source;
    let source_label = [source.object.as_str()];
    let mut of_source = |(name, help): (&str, &str), value: Option<f64>| {
        let Some(value) = value else { return };
        if let Ok(gauge) = GaugeVec::new(Opts::new(name, help), &["source"]) {
            gauge.with_label_values(&source_label).set(value);
            found.extend(gauge.collect());
        }
    };
    of_source(SOURCE_UP, Some(f64::from(u8::from(source.phase == SourcePhase::Streaming))));
    of_source(LAG_BYTES, source.lag.bytes.map(|bytes| bytes as f64));
    of_source(LAG_SECONDS, source.lag.seconds);
    of_source(SLOT_RETAINED, source.slot.retained_bytes.map(|bytes| bytes as f64));
    of_source(CHANGES, Some(source.changes_applied as f64));
    of_source(TRANSACTIONS, Some(source.transactions_applied as f64));

    let tables = |(name, help): (&str, &str),
                  value: &dyn Fn(&offtake_contract::TableStatus) -> Option<u64>| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), &["table"]).ok()?;
        for table in &status.tables {
            if let Some(value) = value(table) {
                gauge
                    .with_label_values(&[table.object.as_str()])
                    .set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
        Some(gauge.collect())
    };
    let views = |(name, help): (&str, &str), value: &dyn Fn(&offtake_contract::ViewStatus) -> Option<u64>| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), &["view"]).ok()?;
        for view in &status.views {
            if let Some(value) = value(view) {
                gauge
                    .with_label_values(&[view.object.as_str()])
                    .set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
        Some(gauge.collect())
    };
    let more = [
        tables(TABLE_READY, &|table| Some(u64::from(table.phase == TablePhase::Running))),
        tables(TABLE_ROWS, &|table| table.rows),
        tables(TABLE_COPIED, &|table| Some(table.snapshot.rows_copied)),
        views(VIEW_READY, &|view| Some(u64::from(view.phase == ViewPhase::Running))),
        views(VIEW_ROWS, &|view| view.rows),
        views(VIEW_MEMORY, &|view| view.memory_bytes),
        views(VIEW_ERRORS, &|view| Some(view.errors)),
    ];
    found.extend(more.into_iter().flatten().flatten());
    found
}
