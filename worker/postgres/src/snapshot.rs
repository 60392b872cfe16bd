//! The first contents of a table: copied as an exported snapshot sees them, in binary, over several connections where it pays.

mod plan;
mod rows;

use std::{collections::VecDeque, sync::Arc};

use offtake_contract::Connection;
use offtake_row::Row;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use crate::{
    Working,
    catalog::{RelationKind, UpstreamTable},
    error::PgError,
    quote::{literal, qualified, shown_table},
    shape::Wanted,
    wire::connection::{Wire, server_error, unexpected},
};
use rows::RowReader;

/// Rows in a chunk.
const CHUNK_ROWS: usize = 4096;
/// … or so many bytes, where rows are wide.
const CHUNK_BYTES: u64 = 1 << 20;
/// Chunks that may wait for the consumer, for each connection.
const CHUNKS_WAITING: usize = 4;
/// The most that one read takes.
const READ_BYTES: usize = 256 << 10;

/// What to copy, and how.
#[derive(Clone, Copy, Debug)]
pub struct Copy<'a> {
    pub connection: &'a Connection,
    pub application_name: &'a str,
    /// An exported snapshot: its exporter must live until [`copy`] has returned.
    pub snapshot: &'a str,
    pub table: &'a UpstreamTable,
    /// The columns, as [`crate::shape::select`] gave them; rows come with exactly these.
    pub wanted: &'a [Wanted],
    /// The most connections to use; 2 is a good choice. Servers before 14 cannot cut a table, and are copied from over one.
    pub parallelism: usize,
}

/// Some rows, in no order.
#[derive(Debug, Default)]
pub struct Chunk {
    pub rows: Vec<Row>,
    /// What they took on the wire.
    pub bytes: u64,
}

/// A running copy; dropping it ends it.
#[derive(Debug)]
pub struct CopyStream {
    chunks: mpsc::Receiver<Result<Chunk, PgError>>,
    /// Aborted with the stream.
    _workers: JoinSet<()>,
}

impl CopyStream {
    /// The next rows; `None` once all of the table was handed over. After an error nothing more comes, and what came is not the table.
    pub async fn next(&mut self) -> Option<Result<Chunk, PgError>> {
        let next = self.chunks.recv().await;
        if matches!(next, Some(Err(_))) {
            self.chunks.close();
            while self.chunks.try_recv().is_ok() {}
        }
        next
    }
}

/// Starts a copy. When it returns, every connection has taken the snapshot: whoever exported it may go on.
///
/// The publication's row filter applies, as it does in the stream. A partitioned table is copied with all its partitions, any other one
/// without its descendants, which the stream sends under their own names.
pub fn copy(request: Copy<'_>) -> Working<'_, CopyStream> {
    Box::pin(start(request))
}

async fn start(request: Copy<'_>) -> Result<CopyStream, PgError> {
    let mut first = open(&request).await?;
    let parts = plan::parts(&mut first, request.table, request.wanted, request.parallelism).await?;
    let mut wires = vec![first];
    while wires.len() < request.parallelism.min(parts.len()) {
        wires.push(open(&request).await?);
    }
    let parts = Arc::new(Mutex::new(VecDeque::from(parts)));
    let wanted: Arc<[Wanted]> = request.wanted.into();
    let table: Arc<str> = shown_table(&request.table.schema, &request.table.name).into();
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING * wires.len());
    let mut workers = JoinSet::new();
    for wire in wires {
        let worker = Worker {
            wire,
            parts: parts.clone(),
            wanted: wanted.clone(),
            table: table.clone(),
            sender: sender.clone(),
        };
        workers.spawn(worker.run());
    }
    Ok(CopyStream { chunks, _workers: workers })
}

/// A session inside the snapshot.
async fn open(request: &Copy<'_>) -> Result<Wire, PgError> {
    let context = "import the snapshot";
    let mut wire = Wire::open(request.connection, request.application_name, false).await?;
    wire.query(context, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    wire.query(context, &format!("SET TRANSACTION SNAPSHOT {}", literal(request.snapshot))).await?;
    hold(&mut wire, request.table).await?;
    Ok(wire)
}

/// Locks the table against everything that rewrites it, until the session ends, and makes sure that nothing rewrote it before.
///
/// ALTER TABLE gives every row of the new file a new transaction: an older snapshot sees the table empty, without a word. (PostgreSQL
/// documentation, section 13.6, Caveats.)
async fn hold(wire: &mut Wire, table: &UpstreamTable) -> Result<(), PgError> {
    let context = "lock the table for the copy";
    let name = qualified(&table.schema, &table.name);
    let only = if table.kind == RelationKind::Partitioned { "" } else { "ONLY " };
    // Any reading statement takes the lock, on partitions too, and needs no other privilege than the copy itself.
    wire.query(context, &format!("SELECT FROM {only}{name} LIMIT 0")).await?;
    // The catalog is read in the snapshot, pg_relation_filenode() as things are now.
    let rewritten = format!(
        "WITH RECURSIVE t(oid) AS (SELECT {oid}::oid UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN t ON i.inhparent = t.oid
                                   WHERE {partitioned})
         SELECT format('%I.%I', n.nspname, c.relname) FROM t JOIN pg_class c ON c.oid = t.oid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode",
        oid = table.oid,
        partitioned = table.kind == RelationKind::Partitioned,
    );
    // Dropped and made again, it has another OID under its name.
    let now = format!("SELECT to_regclass({})::oid = {}", literal(&name), table.oid);
    let same = wire.query(context, &now).await?;
    if same.into_iter().flatten().flatten().next().as_deref() != Some("t") {
        return Err(PgError::Rewritten { table: name });
    }
    let rows = wire.query(context, &rewritten).await?;
    match rows.into_iter().flatten().flatten().next() {
        Some(table) => Err(PgError::Rewritten { table }),
        None => Ok(()),
    }
}

/// One connection, which takes part after part until none is left.
struct Worker {
    wire: Wire,
    /// COPY statements.
    parts: Arc<Mutex<VecDeque<String>>>,
    wanted: Arc<[Wanted]>,
    table: Arc<str>,
    sender: mpsc::Sender<Result<Chunk, PgError>>,
}

impl Worker {
    async fn run(mut self) {
        loop {
            let Some(part) = self.parts.lock().await.pop_front() else { return self.wire.close().await };
            match self.copy_part(&part).await {
                Ok(true) => {}
                // The consumer is gone.
                Ok(false) => return,
                Err(error) => {
                    self.parts.lock().await.clear();
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// Copies one part. `false` where nobody takes the rows any more.
    async fn copy_part(&mut self, statement: &str) -> Result<bool, PgError> {
        let context = format!("copy of {}", self.table);
        self.wire.send_query(&context, statement).await?;
        let mut reader = RowReader::new(&self.wanted);
        let mut chunk = Chunk::default();
        let mut failure = None;
        let value = |source| PgError::Value { table: self.table.to_string(), source };
        loop {
            let bytes = self.wire.peel_all().map_err(PgError::io(context.as_str()))?;
            let mut rest = &bytes[..];
            while let [tag, rest_of_header @ ..] = rest {
                // peel_all hands over whole messages only.
                let Some((len, body)) = rest_of_header.split_first_chunk::<4>() else { break };
                let (body, after) = body.split_at(u32::from_be_bytes(*len) as usize - 4);
                rest = after;
                match tag {
                    b'd' => {
                        chunk.bytes += body.len() as u64;
                        reader.read(body, &mut chunk.rows).map_err(value)?;
                        if chunk.rows.len() >= CHUNK_ROWS || chunk.bytes >= CHUNK_BYTES {
                            let full = std::mem::take(&mut chunk);
                            chunk.rows.reserve(full.rows.len());
                            if self.sender.send(Ok(full)).await.is_err() {
                                return Ok(false);
                            }
                        }
                    }
                    b'E' => failure = Some(server_error(body)),
                    b'Z' => {
                        if let Some(error) = failure {
                            return Err(PgError::Server { context, error });
                        }
                        if !reader.is_finished() {
                            return Err(PgError::protocol(context, "the copy ended without its trailer"));
                        }
                        return Ok(chunk.rows.is_empty() || self.sender.send(Ok(chunk)).await.is_ok());
                    }
                    b'H' | b'c' | b'C' | b'N' | b'S' => {}
                    tag => return Err(unexpected(&context, *tag)),
                }
            }
            drop(bytes);
            if let Err(error) = self.wire.fill(READ_BYTES).await {
                // A fatal error of the server's ends the session without another word.
                return Err(match failure {
                    Some(error) => PgError::Server { context, error },
                    None => PgError::io(context)(error),
                });
            }
        }
    }
}
