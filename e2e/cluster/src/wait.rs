//! Waits for conditions, never for a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Asks until the answer is `Ok`, or fails after the deadline with what was waited for and the last answer.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if start.elapsed() > deadline => bail!("waited {deadline:?} for {what}: {error:#}"),
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}
