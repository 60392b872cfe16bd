//! What a worker's pod tells of itself, where the worker cannot. Pure.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use offtake_contract::Problem;

/// How much of a failed worker's last words is repeated.
const LAST_WORDS: usize = 400;

/// Why the pod does not run; `None` where nothing is wrong with it.
pub fn trouble(pod: &Pod) -> Option<Problem> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions.find(|one| one.type_ == "PodScheduled" && one.status == "False");
    if let Some(condition) = unscheduled {
        let why = condition.message.as_deref().unwrap_or("no node takes it");
        return Some(Problem::new(
            "WorkerUnschedulable",
            format!("pod {name} has no node: {why}"),
            "free or add nodes, or change spec.worker (resources, storage, nodeSelector, tolerations)",
        ));
    }
    let container =
        status.container_statuses.iter().flatten().find(|container| container.name == "worker")?;
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let why = waiting.message.as_deref().unwrap_or(reason);
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(Problem::new(
            "WorkerImage",
            format!("pod {name} cannot get image {}: {why}", container.image),
            "correct spec.worker.image or imagePullSecrets",
        )),
        "CrashLoopBackOff" => Some(crashing(name, container)),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => Some(Problem::new(
            "WorkerNotStarted",
            format!("pod {name} cannot be started: {why}"),
            "look at the pod: kubectl describe pod",
        )),
        _ => None,
    }
}

fn crashing(name: &str, container: &ContainerStatus) -> Problem {
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let code = ended.map_or_else(String::new, |ended| format!(" with exit code {}", ended.exit_code));
    let killed = ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"));
    let words = ended.and_then(|ended| ended.message.as_deref()).unwrap_or_default().trim();
    let tail: String = words.chars().skip(words.chars().count().saturating_sub(LAST_WORDS)).collect();
    let remedy = if killed {
        "raise spec.worker.resources.limits.memory"
    } else {
        "look at the log of the last run: kubectl logs --previous"
    };
    let message = if tail.is_empty() {
        format!("the worker in pod {name} ends again and again{code}")
    } else {
        format!("the worker in pod {name} ends again and again{code}: {tail}")
    };
    Problem::new("WorkerCrashing", message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: &str) -> Pod {
        serde_yaml::from_str(&format!("{{metadata: {{name: offtake-shop-0}}, status: {status}}}")).unwrap()
    }

    #[test]
    fn each_trouble_has_its_reason() {
        let waiting = |reason: &str| {
            pod(&format!(
                "{{containerStatuses: [{{name: worker, image: 'w:1', imageID: '', ready: false, restartCount: 3, \
                 state: {{waiting: {{reason: {reason}, message: why}}}}, \
                 lastState: {{terminated: {{exitCode: 1, message: 'the store is damaged'}}}}}}]}}"
            ))
        };
        let reason = |pod: &Pod| trouble(pod).map(|problem| problem.reason);
        assert_eq!(reason(&waiting("ImagePullBackOff")).as_deref(), Some("WorkerImage"));
        assert_eq!(reason(&waiting("ContainerCreating")), None);
        let crashing = trouble(&waiting("CrashLoopBackOff")).unwrap();
        assert!(crashing.message.ends_with("exit code 1: the store is damaged"), "{}", crashing.message);
        let unscheduled = pod("{conditions: [{type: PodScheduled, status: 'False', message: no nodes}]}");
        assert_eq!(reason(&unscheduled).as_deref(), Some("WorkerUnschedulable"));
    }
}
