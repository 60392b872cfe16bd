//! Events for what changed: one when `Ready` takes another status or reason, with the words of the condition.

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Condition};
use kube::runtime::events::Recorder;

use crate::{
    kubernetes::events::{self, Notice},
    metrics,
    status::conditions::{Health, ready},
};

/// Publishes the change, if it is one.
pub async fn tell(recorder: &Recorder, regarding: &ObjectReference, before: &[Condition], health: &Health) {
    if let Some(notice) = notice(before, health) {
        if notice.warning {
            metrics::problem(&notice.reason);
        }
        events::publish(recorder, regarding, &notice).await;
    }
}

/// Waiting for what is on its way is normal; being stuck, or losing what was well, is a warning.
fn notice(before: &[Condition], health: &Health) -> Option<Notice> {
    let was = ready(before);
    let is = if health.is_ready() { "True" } else { "False" };
    if was == Some((is, health.reason())) && !matches!(health, Health::Stalled { .. }) {
        return None;
    }
    let stalled_before =
        before.iter().any(|condition| condition.type_ == "Stalled" && condition.status == "True");
    if was == Some((is, health.reason())) && stalled_before {
        return None;
    }
    let lost = was.is_some_and(|(status, _)| status == "True");
    Some(match health {
        Health::Ready { .. } => Notice::normal(health.reason(), health.message()),
        Health::Progressing { .. } | Health::Waiting { .. } if !lost => {
            Notice::normal(health.reason(), health.message())
        }
        _ => Notice::warning(health.reason(), health.message()),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use offtake_contract::Problem;

    use super::*;
    use crate::status::conditions::conditions;

    #[test]
    fn a_change_is_told_once() {
        let problem = Problem::new("SecretNotFound", "no Secret", "make it");
        let waiting = Health::waiting(&problem);
        let stalled = Health::stalled(&problem);
        let after = |health: &Health| conditions(health, Some(1), &[], Timestamp::UNIX_EPOCH);
        assert!(notice(&[], &waiting).is_some_and(|notice| !notice.warning));
        assert_eq!(notice(&after(&waiting), &waiting), None);
        assert!(
            notice(&after(&waiting), &stalled).is_some_and(|notice| notice.warning),
            "the same reason, now stuck"
        );
        assert_eq!(notice(&after(&stalled), &stalled), None);
        let ready = Health::ready("Connected", "");
        assert!(
            notice(&after(&ready), &Health::progressing("Unreachable", ""))
                .is_some_and(|notice| notice.warning)
        );
    }
}
