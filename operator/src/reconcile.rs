//! What surrounds every reconcile: a time limit, metrics, and the pause after a failure.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{Resource, runtime::controller::Action};

use crate::{
    context::{Context, name_of},
    error::{Diagnosis, ReconcileError},
    metrics,
};

/// The client waits without limit by itself.
const LIMIT: Duration = Duration::from_secs(90);

/// Every object is looked at again this often, whatever was missed.
pub const FLOOR: Duration = Duration::from_secs(300);

/// Runs one reconcile.
pub async fn measured<K: Resource<DynamicType = ()>>(
    object: &K,
    context: &Context,
    body: impl Future<Output = Result<Action, ReconcileError>>,
) -> Result<Action, ReconcileError> {
    let kind = K::kind(&());
    let began = Instant::now();
    let outcome = match tokio::time::timeout(LIMIT, body).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ReconcileError::TimedOut { seconds: LIMIT.as_secs() }),
    };
    metrics::reconciled(&kind, outcome.is_ok(), began.elapsed());
    if outcome.is_ok() {
        context.failures.forget(&key(object));
    }
    outcome
}

/// What follows a reconcile that failed.
pub fn failed<K: Resource<DynamicType = ()>>(
    object: Arc<K>,
    error: &ReconcileError,
    context: Arc<Context>,
) -> Action {
    let name = name_of(&*object);
    tracing::warn!(kind = %K::kind(&()), %name, reason = error.reason(), "{error}. {}", error.remedy());
    metrics::problem(&error.reason());
    Action::requeue(context.failures.pause(&key(&*object)))
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{}/{}", K::kind(&()), name_of(object))
}
