//! What a worker's pod tells of itself, where the worker cannot. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{ContainerStatus, Pod},
    apimachinery::pkg::apis::meta::v1::Time,
};
use offtake_contract::Problem;

/// How much of a failed worker's last words is repeated.
const LAST_WORDS: usize = 400;

/// A pod is gone soon after its grace, unless nobody on its node is there to tell.
const OVERDUE: SignedDuration = SignedDuration::from_secs(60);
/// Volume and network are there sooner than this, and most images.
const CREATION: SignedDuration = SignedDuration::from_mins(2);

/// Why the pod does not run; `None` where nothing is wrong with it.
pub fn trouble(pod: &Pod, now: Timestamp) -> Option<Problem> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    // A pod's deletion timestamp is when its grace is over.
    let end = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    if let Some(end) = end.filter(|end| now.duration_since(*end) > OVERDUE) {
        return Some(Problem::new(
            "WorkerTerminating",
            format!(
                "pod {name} was to end by {end} and is still there; no other takes its place before it is gone"
            ),
            "if its node is lost for good, taint the node: node.kubernetes.io/out-of-service=nodeshutdown:NoExecute, or kubectl delete \
             pod --force",
        ));
    }
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
        "ContainerCreating" if since(status.start_time.as_ref(), now) > CREATION => Some(Problem::new(
            "WorkerNotCreated",
            format!(
                "pod {name} has a node, and its container is not there after {} minutes",
                CREATION.as_mins()
            ),
            "kubectl describe pod tells what it waits for: its volume, the network, a large image",
        )),
        _ => None,
    }
}

fn since(start: Option<&Time>, now: Timestamp) -> SignedDuration {
    start.map_or(SignedDuration::ZERO, |start| now.duration_since(start.0))
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

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
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
        let reason = |pod: &Pod| trouble(pod, at("2026-01-01T00:01:30Z")).map(|problem| problem.reason);
        assert_eq!(reason(&waiting("ImagePullBackOff")).as_deref(), Some("WorkerImage"));
        assert_eq!(reason(&waiting("ContainerCreating")), None);
        let crashing = trouble(&waiting("CrashLoopBackOff"), Timestamp::UNIX_EPOCH).unwrap();
        assert!(crashing.message.ends_with("exit code 1: the store is damaged"), "{}", crashing.message);
        let unscheduled = pod("{conditions: [{type: PodScheduled, status: 'False', message: no nodes}]}");
        assert_eq!(reason(&unscheduled).as_deref(), Some("WorkerUnschedulable"));
    }

    #[test]
    fn what_takes_too_long_is_trouble() {
        let creating = pod(
            "{startTime: '2026-01-01T00:00:00Z', containerStatuses: [{name: worker, image: 'w:1', imageID: '', \
             ready: false, restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]}",
        );
        assert_eq!(trouble(&creating, at("2026-01-01T00:02:00Z")), None);
        let late = trouble(&creating, at("2026-01-01T00:02:01Z")).unwrap();
        assert_eq!(late.reason, "WorkerNotCreated");
        let mut leaving = creating;
        leaving.metadata.deletion_timestamp = Some(Time(at("2026-01-01T00:00:00Z")));
        assert_eq!(trouble(&leaving, at("2026-01-01T00:01:00Z")), None);
        let stuck = trouble(&leaving, at("2026-01-01T00:01:01Z")).unwrap();
        assert_eq!(stuck.reason, "WorkerTerminating");
        let later = trouble(&leaving, at("2026-01-01T00:09:00Z")).unwrap();
        assert_eq!(later, stuck, "the words stay, so that nothing is written again");
    }
}
