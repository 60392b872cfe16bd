//! Labels, annotations and the finalizer. Nothing of a user's labels is copied to what we make: tools that prune by label would take it.

use std::collections::BTreeMap;

pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`], and the first part of every field manager.
pub const OPERATOR: &str = "offtake-operator";
pub const NAME: &str = "app.kubernetes.io/name";
pub const WORKER: &str = "offtake-worker";
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// On a PgSource: dropping its slot comes before its end.
pub const FINALIZER: &str = "offtake.dev/slot";
/// On a PgSource: a new value restarts its worker, and takes up the operator's image.
pub const RESTARTED_AT: &str = "offtake.dev/restarted-at";
/// On a StatefulSet and its pods: the hash of what asks for a new pod when it changes.
pub const ROLLOUT: &str = "offtake.dev/rollout";
/// On a StatefulSet: the pod template as it was rendered at the last rollout. Another version of the operator keeps it.
pub const TEMPLATE: &str = "offtake.dev/pod-template";

/// On a pod: its PgSource's name, which may be longer than a label.
pub const SOURCE: &str = "offtake.dev/source";
/// On everything: the hash of what was applied, so that a field that is no longer wanted goes.
pub const APPLIED: &str = "offtake.dev/applied";

/// Selects everything that the operator made.
pub const SELECTOR: &str = "app.kubernetes.io/managed-by=offtake-operator";

/// The labels of everything that belongs to a source's worker. `instance` is the workload's name, which is at most 52 bytes.
pub fn of_worker(instance: &str) -> BTreeMap<String, String> {
    let mut labels = selector(instance);
    labels.insert(MANAGED_BY.to_owned(), OPERATOR.to_owned());
    labels.insert("app.kubernetes.io/part-of".to_owned(), "offtake".to_owned());
    labels
}

/// The labels that select a source's pods: never changed, for a StatefulSet's selector cannot be.
pub fn selector(instance: &str) -> BTreeMap<String, String> {
    [(NAME, WORKER), (INSTANCE, instance)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
