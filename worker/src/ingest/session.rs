//! One session with the upstream: from the first connection to its end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use offtake_contract::{Catalog, Lsn, OnLost, SourcePhase};
use offtake_postgres::{
    error::PgError,
    preflight,
    session::Session,
    slot::{self, SlotState},
    wire::{ReplicationClient, ReplicationStream, Values},
};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Ingest, SessionError,
    applier::Message,
    copier,
    creation::{Purpose, create_slot},
    history, problems,
    records::SourceRecord,
    watcher,
};

/// What the stream says of a publication that is missing.
const UNDEFINED_OBJECT: &str = "42704";
/// From 18 on it passes over what was written without the publication.
const SKIPS_MISSING: u32 = 180_000;
/// How long one step of a session's beginning may take.
const STEP: Duration = Duration::from_secs(60);
/// How long a farewell may take: what it leaves undone, the server does later.
const GIVING_UP: Duration = Duration::from_secs(5);
/// How long a server may take to end a connection, and how often to look.
const LETTING_GO: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    let making = AtomicBool::new(false);
    let begun = tokio::select! {
        begun = begin(ingest, catalog, &making) => Some(begun?),
        () = source_changed(ingest.catalog.clone(), catalog.clone()) => None,
        () = stop.cancelled() => None,
    };
    let Some((mut stream, standby)) = begun else {
        if making.into_inner() {
            timeout(GIVING_UP, give_up_slot(ingest, catalog)).await.ok();
        }
        return Ok(());
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
        let history = history::follow(ingest.clone(), catalog.clone(), stream.server_pid(), standby);
        tokio::select! {
            ended = pump(&mut stream, ingest, &catalog.source.publication) => ended,
            ended = copier => ended,
            ended = watcher => ended,
            ended = history => ended,
            () = changed => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    };
    if ended.is_ok() {
        // Frees the slot at once; a failure here only means that the server frees it later.
        timeout(GIVING_UP, stream.stop()).await.ok();
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

/// Connects, checks, and starts the stream where the store ends. Tells whether it comes from a standby.
async fn begin(
    ingest: &Ingest,
    catalog: &Catalog,
    making: &AtomicBool,
) -> Result<(ReplicationStream, bool), SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {}", ingest.records.worker_id()?);
    // What the last session brought may still wait to be applied; a stream that began before its end would bring it twice.
    let (reply, settled) = oneshot::channel();
    ingest.tell(Message::Settle { reply }).await?;
    let applied = settled.await.map_err(|_| SessionError::Gone)?;
    let sql = within(offtake_postgres::session::connect(&source.connection, &name)).await?;
    let found = within(preflight::preflight(&sql, &source.publication, &source.slot, &[])).await?;
    // Whether the slot will do is judged below: one that is lost may be made again.
    let fatal = found.findings.iter().find(|finding| finding.fatal && finding.check != "slot");
    if let Some(problem) = fatal.and_then(|finding| finding.problem.clone()) {
        return Err(SessionError::Stands(problem));
    }
    let mut client = within(ReplicationClient::connect(&source.connection, &name)).await?;
    let identity = within(client.identify_system()).await?;
    let system_identifier = identity.system_identifier.clone();
    ingest.board.post(|status| {
        status.source.server_version = Some(found.server_version);
        status.source.system_identifier = Some(system_identifier.clone());
    });

    let record = ingest.records.source()?;
    if let Some(record) = &record {
        fits(record, catalog, &system_identifier)?;
    }
    // A beginning that was given up, perhaps on another server, has left its position behind; what this server wrote before it would be
    // taken for applied.
    if record.is_none() && identity.wal_position < applied {
        return Err(SessionError::Stands(problems::log_behind(identity.wal_position, applied)));
    }
    let state = within(freed(&sql, &source.slot, &name)).await?;
    // A store that never got to the slot's beginning has nothing to lose.
    let durable = (record.is_some() && applied > Lsn(0)).then_some(applied);
    let severed = match &record {
        // Without rows and without the slot there is nothing to go on from.
        Some(record) if record.severed.is_some() && (durable.is_some() || state.is_some()) => {
            record.severed.clone()
        }
        _ => within(history::branched(&mut client, &identity, record.as_ref(), durable)).await?,
    };
    if record.as_ref().is_some_and(|record| record.timeline != Some(identity.timeline)) {
        let told = ingest.reserve().await?;
        ingest.copied.lock().forget();
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
            within(slot::drop(&sql, &source.slot)).await?;
        }
    }
    if state.is_none() || lost.is_some() {
        making.store(true, Ordering::Relaxed);
        let created = create_slot(ingest, &sql, &mut client, &source.slot, Purpose::Stream).await?;
        making.store(false, Ordering::Relaxed);
        tracing::info!(slot = source.slot, at = %created.consistent_point, "slot created");
        let recopy = lost.is_some() || record.is_some();
        if recopy {
            ingest.copied.lock().forget();
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
    let standby = within(offtake_postgres::session::is_standby(&sql)).await?;
    let stream = within(client.start(&source.slot, from, &source.publication, Values::Text)).await?;
    Ok((stream, standby))
}

/// A step that a server which answers takes far less time for. One that lets us in and then says nothing would hold us for ever.
pub(super) async fn within<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, SessionError>
where
    SessionError: From<E>,
{
    match timeout(STEP, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(PgError::Silent { seconds: STEP.as_secs() }.into()),
    }
}

/// Ends the connection that was left while the server makes the slot. It would not notice before the slot is there, which then nobody reads.
async fn give_up_slot(ingest: &Ingest, catalog: &Catalog) -> Result<(), SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {}", ingest.records.worker_id()?);
    let sql = offtake_postgres::session::connect(&source.connection, &name).await?;
    freed(&sql, &source.slot, &name).await?;
    Ok(())
}

/// The slot's state, once no connection of this very worker holds it: the server may not have given one up yet (after a crash, or because
/// it waits there for the slot to be made).
async fn freed(sql: &Session, slot: &str, name: &str) -> Result<Option<SlotState>, PgError> {
    const END: &str =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2";
    let began = Instant::now();
    loop {
        let state = slot::state(sql, slot).await?;
        let Some(pid) = state.as_ref().and_then(|state| state.active_pid) else { return Ok(state) };
        let ours = sql.query_opt(END, &[&pid, &name]).await.is_ok_and(|row| row.is_some());
        if !ours || began.elapsed() > LETTING_GO {
            return Ok(state);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
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
