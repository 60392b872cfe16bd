//! What the edge is given: addresses and rules, and the handles on what it shows.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use offtake_contract::{Catalog, Secret, Status};
use offtake_lir::CollectionId;
use offtake_plan::Relations;
use offtake_results::Results;
use tokio::sync::{mpsc, oneshot, watch};

use crate::memory;

/// Where to listen and whom to let in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The PostgreSQL protocol. Port 0 takes a free one: [`crate::Server::sql_address`] tells which.
    pub sql_listen: SocketAddr,
    /// The HTTP API, the metrics and the page.
    pub http_listen: SocketAddr,
    pub auth: Auth,
    /// TLS of the PostgreSQL protocol; without it a client's request for TLS is declined.
    pub tls: Option<Tls>,
    /// The bearer token that `/` and `/v1/*` ask for. Without one `http_listen` must be a loopback address.
    pub http_token: Option<Secret>,
    /// The default of `offtake.wait_timeout`: how long a session waits for an LSN to become readable.
    pub wait_timeout: Duration,
    /// The default of `statement_timeout`; `None` is no limit.
    pub statement_timeout: Option<Duration>,
    /// What queries may take, from their evaluation until their rows are sent, all together, in bytes.
    pub query_memory: usize,
    /// Offtake's version, as clients see it in `server_version`.
    pub version: String,
}

impl Config {
    /// What a laptop wants: loopback only, no password, no TLS, waits of 30 seconds, a quarter of the memory for queries.
    pub fn loopback(sql_port: u16, http_port: u16) -> Config {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Config {
            sql_listen: at(sql_port),
            http_listen: at(http_port),
            auth: Auth::Trust,
            tls: None,
            http_token: None,
            wait_timeout: Duration::from_secs(30),
            statement_timeout: None,
            query_memory: memory::default_limit(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// How clients of the PostgreSQL protocol prove who they are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Any user without a password. Refused on anything but a loopback address.
    Trust,
    /// SCRAM-SHA-256 (RFC 5802, 7677), with channel binding where TLS is configured.
    Scram { users: Vec<(String, Secret)> },
}

/// A certificate for the PostgreSQL protocol.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM: the server's certificate first, then its issuers.
    pub certificate_chain: String,
    /// PEM: PKCS#8, PKCS#1 or SEC1.
    pub private_key: Secret,
    /// Whether clients without TLS are turned away.
    pub required: bool,
}

/// Handles on what the edge shows. All of them are only read, but for `catalog`.
pub struct Shared {
    pub results: Arc<Results>,
    /// Every table and view that can be named in SQL. The `offtake.*` relations are added here, not by the owner.
    pub relations: watch::Receiver<Arc<Relations>>,
    /// The text of each view, for EXPLAIN and for `\d+`.
    pub views: watch::Receiver<Arc<BTreeMap<CollectionId, ViewText>>>,
    pub status: watch::Receiver<Arc<Status>>,
    /// Where `PUT /v1/catalog` hands its catalog to; `None` where the catalog comes from elsewhere (`offtake up`).
    pub catalog: Option<mpsc::Sender<PutCatalog>>,
    /// The edge registers its own metrics here, and `/metrics` prints all of it.
    pub registry: prometheus::Registry,
}

/// A view's definition and its plan, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewText {
    /// The View's query.
    pub query: String,
    /// Its LIR as `offtake_lir::explain` prints it.
    pub plan: String,
    /// The tables and views that it reads.
    pub reads: Vec<CollectionId>,
}

/// A catalog that came over HTTP, and where its answer is waited for.
#[derive(Debug)]
pub struct PutCatalog {
    pub catalog: Catalog,
    pub answer: oneshot::Sender<Result<(), CatalogRefused>>,
}

/// The catalog was not taken up; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRefused {
    pub problems: Vec<FieldProblem>,
}

/// One field of a catalog that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldProblem {
    /// The path, such as `tables[3].name`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> FieldProblem {
        FieldProblem { field: field.into(), message: message.into() }
    }
}
