//! Two Services: one for SQL clients, and the headless one that a StatefulSet needs.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{HTTP_PORT, SERVICE_PORT, SQL_PORT, Workload};
use crate::kubernetes::labels;

/// Where clients connect, and where Prometheus scrapes.
pub fn client(workload: &Workload) -> Service {
    let spec = ServiceSpec {
        selector: Some(labels::selector(workload.name.as_str())),
        ports: Some(vec![port("sql", SERVICE_PORT, "sql"), port("http", HTTP_PORT, "http")]),
        ..ServiceSpec::default()
    };
    let mut metadata = workload.metadata(workload.name.as_str());
    metadata.annotations = Some(scrape());
    Service { metadata, spec: Some(spec), ..Service::default() }
}

/// Pods' names, before they are ready too: a worker becomes ready by what the operator tells it.
pub fn pods(workload: &Workload) -> Service {
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        selector: Some(labels::selector(workload.name.as_str())),
        ports: Some(vec![port("sql", SQL_PORT, "sql"), port("http", HTTP_PORT, "http")]),
        ..ServiceSpec::default()
    };
    Service { metadata: workload.metadata(workload.name.pods()), spec: Some(spec), ..Service::default() }
}

fn port(name: &str, port: u16, target: &str) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(port),
        target_port: Some(IntOrString::String(target.to_owned())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}

/// The convention that most Prometheus set-ups know without an object of their own.
fn scrape() -> BTreeMap<String, String> {
    let port = HTTP_PORT.to_string();
    [
        ("prometheus.io/scrape", "true"),
        ("prometheus.io/port", port.as_str()),
        ("prometheus.io/path", "/metrics"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
