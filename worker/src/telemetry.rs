//! Logs: to standard error, filtered by `OFFTAKE_LOG` (as `RUST_LOG` elsewhere).

use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};

use indicatif::MultiProgress;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// What is drawn on the terminal meanwhile.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Starts logging for this process: what `OFFTAKE_LOG` says, else this level and above. A second call does nothing.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("OFFTAKE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let layer = fmt::layer().with_writer(|| Beside).with_target(false);
    tracing_subscriber::registry().with(filter).with(layer).try_init().ok();
}

/// From now on, lines of the log stand above these bars instead of between them.
pub fn beside(bars: MultiProgress) {
    BARS.set(bars).ok();
}

/// Standard error; where bars are drawn on the same terminal, by way of them.
struct Beside;

impl Write for Beside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match BARS.get() {
            Some(bars) if io::stderr().is_terminal() => {
                bars.println(String::from_utf8_lossy(line).trim_end())?;
                Ok(line.len())
            }
            _ => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
