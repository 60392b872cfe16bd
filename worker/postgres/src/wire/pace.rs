//! When to wait a little before reading on.
//!
//! A walsender makes one `send()` of every message. Read eagerly, a backlog therefore costs both sides a system call and a wake-up per
//! change; left alone for some milliseconds, the socket gathers what then is one read. That more than doubles the rate of a
//! backlog of small transactions, and would add latency where there is no backlog: so the pause follows the lag.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_millis(20);
/// A lag below this one is none: a commit's flush takes as long.
const CAUGHT_UP_MICROS: i64 = 10_000;

/// Knows the lag: the time between the commit of what is being received and its sending. Both are the server's clock, and both are
/// in the stream.
#[derive(Debug, Default)]
pub(super) struct Pace {
    committed: Option<i64>,
    sent: i64,
}

impl Pace {
    /// A message was sent at `micros`, since 2000.
    pub(super) fn sent(&mut self, micros: i64) {
        self.sent = micros;
    }

    /// The transaction that is being received was committed at `micros`, since 2000.
    pub(super) fn committed(&mut self, micros: i64) {
        self.committed = Some(micros);
    }

    /// How long to leave the socket alone after it was read empty. None where we are caught up.
    pub(super) fn pause(&self) -> Option<Duration> {
        let lag = self.sent.saturating_sub(self.committed?);
        if lag < CAUGHT_UP_MICROS {
            return None;
        }
        Some(Duration::from_micros(lag.unsigned_abs() / 5).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_only_while_lagging() {
        let mut pace = Pace::default();
        assert_eq!(pace.pause(), None);
        pace.committed(5_000_000);
        pace.sent(5_000_900);
        assert_eq!(pace.pause(), None, "caught up");
        pace.sent(5_050_000);
        assert_eq!(pace.pause(), Some(Duration::from_millis(10)));
        pace.sent(9_000_000);
        assert_eq!(pace.pause(), Some(LONGEST));
        pace.sent(0);
        assert_eq!(pace.pause(), None, "clocks may step back");
    }
}
