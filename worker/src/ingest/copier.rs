//! Copies new tables while the stream goes on.
//!
//! The tables that wait at one moment are copied as one group under one exported snapshot. Before the snapshot is taken, the applier
//! keeps their changes; after the copy it folds in those that committed after the snapshot. The rows go to the store and to the
//! coordinator side by side.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::{Catalog, Problem, SnapshotProgress, TablePhase};
use offtake_lir::CollectionId;
use offtake_postgres::{
    catalog::{self, UpstreamTable},
    error::{PgError, Retry},
    fence::{self, Fence, Watched},
    preflight, shape,
    snapshot::{self, Chunk, Copy},
    wire::ReplicationClient,
};
use offtake_row::RowPacker;
use offtake_store::TableId;
use tokio::sync::{mpsc, oneshot};

use super::{
    FIRST_BACKOFF, GOOD_SESSION, Ingest, LONGEST_BACKOFF, SessionError,
    applier::{LONGEST_KEY, Message},
    change::project,
    copies::Pauses,
    creation::{Purpose, create_slot},
    problems,
    records::{Layout, TableRecord, TableState},
};
use crate::board;

/// Connections that copy one table.
const PARALLELISM: usize = 2;
const POST_EVERY: Duration = Duration::from_millis(100);

/// Copies whatever waits, group after group, until the session ends. What keeps a copy from beginning or ending (no slot or connection
/// is free, say) is told of the tables that wait, and tried again: those that run go on.
pub async fn run(ingest: Ingest, catalog: Arc<Catalog>) -> Result<(), SessionError> {
    let mut backoff = FIRST_BACKOFF;
    let mut pauses = Pauses::default();
    loop {
        let began = Instant::now();
        let error = match copy(ingest.clone(), &catalog, &mut pauses).await {
            Err(error @ (SessionError::Postgres(_) | SessionError::Stands(_))) => error,
            ended => return ended,
        };
        let problem = error.problem();
        tracing::warn!(source = catalog.source.object, "copying: {problem}");
        for record in waiting(&ingest) {
            ingest
                .board
                .post_table(&record.definition.object, |status| status.problem = Some(problem.clone()));
        }
        backoff =
            if began.elapsed() > GOOD_SESSION { FIRST_BACKOFF } else { (backoff * 2).min(LONGEST_BACKOFF) };
        tokio::time::sleep(backoff).await;
    }
}

/// Tables that are to be copied.
fn waiting(ingest: &Ingest) -> Vec<TableRecord> {
    let copied = ingest.copied.lock();
    let known = ingest.known.borrow();
    let waits = |record: &&TableRecord| record.state == TableState::Copying && !copied.is_done(record.id);
    known.iter().filter(waits).cloned().collect()
}

async fn copy(mut ingest: Ingest, catalog: &Catalog, pauses: &mut Pauses) -> Result<(), SessionError> {
    loop {
        drop(ingest.known.borrow_and_update());
        let (mut waiting, now) = (waiting(&ingest), Instant::now());
        let next = pauses.next(&waiting.iter().map(|record| record.id).collect::<Vec<_>>());
        waiting.retain(|record| pauses.is_due(record.id, now));
        if !waiting.is_empty() {
            copy_group(&ingest, catalog, waiting, pauses).await?;
            continue;
        }
        tokio::select! {
            changed = ingest.known.changed() => if changed.is_err() { return Err(SessionError::Gone) },
            () = until(next) => {}
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// A table that can be copied.
struct Ready {
    record: TableRecord,
    upstream: UpstreamTable,
    layout: Layout,
}

async fn copy_group(
    ingest: &Ingest,
    catalog: &Catalog,
    waiting: Vec<TableRecord>,
    pauses: &mut Pauses,
) -> Result<(), SessionError> {
    let source = &catalog.source;
    let name = format!("offtake {} copy", ingest.records.worker_id()?);
    let sql = offtake_postgres::session::connect(&source.connection, &name).await?;
    let mut ready = Vec::new();
    for record in waiting {
        ingest.copied.lock().begin(record.id);
        match describe(&sql, catalog, &record).await? {
            Ok((upstream, layout)) => ready.push(Ready { record, upstream, layout }),
            Err(problem) => {
                // Its owner may mend it upstream, where nothing tells us.
                pauses.put_off(record.id, Instant::now());
                ingest.tell(Message::CopyWaits { id: record.id, problem }).await?;
            }
        }
    }
    if ready.is_empty() {
        return Ok(());
    }
    // The loader of a session that ended may still hand on what it had: all of it comes before the new beginning.
    drop(ingest.loading.lock().await);
    for table in &ready {
        let (reply, kept) = oneshot::channel();
        ingest.tell(Message::Buffer { id: table.record.id, layout: table.layout.clone(), reply }).await?;
        kept.await.map_err(|_| SessionError::Gone)?;
    }
    let mut exporter = ReplicationClient::connect(&source.connection, &name).await?;
    // A new name each time: the session of an attempt that was given up can hold its slot for long.
    let temporary =
        format!("{}_copy_{:08x}", &source.slot[..source.slot.len().min(40)], rand::random::<u32>());
    let created = create_slot(ingest, &sql, &mut exporter, &temporary, Purpose::Snapshot).await?;
    let snapshot = created.snapshot.clone().unwrap_or_default();
    for table in ready {
        let id = table.record.id;
        match copy_table(ingest, catalog, &name, &snapshot, table).await? {
            Outcome::Copied(progress) => {
                pauses.end(id);
                // Nothing to wait for in between: a session that ends would leave the table marked and nobody told.
                let told = ingest.reserve().await?;
                let mut copied = ingest.copied.lock();
                if !copied.is_doubted(id) {
                    copied.finish(id);
                    told.send(Message::Copied { id, snapshot: created.consistent_point, progress });
                }
            }
            Outcome::Dropped => ingest.copied.lock().finish(id),
            Outcome::Waits(problem) => {
                pauses.put_off(id, Instant::now());
                ingest.tell(Message::CopyWaits { id, problem }).await?;
            }
            Outcome::Again => {}
        }
    }
    Ok(())
}

/// What the upstream table is like, or why it cannot be copied.
async fn describe(
    sql: &offtake_postgres::session::Session,
    catalog: &Catalog,
    record: &TableRecord,
) -> Result<Result<(UpstreamTable, Layout), Problem>, SessionError> {
    let definition = &record.definition;
    let (schema, table) = (&definition.upstream_schema, &definition.upstream_table);
    let publication = &catalog.source.publication;
    let findings =
        preflight::preflight(sql, publication, &catalog.source.slot, &[(schema.clone(), table.clone())])
            .await?;
    if let Some(problem) = findings.table(schema, table).and_then(|finding| finding.problem.clone()) {
        return Ok(Err(problem));
    }
    let (upstream, fence) = match observe(sql, publication, schema, table).await {
        Ok(observed) => observed,
        Err(error) if error.retry() == Retry::OnChange => return Ok(Err(error.problem())),
        Err(error) => return Err(error.into()),
    };
    let laid_out = shape::select(&upstream, &definition.exclude_columns, &definition.text_columns)
        .and_then(|columns| shape::key(&upstream, &columns).map(|key| (columns, key)));
    let (columns, mut key) = match laid_out {
        Ok(laid_out) => laid_out,
        Err(error) => return Ok(Err(error.problem())),
    };
    key.sort_unstable();
    let layout = Layout { oid: upstream.oid, columns, key, fence: Some(fence) };
    Ok(Ok((upstream, layout)))
}

/// The table and its fence, both of one time: what would be altered in between would be noticed by neither.
async fn observe(
    sql: &offtake_postgres::session::Session,
    publication: &str,
    schema: &str,
    table: &str,
) -> Result<(UpstreamTable, Fence), PgError> {
    let mut upstream = catalog::describe(sql, publication, schema, table).await?;
    loop {
        let watched = Watched { oid: upstream.oid, schema: schema.to_owned(), name: table.to_owned() };
        let fence = fence::observe(sql, publication, &[watched]).await?;
        let again = catalog::describe(sql, publication, schema, table).await?;
        let before = std::mem::replace(&mut upstream, again);
        // Statistics may differ.
        let (row_estimate, bytes) = (upstream.row_estimate, upstream.bytes);
        if (UpstreamTable { row_estimate, bytes, ..before }) == upstream {
            return Ok((upstream, fence));
        }
    }
}

/// How the copy of a table ended, where the session goes on.
enum Outcome {
    Copied(SnapshotProgress),
    /// It was removed meanwhile, or has rows that cannot be kept.
    Dropped,
    /// As things are upstream, it cannot be copied.
    Waits(Problem),
    /// The snapshot does not show the table, or the table changed since: the next group takes it up under a new one.
    Again,
}

/// Copies one table.
async fn copy_table(
    ingest: &Ingest,
    catalog: &Catalog,
    application_name: &str,
    snapshot: &str,
    table: Ready,
) -> Result<Outcome, SessionError> {
    let Ready { record, upstream, layout } = table;
    let mut progress = SnapshotProgress {
        rows_estimated: upstream.row_estimate,
        started_at: Some(board::now()),
        ..SnapshotProgress::default()
    };
    let object = &record.definition.object;
    let post = |progress: &SnapshotProgress| {
        ingest.board.post_table(object, |status| {
            status.phase = TablePhase::Snapshotting;
            status.problem = None;
            status.snapshot = progress.clone();
        });
    };
    post(&progress);
    let request = Copy {
        connection: &catalog.source.connection,
        application_name,
        snapshot,
        table: &upstream,
        wanted: &layout.columns,
        parallelism: PARALLELISM,
    };
    let mut stream = match snapshot::copy(request).await {
        Ok(stream) => stream,
        Err(error @ PgError::Rewritten { .. }) => {
            tracing::info!(table = object, "{error}: the copy starts again");
            return Ok(Outcome::Again);
        }
        Err(error) => return Err(error.into()),
    };
    let (sender, receiver) = mpsc::channel(4);
    let loading = {
        let (ingest, id, key) = (ingest.clone(), record.id, layout.key.clone());
        let too_large = problems::row_too_large(&record, !key.is_empty());
        let alone = ingest.loading.clone().lock_owned().await;
        tokio::task::spawn_blocking(move || {
            let _alone = alone;
            load(&ingest, id, &key, too_large, receiver)
        })
    };
    let mut posted = Instant::now();
    let mut failed = None;
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        progress.rows_copied += chunk.rows.len() as u64;
        progress.bytes += chunk.bytes;
        if sender.send(Some(chunk)).await.is_err() {
            break; // The loader failed; it says why below.
        }
        if posted.elapsed() > POST_EVERY {
            if ingest.copied.lock().is_doubted(record.id) {
                drop(sender);
                loading.await.ok();
                return Ok(Outcome::Again);
            }
            posted = Instant::now();
            post(&progress);
        }
    }
    // The end is said explicitly: a channel that merely closes is a copy that was cut short.
    if failed.is_none() {
        sender.send(None).await.ok();
    }
    drop(sender);
    let loaded = loading.await.map_err(|_| SessionError::Gone)?;
    if let Some(error) = failed {
        return match error {
            // What the server refuses, it may allow later; a value that cannot be kept stays.
            PgError::Server { .. } if error.retry() == Retry::OnChange => Ok(Outcome::Waits(error.problem())),
            _ if error.retry() == Retry::OnChange => {
                ingest.tell(Message::CopyFailed { id: record.id, problem: error.problem() }).await?;
                Ok(Outcome::Dropped)
            }
            _ => Err(error.into()),
        };
    }
    if let Err(SessionError::Stands(problem)) = loaded {
        ingest.tell(Message::CopyFailed { id: record.id, problem }).await?;
        return Ok(Outcome::Dropped);
    }
    if let Err(error) = loaded {
        // A table that was removed while it was copied needs no rows.
        if ingest.known.borrow().iter().all(|known| known.id != record.id) {
            return Ok(Outcome::Dropped);
        }
        return Err(error);
    }
    progress.finished_at = Some(board::now());
    post(&progress);
    tracing::info!(table = object, rows = progress.rows_copied, bytes = progress.bytes, "copied");
    Ok(Outcome::Copied(progress))
}

/// Puts the copied rows into the store and hands them to the coordinator. Runs on a thread that may block.
fn load(
    ingest: &Ingest,
    id: u64,
    key: &[usize],
    too_large: Problem,
    mut chunks: mpsc::Receiver<Option<Chunk>>,
) -> Result<(), SessionError> {
    let mut loader = ingest.store.load(TableId(id))?;
    let mut packer = RowPacker::new();
    let mut bag = std::collections::HashMap::<offtake_row::Row, u64>::new();
    while let Some(chunk) = chunks.blocking_recv() {
        let Some(Chunk { rows, .. }) = chunk else {
            for (row, count) in bag {
                loader.add(row.as_bytes(), &count.to_le_bytes())?;
            }
            loader.finish()?;
            return Ok(());
        };
        for row in &rows {
            if key.is_empty() {
                if row.as_bytes().len() > LONGEST_KEY {
                    return Err(SessionError::Stands(too_large));
                }
                *bag.entry(row.clone()).or_default() += 1;
            } else {
                let key = project(row, key, &mut packer);
                if key.as_bytes().len() > LONGEST_KEY {
                    return Err(SessionError::Stands(too_large));
                }
                loader.add(key.as_bytes(), row.as_bytes())?;
            }
        }
        let rows = rows.into_iter().map(|row| (row, 1)).collect();
        ingest.coordinator.rows(CollectionId(id), rows).map_err(|_| SessionError::Gone)?;
    }
    Err(SessionError::Gone)
}
