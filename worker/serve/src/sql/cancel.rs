//! Interrupting a statement: a client's cancel request, a timeout, or the end of the server.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use pgwire::messages::startup::SecretKey;
use tokio::{sync::watch, time::Instant};

use crate::error::SqlError;

/// The running connections by process id and secret key.
#[derive(Clone, Default)]
pub struct Cancels(Arc<Mutex<HashMap<i32, Registered>>>);

/// A connection's secret key, and where a request to cancel goes.
type Registered = (Bytes, watch::Sender<u64>);

/// A connection's place in [`Cancels`]; given back when it is dropped.
pub struct Cancelable {
    pid: i32,
    requests: watch::Receiver<u64>,
    cancels: Cancels,
}

impl Cancels {
    pub fn register(&self, pid: i32, key: &SecretKey) -> Cancelable {
        let (sender, requests) = watch::channel(0);
        self.0.lock().insert(pid, (key.to_bytes(), sender));
        Cancelable { pid, requests, cancels: self.clone() }
    }

    /// Interrupts the connection's statement. A wrong key does nothing and says nothing, as in PostgreSQL.
    pub fn cancel(&self, pid: i32, key: &SecretKey) {
        if let Some((expected, requests)) = self.0.lock().get(&pid)
            && *expected == key.to_bytes()
        {
            requests.send_modify(|count| *count += 1);
        }
    }
}

impl Drop for Cancelable {
    fn drop(&mut self) {
        self.cancels.0.lock().remove(&self.pid);
    }
}

impl Cancelable {
    /// Starts a statement: requests that came before it do not count.
    pub fn statement(&self, timeout: Option<Duration>, shutdown: watch::Receiver<bool>) -> Interrupt {
        let mut requests = self.requests.clone();
        requests.mark_unchanged();
        Interrupt {
            requests,
            shutdown,
            deadline: timeout.map(|timeout| Instant::now() + timeout),
            flag: Arc::new(AtomicBool::new(false)),
        }
    }
}

/// What can interrupt one statement.
pub struct Interrupt {
    requests: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
    deadline: Option<Instant>,
    flag: Arc<AtomicBool>,
}

/// How long a running statement may go on when the server stops.
const GRACE: Duration = Duration::from_secs(5);

impl Interrupt {
    /// Raised once the statement is interrupted, for work on other threads.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }

    /// Awaits `work` unless it is interrupted first.
    pub async fn run<T>(&mut self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        let error = tokio::select! {
            biased;
            result = work => return result,
            // The sender lives as long as the connection is registered.
            Ok(()) = self.requests.changed() => SqlError::canceled("canceling statement due to user request"),
            () = until(self.deadline) => SqlError::canceled("canceling statement due to statement timeout")
                .hint("Raise statement_timeout, or ask for less."),
            () = stopped(&mut self.shutdown) =>
                SqlError::fatal("57P01", "terminating connection due to administrator command"),
        };
        self.flag.store(true, Ordering::Relaxed);
        Err(error)
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A dropped sender is an order to stop, too.
    let _ = shutdown.wait_for(|stop| *stop).await;
    tokio::time::sleep(GRACE).await;
}
