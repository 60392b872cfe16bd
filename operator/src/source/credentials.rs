//! A worker's password and token: read from its Secret, or made once.

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{Api, api::PostParams, runtime::reflector::ObjectRef};
use offtake_crds::ObjectName;

use crate::{
    context::Context,
    error::ApiError,
    kubernetes::{labels::OPERATOR, names::WorkloadName},
    metrics,
    workload::{self, Credentials},
};

/// The credentials that are there, or new ones. They are created, not applied: of two operators that overlap, only one can.
pub async fn ensure(
    context: &Context,
    source: &ObjectName,
    name: &WorkloadName,
    owner: &OwnerReference,
) -> Result<Credentials, ApiError> {
    let reference = ObjectRef::new(&name.worker()).within(&source.namespace);
    if let Some(known) =
        context.stores.secrets.get(&reference).and_then(|secret| workload::credentials(&secret))
    {
        return Ok(known);
    }
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &source.namespace);
    let found = api.get_opt(&name.worker()).await.map_err(ApiError::new(format!(
        "read Secret {}/{}",
        source.namespace,
        name.worker()
    )))?;
    if let Some(secret) = found {
        // One that was damaged is replaced when it is applied; the pod then starts anew.
        return Ok(workload::credentials(&secret).unwrap_or_else(workload::generate));
    }
    let credentials = workload::generate();
    let parameters =
        PostParams { field_manager: Some(format!("{OPERATOR}/workload")), ..PostParams::default() };
    let secret = workload::initial(name, &source.namespace, owner, &credentials);
    api.create(&parameters, &secret).await.map_err(ApiError::new(format!(
        "create Secret {}/{}",
        source.namespace,
        name.worker()
    )))?;
    metrics::written("Secret");
    Ok(credentials)
}
