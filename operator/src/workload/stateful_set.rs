//! The StatefulSet: one pod with one volume.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{
            StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
            StatefulSetUpdateStrategy,
        },
        core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};

use super::{Workload, pod::DATA, rollout::rollout};
use crate::kubernetes::labels;

pub fn stateful_set(workload: &Workload) -> StatefulSet {
    let rollout = rollout(workload);
    let mut metadata = workload.metadata(workload.name.as_str());
    metadata.annotations = Some(BTreeMap::from([
        (labels::ROLLOUT.to_owned(), rollout.hash),
        (labels::TEMPLATE.to_owned(), rollout.pinned),
    ]));
    let keep = if workload.retain { "Retain" } else { "Delete" };
    let spec = StatefulSetSpec {
        replicas: Some(1),
        service_name: Some(workload.name.pods()),
        // A pod that cannot start is replaced by the next template; with OrderedReady it would be waited for.
        pod_management_policy: Some("Parallel".to_owned()),
        update_strategy: Some(StatefulSetUpdateStrategy {
            type_: Some("RollingUpdate".to_owned()),
            ..StatefulSetUpdateStrategy::default()
        }),
        revision_history_limit: Some(2),
        selector: LabelSelector {
            match_labels: Some(labels::selector(workload.name.as_str())),
            ..LabelSelector::default()
        },
        template: rollout.template,
        volume_claim_templates: Some(claims(workload)),
        persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
            // Without its slot a volume is of no use, and with it the source can be taken up again.
            when_deleted: Some(keep.to_owned()),
            when_scaled: Some("Retain".to_owned()),
        }),
        ..StatefulSetSpec::default()
    };
    StatefulSet { metadata, spec: Some(spec), ..StatefulSet::default() }
}

/// Claims cannot be changed in a StatefulSet: a live one keeps its own, and a volume grows by its own claim.
fn claims(workload: &Workload) -> Vec<PersistentVolumeClaim> {
    let live = workload.live.as_deref().and_then(|live| live.spec.as_ref()?.volume_claim_templates.clone());
    live.unwrap_or_else(|| vec![claim(workload)])
}

fn claim(workload: &Workload) -> PersistentVolumeClaim {
    let storage = &workload.spec.storage;
    let requests = BTreeMap::from([("storage".to_owned(), Quantity(storage.size.0.clone()))]);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(labels::selector(workload.name.as_str())),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: storage.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(requests),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
