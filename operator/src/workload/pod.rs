//! The worker's pod, as PodSecurity `restricted` wants it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction, LocalObjectReference,
        PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile,
        SecretVolumeSource, SecurityContext, Volume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use super::{
    HTTP_PORT, SQL_PORT, Workload,
    secret::{TOKEN, USERS},
};
use crate::kubernetes::labels;

/// The volume that holds tables and progress.
pub const DATA: &str = "data";
const DATA_PATH: &str = "/data";
const SECRETS_PATH: &str = "/etc/offtake";
/// Distroless' "nonroot".
const USER_ID: i64 = 65532;
/// A worker writes what it has and goes; more is only for a slow volume.
const GRACE_SECONDS: i64 = 30;

pub fn template(workload: &Workload, rollout: &str) -> PodTemplateSpec {
    let annotations = BTreeMap::from([
        (labels::ROLLOUT.to_owned(), rollout.to_owned()),
        (labels::SOURCE.to_owned(), workload.source.name.clone()),
        ("kubectl.kubernetes.io/default-container".to_owned(), "worker".to_owned()),
    ]);
    let metadata = ObjectMeta {
        labels: Some(labels::of_worker(workload.name.as_str())),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(pod(workload)) }
}

fn pod(workload: &Workload) -> PodSpec {
    let spec = &workload.spec;
    let pull =
        spec.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() });
    PodSpec {
        service_account_name: Some(workload.name.to_string()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER_ID),
            run_as_group: Some(USER_ID),
            fs_group: Some(USER_ID),
            // A large volume is not walked through at every start.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(runtime_default()),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(workload)],
        volumes: Some(volumes(workload)),
        image_pull_secrets: Some(pull.collect::<Vec<_>>()).filter(|list| !list.is_empty()),
        node_selector: Some(spec.node_selector.clone()).filter(|map| !map.is_empty()),
        tolerations: Some(spec.tolerations.clone()).filter(|list| !list.is_empty()),
        // What cannot be read is not applied at all (ApplyError::Affinity).
        affinity: spec.read_affinity().ok().flatten(),
        priority_class_name: spec.priority_class_name.clone(),
        ..PodSpec::default()
    }
}

fn container(workload: &Workload) -> Container {
    let spec = &workload.spec;
    let image = spec.image.clone().unwrap_or_else(|| workload.settings.worker_image.clone());
    Container {
        name: "worker".to_owned(),
        image: Some(image),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        args: Some(arguments(workload)),
        ports: Some(vec![port("sql", SQL_PORT), port("http", HTTP_PORT)]),
        // Opening a large store takes its time; nothing is listening before.
        startup_probe: Some(Probe {
            failure_threshold: Some(600),
            period_seconds: Some(1),
            ..probe("/livez")
        }),
        liveness_probe: Some(Probe {
            failure_threshold: Some(6),
            period_seconds: Some(10),
            ..probe("/livez")
        }),
        readiness_probe: Some(Probe {
            failure_threshold: Some(3),
            period_seconds: Some(2),
            ..probe("/readyz")
        }),
        resources: Some(resources(workload)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            run_as_user: Some(USER_ID),
            seccomp_profile: Some(runtime_default()),
            ..SecurityContext::default()
        }),
        // The last lines of a worker that failed are then in the PgSource's status.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(vec![
            mount(DATA, DATA_PATH, None),
            mount("secrets", SECRETS_PATH, Some(true)),
            mount("tmp", "/tmp", None),
        ]),
        ..Container::default()
    }
}

fn arguments(workload: &Workload) -> Vec<String> {
    let flags = [
        // A folder of its own: a file system's root may hold lost+found.
        ("--data-dir", format!("{DATA_PATH}/offtake")),
        ("--threads", threads(workload).to_string()),
        ("--sql-listen", format!("0.0.0.0:{SQL_PORT}")),
        ("--http-listen", format!("0.0.0.0:{HTTP_PORT}")),
        ("--users-file", format!("{SECRETS_PATH}/{USERS}")),
        ("--http-token-file", format!("{SECRETS_PATH}/{TOKEN}")),
    ];
    let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
    std::iter::once("worker".to_owned()).chain(flags).collect()
}

/// As given, or as many as the cpu limit.
fn threads(workload: &Workload) -> u16 {
    let spec = &workload.spec;
    let limit = spec.resources.limits.get("cpu").and_then(|limit| cores(&limit.0));
    spec.threads.or(limit).unwrap_or(1).max(1)
}

/// `2`, `1.5` and `1500m` as whole cores, rounded up.
fn cores(quantity: &str) -> Option<u16> {
    let cores = match quantity.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>().ok()? / 1000.0,
        None => quantity.parse::<f64>().ok()?,
    };
    (cores.is_finite() && cores > 0.0).then(|| cores.ceil().min(256.0) as u16)
}

/// As given; a little is always reserved, so that a worker is not the first to go.
fn resources(workload: &Workload) -> ResourceRequirements {
    let given = &workload.spec.resources;
    let map = |amounts: &BTreeMap<String, offtake_crds::Quantity>| -> BTreeMap<String, Quantity> {
        amounts.iter().map(|(name, amount)| (name.clone(), Quantity(amount.0.clone()))).collect()
    };
    let mut requests = map(&given.requests);
    let limits = map(&given.limits);
    for (name, amount) in [("cpu", "100m"), ("memory", "256Mi")] {
        // What is limited and not requested is requested as limited, by Kubernetes itself.
        if !limits.contains_key(name) {
            requests.entry(name.to_owned()).or_insert_with(|| Quantity(amount.to_owned()));
        }
    }
    ResourceRequirements {
        requests: Some(requests).filter(|map| !map.is_empty()),
        limits: Some(limits).filter(|map| !map.is_empty()),
        ..ResourceRequirements::default()
    }
}

fn volumes(workload: &Workload) -> Vec<Volume> {
    let secrets = SecretVolumeSource {
        secret_name: Some(workload.name.worker()),
        default_mode: Some(0o440),
        ..SecretVolumeSource::default()
    };
    vec![
        Volume { name: "secrets".to_owned(), secret: Some(secrets), ..Volume::default() },
        Volume {
            name: "tmp".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        },
    ]
}

fn mount(name: &str, path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), read_only, ..VolumeMount::default() }
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(port),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str) -> Probe {
    let get = HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::String("http".to_owned()),
        ..HTTPGetAction::default()
    };
    Probe { http_get: Some(get), timeout_seconds: Some(2), ..Probe::default() }
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_whole() {
        for (text, number) in [("2", Some(2)), ("1500m", Some(2)), ("0.5", Some(1)), ("x", None), ("0", None)]
        {
            assert_eq!(cores(text), number, "{text}");
        }
    }
}
