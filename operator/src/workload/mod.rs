//! The objects of one source's worker. Pure: a plan goes in, objects come out, one function for each.
//!
//! Nothing here knows of SourceTables or Views: adding one never touches a pod.

mod network_policy;
mod pod;
mod pod_disruption_budget;
pub mod rollout;
mod secret;
mod service;
mod service_account;
mod stateful_set;

use std::sync::Arc;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use offtake_contract::Secret as Hidden;
use offtake_crds::{ObjectName, Worker};

use crate::{
    context::Settings,
    kubernetes::{labels, names::WorkloadName},
};

/// The worker's ports: SQL, and HTTP for the operator, probes and metrics.
pub const SQL_PORT: u16 = 7654;
pub const HTTP_PORT: u16 = 7655;
/// The client Service answers where PostgreSQL's clients look.
pub const SERVICE_PORT: u16 = 5432;
/// The only user and database.
pub const USER: &str = "offtake";

/// What the worker lets in: made once for a source, and kept in its worker Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// Of the SQL user.
    pub password: Hidden,
    /// Of the HTTP API.
    pub token: Hidden,
}

/// Everything that the objects are made from.
pub struct Workload {
    pub name: WorkloadName,
    pub source: ObjectName,
    pub owner: OwnerReference,
    pub spec: Worker,
    /// The annotation that asks for a restart.
    pub restarted_at: Option<String>,
    pub credentials: Credentials,
    /// The volume outlives the source, as the slot does.
    pub retain: bool,
    pub settings: Arc<Settings>,
    /// The StatefulSet as it is: its volume claims and, between rollouts, its pod template stay.
    pub live: Option<Arc<StatefulSet>>,
}

/// The objects, in the order in which they are applied: what a pod needs comes before it.
pub struct Objects {
    pub service_account: ServiceAccount,
    pub worker_secret: Secret,
    pub client_secret: Secret,
    pub network_policy: NetworkPolicy,
    pub pods_service: Service,
    pub client_service: Service,
    pub budget: PodDisruptionBudget,
    pub stateful_set: StatefulSet,
}

pub fn build(workload: &Workload) -> Objects {
    Objects {
        service_account: service_account::service_account(workload),
        worker_secret: secret::worker(workload),
        client_secret: secret::client(workload),
        network_policy: network_policy::network_policy(workload),
        pods_service: service::pods(workload),
        client_service: service::client(workload),
        budget: pod_disruption_budget::pod_disruption_budget(workload),
        stateful_set: stateful_set::stateful_set(workload),
    }
}

impl Workload {
    /// Name, namespace, labels and owner of an object of this workload.
    fn metadata(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: Some(self.source.namespace.clone()),
            labels: Some(labels::of_worker(self.name.as_str())),
            owner_references: Some(vec![self.owner.clone()]),
            ..ObjectMeta::default()
        }
    }
}

pub use secret::{credentials, generate, initial};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::{Resource, ResourceExt};
    use offtake_crds::PgSource;

    use super::*;
    use crate::kubernetes::apply::holds;

    pub fn workload(spec: &str, live: Option<Arc<StatefulSet>>) -> Workload {
        let source: PgSource = serde_yaml::from_str(&format!(
            "{{apiVersion: offtake.dev/v1alpha1, kind: PgSource, metadata: {{name: shop, namespace: team, uid: u}}, \
             spec: {{connectionRef: {{name: pg}}, publication: shop, worker: {spec}}}}}"
        ))
        .unwrap();
        Workload {
            name: WorkloadName::of("shop"),
            source: ObjectName::new("team", "shop"),
            owner: source.controller_owner_ref(&()).unwrap(),
            spec: source.spec.worker,
            restarted_at: None,
            credentials: Credentials { password: Hidden::new("p4ss"), token: Hidden::new("t0ken") },
            retain: false,
            settings: Arc::new(Settings {
                worker_image: "worker:1".into(),
                namespace: "offtake-system".into(),
                monitoring_namespace: "monitoring".into(),
                cluster_domain: "cluster.local".into(),
                slot_drop_deadline: Duration::from_secs(60),
            }),
            live,
        }
    }

    #[test]
    fn every_object_is_owned_named_and_placed() {
        let objects = build(&workload("{}", None));
        let metadata = [
            objects.service_account.meta(),
            objects.worker_secret.meta(),
            objects.client_secret.meta(),
            objects.network_policy.meta(),
            objects.pods_service.meta(),
            objects.client_service.meta(),
            objects.budget.meta(),
            objects.stateful_set.meta(),
        ];
        let names: Vec<&str> = metadata.iter().filter_map(|meta| meta.name.as_deref()).collect();
        assert_eq!(
            names,
            [
                "offtake-shop",
                "offtake-shop-worker",
                "offtake-shop-client",
                "offtake-shop",
                "offtake-shop-pods",
                "offtake-shop",
                "offtake-shop",
                "offtake-shop"
            ]
        );
        for meta in metadata {
            assert_eq!(meta.namespace.as_deref(), Some("team"));
            assert!(meta.owner_references.as_ref().is_some_and(|owners| owners[0].kind == "PgSource"));
            assert!(meta.labels.as_ref().is_some_and(|labels| labels.contains_key(labels::MANAGED_BY)));
        }
    }

    /// Pod Security Standards, level "restricted", field by field.
    #[test]
    fn pods_are_restricted_and_have_no_rights() {
        let objects = build(&workload("{threads: 3}", None));
        assert_eq!(objects.service_account.automount_service_account_token, Some(false));
        let pod = objects.stateful_set.spec.unwrap().template.spec.unwrap();
        assert_eq!(pod.automount_service_account_token, Some(false));
        let pod_context = serde_json::to_value(&pod.security_context).unwrap();
        let wanted = serde_json::json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 65532});
        assert!(holds(&pod_context, &wanted), "{pod_context}");
        let container = &pod.containers[0];
        let context = serde_json::to_value(&container.security_context).unwrap();
        let wanted = serde_json::json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true});
        assert!(holds(&context, &wanted), "{context}");
        let args = container.args.clone().unwrap().join(" ");
        assert!(args.contains("--threads 3") && !args.contains("p4ss") && !args.contains("t0ken"), "{args}");
        assert!(container.env.is_none());
    }

    #[test]
    fn clients_find_everything_in_their_secret() {
        let secret = build(&workload("{}", None)).client_secret;
        let text = |key: &str| String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap();
        assert_eq!(text("uri"), "postgresql://offtake:p4ss@offtake-shop.team.svc.cluster.local:5432/offtake");
        assert!(!secret.data.as_ref().unwrap().contains_key("token"));
    }

    /// What another operator version, or its default image, may not do: touch a running pod.
    #[test]
    fn only_the_rollout_relevant_spec_changes_the_template() {
        let first = build(&workload("{}", None)).stateful_set;
        let template =
            |set: &StatefulSet| serde_json::to_value(&set.spec.as_ref().unwrap().template).unwrap();
        let image = |set: &StatefulSet| template(set)["spec"]["containers"][0]["image"].clone();
        let live = Some(Arc::new(first.clone()));
        let mut newer = workload("{}", live.clone());
        newer.settings = Arc::new(Settings { worker_image: "worker:2".into(), ..(*newer.settings).clone() });
        assert_eq!(template(&build(&newer).stateful_set), template(&first), "a new default waits");
        newer.restarted_at = Some("now".into());
        let restarted = build(&newer).stateful_set;
        assert_eq!(image(&restarted), "worker:2", "and comes with the next rollout");
        let mut same = workload("{}", live.clone());
        same.restarted_at = Some("now".into());
        assert_ne!(template(&build(&same).stateful_set), template(&first), "a restart alone is a rollout");
        assert_ne!(restarted.annotations()[labels::ROLLOUT], first.annotations()[labels::ROLLOUT]);
        let larger = build(&workload("{storage: {size: 20Gi}}", live.clone())).stateful_set;
        assert_eq!(template(&larger), template(&first));
        let own = build(&workload("{image: 'mine:7'}", live)).stateful_set;
        assert_eq!(image(&own), "mine:7");
    }
}
