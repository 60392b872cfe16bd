//! One session with the upstream: from the first connection to its end.

use std::sync::Arc;

use offtake_contract::{Catalog, Lsn, OnLost, SourcePhase};
use offtake_postgres::{
    error::PgError,
    preflight, slot, timeline,
    wire::{ReplicationClient, ReplicationStream, SlotKind, SystemIdentity, Values},
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Ingest, SessionError, applier::Message, copier, problems, records::SourceRecord, watcher};

/// What the stream says of a publication that is missing.
const UNDEFINED_OBJECT: &str = "42704";
/// From 18 on it passes over what was written without the publication.
const SKIPS_MISSING: u32 = 180_000;

/// Runs until the connection fails, the source's definition changes (`Ok`) or the worker stops (`Ok`).
pub async fn run(
    ingest: &mut Ingest,
    catalog: &Arc<Catalog>,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    ingest.board.post(|status| {
        if status.source.phase != SourcePhase::Retrying && status.source.phase != SourcePhase::Failed {
            status.source.phase = SourcePhase::Connecting;
        }
    });
    let mut stream = tokio::select! {
        stream = begin(ingest, catalog) => stream?,
        () = stop.cancelled() => return Ok(()),
    };
    ingest.tell(Message::Stream(stream.feedback())).await?;
    ingest.board.post(|status| {
        status.source.phase = SourcePhase::Streaming;
        status.source.problem = None;
    });
    tracing::info!(source = catalog.source.object, slot = catalog.source.slot, "streaming");
    let ended = {
        let copier = copier::run(ingest.clone(), catalog.clone());
        let watcher = watcher::run(ingest.clone(), catalog.clone());
        let changed = source_changed(ingest.catalog.clone(), catalog.clone());
        tokio::select! {
            ended = pump(&mut stream, ingest, &catalog.source.publication) => ended,
            ended = copier => ended,
            ended = watcher => ended,
            () = changed => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    };
    if ended.is_ok() {
        // Frees the slot at once; a failure here only means that the server frees it later.
        tokio::time::timeout(std::time::Duration::from_secs(5), stream.stop()).await.ok();
    }
    ended
}

/// Hands the stream on. Waiting here when the applier is behind is what holds the upstream back.
async fn pump(
    stream: &mut ReplicationStream,
    ingest: &Ingest,
    publication: &str,
) -> Result<(), SessionError> {
    loop {
        match stream.next_batch().await {
            Ok(events) => ingest.tell(Message::Events(events)).await?,
            Err(error) => {
                if stream.server_version() < SKIPS_MISSING && error.sqlstate() == Some(UNDEFINED_OBJECT) {
                    without_publication(ingest, publication)?;
                }
                return Err(error.into());
            }
        }
    }
}

/// Remembers that the stream met a part of the log that was written without the publication. 17 and older look it up in the catalog as it was
/// then, and never get past: a publication created again, which is all that a later session sees, does not help the slot.
fn without_publication(ingest: &Ingest, publication: &str) -> Result<(), SessionError> {
    let Some(record) = ingest.records.source()? else { return Ok(()) };
    let severed = format!(
        "publication \"{publication}\" did not exist when what follows in the log was written, and PostgreSQL 17 and older cannot read past that"
    );
    Ok(ingest.records.put_source(&SourceRecord { severed: Some(severed), ..record })?)
}

/// Returns when a newer catalog has another source: tables and views alone do not end a session.
async fn source_changed(
    mut catalogs: tokio::sync::watch::Receiver<Option<Arc<Catalog>>>,
    catalog: Arc<Catalog>,
) {
    let other =
        |wanted: &Option<Arc<Catalog>>| wanted.as_ref().is_none_or(|wanted| wanted.source != catalog.source);
    if catalogs.wait_for(other).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Connects, checks, and starts the stream where the store ends.
async fn begin(ingest: &Ingest, catalog: &Catalog) -> Result<ReplicationStream, SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {}", ingest.records.worker_id()?);
    // What the last session brought may still wait to be applied; a stream that began before its end would bring it twice.
    let (reply, settled) = oneshot::channel();
    ingest.tell(Message::Settle { reply }).await?;
    let applied = settled.await.map_err(|_| SessionError::Gone)?;
    let sql = offtake_postgres::session::connect(&source.connection, &name).await?;
    let found = preflight::preflight(&sql, &source.publication, &source.slot, &[]).await?;
    // Whether the slot will do is judged below: one that is lost may be made again.
    let fatal = found.findings.iter().find(|finding| finding.fatal && finding.check != "slot");
    if let Some(problem) = fatal.and_then(|finding| finding.problem.clone()) {
        return Err(SessionError::Stands(problem));
    }
    let mut client = ReplicationClient::connect(&source.connection, &name).await?;
    let identity = client.identify_system().await?;
    let system_identifier = identity.system_identifier.clone();
    ingest.board.post(|status| {
        status.source.server_version = Some(found.server_version);
        status.source.system_identifier = Some(system_identifier.clone());
    });

    let record = ingest.records.source()?;
    if let Some(record) = &record {
        fits(record, catalog, &system_identifier)?;
    }
    let state = slot::state(&sql, &source.slot).await?;
    if let Some(pid) = state.as_ref().and_then(|state| state.active_pid) {
        // A connection of this very worker that the server has not given up yet (after a crash, say).
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2",
            &[&pid, &name],
        )
        .await
        .ok();
    }
    // A store that never got to the slot's beginning has nothing to lose.
    let durable = (record.is_some() && applied > Lsn(0)).then_some(applied);
    let severed = match &record {
        // Without rows and without the slot there is nothing to go on from.
        Some(record) if record.severed.is_some() && (durable.is_some() || state.is_some()) => {
            record.severed.clone()
        }
        _ => branched(&mut client, &identity, record.as_ref(), durable).await?,
    };
    if record.as_ref().is_some_and(|record| record.timeline != Some(identity.timeline)) {
        let told = ingest.reserve().await?;
        ingest.copied.lock().clear();
        told.send(Message::ForgetCopies);
    }
    if let (Some(record), Some(_)) = (&record, &severed) {
        ingest.records.put_source(&SourceRecord { severed: severed.clone(), ..record.clone() })?;
    }
    let lost = match &state {
        _ if severed.is_some() => severed,
        None => durable.map(|_| "it does not exist any more".to_owned()),
        Some(state) => match state.check(&source.connection.database, durable) {
            Ok(()) => None,
            Err(error @ (PgError::SlotLost { .. } | PgError::SlotAhead { .. })) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        },
    };
    if let Some(why) = &lost {
        if source.on_lost == OnLost::Stop {
            return Err(SessionError::Stands(problems::slot_lost(&source.slot, why, applied)));
        }
        // Versions of the tables are numbered by the log's positions, which must not go back.
        if identity.wal_position < applied {
            return Err(SessionError::Stands(problems::log_behind(identity.wal_position, applied)));
        }
        tracing::warn!(slot = source.slot, "{why}: making the slot again and copying every table again");
        if state.is_some() {
            slot::drop(&sql, &source.slot).await?;
        }
    }
    if state.is_none() || lost.is_some() {
        let created = client.create_slot(&source.slot, SlotKind::Permanent, false).await?;
        tracing::info!(slot = source.slot, at = %created.consistent_point, "slot created");
        let recopy = lost.is_some() || record.is_some();
        if recopy {
            ingest.copied.lock().clear();
        }
        let (reply, made) = oneshot::channel();
        ingest.tell(Message::Slot { at: created.consistent_point, recopy, reply }).await?;
        // What is remembered of the source below must not be ahead of the tables.
        made.await.map_err(|_| SessionError::Gone)?;
    }
    let identified = SourceRecord {
        system_identifier,
        database: source.connection.database.clone(),
        publication: source.publication.clone(),
        slot: source.slot.clone(),
        timeline: Some(identity.timeline),
        severed: None,
    };
    if record.as_ref() != Some(&identified) {
        ingest.records.put_source(&identified)?;
    }
    let from = if lost.is_some() { Lsn(0) } else { applied };
    Ok(client.start(&source.slot, from, &source.publication, Values::Text).await?)
}

/// Why the server's log is not a continuation of what was applied: it was restored to an earlier state, or a standby was promoted that
/// lacked the end. Its slots may look in order all the same.
async fn branched(
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

/// Whether the stored tables may be continued from this upstream.
fn fits(record: &SourceRecord, catalog: &Catalog, system_identifier: &str) -> Result<(), SessionError> {
    let source = &catalog.source;
    let problem = if record.system_identifier != system_identifier {
        problems::other_system(&record.system_identifier, system_identifier)
    } else if record.database != source.connection.database {
        problems::source_changed("database", &record.database, &source.connection.database)
    } else if record.publication != source.publication {
        problems::source_changed("publication", &record.publication, &source.publication)
    } else if record.slot != source.slot {
        problems::source_changed("slot.name", &record.slot, &source.slot)
    } else {
        return Ok(());
    };
    Err(SessionError::Stands(problem))
}
