//! The PodDisruptionBudget: a drain may move the one worker, for it goes on from its volume.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::Workload;
use crate::kubernetes::labels;

pub fn pod_disruption_budget(workload: &Workload) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: workload.metadata(workload.name.as_str()),
        spec: Some(PodDisruptionBudgetSpec {
            // A budget that lets no pod go would block every drain for ever.
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(labels::selector(workload.name.as_str())),
                ..LabelSelector::default()
            }),
            // A worker that is not well anyway blocks nothing.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
