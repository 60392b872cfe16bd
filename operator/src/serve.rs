//! `/livez`, `/readyz` and `/metrics` of the operator.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// Ready: this replica leads, or stands by to. Both are well.
pub type Readiness = Arc<AtomicBool>;

pub async fn serve(address: SocketAddr, ready: Readiness, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let ready = ready.load(Ordering::Relaxed);
                std::future::ready(if ready {
                    (StatusCode::OK, "ok\n")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "the API server was not reached yet\n")
                })
            }),
        )
        .route("/metrics", get(text));
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn text() -> Result<String, StatusCode> {
    metrics::text().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
