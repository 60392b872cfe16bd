//! Writes a status where it differs from the one that is there.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{error::ApiError, kubernetes::labels::OPERATOR, metrics};

/// Writes `status` unless `object` has it. Whether something was written. An object that went meanwhile is no error.
pub async fn write<K, S>(
    client: &Client,
    object: &K,
    before: Option<&S>,
    status: &S,
) -> Result<bool, ApiError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    S: PartialEq + Serialize,
{
    if before == Some(status) {
        return Ok(false);
    }
    let kind = K::kind(&()).into_owned();
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": kind,
        // Of an object that was deleted and made again, the new one is not told the old one's status.
        "metadata": { "uid": object.uid() },
        "status": status,
    });
    let parameters = PatchParams::apply(&format!("{OPERATOR}/{}", kind.to_lowercase())).force();
    match api.patch_status(&name, &parameters, &Patch::Apply(&body)).await {
        Ok(_) => {
            metrics::written(&format!("{kind}/status"));
            Ok(true)
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(false),
        Err(error) => Err(ApiError::new(format!("write the status of {kind} {namespace}/{name}"))(error)),
    }
}
