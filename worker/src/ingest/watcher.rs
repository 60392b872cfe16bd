//! Watches what the stream does not tell: the upstream's catalog, the slot, and how far behind we are.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::{Catalog, Lsn};
use offtake_postgres::{
    fence::{self, Watched},
    session, slot,
};

use super::{
    Ingest, SessionError,
    applier::Message,
    records::{TableRecord, TableState},
    tables,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks again and again until the session ends.
pub async fn run(ingest: Ingest, catalog: Arc<Catalog>) -> Result<(), SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {} watch", ingest.records.worker_id()?);
    let sql = session::connect(&source.connection, &name).await?;
    let mut lag = LagClock::new(ingest.board.unseen_lag().map(|(_, seconds)| seconds));
    loop {
        let end = session::current_wal_lsn(&sql).await?;
        let state = slot::state(&sql, &source.slot).await?;
        let readable = ingest.board.read().source.lsn.unwrap_or_default();
        let seconds = lag.observe(Instant::now(), end, readable);
        ingest.board.saw_lag(seconds);
        ingest.board.post(|status| {
            status.source.lag.bytes = Some(end.0.saturating_sub(readable.0));
            status.source.lag.seconds = Some(seconds);
            if let Some(state) = state {
                status.source.slot.confirmed_lsn = state.confirmed_flush;
                status.source.slot.retained_bytes = state.retained_bytes;
                status.source.slot.wal_status = state.wal_status;
            }
        });
        let known = ingest.known.borrow().clone();
        for record in
            known.iter().filter(|record| matches!(record.state, TableState::Live | TableState::Copying))
        {
            look_at(&ingest, &sql, &source.publication, record).await?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Compares one table's upstream with what it was, and tells the applier what that means.
async fn look_at(
    ingest: &Ingest,
    sql: &session::Session,
    publication: &str,
    record: &TableRecord,
) -> Result<(), SessionError> {
    let Some(layout) = &record.layout else { return Ok(()) };
    let Some(before) = &layout.fence else { return Ok(()) };
    let watched = Watched {
        oid: layout.oid,
        schema: record.definition.upstream_schema.clone(),
        name: record.definition.upstream_table.clone(),
    };
    let after = fence::observe(sql, publication, &[watched]).await?;
    let changes = fence::compare(before, &after);
    if changes.is_empty() {
        return Ok(());
    }
    let consequences: Vec<_> =
        changes.iter().map(|change| tables::consequence(record, change, after.observed_at)).collect();
    let altered = consequences.iter().any(|consequence| consequence.altered);
    let stop = consequences.iter().find_map(|consequence| consequence.stop.clone());
    let drift = consequences.into_iter().map(|consequence| consequence.drift).collect();
    let told = ingest.reserve().await?;
    let mut copied = ingest.copied.lock();
    if stop.is_some() && record.state == TableState::Copying {
        // What is missing from the stream is in the next copy.
        copied.doubt(record.id);
    }
    told.send(Message::Observed { id: record.id, fence: Box::new(after), drift, stop, altered });
    Ok(())
}

/// Tells how long ago the upstream was where the readable state is now.
struct LagClock {
    /// Ends of the log that are not readable yet, with the time when they were seen first.
    ahead: VecDeque<(Instant, Lsn)>,
    /// The lag before the first look, in seconds: what is unreadable then may be as old.
    before: Option<f64>,
}

impl LagClock {
    fn new(before: Option<f64>) -> LagClock {
        LagClock { ahead: VecDeque::new(), before }
    }

    /// Seconds behind; 0 when everything seen is readable.
    fn observe(&mut self, now: Instant, end: Lsn, readable: Lsn) -> f64 {
        let before = self.before.take().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if self.ahead.back().is_none_or(|(_, last)| *last < end) {
            let since = before.and_then(|before| now.checked_sub(before)).unwrap_or(now);
            self.ahead.push_back((since, end));
        }
        while self.ahead.front().is_some_and(|(_, lsn)| *lsn <= readable) {
            self.ahead.pop_front();
        }
        self.ahead.front().map_or(0.0, |(since, _)| now.duration_since(*since).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_oldest_end_that_is_not_readable() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut lag = LagClock::new(None);
        assert_eq!(lag.observe(at(0), Lsn(100), Lsn(100)), 0.0);
        assert_eq!(lag.observe(at(1), Lsn(200), Lsn(100)), 0.0);
        assert_eq!(lag.observe(at(4), Lsn(300), Lsn(150)), 3.0);
        assert_eq!(lag.observe(at(5), Lsn(300), Lsn(200)), 1.0);
        assert_eq!(lag.observe(at(9), Lsn(300), Lsn(300)), 0.0);
    }

    #[test]
    fn a_backlog_after_an_outage_is_as_old_as_the_outage() {
        let start = Instant::now() + Duration::from_secs(1000);
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut lag = LagClock::new(Some(60.0));
        assert_eq!(lag.observe(at(0), Lsn(200), Lsn(100)), 60.0);
        assert_eq!(lag.observe(at(1), Lsn(300), Lsn(150)), 61.0);
        assert_eq!(lag.observe(at(3), Lsn(300), Lsn(200)), 2.0);
        // Nothing came meanwhile: there is no backlog.
        assert_eq!(LagClock::new(Some(60.0)).observe(at(0), Lsn(100), Lsn(100)), 0.0);
    }
}
