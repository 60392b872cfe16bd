//! The HTTP API: the state of the worker, the catalog that it should have, metrics, probes and a page.
//!
//! | path | answers |
//! |---|---|
//! | `GET /v1/status[?after=REVISION&timeout=SECONDS]` | the status as JSON; with `after`, once its revision is larger |
//! | `PUT /v1/catalog` | takes a whole catalog: 200, or 422 with every wrong field |
//! | `GET /metrics` | Prometheus' text format |
//! | `GET /livez`, `/readyz` | 200 or 503 |
//! | `GET /` | a page for people |

mod catalog;
mod page;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{self, DefaultBodyLimit, Query},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, put},
};
use offtake_contract::{Secret, Status};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::{config::PutCatalog, metrics::Metrics};

/// A catalog of some ten thousand tables with long queries.
const LARGEST_CATALOG: usize = 32 << 20;

/// What a long poll waits at most, and by default, in seconds.
const LONGEST_POLL: u64 = 300;
const DEFAULT_POLL: u64 = 30;

/// What the handlers share.
#[derive(Clone)]
pub struct State {
    pub status: watch::Receiver<Arc<Status>>,
    pub catalog: Option<mpsc::Sender<PutCatalog>>,
    pub token: Option<Secret>,
    pub metrics: Metrics,
    pub version: String,
    pub sql_address: SocketAddr,
}

#[derive(Clone)]
struct App {
    state: Arc<State>,
    stop: watch::Receiver<bool>,
}

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, state: State, shutdown: watch::Receiver<bool>) {
    let app = App { state: Arc::new(state), stop: shutdown.clone() };
    let router = Router::new()
        .route("/", get(page))
        .route("/v1/status", get(status))
        .route("/v1/catalog", put(catalog::put))
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .layer(DefaultBodyLimit::max(LARGEST_CATALOG))
        .with_state(app);
    let mut stop = shutdown;
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let result = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
    if let Err(error) = result {
        tracing::error!(%error, "the HTTP listener failed");
    }
}

/// An answer that says no, where a handler ends early with it.
pub(super) struct Refused(Box<Response>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// An answer with an error as JSON: what is wrong, and what to do.
fn refuse(code: StatusCode, message: &str, hint: &str) -> Response {
    (code, Json(json!({ "error": message, "hint": hint }))).into_response()
}

impl App {
    /// The caller must show the bearer token where one is configured.
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(token) = &self.state.token else { return Ok(()) };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        if same(given.trim().as_bytes(), token.expose().as_bytes()) {
            return Ok(());
        }
        let mut response = refuse(
            StatusCode::UNAUTHORIZED,
            "a bearer token is required",
            "Send Authorization: Bearer TOKEN.",
        );
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        Err(Refused(Box::new(response)))
    }
}

/// Compares in a time that does not tell where two secrets differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[derive(Deserialize)]
struct Poll {
    after: Option<u64>,
    timeout: Option<u64>,
}

async fn status(
    extract::State(app): extract::State<App>,
    Query(poll): Query<Poll>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    app.authorize(&headers)?;
    let mut watched = app.state.status.clone();
    if let Some(after) = poll.after {
        let timeout = Duration::from_secs(poll.timeout.unwrap_or(DEFAULT_POLL).min(LONGEST_POLL));
        let mut stop = app.stop.clone();
        tokio::select! {
            _ = watched.wait_for(|status| status.revision > after) => {}
            () = tokio::time::sleep(timeout) => {}
            // A worker that stops does not keep its operator waiting.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
    let status = watched.borrow().clone();
    Ok(Json(&*status).into_response())
}

async fn metrics(extract::State(app): extract::State<App>) -> Response {
    match app.state.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), ""),
    }
}

/// Ready: a catalog was taken up and something is readable. A source that is lost later leaves it ready, for its last state is served.
async fn ready(extract::State(app): extract::State<App>) -> Response {
    let status = app.state.status.borrow().clone();
    if status.generation > 0 && status.source.lsn.is_some() {
        return "ok\n".into_response();
    }
    let why = match &status.source.problem {
        _ if status.generation == 0 => "no catalog was taken up yet".to_owned(),
        Some(problem) => problem.to_string(),
        None => format!("nothing is readable yet: the source is {:?}", status.source.phase),
    };
    (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response()
}

async fn page(extract::State(app): extract::State<App>, headers: HeaderMap) -> Result<Response, Refused> {
    app.authorize(&headers)?;
    let status = app.state.status.borrow().clone();
    Ok(Html(page::render(&status, &app.state.version, app.state.sql_address)).into_response())
}
