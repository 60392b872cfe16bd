//! The rules by which kstatus (Helm, Flux, kubectl wait) judges any object: the oracle that our conditions are held against.
//!
//! Source: sigs.k8s.io/cli-utils, pkg/kstatus/status, generic objects.

use serde_json::Value;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    Terminating,
    InProgress,
    Failed,
    Current,
}

pub fn compute(object: &Value) -> Outcome {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Outcome::Terminating;
    }
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && observed.as_i64() != object["metadata"]["generation"].as_i64() {
        return Outcome::InProgress;
    }
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    for condition in &conditions {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Outcome::InProgress,
            (Some("Stalled"), Some("True")) => return Outcome::Failed,
            _ => {}
        }
    }
    match conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")
        .map(|condition| &condition["status"])
    {
        Some(status) if status == "False" || status == "Unknown" => Outcome::InProgress,
        _ => Outcome::Current,
    }
}
