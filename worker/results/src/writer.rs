//! What the owner of the results does: creates collections, feeds them, publishes versions.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;
use offtake_lir::{CollectionId, EvalError};
use offtake_row::{Row, Type};
use tokio::sync::watch;

use crate::{Collection, Results, Version};

/// From this many rows on a removed collection is freed on a thread of its own: it takes a second for ten million.
const FREE_ASIDE_ROWS: u64 = 20_000;

/// The writing side. It belongs to one thread; dropping it ends the waits of readers with [`crate::Closed`].
#[derive(Debug)]
pub struct Writer {
    results: Arc<Results>,
    published: watch::Sender<u64>,
    time: u64,
    kept: BTreeMap<CollectionId, Kept>,
    /// As of the next version.
    visible: OrdMap<CollectionId, Arc<Collection>>,
    /// Whether `visible` differs from the newest version otherwise than by updates.
    changed: bool,
    removed: Vec<Collection>,
}

#[derive(Debug)]
struct Kept {
    /// With all updates up to the newest version's time if visible, else up to `since`.
    contents: Collection,
    since: u64,
    upper: u64,
    visible: bool,
    /// Updates after that, by their times.
    later: BTreeMap<u64, Updates>,
    /// The contents with all of `later` up to a time.
    prepared: Option<Box<(u64, Collection)>>,
}

#[derive(Debug, Default)]
struct Updates {
    rows: Vec<(Row, i64)>,
    errors: Vec<(EvalError, i64)>,
}

/// A collection's contents at one time, ahead of what is published perhaps.
#[derive(Clone, Debug)]
pub struct CollectionSnapshot {
    time: u64,
    collection: Collection,
}

impl CollectionSnapshot {
    /// The time at which the contents are exact.
    pub fn time(&self) -> u64 {
        self.time
    }

    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// All rows with their multiplicities.
    pub fn scan(&self) -> impl Iterator<Item = (&Row, i64)> + '_ {
        self.collection.scan()
    }
}

impl Writer {
    pub(crate) fn new(results: Arc<Results>, published: watch::Sender<u64>) -> Writer {
        Writer {
            results,
            published,
            time: 0,
            kept: BTreeMap::new(),
            visible: OrdMap::new(),
            changed: false,
            removed: Vec::new(),
        }
    }

    /// Starts an empty collection, hydrating. `indexes` are the key columns of each index, the primary one first (none: rows are ordered
    /// as a whole); `types` are those of all columns. The contents mean something from `since` on. One that exists is replaced.
    pub fn create(&mut self, id: CollectionId, types: Vec<Type>, indexes: Vec<Vec<usize>>, since: u64) {
        self.remove(id);
        let contents = Collection::new(types, indexes);
        let kept = Kept { contents, since, upper: 0, visible: false, later: BTreeMap::new(), prepared: None };
        self.kept.insert(id, kept);
    }

    /// Ends a collection: it is not in the next published version. Later updates of it are ignored.
    pub fn remove(&mut self, id: CollectionId) {
        if let Some(kept) = self.kept.remove(&id) {
            if kept.visible {
                self.visible.remove(&id);
                self.changed = true;
            }
            self.removed.push(kept.contents);
        }
    }

    /// Adds to the contents as of `since`, in as many calls as are convenient; quickest with many rows a call, in the primary index's
    /// order. Only for a hydrating collection.
    pub fn load(&mut self, id: CollectionId, rows: Vec<(Row, i64)>) {
        if let Some(since) = self.kept.get(&id).map(|kept| kept.since) {
            self.update(id, since, rows);
        }
    }

    /// Says from when on a hydrating collection's contents mean something, where that was not known at [`Writer::create`] (which was given
    /// `u64::MAX` then). What was loaded so far is part of the contents as of `since`.
    pub fn begin(&mut self, id: CollectionId, since: u64) {
        if let Some(kept) = self.kept.get_mut(&id).filter(|kept| !kept.visible) {
            kept.since = since;
        }
    }

    /// Changes a collection at a time. It shows in the first version at `time` or later.
    ///
    /// A time that is complete already ([`Writer::advance`]) would make published versions wrong; the collection then reports an
    /// internal error for good.
    pub fn update(&mut self, id: CollectionId, time: u64, rows: Vec<(Row, i64)>) {
        let Some(kept) = self.kept.get_mut(&id) else {
            return;
        };
        if rows.is_empty() {
            return;
        }
        if kept.is_first(time) {
            // Nobody can see it yet, so it need not wait, and large contents do not come in all at once later.
            kept.contents.apply(&rows);
        } else {
            let updates = kept.later(time);
            if updates.rows.is_empty() { updates.rows = rows } else { updates.rows.extend(rows) }
        }
    }

    /// Applies a visible collection's updates up to `time` beside its contents, so that publishing that time costs little. All of them
    /// should have been given; one that comes later makes the preparation useless, but nothing wrong.
    pub fn prepare(&mut self, id: CollectionId, time: u64) {
        if let Some(kept) = self.kept.get_mut(&id).filter(|kept| kept.visible) {
            kept.prepare(time);
        }
    }

    /// Takes a collection's row updates at times after `time` out again.
    pub fn take_back(&mut self, id: CollectionId, time: u64) -> Vec<(Row, i64)> {
        let (Some(kept), Some(next)) = (self.kept.get_mut(&id), time.checked_add(1)) else {
            return Vec::new();
        };
        if kept.prepared.as_ref().is_some_and(|prepared| prepared.0 > time) {
            kept.prepared = None;
        }
        kept.later.split_off(&next).into_values().flat_map(|updates| updates.rows).collect()
    }

    /// As [`Writer::update`], for the errors.
    pub fn update_errors(&mut self, id: CollectionId, time: u64, errors: Vec<(EvalError, i64)>) {
        let Some(kept) = self.kept.get_mut(&id) else {
            return;
        };
        if errors.is_empty() {
            return;
        }
        if kept.is_first(time) {
            kept.contents.apply_errors(errors);
        } else {
            kept.later(time).errors.extend(errors);
        }
    }

    /// Says that all updates of the collection at times below `upper` were given. Never goes back.
    pub fn advance(&mut self, id: CollectionId, upper: u64) {
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.upper = kept.upper.max(upper);
        }
    }

    /// Publishes a version at the newest time for which all visible collections are complete, with the hydrating ones that are complete
    /// for it too. Returns the time that can be read now; without anything new there is no new version.
    pub fn publish(&mut self) -> u64 {
        let time = self.target();
        let mut changed = std::mem::take(&mut self.changed) || time > self.time;
        for (id, kept) in &mut self.kept {
            if kept.visible {
                if !kept.apply_until(time) {
                    continue;
                }
            } else if kept.since <= time && kept.upper > time {
                kept.apply_until(time);
                kept.visible = true;
            } else {
                continue;
            }
            changed = true;
            self.visible.insert(*id, Arc::new(kept.contents.clone()));
        }
        if changed {
            self.time = time;
            let before = self.results.replace(Version { time, collections: self.visible.clone() });
            self.published.send_replace(time);
            self.free(before);
        }
        self.time
    }

    /// The newest version's time.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Up to which time, exclusively, the collection is complete.
    pub fn upper(&self, id: CollectionId) -> Option<u64> {
        self.kept.get(&id).map(|kept| kept.upper)
    }

    /// Whether the collection is in the newest version or will be in the next.
    pub fn is_visible(&self, id: CollectionId) -> bool {
        self.kept.get(&id).is_some_and(|kept| kept.visible)
    }

    /// The visible collection that is furthest behind: it decides which time can be read.
    pub fn blocking(&self) -> Option<CollectionId> {
        let visible = self.kept.iter().filter(|(_, kept)| kept.visible);
        visible.min_by_key(|(_, kept)| kept.upper).map(|(id, _)| *id)
    }

    /// The contents at the newest complete time, just below [`Writer::upper`], which may be ahead of what is published. `None` for a
    /// collection that does not exist or is not complete for its first contents.
    ///
    /// Costs nothing but what is complete and not published yet.
    pub fn snapshot(&self, id: CollectionId) -> Option<CollectionSnapshot> {
        let kept = self.kept.get(&id)?;
        let time = kept.upper.checked_sub(1).filter(|time| *time >= kept.since)?;
        let prepared = kept.prepared.as_deref().filter(|(prepared, _)| *prepared <= time);
        let (first, mut collection) = match prepared {
            Some((prepared, contents)) => (prepared + 1, contents.clone()),
            None => (0, kept.contents.clone()),
        };
        for (_, updates) in kept.later.range(..=time).filter(|(at, _)| **at >= first) {
            collection.apply(&updates.rows);
            collection.apply_errors(updates.errors.clone());
        }
        Some(CollectionSnapshot { time, collection })
    }

    /// The time that the next version can have.
    fn target(&self) -> u64 {
        let visible = self.kept.values().filter(|kept| kept.visible).map(|kept| kept.upper).min();
        let upper = visible.or_else(|| {
            // Nothing can be read yet: begin with all first contents that are complete.
            let complete = |kept: &&Kept| kept.upper > kept.since && kept.upper > self.time;
            self.kept.values().filter(complete).map(|kept| kept.upper).min()
        });
        upper.map_or(self.time, |upper| upper.saturating_sub(1)).max(self.time)
    }

    fn free(&mut self, before: Arc<Version>) {
        let removed = std::mem::take(&mut self.removed);
        if removed.iter().map(Collection::rows).sum::<u64>() >= FREE_ASIDE_ROWS {
            // If no thread can be had, the closure is dropped here and now, which is right too.
            let thread = std::thread::Builder::new().name("results-free".to_owned());
            drop(thread.spawn(move || drop((before, removed))));
        }
    }
}

impl Kept {
    /// Whether an update belongs to the first contents.
    fn is_first(&self, time: u64) -> bool {
        !self.visible && time <= self.since && self.upper <= self.since
    }

    fn later(&mut self, time: u64) -> &mut Updates {
        if time < self.upper {
            self.prepared = None;
            self.contents.distrust(format!(
                "an update at time {time} came after the collection was complete up to {}",
                self.upper
            ));
        }
        if self.prepared.as_ref().is_some_and(|prepared| time <= prepared.0) {
            self.prepared = None;
        }
        self.later.entry(time).or_default()
    }

    fn prepare(&mut self, time: u64) {
        let mut prepared = self.prepared.take().unwrap_or_else(|| Box::new((0, self.contents.clone())));
        if prepared.0 < time && time < u64::MAX {
            let due =
                self.later.range(prepared.0..=time).filter(|(at, _)| **at > prepared.0 || prepared.0 == 0);
            for updates in due.map(|(_, updates)| updates) {
                prepared.1.apply(&updates.rows);
                prepared.1.apply_errors(updates.errors.clone());
            }
            prepared.0 = time;
        }
        self.prepared = Some(prepared);
    }

    /// Applies what is due. Whether there was anything.
    fn apply_until(&mut self, time: u64) -> bool {
        if self.later.first_key_value().is_none_or(|(first, _)| *first > time) {
            return false;
        }
        let rest = match time.checked_add(1) {
            Some(next) => self.later.split_off(&next),
            None => BTreeMap::new(),
        };
        let mut due = std::mem::replace(&mut self.later, rest);
        if let Some(prepared) = self.prepared.take_if(|prepared| prepared.0 <= time) {
            self.contents = prepared.1;
            due = due.split_off(&(prepared.0 + 1));
        }
        let mut due = due.into_values();
        let Some(mut updates) = due.next() else {
            return true;
        };
        // Several times at once: what came and went in between costs no change of the maps.
        for next in due {
            updates.rows.extend(next.rows);
            updates.errors.extend(next.errors);
        }
        self.contents.apply(&updates.rows);
        self.contents.apply_errors(updates.errors);
        true
    }
}
