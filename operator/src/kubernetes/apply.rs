//! Brings objects to the cluster: server-side apply, and nothing at all where nothing would change.

use std::{collections::HashMap, fmt::Debug, sync::Arc};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    error::{ApiError, Diagnosis, Retry},
    kubernetes::{
        labels::{APPLIED, OPERATOR},
        quantity,
    },
    metrics,
};

/// An object could not be brought to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("{kind} {name} is there already and belongs to somebody else")]
    Foreign { kind: String, name: String },
    #[error("{kind} {name} has no namespace")]
    Unplaced { kind: String, name: String },
    /// The API server takes anything in the PgSource, but not in the pod.
    #[error("spec.worker.affinity: {0}")]
    Affinity(serde_json::Error),
}

impl Diagnosis for ApplyError {
    fn reason(&self) -> String {
        match self {
            ApplyError::Api(error) => error.reason(),
            ApplyError::Foreign { .. } | ApplyError::Unplaced { .. } => "ObjectForeign".to_owned(),
            ApplyError::Affinity(_) => "ApiInvalid".to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            ApplyError::Api(error) => error.remedy(),
            ApplyError::Foreign { .. } | ApplyError::Unplaced { .. } => {
                "rename or delete that object, or give the PgSource another name".to_owned()
            }
            ApplyError::Affinity(_) => "write it as a Pod has it".to_owned(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            ApplyError::Api(error) => error.retry(),
            ApplyError::Foreign { .. } | ApplyError::Unplaced { .. } | ApplyError::Affinity(_) => {
                Retry::OnChange
            }
        }
    }
}

/// What an apply did last: the hash of what was wanted, and the mark of what came of it.
type Memory = HashMap<String, ([u8; 32], String)>;

/// Applies the objects of one owner after another.
#[derive(Clone)]
pub struct Applier {
    client: Client,
    memory: Arc<Mutex<Memory>>,
}

impl Applier {
    pub fn new(client: Client) -> Applier {
        Applier { client, memory: Arc::default() }
    }

    /// Makes the object as wanted. `live` is the object as the watch shows it. Whether something was written.
    pub async fn apply<K>(&self, owner: &str, desired: &K, live: Option<&K>) -> Result<bool, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let kind = K::kind(&()).into_owned();
        let name = desired.name_any();
        let Some(namespace) = desired.namespace() else { return Err(ApplyError::Unplaced { kind, name }) };
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        // What does not carry our label is not watched: look before taking it over.
        let looked = match live {
            Some(_) => None,
            None => api.get_opt(&name).await.map_err(ApiError::new(format!("read {kind} {name}")))?,
        };
        let live = live.or(looked.as_ref());
        if live.is_some_and(|live| !live.owner_references().iter().any(|reference| reference.uid == owner)) {
            return Err(ApplyError::Foreign { kind, name });
        }
        let mut wanted = serde_json::to_value(desired).expect("an object is JSON");
        let hash: [u8; 32] = Sha256::digest(wanted.to_string().as_bytes()).into();
        // A field that is no longer wanted is not missed by `holds`; the hash of the whole is.
        wanted["metadata"]["annotations"][APPLIED] = short_hash(&hash).into();
        let key = format!("{kind}/{namespace}/{name}");
        if let Some(live) = live {
            let same = self
                .memory
                .lock()
                .get(&key)
                .is_some_and(|(known, then)| *known == hash && *then == mark(live));
            if same || holds(&serde_json::to_value(live).expect("an object is JSON"), &wanted) {
                return Ok(false);
            }
        }
        let parameters = PatchParams::apply(&format!("{OPERATOR}/workload")).force();
        let written = api
            .patch(&name, &parameters, &Patch::Apply(&wanted))
            .await
            .map_err(ApiError::new(format!("apply {kind} {name}")))?;
        metrics::written(&kind);
        self.memory.lock().insert(key, (hash, mark(&written)));
        Ok(true)
    }
}

/// What rises when somebody changes what an object asks for: its generation, or its version where it has none.
fn mark<K: Resource>(object: &K) -> String {
    match object.meta().generation {
        Some(generation) => format!("{}/{generation}", object.uid().unwrap_or_default()),
        None => object.resource_version().unwrap_or_default(),
    }
}

/// Whether the live object has everything that is wanted; what the API server or others added does not count. The server leaves empty
/// lists and objects out.
pub fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| match live.get(key) {
                Some(live) if matches!(key.as_str(), "requests" | "limits") => provides(live, wanted),
                Some(live) => holds(live, wanted),
                None => empty(wanted),
            })
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| holds(live, wanted))
        }
        _ => live == wanted,
    }
}

/// Whether the live object has the amounts of resources that are wanted, in whatever spelling.
fn provides(live: &Value, wanted: &Value) -> bool {
    let same = |live: &Value, wanted: &Value| match (live.as_str(), wanted.as_str()) {
        (Some(live), Some(wanted)) => quantity::same(live, wanted),
        _ => live == wanted,
    };
    match wanted.as_object() {
        Some(wanted) => {
            wanted.iter().all(|(name, amount)| live.get(name).is_some_and(|live| same(live, amount)))
        }
        None => live == wanted,
    }
}

/// The first 64 bits, as text.
fn short_hash(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_wanted_counts() {
        let live = json!({"a": {"b": 1, "added": 2}, "list": [{"x": 1, "added": 2}]});
        assert!(holds(&live, &json!({"a": {"b": 1}, "list": [{"x": 1}], "gone": {}, "none": null})));
        assert!(!holds(&live, &json!({"a": {"b": 2}})));
        assert!(!holds(&live, &json!({"list": []})));
        assert!(!holds(&live, &json!({"more": 1})));
        let live = json!({"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}});
        assert!(holds(&live, &json!({"resources": {"requests": {"cpu": "0.5"}}})));
        assert!(!holds(&live, &json!({"resources": {"requests": {"memory": "2Gi"}}})));
    }
}
