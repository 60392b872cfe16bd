//! How much memory queries may take while they are evaluated: a large join must not end the process that everybody reads from.

use std::{
    cell::Cell,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use offtake_lir::{EvalError, SqlState};

/// The part of the machine's memory, or of the container's, that queries share.
const SHARE: usize = 4;
/// Taken from what is shared at once, in bytes, so that threads seldom meet.
const CHUNK: usize = 256 << 10;

/// What all queries share.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    used: AtomicUsize,
}

impl Memory {
    /// `limit` in bytes.
    pub fn new(limit: usize) -> Arc<Memory> {
        Arc::new(Memory { limit, used: AtomicUsize::new(0) })
    }

    fn take(&self, bytes: usize) -> Result<(), EvalError> {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(_) => {
                let limit = self.limit >> 20;
                let message = format!("out of memory: queries may keep {limit} MiB while they are evaluated");
                Err(EvalError::new(SqlState::OUT_OF_MEMORY, message))
            }
        }
    }
}

/// What one evaluation has of it. Given back when it is dropped.
pub struct Share {
    memory: Arc<Memory>,
    taken: Cell<usize>,
    kept: Cell<usize>,
}

impl Share {
    pub fn new(memory: Arc<Memory>) -> Share {
        Share { memory, taken: Cell::new(0), kept: Cell::new(0) }
    }

    /// Notes that so many more bytes are kept, or refuses them.
    pub fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        let kept = self.kept.get().saturating_add(bytes);
        if let Some(lacking) = kept.checked_sub(self.taken.get()).filter(|lacking| *lacking > 0) {
            let chunk = lacking.max(CHUNK);
            self.memory.take(chunk)?;
            self.taken.set(self.taken.get() + chunk);
        }
        self.kept.set(kept);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.taken.get(), Ordering::Relaxed);
    }
}

/// What queries may share where nothing else is said, in bytes: a quarter of the container's memory, or of the machine's.
///
/// Source: Linux documentation, cgroup-v2 (`memory.max`); proc(5), `/proc/meminfo`.
pub fn default_limit() -> usize {
    let container =
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|max| max.trim().parse().ok());
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|info| total(&info));
    let memory = [container, machine].into_iter().flatten().min();
    memory.unwrap_or(4 << 30) / SHARE
}

fn total(meminfo: &str) -> Option<usize> {
    let kilobytes: usize = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?
        .trim()
        .strip_suffix(" kB")?
        .parse()
        .ok()?;
    kilobytes.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_query_has_the_other_has_not() {
        let memory = Memory::new(4 * CHUNK);
        let first = Share::new(memory.clone());
        first.keep(3 * CHUNK).expect("there is enough");
        let second = Share::new(memory.clone());
        second.keep(CHUNK).expect("there is enough");
        assert_eq!(second.keep(1).expect_err("all is taken").code, SqlState::OUT_OF_MEMORY);
        drop(first);
        second.keep(2 * CHUNK).expect("it was given back");
        assert!(second.keep(usize::MAX).is_err());
        drop(second);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(total("MemTotal:       24553176 kB\nMemFree: 1 kB\n"), Some(24_553_176 << 10));
        assert!(default_limit() > 0);
    }
}
