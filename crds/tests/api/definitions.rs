//! The generated definitions.

use std::{fs, path::Path};

use offtake_crds::definitions;
use serde_json::Value;

/// kubectl apply stores the whole object in an annotation of at most 256 kB; far below it, a definition is also pleasant to read.
const LARGEST: usize = 60_000;

#[test]
fn the_files_are_what_the_types_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, text) in definitions::artifacts() {
        let file = fs::read_to_string(root.join(&name)).unwrap_or_default();
        assert!(file == text, "{name} is not up to date: cargo run --release -p offtake-crds --bin crdgen");
    }
    for (name, text) in definitions::files() {
        assert!(text.len() < LARGEST, "crds/{name}: {} bytes", text.len());
    }
}

#[test]
fn every_definition_answers_is_it_well() {
    for definition in definitions::all() {
        let spec = &definition["spec"];
        assert_eq!((&spec["group"], &spec["scope"]), (&"offtake.dev".into(), &"Namespaced".into()));
        assert_eq!(spec["names"]["categories"][0], "offtake");
        assert!(spec["names"]["shortNames"][0].is_string());
        let version = &spec["versions"][0];
        assert_eq!(version["additionalPrinterColumns"][0]["name"], "Ready");
        let status = &version["schema"]["openAPIV3Schema"]["properties"]["status"];
        assert_eq!(status["default"]["observedGeneration"], -1);
        assert_eq!(status["properties"]["observedGeneration"]["type"], "integer");
        assert_eq!(status["properties"]["conditions"]["x-kubernetes-list-map-keys"][0], "type");
    }
}

/// What Kubernetes' structural schemas forbid or warn about.
#[test]
fn schemas_are_structural() {
    fn walk(schema: &Value, path: &str) {
        for word in ["$ref", "oneOf", "anyOf", "allOf", "not", "const", "definitions", "$defs"] {
            assert!(schema.get(word).is_none(), "{path} has {word}");
        }
        let open = schema["x-kubernetes-int-or-string"] == true;
        assert!(schema["type"].is_string() || open, "{path} has no type: {schema}");
        assert!(schema["properties"].is_null() || schema["additionalProperties"].is_null(), "{path}");
        let format = schema["format"].as_str().unwrap_or("int64");
        assert!(["int32", "int64", "double", "date-time"].contains(&format), "{path}: {format}");
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            walk(inner, &format!("{path}.{name}"));
        }
        for word in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(word) {
                assert!(
                    inner.get("default").is_none(),
                    "{path}: a default inside a list fights with GitOps tools"
                );
                walk(inner, &format!("{path}[]"));
            }
        }
    }
    for kind in ["PgConnection", "PgSource", "SourceTable", "View"] {
        walk(&definitions::schema(kind).expect("one of ours"), kind);
    }
    assert!(definitions::schema("Pod").is_none());
}
