//! One watch for each kind: it keeps a store up to date and says which objects were touched.
//!
//! Controllers share these stores and are triggered by them, so that no kind is watched twice. A watch never ends: it is taken up again
//! with backoff, and what went while it was away is told too.

use std::{collections::HashSet, fmt::Debug, hash::Hash, sync::Arc};

use futures::{StreamExt, pin_mut};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Resource,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

/// Watches built-in kinds.
pub fn watch<K>(
    tasks: &mut JoinSet<()>,
    api: Api<K>,
    config: watcher::Config,
    touched: impl Fn(&K) + Send + Sync + 'static,
) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let stream = watcher::watcher(api, config).default_backoff();
    let follower = Follower { store: store.clone(), writer, touched, before: Vec::new() };
    tasks.spawn(follow(stream, follower, Some));
    store
}

/// Watches our own kinds. An object that this version cannot read is told of and left as it was: it would break the watch of all others.
/// Its deletion is noticed nevertheless.
pub fn watch_guarded<K>(
    tasks: &mut JoinSet<()>,
    api: Api<DeserializeGuard<K>>,
    touched: impl Fn(&K) + Send + Sync + 'static,
) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let stream = watcher::watcher(api, watcher::Config::default()).default_backoff();
    let follower = Follower { store: store.clone(), writer, touched, before: Vec::new() };
    tasks.spawn(follow(stream, follower, unguarded(store.clone())));
    store
}

fn unguarded<K>(store: Store<K>) -> impl Fn(Event<DeserializeGuard<K>>) -> Option<Event<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    move |event| match event {
        Event::Apply(guard) => match open(guard) {
            Ok(object) => Some(Event::Apply(object)),
            // Whoever has begun to delete it waits for our finalizer: it ends as it was last read.
            Err(metadata) if metadata.deletion_timestamp.is_some() => {
                last_read(&store, metadata).map(Event::Apply)
            }
            Err(_) => None,
        },
        Event::Delete(guard) => match open(guard) {
            Ok(object) => Some(Event::Delete(object)),
            Err(metadata) => last_read(&store, metadata).map(Event::Delete),
        },
        Event::InitApply(guard) => match open(guard) {
            Ok(object) => Some(Event::InitApply(object)),
            Err(metadata) => last_read(&store, metadata).map(Event::InitApply),
        },
        Event::Init => Some(Event::Init),
        Event::InitDone => Some(Event::InitDone),
    }
}

/// The object as it was last read. Where it is being deleted, with its metadata of now: elsewhere these would tell of a spec that nobody read.
fn last_read<K>(store: &Store<K>, metadata: Box<ObjectMeta>) -> Option<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let mut reference = ObjectRef::new(metadata.name.as_deref()?);
    if let Some(namespace) = &metadata.namespace {
        reference = reference.within(namespace);
    }
    let mut object = K::clone(&*store.get(&reference)?);
    if metadata.deletion_timestamp.is_some() {
        *object.meta_mut() = *metadata;
    }
    Some(object)
}

/// The object, or the metadata of one that cannot be read.
fn open<K: Resource<DynamicType = ()>>(guard: DeserializeGuard<K>) -> Result<K, Box<ObjectMeta>> {
    guard.0.map_err(|invalid| {
        tracing::error!(
            kind = %K::kind(&()),
            namespace = invalid.metadata.namespace,
            name = invalid.metadata.name,
            "InvalidObject: this version cannot read the object: {}. Apply the definitions of this version, and correct the object",
            invalid.error
        );
        crate::metrics::problem("InvalidObject");
        Box::new(invalid.metadata)
    })
}

struct Follower<K, F>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store: Store<K>,
    writer: reflector::store::Writer<K>,
    touched: F,
    /// What the store held when the watch began anew.
    before: Vec<Arc<K>>,
}

impl<K, F> Follower<K, F>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
    ObjectRef<K>: Eq + Hash,
    F: Fn(&K),
{
    /// The store first, then those who look into it.
    fn take(&mut self, event: &Event<K>) {
        if matches!(event, Event::Init) {
            self.before = self.store.state();
        }
        self.writer.apply_watcher_event(event);
        match event {
            Event::Apply(object) | Event::Delete(object) => (self.touched)(object),
            Event::InitDone => {
                let now = self.store.state();
                let there: HashSet<ObjectRef<K>> =
                    now.iter().map(|object| ObjectRef::from_obj(&**object)).collect();
                let gone = std::mem::take(&mut self.before);
                let gone = gone.iter().filter(|object| !there.contains(&ObjectRef::from_obj(&***object)));
                now.iter().chain(gone).for_each(|object| (self.touched)(object));
            }
            Event::Init | Event::InitApply(_) => {}
        }
    }
}

async fn follow<E, K, F>(
    stream: impl futures::Stream<Item = Result<Event<E>, watcher::Error>>,
    mut follower: Follower<K, F>,
    open: impl Fn(Event<E>) -> Option<Event<K>>,
) where
    K: Resource<DynamicType = ()> + Clone + 'static,
    F: Fn(&K),
{
    pin_mut!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if let Some(event) = open(event) {
                    follower.take(&event);
                }
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), "the watch broke and is taken up again: {error}");
                crate::metrics::problem("WatchBroken");
            }
        }
    }
}
