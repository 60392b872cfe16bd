//! Grouped syncs: a thread that brings what was written to the disk, and only then confirms it to the slot.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use offtake_contract::Lsn;
use offtake_postgres::wire::Feedback;
use offtake_store::Store;
use parking_lot::Mutex;

/// The least time between two syncs: small transactions share one.
const SPACING: Duration = Duration::from_millis(10);
const RETRY: Duration = Duration::from_secs(1);

/// Confirms written positions once they are durable.
pub struct Syncer {
    written: Arc<AtomicU64>,
    wake: Sender<()>,
    feedback: Arc<Mutex<Target>>,
    thread: Option<JoinHandle<()>>,
}

/// Where to confirm, and what may be confirmed there at once.
#[derive(Default)]
struct Target {
    feedback: Option<Feedback>,
    durable: Lsn,
}

impl Syncer {
    /// Starts the thread. `durable` is what the store held when it was opened.
    pub fn start(store: Store, durable: Lsn) -> Syncer {
        let written = Arc::new(AtomicU64::new(durable.0));
        let feedback = Arc::new(Mutex::new(Target { feedback: None, durable }));
        let (wake, woken) = crossbeam_channel::bounded(1);
        let thread = {
            let (written, feedback) = (written.clone(), feedback.clone());
            std::thread::Builder::new()
                .name("syncer".to_owned())
                .spawn(move || sync_when_woken(&store, &woken, &written, &feedback))
                .expect("the operating system gives a thread at start")
        };
        Syncer { written, wake, feedback, thread: Some(thread) }
    }

    /// Everything up to `lsn` is written: sync it soon and confirm it.
    pub fn written(&self, lsn: Lsn) {
        self.written.store(lsn.0, Ordering::Release);
        // A full channel means that a sync that will see this position is due already.
        self.wake.try_send(()).ok();
    }

    /// From now on, confirm to this stream; what is durable already is confirmed at once.
    pub fn confirm_to(&self, feedback: Feedback) {
        let mut target = self.feedback.lock();
        feedback.durable(target.durable);
        target.feedback = Some(feedback);
    }

    /// Syncs what is left and ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let (closed, _) = crossbeam_channel::bounded(0);
        self.wake = closed;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.end();
    }
}

fn sync_when_woken(store: &Store, woken: &Receiver<()>, written: &AtomicU64, feedback: &Mutex<Target>) {
    while woken.recv().is_ok() {
        let lsn = Lsn(written.load(Ordering::Acquire));
        match store.sync() {
            Ok(()) => {
                let mut target = feedback.lock();
                target.durable = lsn;
                if let Some(feedback) = &target.feedback {
                    feedback.durable(lsn);
                }
            }
            Err(error) => {
                // Nothing is confirmed, so nothing can be lost; the next write will say more.
                tracing::error!("cannot sync the store: {error}");
                std::thread::sleep(RETRY);
            }
        }
        std::thread::sleep(SPACING);
    }
}
