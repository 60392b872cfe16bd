//! Secrets that users name: read one by one, by name, when they are needed; never listed, kept or printed.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use offtake_crds::{ObjectName, manifests::SecretValues};

use crate::error::ApiError;

/// A Secret's values; `None` where there is no such Secret.
pub async fn read(client: &Client, name: &ObjectName) -> Result<Option<SecretValues>, ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &name.namespace);
    let found = api.get_opt(&name.name).await.map_err(ApiError::new(format!("read Secret {name}")))?;
    Ok(found.map(|secret| {
        let mut values = SecretValues::default();
        for (key, value) in secret.data.unwrap_or_default() {
            values.set(key, value.0);
        }
        values
    }))
}
