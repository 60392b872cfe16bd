//! The operator's own metrics: names and labels, and the calls that count.

use std::{sync::LazyLock, time::Duration};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    seconds: HistogramVec,
    writes: IntCounterVec,
    problems: IntCounterVec,
    catalogs: IntCounter,
    slots_left: IntCounter,
    leader: IntGauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let counter = |name: &str, help: &str, labels: &[&str]| {
        IntCounterVec::new(Opts::new(name, help), labels).expect("the metric is well formed")
    };
    let plain = |name: &str, help: &str| IntCounter::new(name, help).expect("the metric is well formed");
    let metrics = Metrics {
        registry: Registry::new(),
        reconciles: counter(
            "offtake_operator_reconciles_total",
            "Reconciles by kind and outcome",
            &["kind", "outcome"],
        ),
        seconds: HistogramVec::new(
            HistogramOpts::new("offtake_operator_reconcile_seconds", "Duration of reconciles by kind"),
            &["kind"],
        )
        .expect("the metric is well formed"),
        writes: counter("offtake_operator_writes_total", "Writes to the API server by kind", &["kind"]),
        problems: counter("offtake_operator_problems_total", "Problems met, by reason word", &["reason"]),
        catalogs: plain("offtake_operator_catalogs_sent_total", "Catalogs sent to workers"),
        slots_left: plain("offtake_operator_slots_left_total", "Replication slots that could not be dropped"),
        leader: IntGauge::new("offtake_operator_leader", "1 while this replica reconciles")
            .expect("well formed"),
    };
    let all: [Box<dyn prometheus::core::Collector>; 7] = [
        Box::new(metrics.reconciles.clone()),
        Box::new(metrics.seconds.clone()),
        Box::new(metrics.writes.clone()),
        Box::new(metrics.problems.clone()),
        Box::new(metrics.catalogs.clone()),
        Box::new(metrics.slots_left.clone()),
        Box::new(metrics.leader.clone()),
    ];
    for collector in all {
        metrics.registry.register(collector).expect("each name is registered once");
    }
    metrics
});

/// One reconcile came to its end.
pub fn reconciled(kind: &str, well: bool, took: Duration) {
    METRICS.reconciles.with_label_values(&[kind, if well { "ok" } else { "error" }]).inc();
    METRICS.seconds.with_label_values(&[kind]).observe(took.as_secs_f64());
}

/// Something was written to the API server.
pub fn written(kind: &str) {
    METRICS.writes.with_label_values(&[kind]).inc();
}

/// A problem was met.
pub fn problem(reason: &str) {
    METRICS.problems.with_label_values(&[reason]).inc();
}

/// A worker was given a catalog.
pub fn catalog_sent() {
    METRICS.catalogs.inc();
}

/// A slot was left upstream.
pub fn slot_left() {
    METRICS.slots_left.inc();
}

pub fn leading(leads: bool) {
    METRICS.leader.set(i64::from(leads));
}

/// All of it, as Prometheus reads it.
pub fn text() -> Result<String, prometheus::Error> {
    TextEncoder::new().encode_to_string(&METRICS.registry.gather())
}
