//! Reconciles Views: inputs → plan → status. The catalog that tells the worker of them is their source's.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Resource, runtime::controller::Action};
use offtake_crds::View;

use super::{
    inputs::Inputs,
    plan::plan,
    status::{health, status},
};
use crate::{
    context::Context,
    error::ReconcileError,
    reconcile::{FLOOR, measured},
    status::write::write,
    transition,
};

pub async fn reconcile(object: Arc<View>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    measured(&*object, &context, run(object.clone(), &context)).await
}

async fn run(object: Arc<View>, context: &Context) -> Result<Action, ReconcileError> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Action::requeue(FLOOR));
    }
    let inputs = Inputs::gather(context, object);
    let standing = plan(&inputs);
    let object = &inputs.object;
    let before = object.status.clone().unwrap_or_default();
    let now = Timestamp::now();
    let (health, again) = health(&standing).settle(&before.conditions, now);
    let status = status(&health, &standing, object.metadata.generation, &before, now);
    if write(&context.client, &**object, object.status.as_ref(), &status).await? {
        transition::tell(&context.recorder, &object.object_ref(&()), &before.conditions, &health).await;
    }
    Ok(Action::requeue(again.and_then(|again| Duration::try_from(again).ok()).unwrap_or(FLOOR)))
}
