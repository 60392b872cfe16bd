//! Waits for conditions.

use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::Instant;

/// Long enough for a busy machine with two cores; what should be quick is quick and does not use it up.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Asks until the answer is `Some`, or fails after [`DEADLINE`] with what was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: impl Display, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
