//! A worker's volume grows by its own claim: a StatefulSet's cannot be changed.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::api::resource::Quantity};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    error::{ApiError, Diagnosis, Retry},
    kubernetes::quantity::same,
    metrics,
    workload::{Objects, Workload},
};

/// The volume does not get the size that is asked for.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("spec.worker.storage.size: volume claim {claim} is not made {size} large: {why}")]
    Refused { claim: String, size: String, why: String },
}

impl Diagnosis for VolumeError {
    fn reason(&self) -> String {
        match self {
            VolumeError::Api(error) => error.reason(),
            VolumeError::Refused { .. } => "StorageNotResizable".to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            VolumeError::Api(error) => error.remedy(),
            VolumeError::Refused { .. } => {
                "a volume grows only, and only where its StorageClass has allowVolumeExpansion: set the size back, or make another PgSource"
                    .to_owned()
            }
        }
    }

    fn retry(&self) -> Retry {
        match self {
            VolumeError::Api(error) => error.retry(),
            VolumeError::Refused { .. } => Retry::OnChange,
        }
    }
}

/// Asks for the size of the spec, where the StatefulSet was made with another.
pub async fn grow(client: &Client, workload: &Workload, objects: &Objects) -> Result<(), VolumeError> {
    let wanted = &workload.spec.storage.size.0;
    let made = objects
        .stateful_set
        .spec
        .as_ref()
        .and_then(|spec| request(spec.volume_claim_templates.as_ref()?.first()?));
    if made.is_none_or(|made| same(&made.0, wanted)) {
        return Ok(());
    }
    let name = workload.name.volume();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &workload.source.namespace);
    let Some(claim) = api.get_opt(&name).await.map_err(ApiError::new(format!("read volume claim {name}")))?
    else {
        return Ok(());
    };
    if request(&claim).is_some_and(|asked| same(&asked.0, wanted)) {
        return Ok(());
    }
    let body = json!({"spec": {"resources": {"requests": {"storage": wanted}}}});
    match api.patch(&name, &PatchParams::default(), &Patch::Merge(&body)).await {
        Ok(_) => {
            metrics::written("PersistentVolumeClaim");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_invalid() || answer.is_forbidden() => {
            Err(VolumeError::Refused { claim: name, size: wanted.clone(), why: answer.message.clone() })
        }
        Err(error) => Err(ApiError::new(format!("grow volume claim {name}"))(error).into()),
    }
}

fn request(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?.get("storage")
}
