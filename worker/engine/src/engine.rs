//! The handle: what the rest of the worker calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::Thread,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use offtake_lir::{CollectionId, Lir};
use offtake_row::Row;
use timely::{CommunicationConfig, WorkerConfig, communication::WorkerGuards};

use crate::{
    command::Command,
    host,
    hydrate::{self, Load, Snapshot},
    index::Registry,
    output::Output,
};

/// A view to install.
pub struct Install {
    pub id: CollectionId,
    /// What the view computes, over tables and views that are installed.
    pub lir: Lir,
    /// The time that `snapshot` shows; not before [`Engine::now`].
    pub as_of: u64,
    /// The tables' contents at exactly `as_of`.
    pub snapshot: Arc<dyn Snapshot>,
}

/// Rows with how often each comes (positive) or goes (negative).
pub type Updates = Arc<Vec<(Row, i64)>>;

/// Updates of tables at one time.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Greater than all times so far.
    pub time: u64,
    /// Per table; they need not be consolidated.
    pub tables: Vec<(CollectionId, Updates)>,
}

/// Why the engine refused a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("an engine of {count} workers cannot be: it takes 1 to 1024")]
    Workers { count: usize },
    #[error("the worker threads did not start: {message}")]
    Start { message: String },
    #[error("{id} is installed already")]
    Duplicate { id: CollectionId },
    #[error("{id} is not installed")]
    Unknown { id: CollectionId },
    #[error("the plan of {id} is malformed: {what}")]
    Malformed { id: CollectionId, what: &'static str },
    #[error("time {time} is not after {now}, which is complete")]
    Passed { time: u64, now: u64 },
    /// A worker thread died. Its state is lost; only a new engine helps.
    #[error("the engine has stopped: {reason}")]
    Failed { reason: String },
}

/// What the handle, the worker threads and the loaders share.
pub(crate) struct Shared {
    output: Arc<dyn Output>,
    halted: AtomicBool,
    failure: OnceLock<String>,
    threads: OnceLock<Vec<Thread>>,
}

impl Shared {
    pub fn new(output: Arc<dyn Output>) -> Shared {
        Shared { output, halted: AtomicBool::new(false), failure: OnceLock::new(), threads: OnceLock::new() }
    }

    /// The output, until the engine has stopped or failed.
    pub fn output(&self) -> Option<&dyn Output> {
        (!self.halted()).then_some(&*self.output)
    }

    /// Whether the threads should end.
    pub fn halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }

    /// Wakes a parked worker.
    pub fn unpark(&self, worker: usize) {
        if let Some(thread) = self.threads.get().and_then(|threads| threads.get(worker)) {
            thread.unpark();
        }
    }

    fn halt(&self) {
        self.halted.store(true, Ordering::Release);
        for thread in self.threads.get().into_iter().flatten() {
            thread.unpark();
        }
    }

    /// Runs a thread's work. A panic becomes the engine's failure: it is told, and all threads end.
    pub fn guard(&self, what: &str, work: impl FnOnce()) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { return };
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "it gave no reason".to_owned());
        // A panic while the threads are being ended has nobody to tell.
        let first = !self.halted() && self.failure.set(format!("{what} panicked: {message}")).is_ok();
        self.halt();
        if let (true, Some(reason)) = (first, self.failure.get()) {
            tracing::error!(reason, "the engine has failed");
            self.output.failed(reason);
        }
    }
}

/// What happens in call order.
struct Front {
    registry: Registry,
    now: u64,
    commands: Vec<Sender<Command>>,
    loads: Vec<Sender<Load>>,
}

/// Worker threads that keep views up to date. Calls do not wait for the dataflows; they are applied in the order of the calls.
pub struct Engine {
    front: Mutex<Front>,
    shared: Arc<Shared>,
    guards: Option<WorkerGuards<()>>,
}

/// What one worker thread receives.
pub(crate) struct Mailbox {
    pub commands: Receiver<Command>,
    pub loads: Receiver<Load>,
}

impl Engine {
    /// Starts `workers` threads, each of which keeps its share of every view.
    pub fn start(workers: usize, output: Arc<dyn Output>) -> Result<Engine, EngineError> {
        if !(1..=1024).contains(&workers) {
            return Err(EngineError::Workers { count: workers });
        }
        let shared = Arc::new(Shared::new(output));
        let (mut commands, mut loads, mut mailboxes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..workers {
            let (command_sender, command_receiver) = unbounded();
            // Bounded: a loader must not run ahead of the dataflow.
            let (load_sender, load_receiver) = bounded(4);
            commands.push(command_sender);
            loads.push(load_sender);
            mailboxes.push(Some(Mailbox { commands: command_receiver, loads: load_receiver }));
        }
        let mailboxes = Mutex::new(mailboxes);
        let (report, reports) = unbounded();
        let config = timely::Config {
            communication: CommunicationConfig::Process(workers),
            worker: WorkerConfig::default(),
        };
        let worker_shared = shared.clone();
        let guards = timely::execute(config, move |worker| {
            let index = worker.index();
            let mailbox = lock(&mailboxes)[index].take().expect("each worker takes its own mailbox once");
            // The receiver is gone only when `start` has given up.
            let _ = report.send((index, std::thread::current()));
            host::run(worker, &mailbox, &worker_shared);
        })
        .map_err(|message| EngineError::Start { message })?;
        let mut threads: Vec<(usize, Thread)> = reports.iter().take(workers).collect();
        threads.sort_by_key(|(index, _)| *index);
        // Set once, here.
        let _ = shared.threads.set(threads.into_iter().map(|(_, thread)| thread).collect());
        let front = Front { registry: Registry::default(), now: 0, commands, loads };
        Ok(Engine { front: Mutex::new(front), shared, guards: Some(guards) })
    }

    /// Declares a table, so that views may read it.
    pub fn create_table(&self, id: CollectionId) -> Result<(), EngineError> {
        self.front()?.registry.create_table(id)
    }

    /// Installs a view. Its contents at `as_of` and then its changes go to the output.
    ///
    /// Where `as_of` is after [`Engine::now`], time advances to it first.
    pub fn install(&self, install: Install) -> Result<(), EngineError> {
        let mut front = self.front()?;
        let Install { id, lir, as_of, snapshot } = install;
        if as_of < front.now {
            return Err(EngineError::Passed { time: as_of, now: front.now });
        }
        if as_of > front.now {
            self.push_to(&mut front, Batch { time: as_of, tables: Vec::new() });
        }
        let builds = front.registry.install(id, lir, as_of)?;
        for build in &builds {
            self.send(&front, || Command::Build(build.clone()));
        }
        let Err(error) = hydrate::start(&builds, snapshot, front.loads.clone(), self.shared.clone()) else {
            return Ok(());
        };
        // It would wait for its contents for ever.
        self.forget(&mut front, id)?;
        Err(EngineError::Start { message: error.to_string() })
    }

    /// Forgets a table or a view. Views that read it go on: over a dropped view unchanged, over a dropped table with the rows that it
    /// had last.
    pub fn drop(&self, id: CollectionId) -> Result<(), EngineError> {
        let mut front = self.front()?;
        self.forget(&mut front, id)
    }

    /// Takes the updates of one time, and completes all times up to it. Updates of collections that are not declared tables are ignored.
    ///
    /// It does not wait: whoever pushes holds back when the views' frontiers ([`Output::frontier`]) fall too far behind [`Engine::now`].
    pub fn push(&self, batch: Batch) -> Result<(), EngineError> {
        let mut front = self.front()?;
        if batch.time <= front.now {
            return Err(EngineError::Passed { time: batch.time, now: front.now });
        }
        self.push_to(&mut front, batch);
        Ok(())
    }

    /// Completes all times up to `time`. Nothing happens where that is so already.
    pub fn advance(&self, time: u64) -> Result<(), EngineError> {
        let mut front = self.front()?;
        if time > front.now {
            self.push_to(&mut front, Batch { time, tables: Vec::new() });
        }
        Ok(())
    }

    /// The last complete time: the greatest that was pushed, advanced to or installed at.
    pub fn now(&self) -> u64 {
        lock(&self.front).now
    }

    /// Why the engine has failed, if it has. After that it hands out nothing and refuses every call.
    pub fn failed(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    /// Ends the threads and waits for them. Dropping the engine does the same.
    pub fn stop(self) {}

    fn front(&self) -> Result<MutexGuard<'_, Front>, EngineError> {
        match self.failed() {
            Some(reason) => Err(EngineError::Failed { reason }),
            None => Ok(lock(&self.front)),
        }
    }

    fn forget(&self, front: &mut Front, id: CollectionId) -> Result<(), EngineError> {
        for dataflow in front.registry.drop(id)? {
            self.send(front, || Command::Drop(dataflow));
        }
        Ok(())
    }

    fn push_to(&self, front: &mut Front, batch: Batch) {
        front.now = batch.time;
        if front.registry.is_idle() {
            return;
        }
        let tables: Vec<_> = batch
            .tables
            .into_iter()
            .filter_map(|(id, updates)| Some((front.registry.read_table(id)?, updates)))
            .collect();
        self.send(front, || Command::Push { time: batch.time, tables: tables.clone() });
    }

    /// Sends to all workers. One that has ended takes no more; the failure tells why.
    fn send(&self, front: &Front, command: impl Fn() -> Command) {
        for (worker, sender) in front.commands.iter().enumerate() {
            let _ = sender.send(command());
            self.shared.unpark(worker);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        {
            let mut front = lock(&self.front);
            self.send(&front, || Command::Stop);
            // Loaders end at their next chunk.
            front.loads.clear();
        }
        self.shared.halt();
        if let Some(guards) = self.guards.take() {
            // The threads' panics were told already.
            let _ = guards.join();
        }
    }
}

/// A lock whose data stay sound when a holder panics: every holder either only reads or replaces whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
