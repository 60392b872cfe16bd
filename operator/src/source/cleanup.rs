//! The end of a PgSource: its slot is dropped upstream, or, after a bounded time, left there and named.
//!
//! The worker goes first, for a slot that is read cannot be dropped, and one that is missed could be made again. How the database is
//! reached is remembered from the last reconcile, because the PgConnection and its Secret often go with the source (`kubectl delete -f`,
//! a namespace); without memory, after a restart of the operator in between, they are looked up. The deadline counts from the deletion
//! itself, so a restart does not extend it; one attempt is always made.
//!
//! Only a slot that the source has read from is dropped. Another one of its name may belong to another PgSource, to the same manifests in
//! another cluster, or to another program: it is left undisturbed, and named. So is everything on a server that is not the one that the
//! source has read from: a PgConnection can be pointed elsewhere.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::controller::Action,
};
use offtake_contract::{Connection, Problem};
use offtake_crds::{ObjectName, PgSource, PgSourceStatus, ReclaimPolicy, catalog};
use offtake_postgres::{PgError, session, slot};
use serde_json::json;
use tokio::time::timeout;

use super::status::kept;
use crate::{
    connection,
    context::{Context, name_of},
    error::{ApiError, ReconcileError},
    kubernetes::{
        events::{self, Notice},
        labels,
        names::WorkloadName,
    },
    metrics,
    reconcile::FLOOR,
    status::{
        conditions::{Health, conditions, sentence},
        write::write,
    },
};

const AGAIN: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(8);

/// What became of the slot.
enum End {
    Dropped,
    /// There was none.
    Absent,
    /// It is there, and the source never read from it.
    Unclaimed,
    /// The server is another one than the source has read from.
    Elsewhere {
        reached: String,
    },
}

/// What the status keeps of the source's own slot.
#[derive(Clone, Default)]
struct Claim {
    /// The source has read from it.
    claimed: bool,
    /// On the server with this system identifier, where that is known.
    system: Option<String>,
}

/// One step of a deletion.
pub async fn run(object: &Arc<PgSource>, context: &Arc<Context>) -> Result<Action, ReconcileError> {
    let name = name_of(&**object);
    if !object.finalizers().iter().any(|finalizer| finalizer == labels::FINALIZER) {
        context.unlink(&name);
        return Ok(Action::requeue(FLOOR));
    }
    // The last steps know only what the status keeps: it has to have the newest before the link goes.
    let status = kept(&context.seen(&name), &object.status.clone().unwrap_or_default());
    write(&context.client, &**object, object.status.as_ref(), &status).await?;
    context.unlink(&name);
    context.trigger_members(&name);
    let slot = slot_of(object, &name);
    let regarding = object.object_ref(&());
    // A worker that was never given a catalog has made no slot.
    if object.spec.slot.reclaim_policy == ReclaimPolicy::Retain || status.catalog.is_none() {
        release(object, context).await?;
        return Ok(Action::requeue(FLOOR));
    }
    let claim = status.slot.as_ref().map_or_else(Claim::default, |slot| Claim {
        claimed: slot.claimed == Some(true),
        system: slot.system_identifier.clone(),
    });
    let words = match attempt(object, context, &name, &slot, &claim).await {
        Ok(End::Dropped) => {
            let notice =
                Notice::normal("SlotDropped", format!("replication slot {slot} is dropped upstream"));
            events::publish(&context.recorder, &regarding, &notice).await;
            None
        }
        Ok(End::Absent) => None,
        Ok(End::Unclaimed) => Some(spared(&name, &slot)),
        Ok(End::Elsewhere { reached }) => {
            Some(elsewhere(&name, &slot, claim.system.as_deref().unwrap_or_default(), &reached))
        }
        Err(problem) if waited(object) >= context.settings.slot_drop_deadline => {
            Some(left(&name, &slot, &problem, claim.claimed))
        }
        Err(problem) => {
            tell(object, context, &status, &slot, &problem).await?;
            return Ok(Action::requeue(AGAIN));
        }
    };
    if let Some(words) = words {
        events::publish_beyond(&context.recorder, &regarding, &Notice::warning("SlotLeft", words)).await;
        metrics::slot_left();
        metrics::problem("SlotLeft");
    }
    release(object, context).await?;
    Ok(Action::requeue(FLOOR))
}

/// The Event's words where a slot is there that may be another's.
fn spared(name: &ObjectName, slot: &str) -> String {
    format!(
        "PgSource {name} is gone, and replication slot {slot} was left upstream: the source never read from it, so it may be another's. It \
         keeps write-ahead log until it is dropped; if nobody needs it: SELECT pg_drop_replication_slot('{slot}');"
    )
}

/// The Event's words where the PgConnection leads elsewhere by now.
fn elsewhere(name: &ObjectName, slot: &str, system: &str, reached: &str) -> String {
    format!(
        "PgSource {name} is gone, and replication slot {slot} was left upstream: the source has read from it on the server with system \
         identifier {system}, and its PgConnection leads to {reached} now, where nothing was touched. Unless the slot is gone with its \
         server it keeps write-ahead log there: SELECT pg_drop_replication_slot('{slot}');"
    )
}

/// The Event's words: they are the last that is heard of the slot.
fn left(name: &ObjectName, slot: &str, problem: &Problem, claimed: bool) -> String {
    if !claimed {
        return format!(
            "PgSource {name} is gone, and replication slot {slot} was left upstream, if it is there: {}: {}. The source never read from it, \
             so it may be another's; if nobody needs it: SELECT pg_drop_replication_slot('{slot}');",
            problem.reason, problem.message
        );
    }
    format!(
        "PgSource {name} is gone, and replication slot {slot} was left upstream: {}: {}. It keeps write-ahead log until it is dropped: SELECT \
         pg_drop_replication_slot('{slot}');",
        problem.reason, problem.message
    )
}

fn slot_of(object: &PgSource, name: &ObjectName) -> String {
    object.spec.slot.name.clone().unwrap_or_else(|| catalog::slot_name(name))
}

fn waited(object: &PgSource) -> Duration {
    let since = object.metadata.deletion_timestamp.as_ref().map_or_else(Timestamp::now, |time| time.0);
    Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default()
}

async fn tell(
    object: &PgSource,
    context: &Context,
    before: &PgSourceStatus,
    slot: &str,
    problem: &Problem,
) -> Result<(), ApiError> {
    let message = format!("replication slot {slot} is to be dropped: {}", sentence(problem));
    let health = Health::progressing(&problem.reason, message);
    let mut status = before.clone();
    status.observed_generation = object.metadata.generation;
    status.conditions = conditions(&health, object.metadata.generation, &before.conditions, Timestamp::now());
    write(&context.client, object, object.status.as_ref(), &status).await.map(drop)
}

/// Stops the worker, then drops the slot if it is the source's own.
async fn attempt(
    object: &PgSource,
    context: &Context,
    name: &ObjectName,
    slot: &str,
    claim: &Claim,
) -> Result<End, Problem> {
    let stopped = stop_worker(context, name).await;
    // Half of the time is the pod's; then its session is ended from the other side.
    let patient = waited(object) < context.settings.slot_drop_deadline / 2;
    if let Err(problem) = stopped
        && patient
    {
        return Err(problem);
    }
    let connection = reach(object, context, name).await?;
    match timeout(ATTEMPT, end_slot(&connection, slot, claim)).await {
        Ok(end) => end.map_err(|error| error.problem()),
        Err(_) => {
            Err(Problem::new("Unreachable", "the database does not answer in time", "it is tried again"))
        }
    }
}

/// Deletes the StatefulSet; an error as long as it has pods.
async fn stop_worker(context: &Context, name: &ObjectName) -> Result<(), Problem> {
    let failed = |error: kube::Error| {
        Problem::new("ApiUnavailable", format!("stopping the worker: {error}"), "it is tried again")
    };
    let workload = WorkloadName::of(&name.name);
    let sets: Api<StatefulSet> = Api::namespaced(context.client.clone(), &name.namespace);
    match sets.delete(workload.as_str(), &DeleteParams::background()).await {
        Ok(_) => metrics::written("StatefulSet"),
        Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
        Err(error) => return Err(failed(error)),
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &name.namespace);
    let selector = format!("{}={workload},{}={}", labels::INSTANCE, labels::NAME, labels::WORKER);
    let left = pods.list_metadata(&ListParams::default().labels(&selector)).await.map_err(failed)?;
    match left.items.first() {
        None => Ok(()),
        Some(pod) => Err(Problem::new(
            "WorkerStopping",
            format!("pod {} is still there", pod.name_any()),
            "it is waited for",
        )),
    }
}

/// How the database is reached: as remembered, or as the objects that are left say.
async fn reach(object: &PgSource, context: &Context, name: &ObjectName) -> Result<Connection, Problem> {
    if let Some(known) = context.remembered(name) {
        return Ok(known);
    }
    let reference = name.sibling(&object.spec.connection_ref.name);
    let gone = || {
        let message =
            format!("PgConnection {reference} is gone, and nothing else tells how to reach the database");
        Problem::new("ConnectionNotFound", message, "apply it again, or drop the slot by hand")
    };
    let found = context.connection(&reference).ok_or_else(gone)?;
    let manifests = connection::manifests(&context.client, &found)
        .await
        .map_err(|error| Problem::new("ApiUnavailable", error.to_string(), "it is tried again"))?;
    catalog::connection(&manifests, &reference, &found)
        .map(|connection| connection::from_here(connection, &name.namespace, &context.settings))
        .map_err(|problems| problems.into_iter().next().unwrap_or_else(gone))
}

/// Ends the session of a worker that reads from the slot: a program of another name is never disturbed.
const END_READER: &str = "\
    SELECT pg_terminate_backend(reader.pid)
    FROM pg_replication_slots slot JOIN pg_stat_activity reader ON reader.pid = slot.active_pid
    WHERE slot.slot_name = $1::text AND reader.application_name LIKE 'offtake %'";

/// Drops a slot that is claimed. A worker's session that still reads from it is ended: the worker is gone, or had its time.
async fn end_slot(connection: &Connection, name: &str, claim: &Claim) -> Result<End, PgError> {
    let session = session::connect(connection, "offtake operator").await?;
    // Where the role may not ask, nothing is known against the server.
    if let (Some(system), Some(reached)) = (&claim.system, session::system_identifier(&session).await)
        && *system != reached
    {
        return Ok(End::Elsewhere { reached });
    }
    let Some(state) = slot::state(&session, name).await? else { return Ok(End::Absent) };
    if !claim.claimed {
        return Ok(End::Unclaimed);
    }
    if let Some(pid) = state.active_pid {
        let ended = session.execute(END_READER, &[&name]).await;
        tracing::info!(
            slot = name,
            pid,
            ended = ended.is_ok_and(|count| count > 0),
            "the slot is still read"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(if slot::drop(&session, name).await? { End::Dropped } else { End::Absent })
}

/// Sets the finalizer.
pub async fn hold(object: &PgSource, context: &Context) -> Result<(), ApiError> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(labels::FINALIZER.to_owned());
    set_finalizers(object, context, finalizers).await
}

/// Takes the finalizer off.
pub async fn release(object: &PgSource, context: &Context) -> Result<(), ApiError> {
    let others = object.finalizers().iter().filter(|finalizer| *finalizer != labels::FINALIZER);
    set_finalizers(object, context, others.cloned().collect()).await
}

/// Only where nobody changed the object meanwhile: the list is replaced whole.
async fn set_finalizers(
    object: &PgSource,
    context: &Context,
    finalizers: Vec<String>,
) -> Result<(), ApiError> {
    let name = name_of(object);
    let api: Api<PgSource> = Api::namespaced(context.client.clone(), &name.namespace);
    let body = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    match api.patch(&name.name, &PatchParams::default(), &Patch::Merge(&body)).await {
        Ok(_) => {
            metrics::written("PgSource");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        Err(error) => Err(ApiError::new(format!("set the finalizers of PgSource {name}"))(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_name_the_slot_and_how_to_drop_it() {
        let name = ObjectName::new("team", "shop");
        let problem = Problem::new("Unreachable", "no answer", "");
        let slot = "offtake_team_shop";
        for words in [
            left(&name, slot, &problem, true),
            left(&name, slot, &problem, false),
            spared(&name, slot),
            elsewhere(&name, slot, "7", "8"),
        ] {
            assert!(
                words.contains("pg_drop_replication_slot('offtake_team_shop')")
                    && words.contains("team/shop")
                    && words.contains("was left"),
                "{words}"
            );
        }
    }
}
