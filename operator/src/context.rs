//! What the controllers of one scope share: stores, links to workers, and the way to trigger each other.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::channel::mpsc::UnboundedSender;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Client, Resource, ResourceExt,
    runtime::{
        events::Recorder,
        reflector::{ObjectRef, Store},
    },
};
use offtake_contract::{Connection, Problem};
use offtake_crds::{ObjectName, PgConnection, PgSource, SourceTable, View, catalog::Member};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    connection::probe::Probes,
    kubernetes::apply::Applier,
    worker::{
        link::{self, Desired, Seen},
        reports::Subject,
    },
};

/// What the command line decided for all scopes.
#[derive(Clone, Debug)]
pub struct Settings {
    pub worker_image: String,
    /// The operator's own namespace.
    pub namespace: String,
    pub monitoring_namespace: String,
    pub cluster_domain: String,
    pub slot_drop_deadline: Duration,
}

/// One store for each watched kind.
pub struct Stores {
    pub connections: Store<PgConnection>,
    pub sources: Store<PgSource>,
    pub tables: Store<SourceTable>,
    pub views: Store<View>,
    pub stateful_sets: Store<StatefulSet>,
    pub pods: Store<Pod>,
    pub services: Store<Service>,
    /// Those that we made.
    pub secrets: Store<Secret>,
    pub service_accounts: Store<ServiceAccount>,
    pub budgets: Store<PodDisruptionBudget>,
    pub policies: Store<NetworkPolicy>,
}

impl Stores {
    /// Waits until every store was filled once.
    pub async fn ready(&self) {
        // An error means that the watch is gone, and with it the process.
        self.connections.wait_until_ready().await.ok();
        self.sources.wait_until_ready().await.ok();
        self.tables.wait_until_ready().await.ok();
        self.views.wait_until_ready().await.ok();
        self.stateful_sets.wait_until_ready().await.ok();
        self.pods.wait_until_ready().await.ok();
        self.services.wait_until_ready().await.ok();
        self.secrets.wait_until_ready().await.ok();
        self.service_accounts.wait_until_ready().await.ok();
        self.budgets.wait_until_ready().await.ok();
        self.policies.wait_until_ready().await.ok();
    }
}

/// Asks for a reconcile, kind by kind.
#[derive(Clone)]
pub struct Triggers {
    pub connections: UnboundedSender<ObjectRef<PgConnection>>,
    pub sources: UnboundedSender<ObjectRef<PgSource>>,
    pub tables: UnboundedSender<ObjectRef<SourceTable>>,
    pub views: UnboundedSender<ObjectRef<View>>,
}

impl Triggers {
    pub fn connection(&self, name: &ObjectName) {
        self.connections.unbounded_send(reference(name)).ok();
    }

    pub fn source(&self, name: &ObjectName) {
        self.sources.unbounded_send(reference(name)).ok();
    }

    pub fn table(&self, name: &ObjectName) {
        self.tables.unbounded_send(reference(name)).ok();
    }

    pub fn view(&self, name: &ObjectName) {
        self.views.unbounded_send(reference(name)).ok();
    }
}

fn reference<K: Resource<DynamicType = ()>>(name: &ObjectName) -> ObjectRef<K> {
    ObjectRef::new(&name.name).within(&name.namespace)
}

/// The namespace and name of an object of a namespaced kind.
pub fn name_of<K: Resource>(object: &K) -> ObjectName {
    ObjectName::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// What the source's controller worked out for its tables and views.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Why there is no catalog.
    pub source: Option<Problem>,
    /// Objects that are left out of it.
    pub refused: BTreeMap<Member, Problem>,
}

/// A source's link to its worker; the task ends when this is dropped.
pub struct Worker {
    pub desired: watch::Sender<Desired>,
    pub seen: Arc<Mutex<Arc<Seen>>>,
}

/// Counts failures in a row, object by object, for kube's error policy has no memory.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    pub fn forget(&self, object: &str) {
        self.0.lock().remove(object);
    }

    /// The pause after one more failure: 1 s, 2 s, 4 s … 30 s.
    pub fn pause(&self, object: &str) -> Duration {
        let mut counts = self.0.lock();
        let count = counts.entry(object.to_owned()).or_default();
        *count += 1;
        Duration::from_secs(1 << (*count - 1).min(5)).min(Duration::from_secs(30))
    }
}

/// What the controllers of one scope share.
pub struct Context {
    pub client: Client,
    pub settings: Arc<Settings>,
    pub stores: Stores,
    pub triggers: Triggers,
    pub recorder: Recorder,
    pub applier: Applier,
    pub failures: Failures,
    pub probes: Probes,
    workers: Mutex<HashMap<ObjectName, Worker>>,
    outlooks: Mutex<HashMap<ObjectName, Arc<Outlook>>>,
    /// How each source's database is reached, as last resolved: a deleted source drops its slot with it when its PgConnection and Secret
    /// went first.
    connections: Mutex<HashMap<ObjectName, Connection>>,
    /// When each source's status was written last.
    writes: Mutex<HashMap<ObjectName, Instant>>,
}

impl Context {
    pub fn new(
        client: Client,
        settings: Arc<Settings>,
        stores: Stores,
        triggers: Triggers,
        recorder: Recorder,
    ) -> Context {
        Context {
            applier: Applier::new(client.clone()),
            client,
            settings,
            stores,
            triggers,
            recorder,
            failures: Failures::default(),
            probes: Probes::default(),
            workers: Mutex::default(),
            outlooks: Mutex::default(),
            connections: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    /// How it stands with a source's worker.
    pub fn seen(&self, source: &ObjectName) -> Arc<Seen> {
        self.workers.lock().get(source).map(|worker| worker.seen.lock().clone()).unwrap_or_default()
    }

    /// Tells a source's worker what is wanted; starts the link with the first wish.
    pub fn want(self: &Arc<Self>, source: &ObjectName, desired: Desired) {
        let mut workers = self.workers.lock();
        let worker = workers.entry(source.clone()).or_insert_with(|| self.start(source.clone()));
        worker.desired.send_if_modified(|known| {
            let changed = *known != desired;
            *known = desired;
            changed
        });
    }

    fn start(self: &Arc<Self>, source: ObjectName) -> Worker {
        let (desired, wishes) = watch::channel(Desired::default());
        let seen: Arc<Mutex<Arc<Seen>>> = Arc::default();
        let (shown, triggers) = (seen.clone(), self.triggers.clone());
        // The task ends with the sender, which is dropped with the source.
        tokio::spawn(link::run(wishes, move |seen, renewed| {
            let before = std::mem::replace(&mut *shown.lock(), Arc::new(seen.clone()));
            trigger(&triggers, &source, &before, &seen, renewed);
        }));
        Worker { desired, seen }
    }

    /// Ends the link of a source that is gone, and forgets it.
    pub fn forget(&self, source: &ObjectName) {
        self.workers.lock().remove(source);
        self.outlooks.lock().remove(source);
        self.connections.lock().remove(source);
        self.writes.lock().remove(source);
    }

    pub fn written(&self, source: &ObjectName) {
        self.writes.lock().insert(source.clone(), Instant::now());
    }

    /// How long ago a source's status was written by this process.
    pub fn since_written(&self, source: &ObjectName) -> Option<Duration> {
        self.writes.lock().get(source).map(Instant::elapsed)
    }

    /// Ends the link only.
    pub fn unlink(&self, source: &ObjectName) {
        self.workers.lock().remove(source);
    }

    pub fn outlook(&self, source: &ObjectName) -> Option<Arc<Outlook>> {
        self.outlooks.lock().get(source).cloned()
    }

    /// Keeps what the source's controller worked out, and triggers those for whom it changed.
    pub fn set_outlook(&self, source: &ObjectName, outlook: Outlook) {
        let outlook = Arc::new(outlook);
        let before = self.outlooks.lock().insert(source.clone(), outlook.clone());
        if before
            .as_ref()
            .is_some_and(|before| before.source == outlook.source && before.refused == outlook.refused)
        {
            return;
        }
        if before.is_none_or(|before| before.source != outlook.source) {
            return self.trigger_members(source);
        }
        for table in self.tables_of(source) {
            self.triggers.table(&name_of(&*table));
        }
        for view in self.views_of(source) {
            self.triggers.view(&name_of(&*view));
        }
    }

    /// Reconciles every table and view of a source.
    pub fn trigger_members(&self, source: &ObjectName) {
        for table in self.tables_of(source) {
            self.triggers.table(&name_of(&*table));
        }
        for view in self.views_of(source) {
            self.triggers.view(&name_of(&*view));
        }
    }

    pub fn remember(&self, source: &ObjectName, connection: &Connection) {
        self.connections.lock().insert(source.clone(), connection.clone());
    }

    pub fn remembered(&self, source: &ObjectName) -> Option<Connection> {
        self.connections.lock().get(source).cloned()
    }

    pub fn tables_of(&self, source: &ObjectName) -> Vec<Arc<SourceTable>> {
        self.stores.tables.state_filter(|table| {
            table.spec.source_ref.name == source.name
                && table.metadata.namespace.as_ref() == Some(&source.namespace)
        })
    }

    pub fn views_of(&self, source: &ObjectName) -> Vec<Arc<View>> {
        self.stores.views.state_filter(|view| {
            view.spec.source_ref.name == source.name
                && view.metadata.namespace.as_ref() == Some(&source.namespace)
        })
    }

    pub fn source(&self, name: &ObjectName) -> Option<Arc<PgSource>> {
        self.stores.sources.get(&reference(name))
    }

    pub fn connection(&self, name: &ObjectName) -> Option<Arc<PgConnection>> {
        self.stores.connections.get(&reference(name))
    }

    /// The address of a pod, once it has one and is not on its way out.
    pub fn pod_address(&self, pod: &Pod) -> Option<IpAddr> {
        let leaving = pod.metadata.deletion_timestamp.is_some();
        let status = pod.status.as_ref().filter(|_| !leaving)?;
        let over = matches!(status.phase.as_deref(), Some("Failed" | "Succeeded"));
        status.pod_ip.as_deref().filter(|_| !over)?.parse().ok()
    }
}

/// Reconciles those whose report was renewed, or all of a source's objects.
fn trigger(
    triggers: &Triggers,
    source: &ObjectName,
    before: &Seen,
    seen: &Seen,
    renewed: Option<Vec<Subject>>,
) {
    let parse = |name: &String| name.parse::<ObjectName>().ok();
    let troubled =
        |seen: &Seen| seen.published.source.as_ref().and_then(|source| source.status.problem.clone());
    // Tables that wait for their source tell why.
    let renewed = renewed.filter(|_| troubled(before) == troubled(seen));
    if let Some(renewed) = renewed {
        for subject in &renewed {
            match subject {
                Subject::Source => triggers.source(source),
                Subject::Table(name) => drop(parse(name).map(|name| triggers.table(&name))),
                Subject::View(name) => drop(parse(name).map(|name| triggers.view(&name))),
            }
        }
        // The source counts the tables and views that are well.
        triggers.source(source);
        return;
    }
    triggers.source(source);
    let members: HashSet<&Member> = before.members.keys().chain(seen.members.keys()).collect();
    for member in members {
        match member.kind {
            offtake_crds::catalog::MemberKind::Table => triggers.table(&member.name),
            offtake_crds::catalog::MemberKind::View => triggers.view(&member.name),
        }
    }
}
