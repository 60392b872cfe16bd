//! What is written twice, because no tool reads outside of its own folder, says the same twice.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_yaml::Value;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn kustomize_gives_the_rights_that_the_chart_gives() {
    let chart: Value = serde_yaml::from_str(&read("charts/offtake/rbac/rules.yaml")).expect("is YAML");
    let text = read("deploy/kustomize/base/rbac.yaml");
    let roles: Vec<Value> = serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).expect("is YAML"))
        .filter(|document| document["kind"] == "ClusterRole" && document["metadata"]["name"] == "offtake")
        .collect();
    assert_eq!(roles.len(), 1);
    assert_eq!(roles[0]["rules"], chart);
    let all = ["*"];
    for rule in chart.as_sequence().expect("a list") {
        for field in ["apiGroups", "resources", "verbs"] {
            assert!(
                rule[field]
                    .as_sequence()
                    .expect("a list")
                    .iter()
                    .all(|word| !all.contains(&word.as_str().unwrap_or("*")))
            );
        }
    }
}

#[test]
fn argo_cd_is_given_the_health_check_that_stands_beside() {
    let patch: Value = serde_yaml::from_str(&read("deploy/argocd/argocd-cm.yaml")).expect("is YAML");
    let code = |text: &str| -> String {
        text.lines().filter(|line| !line.starts_with("-- ")).map(|line| format!("{line}\n")).collect()
    };
    let lua = code(&read("deploy/argocd/health.lua"));
    for kind in ["PgConnection", "PgSource", "SourceTable", "View"] {
        let key = format!("resource.customizations.health.offtake.dev_{kind}");
        assert_eq!(code(patch["data"][key.as_str()].as_str().expect("is text")), lua, "{kind}");
    }
}
