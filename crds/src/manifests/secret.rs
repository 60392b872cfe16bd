//! Secrets.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Place, schema};

/// The fields of a Secret (Kubernetes API reference).
const FIELDS: [&str; 7] = ["apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"];

/// The values of one Secret, decoded. They are never printed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct SecretValues(BTreeMap<String, Vec<u8>>);

impl SecretValues {
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(|value| &**value)
    }

    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), value.into());
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|key| &**key)
    }

    /// `data` is base64, `stringData` is text and wins (Kubernetes documentation, Secrets).
    pub(super) fn read(value: &Value, place: &mut Place<'_>) -> Option<SecretValues> {
        let before = place.errors.len();
        let mut values = SecretValues::default();
        for field in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !FIELDS.contains(&&**field) {
                place.report(Some(field), "is not a field of a Secret", schema::suggestion(field, FIELDS));
            }
        }
        for section in ["data", "stringData"] {
            let entries = match &value[section] {
                Value::Null => continue,
                Value::Object(entries) => entries,
                _ => {
                    place.report(Some(section), "is not an object", "write key: value lines below it");
                    continue;
                }
            };
            for (key, value) in entries {
                let field = format!("{section}.{key}");
                // Messages never show a value, not even a wrong one.
                let Value::String(text) = value else {
                    place.report(Some(&field), "is not a string", "put quotes around it");
                    continue;
                };
                if section == "stringData" {
                    values.set(key, text.as_bytes());
                    continue;
                }
                let dense: String = text.split_whitespace().collect();
                match STANDARD.decode(dense) {
                    Ok(bytes) => values.set(key, bytes),
                    Err(_) => place.report(
                        Some(&field),
                        "is not base64",
                        "encode it, or write it as text in stringData",
                    ),
                }
            }
        }
        (place.errors.len() == before).then_some(values)
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}
