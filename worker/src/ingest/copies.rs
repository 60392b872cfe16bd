//! What the copier and the watcher know of the copies under way.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

/// A table that could not be described is described again after this time, and then after twice the time before, …
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// … but no later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Shared by copier and watcher. Whoever changes it tells the applier under the same lock, so that the applier hears it in the same order.
#[derive(Debug, Default)]
pub struct Copies {
    /// Tables whose copy is complete and only waits for the stream, or that are not to be copied.
    done: HashSet<u64>,
    /// Tables whose upstream changed since their copy began: it is of no use.
    doubted: HashSet<u64>,
}

impl Copies {
    /// A copy begins: what changed before is behind it.
    pub fn begin(&mut self, id: u64) {
        self.doubted.remove(&id);
    }

    /// The upstream changed while the copy was under way or waited for the stream: it is to be made again.
    pub fn doubt(&mut self, id: u64) {
        self.done.remove(&id);
        self.doubted.insert(id);
    }

    pub fn is_doubted(&self, id: u64) -> bool {
        self.doubted.contains(&id)
    }

    pub fn finish(&mut self, id: u64) {
        self.done.insert(id);
    }

    pub fn is_done(&self, id: u64) -> bool {
        self.done.contains(&id)
    }

    /// Every copy that is not live yet is to be made again.
    pub fn forget(&mut self) {
        self.done.clear();
    }
}

/// When tables that cannot be copied as things are upstream are looked at again.
#[derive(Debug, Default)]
pub struct Pauses(HashMap<u64, (Instant, Duration)>);

impl Pauses {
    pub fn is_due(&self, id: u64, now: Instant) -> bool {
        self.0.get(&id).is_none_or(|(due, _)| *due <= now)
    }

    /// It is as it was: later again, and each time later.
    pub fn put_off(&mut self, id: u64, now: Instant) {
        let pause = self.0.get(&id).map_or(FIRST_PAUSE, |(_, pause)| (*pause * 2).min(LONGEST_PAUSE));
        self.0.insert(id, (now + pause, pause));
    }

    pub fn end(&mut self, id: u64) {
        self.0.remove(&id);
    }

    /// Forgets all but these, and tells when the first of them is due.
    pub fn next(&mut self, waiting: &[u64]) -> Option<Instant> {
        self.0.retain(|id, _| waiting.contains(id));
        self.0.values().map(|(due, _)| *due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_go_with_their_table() {
        let start = Instant::now();
        let mut pauses = Pauses::default();
        let mut now = start;
        let mut seconds = Vec::new();
        for _ in 0..6 {
            assert!(pauses.is_due(1, now));
            pauses.put_off(1, now);
            assert!(!pauses.is_due(1, now) && pauses.is_due(2, now));
            let due = pauses.next(&[1, 2]).expect("table 1 is put off");
            seconds.push(due.duration_since(now).as_secs());
            now = due;
        }
        assert_eq!(seconds, [2, 4, 8, 16, 30, 30]);
        pauses.end(1);
        pauses.put_off(1, now);
        assert_eq!(pauses.next(&[1]), Some(now + FIRST_PAUSE));
        assert_eq!(pauses.next(&[2]), None);
    }

    #[test]
    fn a_copy_that_is_doubted_is_not_done() {
        let mut copies = Copies::default();
        copies.begin(1);
        copies.finish(1);
        assert!(copies.is_done(1) && !copies.is_doubted(1));
        copies.doubt(1);
        assert!(!copies.is_done(1) && copies.is_doubted(1));
        copies.begin(1);
        assert!(!copies.is_doubted(1));
    }
}
