//! What readers see.

use std::sync::Arc;

use imbl::OrdMap;
use offtake_lir::CollectionId;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::{Collection, Writer};

/// Every visible collection at one time. It never changes.
#[derive(Clone, Debug, Default)]
pub struct Version {
    pub(crate) time: u64,
    pub(crate) collections: OrdMap<CollectionId, Arc<Collection>>,
}

impl Version {
    /// The time at which the contents are exact.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// A collection; `None` where it does not exist or is still hydrating.
    pub fn get(&self, id: CollectionId) -> Option<&Collection> {
        self.collections.get(&id).map(Arc::as_ref)
    }

    /// All collections, ascending.
    pub fn collections(&self) -> impl Iterator<Item = (CollectionId, &Collection)> + '_ {
        self.collections.iter().map(|(id, collection)| (*id, collection.as_ref()))
    }
}

/// The reading side, shared by all readers.
#[derive(Debug)]
pub struct Results {
    current: RwLock<Arc<Version>>,
    time: watch::Receiver<u64>,
}

/// The writer is gone: no further version will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker is stopping: no newer results will be published")]
pub struct Closed;

/// The two sides of one set of results: the readers' and the writer's. Empty, at time 0.
pub fn results() -> (Arc<Results>, Writer) {
    let (sender, receiver) = watch::channel(0);
    let results = Arc::new(Results { current: RwLock::default(), time: receiver });
    (Arc::clone(&results), Writer::new(results, sender))
}

impl Results {
    /// The newest version. Keep it for as long as a transaction needs one consistent state; it costs memory only.
    pub fn current(&self) -> Arc<Version> {
        Arc::clone(&self.current.read())
    }

    /// Watches the newest version's time. It also wakes up when the time is the same but the set of collections is another.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.time.clone()
    }

    /// The first version from now on whose time is at least `time`; at once if the newest is. May be dropped at any await.
    pub async fn wait_for(&self, time: u64) -> Result<Arc<Version>, Closed> {
        self.subscribe().wait_for(|published| *published >= time).await.map_err(|_| Closed)?;
        Ok(self.current())
    }

    /// Puts a version in place and gives the one before back.
    pub(crate) fn replace(&self, version: Version) -> Arc<Version> {
        std::mem::replace(&mut *self.current.write(), Arc::new(version))
    }
}
