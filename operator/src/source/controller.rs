//! Reconciles PgSources: inputs → plan → the worker is told → objects → applied → status.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Resource, ResourceExt, runtime::controller::Action};
use offtake_contract::Problem;
use offtake_crds::{PgSource, PgSourceStatus, ReclaimPolicy};

use super::{
    cleanup,
    inputs::Inputs,
    plan::{Plan, plan},
    status::{Observed, health, status, unknown},
    volume,
};
use crate::{
    context::{Context, name_of},
    error::{ApiError, Diagnosis, ReconcileError, Retry},
    kubernetes::{
        apply::ApplyError,
        events::{self, Notice},
        labels,
    },
    membership::spec_state,
    reconcile::{FLOOR, SOON, measured},
    status::{
        conditions::{Health, conditions, ready},
        write::write,
    },
    transition,
    worker::link::Contact,
    workload::{Objects, build},
};

/// A worker that does not come is judged by the time that went by, too.
const AWAY: Duration = Duration::from_secs(30);

/// One status of a source is not written again sooner, unless `Ready` changed.
const SHORTEST: Duration = Duration::from_secs(1);

pub async fn reconcile(object: Arc<PgSource>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    measured(&*object, &context, run(object.clone(), &context)).await
}

async fn run(object: Arc<PgSource>, context: &Arc<Context>) -> Result<Action, ReconcileError> {
    if object.metadata.deletion_timestamp.is_some() {
        return cleanup::run(&object, context).await;
    }
    let name = name_of(&*object);
    let inputs = match prepare(&object, context).await {
        Ok(inputs) => inputs,
        Err(error) => {
            tell_unprepared(&object, context, &error).await;
            return Err(error.into());
        }
    };
    let address = inputs.pod.as_deref().and_then(|pod| context.pod_address(pod));
    let plan = plan(&inputs, &context.settings, address);
    if let Some(connection) = &plan.connection {
        context.remember(&name, connection);
    }
    context.want(&name, plan.desired.clone());
    context.set_outlook(&name, plan.outlook());
    let objects = build(&plan.workload);
    let applied = apply(context, &inputs, &objects).await;
    let grown = match applied {
        Ok(()) => volume::grow(&context.client, &plan.workload, &objects).await.map_err(|error| told(&error)),
        Err(error) => Err(told(&error)),
    };
    tell(context, &inputs, &plan, grown.err()).await
}

async fn prepare(object: &Arc<PgSource>, context: &Context) -> Result<Inputs, ApiError> {
    let finalized = object.finalizers().iter().any(|finalizer| finalizer == labels::FINALIZER);
    match (object.spec.slot.reclaim_policy, finalized) {
        // Before anything could be made upstream.
        (ReclaimPolicy::Delete, false) => cleanup::hold(object, context).await?,
        (ReclaimPolicy::Retain, true) => cleanup::release(object, context).await?,
        _ => {}
    }
    Inputs::gather(context, object.clone()).await
}

/// What keeps the source from being looked at is told in its status; what else is known of it stays.
async fn tell_unprepared(object: &PgSource, context: &Context, error: &ApiError) {
    // A conflict is gone with the next look.
    if error.conflict() {
        return;
    }
    let before = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let health = Health::retrying(&error.problem());
    let status = PgSourceStatus {
        observed_generation: generation,
        conditions: conditions(&health, generation, &before.conditions, Timestamp::now()),
        ..before.clone()
    };
    match write(&context.client, object, object.status.as_ref(), &status).await {
        Ok(true) => {
            transition::tell(&context.recorder, &object.object_ref(&()), &before.conditions, &health).await;
        }
        Ok(false) => {}
        Err(error) => tracing::debug!("{error}"),
    }
}

fn told(error: &impl Diagnosis) -> (Problem, Retry) {
    (error.problem(), error.retry())
}

/// In the order of need: what a pod mounts or runs as is there before it.
async fn apply(context: &Context, inputs: &Inputs, objects: &Objects) -> Result<(), ApplyError> {
    inputs.object.spec.worker.read_affinity().map_err(ApplyError::Affinity)?;
    let (applier, stores) = (&context.applier, &context.stores);
    let owner = inputs.owner.uid.as_str();
    macro_rules! bring {
        ($desired:expr, $store:expr) => {{
            let reference = kube::runtime::reflector::ObjectRef::from_obj($desired);
            applier.apply(owner, $desired, $store.get(&reference).as_deref()).await?
        }};
    }
    bring!(&objects.service_account, stores.service_accounts);
    bring!(&objects.worker_secret, stores.secrets);
    bring!(&objects.client_secret, stores.secrets);
    bring!(&objects.network_policy, stores.policies);
    bring!(&objects.pods_service, stores.services);
    bring!(&objects.client_service, stores.services);
    bring!(&objects.budget, stores.budgets);
    let rolled = inputs.stateful_set.as_deref().is_some_and(|live| {
        live.annotations().get(labels::ROLLOUT) != objects.stateful_set.annotations().get(labels::ROLLOUT)
    });
    bring!(&objects.stateful_set, stores.stateful_sets);
    if rolled {
        let note = "spec.worker, the restart annotation or the worker's Secret changed: the pod is replaced";
        let regarding = inputs.object.object_ref(&());
        events::publish(&context.recorder, &regarding, &Notice::normal("WorkerRollout", note)).await;
    }
    Ok(())
}

async fn tell(
    context: &Context,
    inputs: &Inputs,
    plan: &Plan,
    failure: Option<(Problem, Retry)>,
) -> Result<Action, ReconcileError> {
    let object = &inputs.object;
    // The link may have heard something since the inputs were gathered.
    let seen = context.seen(&inputs.name);
    let failed = failure.is_some();
    let observed = Observed {
        problems: &plan.problems,
        apply: failure,
        spec: spec_state(&**object),
        seen: &seen,
        pod: inputs.pod.as_deref(),
        stateful_set: inputs.stateful_set.as_deref(),
        tables: plan.tables,
        views: plan.views,
        now: Timestamp::now(),
    };
    let before = object.status.clone().unwrap_or_default();
    if unknown(&observed) && before.observed_generation == object.metadata.generation {
        return Ok(Action::requeue(SOON));
    }
    let (health, again) = health(&observed).settle(&before.conditions, observed.now);
    let status = status(&health, &observed, object.metadata.generation, &before);
    if let Some(wait) = too_soon(context, inputs, &before, &status, &health) {
        return Ok(Action::requeue(wait));
    }
    if write(&context.client, &**object, object.status.as_ref(), &status).await? {
        context.written(&inputs.name);
        transition::tell(&context.recorder, &object.object_ref(&()), &before.conditions, &health).await;
    }
    if failed {
        return Ok(Action::requeue(context.failures.pause(&format!("apply {}", inputs.name))));
    }
    context.failures.forget(&format!("apply {}", inputs.name));
    let floor = if seen.contact == Contact::Up { FLOOR } else { AWAY };
    Ok(Action::requeue(again.and_then(|again| Duration::try_from(again).ok()).unwrap_or(floor)))
}

/// How long a write of mere numbers has to wait.
fn too_soon(
    context: &Context,
    inputs: &Inputs,
    before: &PgSourceStatus,
    status: &PgSourceStatus,
    health: &Health,
) -> Option<Duration> {
    let is = if health.is_ready() { "True" } else { "False" };
    let same = before.observed_generation == status.observed_generation
        && ready(&before.conditions) == Some((is, health.reason()))
        && before.catalog == status.catalog;
    let left = SHORTEST.checked_sub(context.since_written(&inputs.name)?)?;
    (same && before != status).then_some(left)
}
