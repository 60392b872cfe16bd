//! Which branch of history the stored rows are of: timelines.

use std::{sync::Arc, time::Duration};

use offtake_contract::{Catalog, Lsn};
use offtake_postgres::{
    timeline,
    wire::{ReplicationClient, SystemIdentity},
};

use super::{Ingest, SessionError, records::SourceRecord, session::within};

const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why the server's log is not a continuation of what was applied: it was restored to an earlier state, or a standby was promoted that
/// lacked the end. Its slots may look in order all the same.
pub async fn branched(
    client: &mut ReplicationClient,
    identity: &SystemIdentity,
    record: Option<&SourceRecord>,
    durable: Option<Lsn>,
) -> Result<Option<String>, SessionError> {
    let (Some(durable), Some(record)) = (durable, record) else { return Ok(None) };
    if identity.wal_position < durable {
        let end = identity.wal_position;
        return Ok(Some(format!(
            "the server's log ends at {end}, before {durable}: it was restored to an earlier state"
        )));
    }
    let now = identity.timeline;
    let Some(known) = record.timeline.filter(|known| *known != now) else { return Ok(None) };
    let history = client.timeline_history(now).await?;
    Ok(match timeline::left(&history, known) {
        Some(left) if left >= durable => None,
        Some(left) => Some(format!(
            "the server went on with timeline {now} from {left}, before {durable}: what was applied since never happened there"
        )),
        None => Some(format!("the server is on timeline {now}, which does not come from timeline {known}")),
    })
}

/// Remembers the timeline that an unbroken stream has gone over to. Only a standby goes over without a restart: it follows its primary's
/// successor, or is promoted itself. Whatever it sent before, it had applied, so that is common to both timelines; a later session cannot
/// know that any more, and would take the rows for those of a branch that the server left.
///
/// The timeline counts only if it was asked of the server that the stream comes from: where the stream's process holds the slot. Until the
/// next look after a change, a session that breaks still ends in `SlotLost`.
pub async fn follow(
    ingest: Ingest,
    catalog: Arc<Catalog>,
    stream_pid: i32,
    standby: bool,
) -> Result<(), SessionError> {
    if !standby {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let timeline = match within(look(&ingest, &catalog, stream_pid)).await {
            Ok(timeline) => timeline,
            Err(error) => {
                tracing::debug!("cannot read the timeline: {}", error.problem());
                continue;
            }
        };
        let (Some(timeline), Some(record)) = (timeline, ingest.records.source()?) else { continue };
        if record.timeline.is_some_and(|known| known < timeline) {
            tracing::info!(source = catalog.source.object, "the server went on with timeline {timeline}");
            ingest.records.put_source(&SourceRecord { timeline: Some(timeline), ..record })?;
        }
    }
}

/// The timeline of the server that the stream comes from; `None` where this is another server.
async fn look(ingest: &Ingest, catalog: &Catalog, stream_pid: i32) -> Result<Option<u32>, SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {} history", ingest.records.worker_id()?);
    let mut client = ReplicationClient::connect(&source.connection, &name).await?;
    let timeline = client.identify_system().await?.timeline;
    // After the timeline: the stream was unbroken until then.
    let same = client.reader_of(&source.slot).await? == Some(stream_pid);
    client.close().await;
    Ok(same.then_some(timeline))
}
