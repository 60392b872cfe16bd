//! Reconciles PgConnections: inputs → plan → probe → status.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Resource, runtime::controller::Action};
use offtake_crds::PgConnection;

use super::{
    inputs::Inputs,
    plan::plan,
    status::{Observed, health, status},
};
use crate::{
    context::Context,
    error::ReconcileError,
    reconcile::{FLOOR, measured},
    status::write::write,
    transition,
};

pub async fn reconcile(object: Arc<PgConnection>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    measured(&*object, &context, run(object.clone(), &context)).await
}

async fn run(object: Arc<PgConnection>, context: &Context) -> Result<Action, ReconcileError> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Action::requeue(FLOOR));
    }
    let inputs = Inputs::gather(&context.client, object).await?;
    let planned = plan(&inputs, &context.settings);
    let (outcome, next) = match &planned {
        Ok(connection) => {
            let (outcome, next) = context.probes.probe(&inputs.name, connection).await;
            (Some(outcome), next)
        }
        Err(_) => (None, FLOOR),
    };
    let observed = match (&outcome, &planned) {
        (Some(outcome), _) => Observed::Probed(outcome),
        (None, Err(problems)) => Observed::Unresolved(problems),
        (None, Ok(_)) => Observed::Unresolved(&[]),
    };
    let object = &inputs.object;
    let before = object.status.clone().unwrap_or_default();
    let now = Timestamp::now();
    let (health, again) = health(&observed).settle(&before.conditions, now);
    let status = status(&health, &observed, object.metadata.generation, &before, now);
    if write(&context.client, &**object, object.status.as_ref(), &status).await? {
        transition::tell(&context.recorder, &object.object_ref(&()), &before.conditions, &health).await;
    }
    let again = again.and_then(|again| Duration::try_from(again).ok()).unwrap_or(FLOOR);
    Ok(Action::requeue(next.min(again).max(Duration::from_millis(100))))
}
