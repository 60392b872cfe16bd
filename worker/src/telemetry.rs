//! Logs: to standard error, filtered by `OFFTAKE_LOG` (as `RUST_LOG` elsewhere; default `info`).

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging for this process. A second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("OFFTAKE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(filter).with(layer).try_init().ok();
}
