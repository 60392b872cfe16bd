//! One worker process: starts its parts in order, ends when one of them fails, stops them in order.

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration,
};

use anyhow::{Context, anyhow};
use offtake_contract::Catalog;
use offtake_plan::Relations;
use offtake_serve::{PutCatalog, Server, Shared};
use offtake_store::Store;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    board::Board,
    coordinator::{Coordinator, Published},
    ingest::{
        Ingest, Records,
        applier::{Applier, Counters, Inbox, Message},
    },
    metrics::StatusCollector,
};

/// Batches of events that may wait for the applier; the replication client holds the rest back.
const EVENTS_WAITING: usize = 8;
const COUNT_EVERY: Duration = Duration::from_millis(250);

/// How to run a worker.
pub struct Options {
    pub data_dir: PathBuf,
    /// Timely worker threads.
    pub threads: usize,
    pub serve: offtake_serve::Config,
    /// Whether `PUT /v1/catalog` is taken; where manifests rule, it is not.
    pub accept_catalogs: bool,
}

/// Takes catalogs, from wherever they come.
#[derive(Clone)]
pub struct Catalogs {
    wanted: Arc<watch::Sender<Option<Arc<Catalog>>>>,
    /// Shown to the applier before its message, which may have to wait.
    coming: Arc<watch::Sender<Option<Arc<Catalog>>>>,
    applier: mpsc::Sender<Message>,
    order: Arc<tokio::sync::Mutex<()>>,
}

impl Catalogs {
    /// Replaces the catalog. A generation of 0 is given the next number.
    pub async fn put(&self, mut catalog: Catalog) {
        let _one_by_one = self.order.lock().await;
        if catalog.generation == 0 {
            catalog.generation = self.wanted.borrow().as_ref().map_or(0, |known| known.generation) + 1;
        }
        let catalog = Arc::new(catalog);
        self.coming.send_replace(Some(catalog.clone()));
        // Tables and views first: the session that a changed source starts should find them there.
        if self.applier.send(Message::Catalog(catalog.clone())).await.is_ok() {
            self.wanted.send_replace(Some(catalog));
        }
    }
}

/// A running worker.
pub struct Process {
    board: Board,
    catalogs: Catalogs,
    sql_address: SocketAddr,
    http_address: SocketAddr,
    /// Ends ingestion; then the applier and the coordinator run dry.
    ingest_stop: CancellationToken,
    serve_stop: watch::Sender<bool>,
    /// Resolves with the reason when a part failed.
    failures: mpsc::Receiver<anyhow::Error>,
    ingest: tokio::task::JoinHandle<()>,
    serve: tokio::task::JoinHandle<()>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Process {
    /// Opens the store, starts every part and listens. What the store holds is served from here on, also without the upstream.
    pub async fn start(options: Options) -> anyhow::Result<Process> {
        let Options { data_dir, threads, serve, accept_catalogs } = options;
        let store = Store::open(&data_dir)
            .map_err(|error| anyhow!("{error}. {}", error.remedy()))
            .with_context(|| format!("opening the store in {}", data_dir.display()))?;
        let board = Board::new();
        let (failed, failures) = mpsc::channel(8);

        let (relations, relations_seen) = watch::channel(Arc::new(Relations::default()));
        let (views, views_seen) = watch::channel(Arc::new(BTreeMap::new()));
        let published = Published { relations, views };
        let (results, writer) = offtake_results::results();
        let (coordinator, handle) =
            Coordinator::new(threads, (results.clone(), writer), board.clone(), published)?;
        let mut running = vec![thread("coordinator", failed.clone(), move || Ok(coordinator.run()?))?];

        let counters = Arc::new(Counters::default());
        let records = Records::new(store.clone());
        let catalog = records.catalog()?.map(Arc::new);
        let (known, known_seen) = watch::channel(Arc::new(Vec::new()));
        let (applier_sender, messages) = mpsc::channel(EVENTS_WAITING);
        let (coming, coming_seen) = watch::channel(None);
        let inbox = Inbox::new(messages, coming_seen);
        let applier = {
            let (store, board, handle, counters) =
                (store.clone(), board.clone(), handle.clone(), counters.clone());
            let (recovered, recovery) = oneshot::channel();
            running.push(thread("applier", failed.clone(), move || {
                let applier = Applier::recover(store, board, handle, counters, known)?;
                recovered.send(()).ok();
                Ok(applier.run(inbox)?)
            })?);
            recovery
        };

        let registry = prometheus::Registry::new();
        registry
            .register(Box::new(StatusCollector::new(board.clone())))
            .context("registering the metrics")?;
        let wanted = Arc::new(watch::Sender::new(catalog));
        let catalogs = Catalogs {
            wanted: wanted.clone(),
            coming: Arc::new(coming),
            applier: applier_sender.clone(),
            order: Arc::default(),
        };
        let (put, puts) = mpsc::channel(1);
        let shared = Shared {
            results,
            relations: relations_seen,
            views: views_seen,
            status: board.subscribe(),
            catalog: accept_catalogs.then_some(put),
            registry,
        };
        let server: Server = offtake_serve::bind(serve, shared).await.context("listening")?;
        let (sql_address, http_address) = (server.sql_address(), server.http_address());
        let (serve_stop, serve_stopped) = watch::channel(false);
        let serve = tokio::spawn(server.run(serve_stopped));
        let mut tasks = vec![tokio::spawn(take_puts(puts, catalogs.clone()))];
        tasks.push(tokio::spawn(count(board.clone(), counters.clone())));

        let ingest_stop = CancellationToken::new();
        let ingest = Ingest {
            store,
            records,
            board: board.clone(),
            applier: applier_sender,
            coordinator: handle,
            known: known_seen,
            catalog: wanted.subscribe(),
            copied: Arc::new(Mutex::new(Default::default())),
            loading: Arc::default(),
        };
        let ingest = {
            let stop = ingest_stop.clone();
            tokio::spawn(async move {
                // What is stored is taken up before anything is added to it.
                if applier.await.is_ok() {
                    ingest.run(stop).await;
                }
            })
        };
        Ok(Process {
            board,
            catalogs,
            sql_address,
            http_address,
            ingest_stop,
            serve_stop,
            failures,
            ingest,
            serve,
            tasks,
            threads: running,
        })
    }

    pub fn board(&self) -> &Board {
        &self.board
    }

    pub fn catalogs(&self) -> Catalogs {
        self.catalogs.clone()
    }

    /// Replaces the catalog.
    pub async fn put(&self, catalog: Catalog) {
        self.catalogs.put(catalog).await;
    }

    pub fn sql_address(&self) -> SocketAddr {
        self.sql_address
    }

    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Resolves when a part of the worker failed, with the reason.
    pub async fn failure(&mut self) -> anyhow::Error {
        self.failures.recv().await.unwrap_or_else(|| anyhow!("a part of the worker ended"))
    }

    /// Runs until told to stop, or until a part fails, and then stops the rest.
    pub async fn run_until(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let failure = tokio::select! {
            () = stop.cancelled() => None,
            failure = self.failure() => Some(failure),
        };
        self.stop().await;
        failure.map_or(Ok(()), Err)
    }

    /// Stops in the order of the data: no more events in, what is in is written and synced, readers are let go.
    pub async fn stop(self) {
        self.ingest_stop.cancel();
        self.ingest.await.ok();
        self.serve_stop.send_replace(true);
        self.serve.await.ok();
        self.tasks.iter().for_each(|task| task.abort());
        for task in self.tasks {
            task.await.ok();
        }
        // The last senders to the applier and the coordinator go with these; their threads then end by themselves.
        drop(self.catalogs);
        let threads = self.threads;
        tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())))
            .await
            .ok();
    }
}

/// Starts a thread whose failure, or panic, ends the process with its reason.
fn thread(
    name: &str,
    failed: mpsc::Sender<anyhow::Error>,
    body: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let part = name.to_owned();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            let failure = match outcome {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.context(format!("the {part} stopped")),
                Err(_) => anyhow!(
                    "the {part} panicked: this is a defect of Offtake; the data in the store is intact"
                ),
            };
            failed.blocking_send(failure).ok();
        })
        .with_context(|| format!("starting the {name} thread"))
}

/// Takes the catalogs that come over HTTP.
async fn take_puts(mut puts: mpsc::Receiver<PutCatalog>, catalogs: Catalogs) {
    while let Some(PutCatalog { catalog, answer }) = puts.recv().await {
        catalogs.put(catalog).await;
        answer.send(Ok(())).ok();
    }
}

/// Posts the counters, which change too often to be posted where they change.
async fn count(board: Board, counters: Arc<Counters>) {
    use std::sync::atomic::Ordering::Relaxed;
    loop {
        tokio::time::sleep(COUNT_EVERY).await;
        board.post(|status| {
            status.source.changes_applied = counters.changes.load(Relaxed);
            status.source.transactions_applied = counters.transactions.load(Relaxed);
        });
    }
}
