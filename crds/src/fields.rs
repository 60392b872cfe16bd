//! The reference of all fields, as Markdown, from the same schemas that the API server takes.

use std::fmt::Write;

use serde_json::Value;

use crate::definitions;

const HEADER: &str = "\
# Fields

The four kinds of `offtake.dev/v1alpha1`, field by field. Made from the code by `cargo run -p offtake-crds --bin crdgen`; do not edit.

A field with *required* must be given. `[]` stands for the items of a list, `{}` for the values of a map.
";

/// All four kinds.
pub fn markdown() -> String {
    let mut text = HEADER.to_owned();
    for definition in definitions::all() {
        kind(&definition, &mut text);
    }
    text
}

fn kind(definition: &Value, text: &mut String) {
    let names = &definition["spec"]["names"];
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let (kind, short) = (word(&names["kind"]), word(&names["shortNames"][0]));
    let about = word(&schema["description"]);
    let _ = write!(text, "\n## {kind}\n\n{about} Short name: `{short}`.\n");
    let rules = rules(schema);
    for part in ["spec", "status"] {
        let _ = write!(text, "\n### {kind}: {part}\n\n| field | type | meaning |\n|---|---|---|\n");
        let properties = &schema["properties"][part];
        rows(properties, "", text);
    }
    if !rules.is_empty() {
        let _ = write!(text, "\nRefused when applied:\n\n");
        for rule in rules {
            let _ = writeln!(text, "- {rule}");
        }
    }
}

/// One row for each field, and for those below it.
fn rows(schema: &Value, prefix: &str, text: &mut String) {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        // As in every Kubernetes object; its own documentation is longer than all of this.
        let foreign = matches!(name.as_str(), "conditions" | "tolerations");
        let mut meaning = word(&field["description"]).replace('\n', " ").replace('|', "\\|");
        if required.contains(&name.as_str()) {
            meaning.push_str(" *Required.*");
        }
        if let Some(default) = field.get("default").filter(|default| !default.is_object()) {
            let _ = write!(
                meaning,
                " Default: `{}`.",
                default.as_str().map_or_else(|| default.to_string(), str::to_owned)
            );
        }
        let _ = writeln!(text, "| `{path}` | {} | {} |", kind_of(field), meaning.trim());
        if foreign {
            continue;
        }
        rows(field, &path, text);
        rows(&field["items"], &format!("{path}[]"), text);
        rows(&field["additionalProperties"], &format!("{path}{{}}"), text);
    }
}

/// The type with its bounds.
fn kind_of(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        return words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if field.get("x-kubernetes-int-or-string").is_some() {
        return "amount".to_owned();
    }
    let name = match word(&field["type"]) {
        "array" => format!(
            "list of {}",
            match word(&field["items"]["type"]) {
                "" | "object" => "objects",
                "string" => "text",
                other => other,
            }
        ),
        "string" => "text".to_owned(),
        "" => "object".to_owned(),
        other => other.to_owned(),
    };
    let bounds: Vec<String> =
        [("minimum", "at least"), ("maximum", "at most"), ("maxLength", "at most, in characters:")]
            .iter()
            .filter_map(|(key, words)| {
                let bound = field.get(*key)?.as_f64().filter(|bound| *bound != 0.0)?;
                Some(format!("{words} {bound}"))
            })
            .collect();
    if bounds.is_empty() { name } else { format!("{name}, {}", bounds.join(", ")) }
}

/// The messages of all CEL rules below a schema.
fn rules(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match schema {
        Value::Object(fields) => {
            for rule in fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
            {
                found.push(word(&rule["message"]).to_owned());
            }
            found.extend(fields.values().flat_map(rules));
        }
        Value::Array(items) => found.extend(items.iter().flat_map(rules)),
        _ => {}
    }
    found
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
