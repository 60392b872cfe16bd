//! `Ready`, `Reconciling`, `Stalled`: how it stands with an object, as people, kubectl wait, Helm, Flux and Argo CD read it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use offtake_contract::Problem;

/// How long something that is missing may be on its way (the same `kubectl apply` often brings it) before the object counts as stalled.
pub const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// How it stands with an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    Ready {
        reason: String,
        message: String,
    },
    /// On its way, or tried again: it will be well without anybody's help.
    Progressing {
        reason: String,
        message: String,
    },
    /// Something is missing that may be on its way; after [`GRACE`] it counts as stalled.
    Waiting {
        reason: String,
        message: String,
    },
    /// Somebody has to change something.
    Stalled {
        reason: String,
        message: String,
    },
}

impl Health {
    pub fn ready(reason: &str, message: impl Into<String>) -> Health {
        Health::Ready { reason: reason.to_owned(), message: message.into() }
    }

    pub fn progressing(reason: &str, message: impl Into<String>) -> Health {
        Health::Progressing { reason: reason.to_owned(), message: message.into() }
    }

    pub fn retrying(problem: &Problem) -> Health {
        Health::Progressing { reason: problem.reason.clone(), message: sentence(problem) }
    }

    pub fn waiting(problem: &Problem) -> Health {
        Health::Waiting { reason: problem.reason.clone(), message: sentence(problem) }
    }

    pub fn stalled(problem: &Problem) -> Health {
        Health::Stalled { reason: problem.reason.clone(), message: sentence(problem) }
    }

    pub fn reason(&self) -> &str {
        match self {
            Health::Ready { reason, .. }
            | Health::Progressing { reason, .. }
            | Health::Waiting { reason, .. }
            | Health::Stalled { reason, .. } => reason,
        }
    }

    pub fn message(&self) -> &str {
        match self {
            Health::Ready { message, .. }
            | Health::Progressing { message, .. }
            | Health::Waiting { message, .. }
            | Health::Stalled { message, .. } => message,
        }
    }

    pub fn is_ready(&self) -> bool {
        matches!(self, Health::Ready { .. })
    }

    /// What a missing thing counts as by now, and when to look again. `previous` are the conditions so far.
    pub fn settle(self, previous: &[Condition], now: Timestamp) -> (Health, Option<SignedDuration>) {
        let Health::Waiting { reason, message } = self else { return (self, None) };
        let since = previous
            .iter()
            .find(|condition| condition.type_ == READY && condition.status == "False")
            .map_or(now, |condition| condition.last_transition_time.0);
        let left = GRACE - now.duration_since(since);
        if left <= SignedDuration::ZERO {
            return (Health::Stalled { reason, message }, None);
        }
        (Health::Waiting { reason, message }, Some(left))
    }
}

/// What is wrong and what to do, as one text.
pub fn sentence(problem: &Problem) -> String {
    match problem.remedy.as_str() {
        "" => problem.message.clone(),
        remedy => format!("{}. Remedy: {remedy}", problem.message.trim_end_matches('.')),
    }
}

const READY: &str = "Ready";
const RECONCILING: &str = "Reconciling";
const STALLED: &str = "Stalled";

/// The three conditions. A transition time changes only when its status does, so that an equal outcome makes an equal status.
pub fn conditions(
    health: &Health,
    generation: Option<i64>,
    previous: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let (ready, reconciling, stalled) = match health {
        Health::Ready { .. } => (true, false, false),
        Health::Progressing { .. } | Health::Waiting { .. } => (false, true, false),
        Health::Stalled { .. } => (false, false, true),
    };
    [(READY, ready, true), (RECONCILING, reconciling, false), (STALLED, stalled, false)]
        .into_iter()
        .map(|(kind, holds, main)| {
            let status = if holds { "True" } else { "False" };
            let same =
                previous.iter().find(|condition| condition.type_ == kind && condition.status == status);
            // A condition that does not hold repeats nothing of the one that does.
            let told = holds || main;
            Condition {
                type_: kind.to_owned(),
                status: status.to_owned(),
                reason: if told { health.reason().to_owned() } else { format!("Not{kind}") },
                message: if told { health.message().to_owned() } else { String::new() },
                observed_generation: generation,
                // The API keeps whole seconds.
                last_transition_time: same.map_or_else(
                    || Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
                    |condition| condition.last_transition_time.clone(),
                ),
            }
        })
        .collect()
}

/// The reason and status of `Ready`, for what changed since.
pub fn ready(conditions: &[Condition]) -> Option<(&str, &str)> {
    conditions
        .iter()
        .find(|condition| condition.type_ == READY)
        .map(|condition| (condition.status.as_str(), condition.reason.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::status::kstatus::{Outcome, compute};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("is a time")
    }

    fn outcome(health: &Health) -> Outcome {
        let conditions = conditions(health, Some(3), &[], at(0));
        compute(
            &json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 3, "conditions": conditions}}),
        )
    }

    #[test]
    fn kstatus_reads_every_health_as_meant() {
        let problem = Problem::new("Unreachable", "no answer", "look");
        assert_eq!(outcome(&Health::ready("Running", "")), Outcome::Current);
        assert_eq!(outcome(&Health::progressing("Snapshotting", "")), Outcome::InProgress);
        assert_eq!(outcome(&Health::waiting(&problem)), Outcome::InProgress);
        assert_eq!(outcome(&Health::stalled(&problem)), Outcome::Failed);
        assert_eq!(
            compute(&json!({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}})),
            Outcome::InProgress,
            "before the first reconcile"
        );
    }

    #[test]
    fn transition_times_change_with_the_status_only() {
        let first = conditions(&Health::progressing("A", "a"), Some(1), &[], at(0));
        let second = conditions(&Health::progressing("B", "b"), Some(1), &first, at(10));
        assert_eq!(second[0].last_transition_time, first[0].last_transition_time);
        assert_eq!(second[0].message, "b");
        let third = conditions(&Health::ready("C", "c"), Some(1), &second, at(20));
        assert_eq!(third[0].last_transition_time.0, at(20));
        assert_eq!(third[2].last_transition_time.0, at(0), "it was not stalled before");
        assert_eq!(conditions(&Health::ready("C", "c"), Some(1), &third, at(30)), third);
    }

    #[test]
    fn what_is_missing_for_long_is_stalled() {
        let problem = Problem::new("SecretNotFound", "there is no Secret", "make it");
        let first = conditions(&Health::waiting(&problem), Some(1), &[], at(0));
        let (health, again) = Health::waiting(&problem).settle(&first, at(10));
        assert_eq!((health, again), (Health::waiting(&problem), Some(SignedDuration::from_secs(20))));
        assert_eq!(Health::waiting(&problem).settle(&first, at(30)), (Health::stalled(&problem), None));
    }
}
