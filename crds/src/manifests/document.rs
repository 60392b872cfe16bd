//! From text to documents, and from a document to an object.

use std::path::Path;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Object, Place, schema, secret::SecretValues};
use crate::{
    GROUP, PgConnection, PgSource, SourceTable, VERSION, View, definitions, reference::ObjectName, rules,
};

/// The kinds of our group.
const KINDS: [&str; 4] = ["PgConnection", "PgSource", "SourceTable", "View"];

/// The fields of `metadata` (Kubernetes API reference, ObjectMeta), so that a slip in `namespace` does not go unseen.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The documents of one file. Where the text is no YAML (or JSON) at all, the list ends: nothing after it can be told apart.
pub(super) fn split(path: &Path, text: &str) -> Vec<Result<Value, String>> {
    let mut documents = Vec::new();
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        for document in serde_json::Deserializer::from_str(text).into_iter() {
            documents.push(document.map_err(|error| format!("is not JSON: {error}")));
        }
        return documents;
    }
    for document in serde_yaml::Deserializer::from_str(text) {
        // By way of YAML's own value: it refuses a key that stands twice, which JSON's would swallow.
        let value = serde_yaml::Value::deserialize(document);
        let value = value.and_then(serde_yaml::from_value::<Value>);
        let value = value.map_err(|error| format!("is not YAML: {error}"));
        // A broken document (a key twice) lies between whole ones; broken syntax is reported again and again, without an end.
        if value.is_err() && documents.last() == Some(&value) {
            break;
        }
        documents.push(value);
    }
    documents
}

/// The objects of one document: itself, or the items of a `List`.
pub(super) fn items(document: Value) -> Vec<Value> {
    match document {
        Value::Object(mut fields) if fields.get("kind").is_some_and(|kind| kind == "List") => {
            match fields.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        other => vec![other],
    }
}

/// What a document turned out to be.
pub(super) enum Read {
    Object(ObjectName, Box<Object>),
    /// Of another kind: left aside, with a note.
    Other(String),
    /// Empty, or reported as wrong.
    Nothing,
}

/// Reads one object; everything wrong with it is reported.
pub(super) fn object(value: Value, place: &mut Place<'_>) -> Read {
    let mut fields = match value {
        Value::Null => return Read::Nothing,
        Value::Object(fields) => fields,
        _ => {
            place.report(None, "is not an object", "a manifest has apiVersion, kind, metadata and spec");
            return Read::Nothing;
        }
    };
    let text =
        |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(api), Some(kind)) = (text(&fields, "apiVersion"), text(&fields, "kind")) else {
        place.report(
            None,
            "has no apiVersion or no kind",
            format!("for example apiVersion: {GROUP}/{VERSION}, kind: View"),
        );
        return Read::Nothing;
    };
    let group = api.split_once('/').map_or("", |(group, _)| group);
    let ours = group == GROUP;
    let is_secret = api == "v1" && kind == "Secret";
    if !ours && !is_secret {
        return Read::Other(format!(
            "{kind} ({api}) is left aside: Offtake reads its own four kinds and Secret"
        ));
    }
    place.object = Some(kind.clone());
    let before = place.errors.len();
    if ours && api != format!("{GROUP}/{VERSION}") {
        place.report(
            Some("apiVersion"),
            format!("\"{api}\" is not known"),
            format!("write {GROUP}/{VERSION}"),
        );
    }
    if ours && !KINDS.contains(&&*kind) {
        let remedy = schema::nearest(&kind, KINDS).map_or_else(
            || format!("the kinds are {}", KINDS.join(", ")),
            |nearest| format!("did you mean {nearest}?"),
        );
        place.report(Some("kind"), format!("{GROUP} has no kind \"{kind}\""), remedy);
        return Read::Nothing;
    }
    let name = metadata(fields.get("metadata"), place);
    if let Some(name) = &name {
        place.object = Some(format!("{kind} {name}"));
    }
    // What the cluster reported about an object says nothing about what is wanted: `kubectl get -o yaml` is fine as a manifest.
    fields.remove("status");
    let value = Value::Object(fields);
    let object = if is_secret {
        SecretValues::read(&value, place).map(Object::Secret)
    } else {
        custom(&kind, value, place)
    };
    match (name, object) {
        (Some(name), Some(object)) if place.errors.len() == before => Read::Object(name, Box::new(object)),
        _ => Read::Nothing,
    }
}

/// The object's name, if it is a valid one.
fn metadata(value: Option<&Value>, place: &mut Place<'_>) -> Option<ObjectName> {
    let Some(Value::Object(fields)) = value else {
        place.report(Some("metadata"), "is missing", "write metadata: with a name: in it");
        return None;
    };
    for field in fields.keys().filter(|field| !METADATA.contains(&&***field)) {
        let path = format!("metadata.{field}");
        place.report(Some(&path), "is not a field of metadata", schema::suggestion(field, METADATA));
    }
    let meta: ObjectMeta = match serde_json::from_value(Value::Object(fields.clone())) {
        Ok(meta) => meta,
        Err(error) => {
            place.report(
                Some("metadata"),
                error.to_string(),
                "names and labels are text: put quotes around numbers",
            );
            return None;
        }
    };
    let namespace = meta.namespace.unwrap_or_else(|| ObjectName::DEFAULT_NAMESPACE.to_owned());
    let Some(name) = meta.name else {
        place.report(Some("metadata.name"), "is missing", "give the object a name");
        return None;
    };
    let mut valid = true;
    if !is_dns(&name, 253, true) {
        let message = format!("\"{name}\" is not an object's name");
        place.report(
            Some("metadata.name"),
            message,
            "lower-case letters, digits, - and . only, as in \"order-lines\"",
        );
        valid = false;
    }
    if !is_dns(&namespace, 63, false) {
        let message = format!("\"{namespace}\" is not a namespace");
        place.report(
            Some("metadata.namespace"),
            message,
            "lower-case letters, digits and - only, at most 63",
        );
        valid = false;
    }
    valid.then(|| ObjectName::new(namespace, name))
}

/// RFC 1123 label, or labels with dots between.
fn is_dns(name: &str, longest: usize, dots: bool) -> bool {
    let label = |label: &str| {
        let ends = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let bytes = label.as_bytes();
        ends(bytes.first().copied())
            && ends(bytes.last().copied())
            && bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
    };
    name.len() <= longest && if dots { name.split('.').all(label) } else { label(name) }
}

/// Reads an object of one of our kinds, already known to be one.
fn custom(kind: &str, value: Value, place: &mut Place<'_>) -> Option<Object> {
    let mut schema = definitions::schema(kind).expect("every kind has a schema");
    // The definition leaves them to the API server.
    for field in ["apiVersion", "kind", "metadata"] {
        schema["properties"][field] = serde_json::json!({"x-kubernetes-preserve-unknown-fields": true});
    }
    let findings = schema::check(&schema, &value);
    if !findings.is_empty() {
        for finding in findings {
            place.report(Some(&finding.field), finding.message, finding.remedy);
        }
        return None;
    }
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let (object, broken) = match kind {
        "PgConnection" => {
            let object: PgConnection = typed(value, place)?;
            let broken = rules::connection(&object.spec);
            (Object::Connection(object), broken)
        }
        "PgSource" => {
            let object: PgSource = typed(value, place)?;
            let broken = rules::source(&object.spec);
            (Object::Source(object), broken)
        }
        "SourceTable" => {
            let object: SourceTable = typed(value, place)?;
            let broken = rules::table(&name, &object.spec);
            (Object::Table(object), broken)
        }
        _ => {
            let object: View = typed(value, place)?;
            let broken = rules::view(&name, &object.spec);
            (Object::View(object), broken)
        }
    };
    for (field, message) in broken {
        place.report(Some(&field), message, "");
    }
    Some(object)
}

fn typed<T: DeserializeOwned>(value: Value, place: &mut Place<'_>) -> Option<T> {
    // The schema has let it through: this fails only inside a part that the schema leaves open (affinity).
    serde_json::from_value(value).map_err(|error| place.report(Some("spec"), error.to_string(), "")).ok()
}
