//! How much memory queries may take, from their evaluation until the answer is sent: a large join must not end the process that everybody
//! reads from.

use std::{
    cell::{Cell, RefCell},
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
                let message = format!("out of memory: all queries together may take {limit} MiB");
                Err(EvalError::new(SqlState::OUT_OF_MEMORY, message))
            }
        }
    }
}

/// A part of it. Given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What one evaluation has of it.
pub struct Share {
    held: RefCell<Held>,
    kept: Cell<usize>,
}

impl Share {
    pub fn new(memory: Arc<Memory>) -> Share {
        Share { held: RefCell::new(Held { memory, bytes: 0 }), kept: Cell::new(0) }
    }

    /// Notes that so many more bytes are kept, or refuses them.
    pub fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        let kept = self.kept.get().saturating_add(bytes);
        let mut held = self.held.borrow_mut();
        if kept > held.bytes {
            let chunk = (kept - held.bytes).max(CHUNK);
            held.memory.take(chunk)?;
            held.bytes += chunk;
        }
        self.kept.set(kept);
        Ok(())
    }

    /// Gives back all but so many bytes, which the answer takes until it is sent.
    pub fn answer(self, bytes: usize) -> Held {
        let mut held = self.held.into_inner();
        let freed = held.bytes.saturating_sub(bytes);
        held.bytes -= freed;
        held.memory.used.fetch_sub(freed, Ordering::Relaxed);
        held
    }
}

/// What queries may share where nothing else is said, in bytes: a quarter of the container's memory, or of the machine's.
///
/// Source: Linux documentation, cgroup-v2 (`memory.max`) and cgroup-v1 (`memory.limit_in_bytes`); proc(5), `/proc/meminfo`.
pub fn default_limit() -> usize {
    let containers = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = containers.iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|info| total(&info));
    limits.chain(machine).min().unwrap_or(4 << 30) / SHARE
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
        let answer = second.answer(10);
        assert_eq!(memory.used.load(Ordering::Relaxed), 10);
        drop(answer);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(total("MemTotal:       24553176 kB\nMemFree: 1 kB\n"), Some(24_553_176 << 10));
        assert!(default_limit() > 0);
    }
}
