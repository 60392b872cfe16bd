//! The rules between fields (CEL), on a real API server: each refuses what it should, in its own words, and nothing else.

use std::{collections::BTreeSet, process::Stdio};

use serde_json::{Value, json};

use crate::{API, DEFINITIONS, Namespace, ok};

/// A rule's message, an object that is accepted, and the change that is refused. `create` tells whether the rule is about the object
/// itself; else it is about a change of one that is there.
struct Case {
    message: &'static str,
    kind: &'static str,
    good: Value,
    bad: Value,
    create: bool,
}

fn at_creation(message: &'static str, kind: &'static str, good: Value, bad: Value) -> Case {
    Case { message, kind, good, bad, create: true }
}

fn at_change(message: &'static str, kind: &'static str, good: Value, bad: Value) -> Case {
    Case { message, kind, good, bad, create: false }
}

const SYSTEM_SCHEMA: &str =
    "schema: pg_*, information_schema and offtake belong to the system: choose another";
const LONG_NAME: &str = "metadata.name is longer than a SQL name may be (63): give spec.name";

fn connections() -> Vec<Case> {
    let secret = json!({"name": "s", "key": "k"});
    let tls = |tls: Value| json!({"spec": {"tls": tls}});
    let tunnel = json!({"host": "h", "user": "u", "privateKeySecretRef": {"name": "s"}, "hostKey": "ssh-ed25519 AAAA"});
    let link = json!({"serviceName": "com.amazonaws.vpce.x", "port": 5432});
    let kind = "PgConnection";
    vec![
        at_creation(
            "mode VerifyCa needs caSecretRef: without the host's name checked, every public authority would do",
            kind,
            tls(json!({"mode": "VerifyCa", "caSecretRef": secret})),
            tls(json!({"mode": "VerifyCa"})),
        ),
        at_creation(
            "caSecretRef is used by modes VerifyCa and VerifyFull only: choose one of them, or remove it",
            kind,
            tls(json!({"mode": "VerifyFull", "caSecretRef": secret})),
            tls(json!({"mode": "Require", "caSecretRef": secret})),
        ),
        at_creation(
            "clientCertificateSecretRef needs an encrypted connection: choose another mode, or remove it",
            kind,
            tls(json!({"mode": "Require", "clientCertificateSecretRef": {"name": "s"}})),
            tls(json!({"mode": "Disable", "clientCertificateSecretRef": {"name": "s"}})),
        ),
        at_creation(
            "sshTunnel and awsPrivateLink exclude each other: remove one",
            kind,
            json!({"spec": {"sshTunnel": tunnel}}),
            json!({"spec": {"sshTunnel": tunnel, "awsPrivateLink": link}}),
        ),
    ]
}

fn sources() -> Vec<Case> {
    let kind = "PgSource";
    let class = "storageClassName cannot be changed: a volume stays in its class. Make another PgSource";
    let belongs =
        "connectionRef and publication cannot be changed: the slot belongs to them. Make another PgSource";
    let slot = "slot.name cannot be changed: another slot has other changes. Make another PgSource";
    let alias = "a schema alias names a schema of tables, not itself and not another alias";
    let storage = |storage: Value| json!({"spec": {"worker": {"storage": storage}}});
    let slot_named = |name: Value| json!({"spec": {"slot": {"name": name}}});
    let aliases = |aliases: Value| json!({"spec": {"schemaAliases": aliases}});
    vec![
        at_change(
            class,
            kind,
            storage(json!({"storageClassName": "a"})),
            storage(json!({"storageClassName": "b"})),
        ),
        at_change(
            class,
            kind,
            storage(json!({"storageClassName": "a"})),
            storage(json!({"storageClassName": null})),
        ),
        at_change(class, kind, storage(json!({"size": "20Gi"})), storage(json!({"storageClassName": "a"}))),
        at_change(belongs, kind, json!({}), json!({"spec": {"connectionRef": {"name": "other"}}})),
        at_change(belongs, kind, json!({}), json!({"spec": {"publication": "other"}})),
        at_change(slot, kind, slot_named(json!("a")), slot_named(json!("b"))),
        at_change(slot, kind, slot_named(json!("a")), slot_named(json!(null))),
        at_change(slot, kind, json!({}), slot_named(json!("a"))),
        at_creation(alias, kind, aliases(json!({"live": "v2"})), aliases(json!({"live": "live"}))),
        at_creation(alias, kind, aliases(json!({"live": "v2"})), aliases(json!({"live": "v2", "v2": "v3"}))),
    ]
}

fn tables_and_views() -> Vec<Case> {
    let long = "a".repeat(64);
    let named = |name: &str| json!({"metadata": {"name": name}, "spec": {"name": "short"}});
    let mut cases = vec![
        at_change(
            "sourceRef and upstream cannot be changed: make another SourceTable beside this one",
            "SourceTable",
            json!({}),
            json!({"spec": {"upstream": {"table": "other"}}}),
        ),
        at_change(
            "sourceRef and upstream cannot be changed: make another SourceTable beside this one",
            "SourceTable",
            json!({}),
            json!({"spec": {"sourceRef": {"name": "other"}}}),
        ),
        at_creation(
            "a column is in both excludeColumns and textColumns: remove it from one",
            "SourceTable",
            json!({"spec": {"excludeColumns": ["a"], "textColumns": ["b"]}}),
            json!({"spec": {"excludeColumns": ["a", "b"], "textColumns": ["b"]}}),
        ),
        at_change(
            "sourceRef cannot be changed: make another View",
            "View",
            json!({}),
            json!({"spec": {"sourceRef": {"name": "other"}}}),
        ),
        at_creation(
            "query: it is blank: give one SELECT",
            "View",
            json!({"spec": {"query": "SELECT 1"}}),
            json!({"spec": {"query": " \n"}}),
        ),
    ];
    for kind in ["SourceTable", "View"] {
        for schema in ["pg_catalog", "information_schema", "offtake"] {
            let bad = json!({"spec": {"schema": schema}});
            cases.push(at_creation(SYSTEM_SCHEMA, kind, json!({"spec": {"schema": "offtake_app"}}), bad));
        }
        cases.push(at_creation(LONG_NAME, kind, named(&long), json!({"metadata": {"name": long}})));
    }
    cases
}

/// The least object of a kind.
fn least(kind: &str, namespace: &str) -> Value {
    let spec = match kind {
        "PgConnection" => json!({"host": "h", "database": "d", "user": "u"}),
        "PgSource" => json!({"connectionRef": {"name": "c"}, "publication": "p"}),
        "SourceTable" => json!({"sourceRef": {"name": "s"}, "upstream": {"table": "t"}}),
        _ => json!({"sourceRef": {"name": "s"}, "query": "SELECT 1"}),
    };
    json!({"apiVersion": "offtake.dev/v1alpha1", "kind": kind, "metadata": {"namespace": namespace, "name": "o"}, "spec": spec})
}

/// As a JSON merge patch does it, with lists replaced.
fn merge(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(fields.entry(name).or_insert(Value::Null), change);
            }
        }
        (place, change) => *place = change.clone(),
    }
}

/// The object with a change, as the API server answers it.
fn create(case: &Case, change: &Value, namespace: &str, stored: bool) -> anyhow::Result<String> {
    let mut object = least(case.kind, namespace);
    merge(&mut object, change);
    let mut arguments = vec!["create", "-f", "-"];
    if !stored {
        arguments.push("--dry-run=server");
    }
    API.feed(&arguments, &object.to_string())
}

fn patch(case: &Case, namespace: &str) -> anyhow::Result<String> {
    API.kubectl(&["patch", case.kind, "o", "-n", namespace, "--type=merge", "-p", &case.bad.to_string()])
}

#[test]
fn every_rule_accepts_and_refuses_in_its_own_words() {
    let cases: Vec<Case> = [connections(), sources(), tables_and_views()].into_iter().flatten().collect();
    for (number, case) in cases.iter().enumerate() {
        let name = format!("rule-{number}");
        let _namespace = Namespace::make(&API, &name);
        ok(create(case, &case.good, &name, !case.create));
        let outcome = if case.create { create(case, &case.bad, &name, false) } else { patch(case, &name) };
        let refusal = match outcome {
            Ok(accepted) => panic!("{}: {} was accepted: {accepted}", case.message, case.bad),
            Err(refusal) => format!("{refusal:#}"),
        };
        assert!(refusal.contains(case.message), "expected {:?}, got {refusal:?}", case.message);
    }
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.message).collect();
    let rules = messages();
    let untested: Vec<&String> = rules.iter().filter(|rule| !tested.contains(rule.as_str())).collect();
    assert!(!rules.is_empty() && untested.is_empty(), "rules without a test: {untested:#?}");
}

/// The messages of all rules of the definitions.
fn messages() -> BTreeSet<String> {
    let mut command = API.kubectl_command();
    command.args(["get", "crd", "-o", "json"]).args(DEFINITIONS).stderr(Stdio::inherit());
    let output = command.output().expect("kubectl starts");
    let definitions: Value = serde_json::from_slice(&output.stdout).expect("kubectl prints JSON");
    let mut found = BTreeSet::new();
    collect(&definitions, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(rules)) = fields.get("x-kubernetes-validations") {
                found.extend(rules.iter().filter_map(|rule| rule["message"].as_str()).map(str::to_owned));
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
