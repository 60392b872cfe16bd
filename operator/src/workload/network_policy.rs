//! Who reaches a worker: SQL from its own namespace, HTTP from the operator's pods and from monitoring. The token guards HTTP as well.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::networking::v1::{
        NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::Workload;
use crate::kubernetes::labels;

/// The label that the API server puts on every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

pub fn network_policy(workload: &Workload) -> NetworkPolicy {
    let anywhere_here =
        NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() };
    let operator = NetworkPolicyPeer {
        namespace_selector: Some(selector(NAMESPACE_NAME, &workload.settings.namespace)),
        pod_selector: Some(selector(labels::NAME, labels::OPERATOR)),
        ..NetworkPolicyPeer::default()
    };
    let monitoring = NetworkPolicyPeer {
        namespace_selector: Some(selector(NAMESPACE_NAME, &workload.settings.monitoring_namespace)),
        ..NetworkPolicyPeer::default()
    };
    NetworkPolicy {
        metadata: workload.metadata(workload.name.as_str()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(labels::selector(workload.name.as_str())),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![rule("sql", vec![anywhere_here]), rule("http", vec![operator, monitoring])]),
            ..NetworkPolicySpec::default()
        }),
    }
}

fn rule(port: &str, from: Vec<NetworkPolicyPeer>) -> NetworkPolicyIngressRule {
    let port = NetworkPolicyPort {
        port: Some(IntOrString::String(port.to_owned())),
        protocol: Some("TCP".to_owned()),
        ..NetworkPolicyPort::default()
    };
    NetworkPolicyIngressRule { from: Some(from), ports: Some(vec![port]) }
}

fn selector(key: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        ..LabelSelector::default()
    }
}
