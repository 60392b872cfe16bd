//! Threads that plan and evaluate queries, so that a heavy one never holds up a thread that serves sockets.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::error::SqlError;

/// Deeply nested queries recurse in the parser and the planner; the size is address space, not memory.
const STACK: usize = 64 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and a queue. Dropping the last handle lets the threads end.
#[derive(Clone)]
pub struct Pool {
    queue: Arc<Queue>,
    _last: Arc<Closer>,
}

#[derive(Default)]
struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    ready: Condvar,
}

struct Closer(Arc<Queue>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.jobs.lock().1 = true;
        self.0.ready.notify_all();
    }
}

impl Pool {
    /// Starts `threads` threads.
    pub fn start(threads: usize) -> io::Result<Pool> {
        let queue = Arc::new(Queue::default());
        for number in 0..threads {
            let queue = queue.clone();
            thread::Builder::new().name(format!("query-{number}")).stack_size(STACK).spawn(move || {
                loop {
                    let job = {
                        let mut jobs = queue.jobs.lock();
                        loop {
                            if let Some(job) = jobs.0.pop_front() {
                                break job;
                            }
                            if jobs.1 {
                                return;
                            }
                            queue.ready.wait(&mut jobs);
                        }
                    };
                    job();
                }
            })?;
        }
        Ok(Pool { _last: Arc::new(Closer(queue.clone())), queue })
    }

    /// Runs `work` on a thread of the pool. A panic in it is an internal error of that query and of nothing else.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The client went away while the query was queued.
            if answer.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
                let what = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                tracing::error!(what, "a query panicked");
                Err(SqlError::new("XX000", "the query failed by a fault in Offtake")
                    .detail(what)
                    .hint("Please report this with the query. Other queries are not affected."))
            });
            let _ = answer.send(result);
        });
        self.queue.jobs.lock().0.push_back(job);
        self.queue.ready.notify_one();
        answered.await.unwrap_or_else(|_| Err(SqlError::fatal("57P01", "the server is shutting down")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_a_panic_stays_there() {
        let pool = Pool::start(1).expect("a thread starts");
        let here = thread::current().id();
        let there = pool.run(move || Ok(thread::current().id())).await.expect("runs");
        assert_ne!(here, there);
        let error = pool.run::<()>(|| panic!("boom")).await.expect_err("is reported");
        assert_eq!((error.sqlstate.as_str(), error.detail.as_deref()), ("XX000", Some("boom")));
        assert_eq!(pool.run(|| Ok(1)).await.expect("still runs"), 1);
    }
}
