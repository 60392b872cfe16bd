//! When a worker's pod is replaced: when what its owner wrote about it changed, and never because the operator did.
//!
//! The hash is over the rollout-relevant spec, the restart annotation and the credentials (random, so the hash tells nothing of them; a
//! worker reads them once). Between rollouts the StatefulSet keeps the template that was rendered at the last one, image included: it is
//! stored beside it, so that a hand's edit of the template is still undone.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PodTemplateSpec};
use kube::ResourceExt;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Workload, pod};
use crate::kubernetes::labels;

/// A pod template, and the annotations of the StatefulSet that carries it.
pub struct Rollout {
    pub hash: String,
    pub template: PodTemplateSpec,
    /// The template as text.
    pub pinned: String,
}

/// The template to run: the pinned one, or a new one where the hash changed.
pub fn rollout(workload: &Workload) -> Rollout {
    let hash = hash(workload);
    if let Some((template, pinned)) = workload.live.as_deref().and_then(|live| pinned(live, &hash)) {
        return Rollout { hash, template, pinned };
    }
    // The hash is in the template too: a rollout that changes nothing else, a restart, is one for Kubernetes as well.
    let template = pod::template(workload, &hash);
    let pinned = serde_json::to_string(&template).expect("a template is JSON");
    Rollout { hash, template, pinned }
}

fn pinned(live: &StatefulSet, hash: &str) -> Option<(PodTemplateSpec, String)> {
    let annotations = live.annotations();
    let text = annotations
        .get(labels::TEMPLATE)
        .filter(|_| annotations.get(labels::ROLLOUT).is_some_and(|known| known == hash))?;
    Some((serde_json::from_str(text).ok()?, text.clone()))
}

fn hash(workload: &Workload) -> String {
    let spec = &workload.spec;
    let relevant = json!({
        "threads": spec.threads,
        "resources": spec.resources,
        "image": spec.image,
        "imagePullSecrets": spec.image_pull_secrets,
        "nodeSelector": spec.node_selector,
        "tolerations": spec.tolerations,
        "affinity": spec.read_affinity().ok().flatten(),
        "priorityClassName": spec.priority_class_name,
        "restartedAt": workload.restarted_at,
        "credentials": [workload.credentials.password.expose(), workload.credentials.token.expose()],
    });
    Sha256::digest(relevant.to_string().as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The image that the pods of a StatefulSet run.
pub fn image(set: &StatefulSet) -> Option<&str> {
    set.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.as_deref()
}
