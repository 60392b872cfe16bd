//! One scope: a namespace, or all of them. Everything that belongs together is in one namespace, so scopes know nothing of each other.
//!
//! This is where watches and controllers are wired: which touched object asks for which reconcile.

use std::sync::Arc;

use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, unbounded},
};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        controller::{self, Action, Controller},
        events::Recorder,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use offtake_crds::{ObjectName, PgConnection, PgSource, SourceTable};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    connection,
    context::{Context, Settings, Stores, Triggers, name_of},
    kubernetes::labels,
    reconcile::failed,
    source, table, view,
    watch::{watch, watch_guarded},
};

/// Reconciles of one kind that run at once.
const CONCURRENCY: u16 = 8;

/// The stores that relations between objects are looked up in; filled in once all watches are set up.
type Late<T> = Arc<Mutex<Option<T>>>;

struct Relations {
    connections: Store<PgConnection>,
    sources: Store<PgSource>,
}

impl Relations {
    /// The sources that use a connection.
    fn sources_of(&self, connection: &ObjectName) -> Vec<ObjectName> {
        let uses = |source: &PgSource| {
            source.spec.connection_ref.name == connection.name
                && source.metadata.namespace.as_ref() == Some(&connection.namespace)
        };
        self.sources.state_filter(uses).iter().map(|source| name_of(&**source)).collect()
    }

    /// The connections that name a Secret.
    fn connections_of(&self, secret: &ObjectName) -> Vec<ObjectName> {
        let names = |connection: &PgConnection| {
            connection.metadata.namespace.as_ref() == Some(&secret.namespace)
                && connection::secrets(&connection.spec).any(|name| name == secret.name)
        };
        self.connections.state_filter(names).iter().map(|connection| name_of(&**connection)).collect()
    }
}

/// An Api of a kind in a scope.
fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Runs the four controllers of a scope until `stop`.
pub async fn run(
    client: Client,
    namespace: Option<String>,
    settings: Arc<Settings>,
    recorder: Recorder,
    stop: CancellationToken,
) {
    let (connections, connection_queue) = unbounded();
    let (sources, source_queue) = unbounded();
    let (tables, table_queue) = unbounded();
    let (views, view_queue) = unbounded();
    let triggers = Triggers { connections, sources, tables, views };
    let mut watches = JoinSet::new();
    let stores = stores(&client, namespace.as_deref(), &triggers, &mut watches);
    let context = Arc::new(Context::new(client, settings, stores, triggers, recorder));
    let mut running = JoinSet::new();
    let stores = &context.stores;
    // A store that is still empty would look like a cluster that is.
    if stop.run_until_cancelled(stores.ready()).await.is_none() {
        return;
    }
    let done = || stop.clone().cancelled_owned();
    running.spawn(
        controller(stores.connections.clone(), connection_queue, done())
            .run(connection::reconcile, failed, context.clone())
            .for_each(|outcome| async move { report(outcome) }),
    );
    running.spawn(
        controller(stores.sources.clone(), source_queue, done())
            .run(source::reconcile, failed, context.clone())
            .for_each({
                let context = context.clone();
                move |outcome| {
                    gone(&context, &outcome);
                    report(outcome);
                    std::future::ready(())
                }
            }),
    );
    running.spawn(
        controller(stores.tables.clone(), table_queue, done())
            .run(table::reconcile, failed, context.clone())
            .for_each(|outcome| async move { report(outcome) }),
    );
    running.spawn(
        controller(stores.views.clone(), view_queue, done())
            .run(view::reconcile, failed, context.clone())
            .for_each(|outcome| async move { report(outcome) }),
    );
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => pass_on(ended),
                None => return,
            },
            Some(ended) = watches.join_next() => pass_on(ended),
        }
    }
}

/// Passes a panic on: a process that lacks one of its watches or controllers must not go on leading.
pub fn pass_on(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// A controller that is triggered from its queue alone; its store is kept by a watch of ours.
fn controller<K>(
    store: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    Controller::for_stream(futures::stream::pending(), store)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(queue)
        .graceful_shutdown_on(stop)
}

/// A source that is gone leaves its link, its tables and its views behind.
fn gone<E: std::error::Error + 'static>(
    context: &Context,
    outcome: &Result<(ObjectRef<PgSource>, Action), controller::Error<E, watcher::Error>>,
) {
    if let Err(controller::Error::ObjectNotFound(source)) = outcome {
        let name = ObjectName::new(source.namespace.clone().unwrap_or_default(), source.name.clone());
        context.forget(&name);
        context.trigger_members(&name);
    }
}

/// Errors of reconciles are told by their controller; what is left is an object that went before its turn came.
fn report<K, E>(outcome: Result<(ObjectRef<K>, Action), controller::Error<E, watcher::Error>>)
where
    K: Resource<DynamicType = ()>,
    E: std::error::Error + 'static,
{
    match outcome {
        Ok(_) | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(kind = %K::kind(&()), "{error}"),
    }
}

/// Sets up every watch, and what each touch triggers.
fn stores(client: &Client, namespace: Option<&str>, triggers: &Triggers, tasks: &mut JoinSet<()>) -> Stores {
    let late: Late<Relations> = Arc::default();
    let connections = {
        let (triggers, late) = (triggers.clone(), late.clone());
        watch_guarded(tasks, api(client, namespace), move |connection: &PgConnection| {
            let name = name_of(connection);
            triggers.connection(&name);
            let sources = late.lock().as_ref().map(|relations| relations.sources_of(&name));
            sources.into_iter().flatten().for_each(|source| triggers.source(&source));
        })
    };
    let sources = {
        let triggers = triggers.clone();
        watch_guarded(tasks, api(client, namespace), move |source: &PgSource| {
            triggers.source(&name_of(source))
        })
    };
    *late.lock() = Some(Relations { connections: connections.clone(), sources: sources.clone() });
    let tables = {
        let triggers = triggers.clone();
        watch_guarded(tasks, api(client, namespace), move |table: &SourceTable| {
            let name = name_of(table);
            triggers.source(&name.sibling(&table.spec.source_ref.name));
            triggers.table(&name);
        })
    };
    let views = {
        let triggers = triggers.clone();
        watch_guarded(tasks, api(client, namespace), move |view: &offtake_crds::View| {
            let name = name_of(view);
            triggers.source(&name.sibling(&view.spec.source_ref.name));
            triggers.view(&name);
        })
    };
    watch_foreign_secrets(client, namespace, triggers, late, tasks);
    Stores {
        stateful_sets: owned(client, namespace, triggers, tasks),
        pods: pods(client, namespace, triggers, tasks),
        services: owned(client, namespace, triggers, tasks),
        secrets: owned(client, namespace, triggers, tasks),
        service_accounts: owned(client, namespace, triggers, tasks),
        budgets: owned(client, namespace, triggers, tasks),
        policies: owned(client, namespace, triggers, tasks),
        connections,
        sources,
        tables,
        views,
    }
}

/// Metadata only: a Secret's contents are read by name, when a connection needs them.
fn watch_foreign_secrets(
    client: &Client,
    namespace: Option<&str>,
    triggers: &Triggers,
    late: Late<Relations>,
    tasks: &mut JoinSet<()>,
) {
    let triggers = triggers.clone();
    let touched = move |secret: &PartialObjectMeta<Secret>| {
        let relations = late.lock();
        let Some(relations) = relations.as_ref() else { return };
        for connection in relations.connections_of(&name_of(secret)) {
            triggers.connection(&connection);
            relations.sources_of(&connection).iter().for_each(|source| triggers.source(source));
        }
    };
    let others = watcher::Config::default().labels(&format!("{}!={}", labels::MANAGED_BY, labels::OPERATOR));
    watch(tasks, api::<PartialObjectMeta<Secret>>(client, namespace), others, touched);
}

/// Objects that the operator made: a touch is their source's matter.
fn owned<K>(
    client: &Client,
    namespace: Option<&str>,
    triggers: &Triggers,
    tasks: &mut JoinSet<()>,
) -> Store<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let triggers = triggers.clone();
    let ours = watcher::Config::default().labels(labels::SELECTOR);
    watch(tasks, api(client, namespace), ours, move |object: &K| {
        let name = name_of(object);
        let is_source = |kind: &str, api_version: &str| {
            kind == "PgSource" && api_version.starts_with(offtake_crds::GROUP)
        };
        for owner in
            object.owner_references().iter().filter(|owner| is_source(&owner.kind, &owner.api_version))
        {
            triggers.source(&name.sibling(&owner.name));
        }
    })
}

/// Pods belong to the StatefulSet; an annotation says whose they are.
fn pods(
    client: &Client,
    namespace: Option<&str>,
    triggers: &Triggers,
    tasks: &mut JoinSet<()>,
) -> Store<k8s_openapi::api::core::v1::Pod> {
    let triggers = triggers.clone();
    let ours = watcher::Config::default().labels(labels::SELECTOR);
    watch(tasks, api(client, namespace), ours, move |pod: &k8s_openapi::api::core::v1::Pod| {
        if let Some(source) = pod.annotations().get(labels::SOURCE) {
            triggers.source(&name_of(pod).sibling(source));
        }
    })
}
