//! The two listeners and their end.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, thread, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use pgwire::api::RandomPidSecretKeyGenerator;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    config::{Auth, Config, Shared},
    error::BindError,
    http,
    memory::Memory,
    metrics::Metrics,
    pool::Pool,
    published::Publisher,
    sql::{self, Cancels, Core, Gate, Roster},
    tls,
};

/// How long connections may take to end once they were told to.
const DRAIN: Duration = Duration::from_secs(6);

/// The edge, listening; [`Server::run`] serves.
pub struct Server {
    sql: TcpListener,
    http: TcpListener,
    core: Arc<Core>,
    http_state: http::State,
    http_address: SocketAddr,
}

/// Opens both listeners.
///
/// # Errors
/// Refuses to be open to a network without authentication; fails on addresses that are taken and on certificates that can't be used.
pub fn bind(config: Config, shared: Shared) -> BoxFuture<'static, Result<Server, BindError>> {
    open(config, shared).boxed()
}

async fn open(config: Config, shared: Shared) -> Result<Server, BindError> {
    if matches!(config.auth, Auth::Trust) && !config.sql_listen.ip().is_loopback() {
        return Err(BindError::SqlOpen(config.sql_listen));
    }
    if config.http_token.is_none() && !config.http_listen.ip().is_loopback() {
        return Err(BindError::HttpOpen(config.http_listen));
    }
    let gate = Gate::new(&config.auth, config.tls.as_ref())?;
    let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let (sql, listens) = listen("SQL", config.sql_listen).await?;
    let (http, http_address) = listen("HTTP", config.http_listen).await?;
    let metrics = Metrics::register(&shared.registry)?;
    let threads = thread::available_parallelism().map_or(4, |cores| (cores.get() * 2).max(4));
    let roles = match &config.auth {
        Auth::Trust => BTreeSet::new(),
        Auth::Scram { users } => users.iter().map(|(user, _)| user.clone()).collect(),
    };
    let core = Core {
        results: shared.results,
        publisher: Publisher::new(shared.relations, shared.views, roles),
        status: shared.status.clone(),
        pool: Pool::start(threads).map_err(BindError::Threads)?,
        memory: Memory::new(config.query_memory),
        gate,
        cancels: Cancels::default(),
        roster: Roster::default(),
        started: sql::now(),
        metrics: metrics.clone(),
        tls: acceptor,
        tls_required: config.tls.as_ref().is_some_and(|tls| tls.required),
        wait_timeout: config.wait_timeout,
        statement_timeout: config.statement_timeout,
        server_version: format!("15.0 (Offtake {})", config.version),
    };
    let http_state = http::State {
        status: shared.status,
        catalog: shared.catalog,
        token: config.http_token,
        metrics,
        version: config.version,
        sql_address: listens,
    };
    Ok(Server { sql, http, core: Arc::new(core), http_state, http_address })
}

async fn listen(protocol: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let wrong = |source| BindError::Listen { protocol, address, source };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

impl Server {
    /// Where the PostgreSQL protocol is served.
    pub fn sql_address(&self) -> SocketAddr {
        self.http_state.sql_address
    }

    /// Where HTTP is served.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Serves until `shutdown` is true or its sender is gone. Then idle sessions end at once, and running statements within five
    /// seconds.
    ///
    /// Boxed, because an `async fn` is compiled by the crate that awaits it.
    pub fn run(self, shutdown: watch::Receiver<bool>) -> BoxFuture<'static, ()> {
        self.serve(shutdown).boxed()
    }

    async fn serve(self, shutdown: watch::Receiver<bool>) {
        let http = tokio::spawn(http::serve(self.http, self.http_state, shutdown.clone()));
        let pids = Arc::new(RandomPidSecretKeyGenerator::default());
        let mut clients = JoinSet::new();
        let mut stop = shutdown.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.sql.accept() => accepted,
                Some(ended) = clients.join_next() => {
                    report(ended);
                    continue;
                }
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    clients.spawn(sql::serve(stream, self.core.clone(), pids.clone(), shutdown.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: wait for some to come back instead of spinning.
                    tracing::warn!(%error, "accepting a SQL client");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.sql);
        let drained = async { while clients.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("SQL clients that did not end in time are cut off");
            clients.abort_all();
        }
        if let Err(error) = http.await {
            tracing::error!(%error, "the HTTP server ended badly");
        }
    }
}

fn report(ended: Result<std::io::Result<()>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a SQL client's connection broke"),
        Err(error) if error.is_panic() => tracing::error!(%error, "serving a SQL client panicked"),
        Err(_) => {}
    }
}
