//! The rules by which Helm, Flux and `kubectl wait` judge an object (sigs.k8s.io/cli-utils, kstatus), and what must hold of ours in every
//! state. Not the operator's own: a mistake in one would hide in the other.

use anyhow::ensure;
use serde_json::Value;

/// Fails where the object's status contradicts itself.
pub fn check(object: &Value) -> anyhow::Result<()> {
    let name = &object["metadata"]["name"];
    let (kind, status) = (&object["kind"], &object["status"]);
    let observed = status["observedGeneration"].as_i64();
    ensure!(
        observed.is_some(),
        "{kind} {name}: no observedGeneration: it counts as well before anybody looked at it"
    );
    let holds = |wanted: &str| {
        let all = status["conditions"].as_array();
        all.into_iter()
            .flatten()
            .any(|condition| condition["type"] == wanted && condition["status"] == "True")
    };
    let (ready, reconciling, stalled) = (holds("Ready"), holds("Reconciling"), holds("Stalled"));
    if observed == Some(-1) {
        ensure!(!ready, "{kind} {name}: ready before it was looked at");
        return Ok(());
    }
    let states = [ready, reconciling, stalled].into_iter().filter(|state| *state).count();
    ensure!(states == 1, "{kind} {name}: exactly one of Ready, Reconciling, Stalled must hold: {status}");
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let reason = condition["reason"].as_str().unwrap_or_default();
        ensure!(!reason.is_empty(), "{kind} {name}: a condition without a reason: {condition}");
        ensure!(
            condition["observedGeneration"].as_i64() == observed,
            "{kind} {name}: {condition} is of another generation"
        );
    }
    Ok(())
}
