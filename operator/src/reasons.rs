//! The operator's own reason words, for its reference (`offtake-operator --print-reasons`). A test finds every word that the code uses.

/// A word, what it means, and what to do; an empty remedy: nothing.
type Reason = (&'static str, &'static str, &'static str);

/// The kinds whose conditions and Events carry the words.
const SECTIONS: [(&str, &[Reason]); 4] = [
    ("All kinds", ALL),
    ("PgConnection", CONNECTION),
    ("PgSource", SOURCE),
    ("SourceTable and View", MEMBERS),
];

const ALL: &[Reason] = &[
    ("Pending", "it was not looked at yet", ""),
    (
        "SecretNotFound",
        "a Secret that the PgConnection names is not there. For 30 s this counts as on its way, then as stalled",
        "apply the Secret in the same namespace; it is noticed at once",
    ),
    ("SecretKeyNotFound", "the Secret has no such key", "add the key, or name another in the reference"),
    (
        "SecretInvalid",
        "the Secret's value is empty, not UTF-8, or not PEM where PEM belongs",
        "store the password or the PEM file's whole text",
    ),
    (
        "NotSupportedYet",
        "the field is part of the API, but not of this version",
        "remove it; the message says what to use instead",
    ),
    (
        "ApiForbidden",
        "the API server refuses a request of the operator's",
        "let the operator's role do it; look at quotas and admission policies",
    ),
    (
        "ApiInvalid",
        "the API server does not take an object that the operator made",
        "correct the field that the message names",
    ),
    ("ApiConflict", "somebody else changed the object at the same moment", ""),
    ("ApiUnavailable", "the API server does not answer", ""),
    ("ReconcileTimedOut", "a reconcile took too long", "look at the API server's health"),
    (
        "InvalidObject",
        "only in log and metrics: this version cannot read an object, which is left out",
        "apply the definitions of this version, and correct the object",
    ),
    ("WatchBroken", "only in metrics: a watch broke and is taken up again", ""),
];

const CONNECTION: &[Reason] = &[(
    "Connected",
    "the database answers, and a source could be made on it",
    "warnings are in status.checks",
)];

const SOURCE: &[Reason] = &[
    ("Streaming", "changes stream in", ""),
    ("Connecting", "the worker reaches for the database, checks it, and makes the slot", ""),
    ("Retrying", "the worker tries the database again", ""),
    ("Failed", "the worker gives no reason", "look at its log"),
    (
        "ConnectionNotFound",
        "there is no such PgConnection in the namespace. For 30 s this counts as on its way",
        "apply it, or correct spec.connectionRef.name",
    ),
    ("CatalogPending", "the worker is being told", ""),
    (
        "CatalogRefused",
        "the worker does not take its catalog",
        "correct the fields that the message names; an older worker image may not know them",
    ),
    (
        "WorkerStarting",
        "the pod is not there yet, or starts",
        "if it stays so: kubectl describe the StatefulSet and the pod",
    ),
    (
        "WorkerUnschedulable",
        "no node takes the pod",
        "nodes, or spec.worker: resources, storage, nodeSelector, tolerations",
    ),
    ("WorkerImage", "the image cannot be had", "spec.worker.image and imagePullSecrets"),
    ("WorkerNotStarted", "the container cannot be started", "kubectl describe pod"),
    (
        "WorkerNotCreated",
        "the container is not there two minutes after the pod got its node",
        "kubectl describe pod tells what it waits for: its volume, the network, a large image",
    ),
    (
        "WorkerTerminating",
        "the pod is still there a minute after its grace: its node may be lost, and no other pod takes its place",
        "if the node is lost for good, taint it `node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`, or `kubectl delete pod --force`",
    ),
    (
        "WorkerCrashing",
        "the worker ends again and again; the message has its last words",
        "kubectl logs --previous; memory, if it was killed for it",
    ),
    (
        "WorkerUnreachable",
        "the operator does not reach the worker",
        "the pod's log; NetworkPolicies between the two",
    ),
    ("WorkerUnauthorized", "the worker runs with an older token", "delete the pod"),
    (
        "WorkerAnswer",
        "the worker answers what the operator does not understand",
        "the pod's log; the versions of the two",
    ),
    (
        "WorkerRollout",
        "Event: the pod is replaced, because spec.worker, the restart annotation or the worker's Secret changed",
        "",
    ),
    (
        "ObjectForeign",
        "an object of the name that the operator needs is there and belongs to somebody else",
        "rename or delete it, or give the PgSource another name",
    ),
    (
        "StorageNotResizable",
        "the volume does not get the size of spec.worker.storage.size",
        "set the size back, or make another PgSource",
    ),
    ("WorkerStopping", "on deletion: the pod is waited for before the slot is dropped", ""),
    ("SlotDropped", "Event: the slot was dropped upstream", ""),
    (
        "SlotLeft",
        "Event: the PgSource is gone and its slot is not, because the database was not reached in time, or because the source never read \
         from the slot, which may be another's; also in the namespace default, where the namespace is deleted too",
        "drop it by hand, unless it is another's: the Event has the statement",
    ),
];

const MEMBERS: &[Reason] = &[
    (
        "SourceNotFound",
        "there is no such PgSource in the namespace. For 30 s this counts as on its way",
        "apply it, or correct spec.sourceRef.name",
    ),
    ("SourceDeleting", "the PgSource is being deleted", ""),
    (
        "NameTaken",
        "another table or view of the source has this schema and name in SQL; the older one keeps it",
        "another spec.name or spec.schema",
    ),
    ("InvalidName", "a schema or name that SQL cannot hold", "at most 63 bytes"),
    ("CatalogPending", "the worker is being told of it", ""),
    ("Snapshotting", "the table is being copied; status.snapshot tells how far", ""),
    ("Hydrating", "the view's first contents are being computed", ""),
    ("Running", "exact and readable", "status.drift tells how upstream differs by now"),
    (
        "SchemaAltered",
        "a column in use was dropped, renamed or retyped upstream; reads fail",
        "a new SourceTable beside it, then move the views",
    ),
    (
        "RowsInError",
        "rows of the view are in error (a division by zero); reads fail until they are gone",
        "mend the data or the query",
    ),
    ("Failed", "the worker gives no reason", "look at its log"),
];

const HEADER: &str = "\
# Reason words in the cluster

The words of conditions, Events and metrics that the operator itself gives. Made from the code by `offtake-operator --print-reasons`; do
not edit. What a worker or a database is the cause of has the words of [reasons.md](reasons.md), unchanged.

`Ready` always carries the word. `Reconciling` is true while it will be well by itself, `Stalled` while somebody has to change something;
never both.
";

/// The reference, as Markdown.
pub fn markdown() -> String {
    let mut text = HEADER.to_owned();
    for (title, reasons) in SECTIONS {
        text += &format!("\n## {title}\n\n| reason | meaning | remedy |\n|---|---|---|\n");
        for (word, meaning, remedy) in reasons {
            text += &format!("| `{word}` | {meaning} | {remedy} |\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn the_reference_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/reasons-operator.md");
        let text = fs::read_to_string(file).unwrap_or_default();
        assert!(
            text == markdown(),
            "run offtake-operator --print-reasons > docs/reference/reasons-operator.md"
        );
    }

    /// Every word that stands where a reason is given is explained.
    #[test]
    fn every_word_in_the_code_is_explained() {
        let known: BTreeSet<&str> =
            SECTIONS.iter().flat_map(|(_, reasons)| reasons.iter().map(|(word, ..)| *word)).collect();
        let upstream =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/reasons.md"));
        let upstream = upstream.unwrap();
        let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut words = BTreeSet::new();
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for start in [
                "Problem::new(",
                "Health::ready(",
                "Health::progressing(",
                "Notice::normal(",
                "Notice::warning(",
                "reason: ",
            ] {
                for rest in code.split(start).skip(1) {
                    let rest = rest.trim_start();
                    words.extend(
                        rest.strip_prefix('"').and_then(|rest| rest.split('"').next()).map(str::to_owned),
                    );
                }
            }
        }
        assert!(words.len() > 15, "{words:?}");
        for word in words {
            assert!(
                known.contains(&*word) || upstream.contains(&format!("`{word}`")),
                "{word} is not explained"
            );
        }
    }
}
