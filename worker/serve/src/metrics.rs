//! The metrics of the edge itself. Those of sources, tables and views are the worker's, in the same registry.

use std::time::Instant;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Seconds; most statements are point look-ups of a millisecond.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Handles on the registered metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    connections: IntGauge,
    refused: IntCounter,
    statements: IntCounterVec,
    seconds: Histogram,
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
        let outcomes = Opts::new("offtake_sql_statements_total", "Statements by outcome");
        let seconds = HistogramOpts::new(
            "offtake_sql_statement_seconds",
            "From a statement's arrival to its last row handed to the connection",
        );
        let metrics = Metrics {
            registry: registry.clone(),
            connections: IntGauge::new("offtake_sql_connections", "Clients that are connected")?,
            refused: IntCounter::new(
                "offtake_sql_refused_total",
                "Clients that were turned away at start-up",
            )?,
            statements: IntCounterVec::new(outcomes, &["outcome"])?,
            seconds: Histogram::with_opts(seconds.buckets(BUCKETS.to_vec()))?,
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

    /// Everything in the registry in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
