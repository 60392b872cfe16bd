//! Events: what `kubectl describe` shows beside the conditions, with the same words.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};

use crate::metrics;

/// The API server takes no longer note.
const LONGEST_NOTE: usize = 1_000;

/// Something worth an Event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    pub warning: bool,
    pub reason: String,
    pub note: String,
}

impl Notice {
    pub fn normal(reason: impl Into<String>, note: impl Into<String>) -> Notice {
        Notice { warning: false, reason: reason.into(), note: note.into() }
    }

    pub fn warning(reason: impl Into<String>, note: impl Into<String>) -> Notice {
        Notice { warning: true, reason: reason.into(), note: note.into() }
    }
}

/// Publishes an Event. One that cannot be published is logged: nothing else depends on it.
pub async fn publish(recorder: &Recorder, regarding: &ObjectReference, notice: &Notice) -> bool {
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.clone(),
        note: Some(short(&notice.note)),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    let name = regarding.name.as_deref().unwrap_or_default();
    let kind = regarding.kind.as_deref().unwrap_or_default();
    if notice.warning {
        tracing::warn!(
            kind,
            name,
            namespace = regarding.namespace.as_deref(),
            reason = notice.reason,
            "{}",
            notice.note
        );
    } else {
        tracing::info!(
            kind,
            name,
            namespace = regarding.namespace.as_deref(),
            reason = notice.reason,
            "{}",
            notice.note
        );
    }
    match recorder.publish(&event, regarding).await {
        Ok(()) => {
            metrics::written("Event");
            true
        }
        Err(error) => {
            tracing::debug!(%error, kind, name, "an Event was not taken");
            false
        }
    }
}

/// The Event about something that outlives its namespace: a namespace that is being deleted takes no new objects, so it is told of the
/// Namespace itself, whose Events are in `default`.
pub async fn publish_beyond(recorder: &Recorder, regarding: &ObjectReference, notice: &Notice) -> bool {
    if publish(recorder, regarding, notice).await {
        return true;
    }
    let namespace = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Namespace".to_owned()),
        name: regarding.namespace.clone(),
        ..ObjectReference::default()
    };
    publish(recorder, &namespace, notice).await
}

fn short(note: &str) -> String {
    if note.len() <= LONGEST_NOTE {
        return note.to_owned();
    }
    let mut end = LONGEST_NOTE;
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &note[..end])
}
