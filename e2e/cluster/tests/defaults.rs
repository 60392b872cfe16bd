//! What the API server fills in, and that it takes the manifests of the demo as they are.

use crate::{API, Namespace, ok, repository};

const MINIMAL: &str = "
apiVersion: offtake.dev/v1alpha1
kind: PgConnection
metadata: {name: least}
spec: {host: db.example.com, database: app, user: offtake}
---
apiVersion: offtake.dev/v1alpha1
kind: PgSource
metadata: {name: least}
spec: {connectionRef: {name: least}, publication: app}
---
apiVersion: offtake.dev/v1alpha1
kind: SourceTable
metadata: {name: least}
spec: {sourceRef: {name: least}, upstream: {table: orders}}
---
apiVersion: offtake.dev/v1alpha1
kind: View
metadata: {name: least}
spec: {sourceRef: {name: least}, query: SELECT 1}
";

/// A field of the object `least` of a kind.
fn field(namespace: &str, kind: &str, path: &str) -> String {
    ok(API.kubectl(&["get", kind, "least", "-n", namespace, "-o", &format!("jsonpath={{{path}}}")]))
}

#[test]
fn fields_that_are_left_out_get_their_defaults() {
    let name = "defaults";
    let _namespace = Namespace::make(&API, name);
    ok(API.feed(&["create", "-n", name, "-f", "-"], MINIMAL));
    for (kind, path, value) in [
        ("pgconnection", ".spec.port", "5432"),
        ("pgsource", ".spec.slot.reclaimPolicy", "Delete"),
        ("pgsource", ".spec.slot.onLost", "Stop"),
        ("pgsource", ".spec.worker.replicas", "1"),
        ("pgsource", ".spec.worker.storage.size", "10Gi"),
        ("sourcetable", ".spec.upstream.schema", "public"),
        ("sourcetable", ".spec.schema", "public"),
        ("view", ".spec.schema", "public"),
    ] {
        assert_eq!(field(name, kind, path), value, "{kind} {path}");
    }
}

/// kstatus (Helm, Flux, `kubectl wait`) takes an object without a status for well: each is born with one that says otherwise.
#[test]
fn an_object_that_no_controller_has_seen_is_not_well() {
    let name = "unseen";
    let _namespace = Namespace::make(&API, name);
    // Not stored: on somebody's cluster an operator may look at once.
    let born = "jsonpath={.kind} {.metadata.generation} {.status.observedGeneration}{'\\n'}";
    let objects = ok(API.feed(&["create", "-n", name, "-f", "-", "--dry-run=server", "-o", born], MINIMAL));
    let expected = ["PgConnection", "PgSource", "SourceTable", "View"].map(|kind| format!("{kind} 1 -1"));
    assert_eq!(objects.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_demo_is_taken_as_it_is() {
    let name = "demo";
    let _namespace = Namespace::make(&API, name);
    let folder = repository().join("deploy/demo");
    let applied = ok(API.kubectl(&["apply", "-n", name, "-f", &folder.to_string_lossy()]));
    for kind in ["secret/", "pgconnection.", "pgsource.", "sourcetable.", "view."] {
        assert!(applied.contains(kind), "{kind} in {applied}");
    }
    assert!(!applied.contains("Warning"), "{applied}");
    let again = ok(API.kubectl(&["apply", "-n", name, "-f", &folder.to_string_lossy()]));
    let changed: Vec<&str> = again.lines().filter(|line| !line.ends_with("unchanged")).collect();
    // kubectl sends `stringData` at every apply.
    assert!(changed.iter().all(|line| line.starts_with("secret/")), "{changed:?}");
}
