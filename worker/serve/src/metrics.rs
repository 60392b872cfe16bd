//! The metrics: those of the edge itself, and the status as gauges.

use std::time::Instant;

use offtake_contract::{SourcePhase, Status, TablePhase, ViewPhase};
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Handles on the registered metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    connections: IntGauge,
    refused: IntCounter,
    statements: IntCounterVec,
    seconds: Histogram,
    up: Gauge,
    lag_bytes: Gauge,
    lag_seconds: Gauge,
    retained_bytes: Gauge,
    lsn: Gauge,
    changes: Gauge,
    transactions: Gauge,
    relations: GaugeVec,
    rows: GaugeVec,
    memory: GaugeVec,
    errors: GaugeVec,
}

/// Counts a connection for as long as it is open.
pub struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let metrics = Metrics {
            registry: registry.clone(),
            connections: IntGauge::new("offtake_sql_connections", "Clients that are connected")?,
            refused: IntCounter::new("offtake_sql_refused_total", "Clients that were turned away at start-up")?,
            statements: IntCounterVec::new(
                Opts::new("offtake_sql_statements_total", "Statements by outcome"),
                &["outcome"],
            )?,
            seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "offtake_sql_statement_seconds",
                    "From a statement's arrival to its last row handed to the connection",
                )
                .buckets(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
            )?,
            up: gauge("offtake_source_streaming", "1 while the source is streaming")?,
            lag_bytes: gauge("offtake_source_lag_bytes", "Write-ahead log that is not readable yet")?,
            lag_seconds: gauge("offtake_source_lag_seconds", "Age of the newest commit that is not readable yet")?,
            retained_bytes: gauge("offtake_slot_retained_bytes", "Write-ahead log that the slot keeps upstream")?,
            lsn: gauge("offtake_source_lsn", "The LSN that is readable, as a number")?,
            changes: gauge("offtake_source_changes_applied", "Row changes applied since the start")?,
            transactions: gauge("offtake_source_transactions_applied", "Transactions applied since the start")?,
            relations: gauges("offtake_relations", "Tables and views by phase", &["kind", "phase"])?,
            rows: gauges("offtake_relation_rows", "Rows of a table or view", &["kind", "schema", "name"])?,
            memory: gauges("offtake_relation_memory_bytes", "Memory of a table or view", &["kind", "schema", "name"])?,
            errors: gauges("offtake_view_errors", "Rows of a view that are in error", &["schema", "name"])?,
        };
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.statements.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }

    pub fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    pub fn turned_away(&self) {
        self.refused.inc();
    }

    pub fn statement(&self, started: Instant, succeeded: bool) {
        self.statements.with_label_values(&[if succeeded { "ok" } else { "error" }]).inc();
        self.seconds.observe(started.elapsed().as_secs_f64());
    }

    /// Everything in the registry in Prometheus' text format, the status' part as of now.
    pub fn text(&self, status: &Status) -> Result<String, prometheus::Error> {
        self.take(status);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn take(&self, status: &Status) {
        let source = &status.source;
        self.up.set(f64::from(source.phase == SourcePhase::Streaming));
        self.lag_bytes.set(source.lag.bytes.unwrap_or_default() as f64);
        self.lag_seconds.set(source.lag.seconds.unwrap_or_default());
        self.retained_bytes.set(source.slot.retained_bytes.unwrap_or_default() as f64);
        self.lsn.set(source.lsn.map_or(0.0, |lsn| lsn.0 as f64));
        self.changes.set(source.changes_applied as f64);
        self.transactions.set(source.transactions_applied as f64);
        // Relations that are gone leave no last value behind.
        for gauges in [&self.relations, &self.rows, &self.memory, &self.errors] {
            gauges.reset();
        }
        for phase in [
            TablePhase::Pending,
            TablePhase::Snapshotting,
            TablePhase::Running,
            TablePhase::SchemaAltered,
            TablePhase::Failed,
        ] {
            let count = status.tables.iter().filter(|table| table.phase == phase).count();
            self.relations.with_label_values(&["table", &format!("{phase:?}")]).set(count as f64);
        }
        for phase in
            [ViewPhase::Pending, ViewPhase::Hydrating, ViewPhase::Running, ViewPhase::SchemaAltered, ViewPhase::Failed]
        {
            let count = status.views.iter().filter(|view| view.phase == phase).count();
            self.relations.with_label_values(&["view", &format!("{phase:?}")]).set(count as f64);
        }
        for table in &status.tables {
            let labels = ["table", table.schema.as_str(), table.name.as_str()];
            self.size(&labels, table.rows, table.memory_bytes);
        }
        for view in &status.views {
            let labels = ["view", view.schema.as_str(), view.name.as_str()];
            self.size(&labels, view.rows, view.memory_bytes);
            self.errors.with_label_values(&labels[1..]).set(view.errors as f64);
        }
    }

    fn size(&self, labels: &[&str], rows: Option<u64>, memory: Option<u64>) {
        if let Some(rows) = rows {
            self.rows.with_label_values(labels).set(rows as f64);
        }
        if let Some(memory) = memory {
            self.memory.with_label_values(labels).set(memory as f64);
        }
    }
}
