//! Copies a table and follows its changes: the whole way through this crate, in one file.
//!
//! ```text
//! follow postgres://user:password@host:port/database PUBLICATION SCHEMA.TABLE [SECONDS] [text|binary] [COLUMN,… as text]
//! ```
//!
//! The slot is temporary, so nothing stays behind.

use std::time::{Duration, Instant};

use offtake_contract::{Connection, Secret, Tls, TlsMode};
use offtake_postgres::{
    catalog, fence,
    pgoutput::{Change, StreamEvent},
    preflight, session,
    shape::{self, Shape},
    snapshot,
    wire::{ReplicationClient, SlotKind, Values},
};
use offtake_row::RowPacker;

const NAME: &str = "offtake follow";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, publication, table, rest @ ..] = args.as_slice() else {
        return Err("follow URL PUBLICATION SCHEMA.TABLE [SECONDS] [text|binary] [COLUMNS]".into());
    };
    let seconds: u64 = rest.first().map_or(Ok(10), |seconds| seconds.parse())?;
    let values = if rest.get(1).is_some_and(|v| v == "binary") { Values::Binary } else { Values::Text };
    let text: Vec<String> =
        rest.get(2).map(|c| c.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let connection = parse_url(url).ok_or("the URL is not as above")?;
    let (schema, table) = table.split_once('.').ok_or("SCHEMA.TABLE, please")?;

    let session = session::connect(&connection, NAME).await?;
    let slot = format!("follow_{}", std::process::id());
    let tables = [(schema.to_owned(), table.to_owned())];
    let preflight = preflight::preflight(&session, publication, &slot, &tables).await?;
    println!("server {}, system {}", preflight.server_version, preflight.system_identifier);
    for finding in &preflight.findings {
        match &finding.problem {
            None => println!("  ok    {}", finding.check),
            Some(problem) => {
                println!("  {}  {}: {problem}", if finding.fatal { "FATAL" } else { "warn " }, finding.check)
            }
        }
    }
    if preflight.findings.iter().any(|finding| finding.fatal) {
        return Err("the pre-flight failed".into());
    }

    let upstream = catalog::describe(&session, publication, schema, table).await?;
    let wanted = shape::select(&upstream, &[], &text)?;
    let key = shape::key(&upstream, &wanted)?;
    let columns: Vec<String> = wanted.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
    println!(
        "columns {columns:?}, key {key:?}, published {:?}, estimate {:?}",
        upstream.published, upstream.row_estimate
    );
    let watched = [fence::Watched { oid: upstream.oid, schema: schema.to_owned(), name: table.to_owned() }];
    let before = fence::observe(&session, publication, &watched).await?;

    let mut client = ReplicationClient::connect(&connection, NAME).await?;
    println!("{:?}", client.identify_system().await?);
    let slot_created = client.create_slot(&slot, SlotKind::Temporary, true).await?;
    println!("{slot_created:?}");
    let started = Instant::now();
    let mut copy = snapshot::copy(snapshot::Copy {
        connection: &connection,
        application_name: NAME,
        snapshot: slot_created.snapshot.as_deref().unwrap_or_default(),
        table: &upstream,
        wanted: &wanted,
        parallelism: 2,
    })
    .await?;
    let (mut rows, mut bytes, mut sample) = (0, 0, None);
    while let Some(chunk) = copy.next().await {
        let chunk = chunk?;
        rows += chunk.rows.len();
        bytes += chunk.bytes;
        sample = sample.or_else(|| chunk.rows.first().cloned());
    }
    let took = started.elapsed().as_secs_f64();
    println!(
        "copied {rows} rows, {bytes} bytes in {took:.3} s: {:.0} rows/s, first {sample:?}",
        rows as f64 / took
    );

    let mut stream = client.start(&slot, slot_created.consistent_point, publication, values).await?;
    let feedback = stream.feedback();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut packer = RowPacker::new();
    let mut current: Option<Shape> = None;
    let mut counts = [0u64; 7];
    let mut durable = slot_created.consistent_point;
    let (mut printed, mut first, mut last) = (0, None::<Instant>, Instant::now());
    while let Ok(batch) = tokio::time::timeout_at(end.into(), stream.next_batch()).await {
        for event in batch? {
            let (kind, row) = match event {
                StreamEvent::Begin { .. } => (0, None),
                StreamEvent::Commit { end_lsn, .. } => {
                    durable = end_lsn;
                    (1, None)
                }
                StreamEvent::Keepalive { wal_end } => {
                    durable = durable.max(wal_end);
                    (2, None)
                }
                StreamEvent::Relation(relation) if relation.oid == upstream.oid => {
                    current = Some(Shape::new(&relation, &wanted, &key)?);
                    (3, None)
                }
                StreamEvent::Change(Change::Insert { relation, new }) if relation.oid == upstream.oid => {
                    let shape = current.as_ref().ok_or("a change came before its relation")?;
                    (4, Some(shape.decode(&new, None, &mut packer)?))
                }
                StreamEvent::Change(Change::Update { relation, new, .. }) if relation.oid == upstream.oid => {
                    let shape = current.as_ref().ok_or("a change came before its relation")?;
                    let unchanged = shape.has_unchanged(&new);
                    (
                        5,
                        Some(if unchanged {
                            shape.decode_key(&new, &mut packer)?
                        } else {
                            shape.decode(&new, None, &mut packer)?
                        }),
                    )
                }
                StreamEvent::Change(Change::Delete { relation, old }) if relation.oid == upstream.oid => {
                    let shape = current.as_ref().ok_or("a change came before its relation")?;
                    (6, Some(shape.decode_key(old.tuple(), &mut packer)?))
                }
                StreamEvent::Change(Change::Truncate { .. }) => {
                    println!("truncated");
                    continue;
                }
                _ => continue,
            };
            counts[kind] += 1;
            if kind != 2 {
                first.get_or_insert_with(Instant::now);
                last = Instant::now();
            }
            if let Some(row) = row.filter(|_| printed < 12) {
                printed += 1;
                println!("  {} {row:?}", ["insert", "update", "delete"][kind - 4]);
            }
        }
        feedback.durable(durable);
    }
    let took = first.map_or(0.0, |first| (last - first).as_secs_f64());
    println!(
        "{} begins, {} commits, {} keepalives, {} relations, {} inserts, {} updates, {} deletes, {} bytes, {took:.3} s, durable {durable}",
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        counts[4],
        counts[5],
        counts[6],
        feedback.received_bytes()
    );
    println!("{:?}", offtake_postgres::slot::state(&session, &slot).await?);
    stream.stop().await?;
    for change in fence::compare(&before, &fence::observe(&session, publication, &watched).await?) {
        println!("{change:?}");
    }
    Ok(())
}

fn parse_url(url: &str) -> Option<Connection> {
    let (user, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
    let (user, password) =
        user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
    let (address, database) = rest.split_once('/')?;
    let (database, mode) = database.split_once('?').unwrap_or((database, ""));
    let (host, port) = address.rsplit_once(':')?;
    let mode = match mode {
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => TlsMode::Disable,
    };
    let ca = std::env::var("CA_FILE").ok().and_then(|path| std::fs::read_to_string(path).ok());
    Some(Connection {
        object: "default/follow".into(),
        host: host.into(),
        address: None,
        port: port.parse().ok()?,
        database: database.into(),
        user: user.into(),
        password: password.map(Secret::new),
        tls: Tls { mode, ca, ..Tls::default() },
    })
}
