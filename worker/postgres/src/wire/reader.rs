//! The task that owns the socket while streaming.

use std::{
    future::pending,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::{BufMut, Bytes, BytesMut};
use offtake_contract::Lsn;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};

use super::{
    connection::{Wire, message_length, server_error, unexpected},
    pace::Pace,
    stream::{BUFFERED_BYTES, Batch, Report},
};
use crate::{
    error::PgError,
    pgoutput::{Decoder, StreamEvent},
};

/// The most that one read takes.
const READ_BYTES: usize = 1 << 20;
/// A Begin in the stream: headers of the message, of the WAL data and of pgoutput, two positions and an xid.
const BEGIN_BYTES: usize = 5 + 25 + 21;
/// Reports of what is durable are grouped so far.
const REPORT_INTERVAL: Duration = Duration::from_millis(20);
/// After so long without a byte the server is asked for a sign of life …
const ASK_AFTER: Duration = Duration::from_secs(60);
/// … and after so long it is given up. Decoding a huge transaction of which nothing is published keeps old servers silent for minutes.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);
/// Between 1970-01-01 and 2000-01-01.
const POSTGRES_EPOCH_SECONDS: u64 = 946_684_800;
const CONTEXT: &str = "replication stream";

pub(super) struct Reader {
    wire: Wire,
    decoder: Decoder,
    pace: Pace,
    report: Arc<Report>,
    budget: Arc<Semaphore>,
    batches: mpsc::UnboundedSender<Result<Batch, PgError>>,
    status_interval: Duration,
    /// When the next status is due, and when the last one went.
    due: Instant,
    reported: Instant,
    heard: Instant,
}

impl Reader {
    pub(super) fn new(
        wire: Wire,
        report: Arc<Report>,
        budget: Arc<Semaphore>,
        batches: mpsc::UnboundedSender<Result<Batch, PgError>>,
        status_interval: Duration,
    ) -> Reader {
        let now = Instant::now();
        Reader {
            wire,
            decoder: Decoder::new(),
            pace: Pace::default(),
            report,
            budget,
            batches,
            status_interval,
            due: now + status_interval,
            reported: now,
            heard: now,
        }
    }

    pub(super) async fn run(mut self) {
        if let Err(error) = self.pump().await {
            // Nobody listens any more: nobody minds.
            let _ = self.batches.send(Err(error));
        }
    }

    /// Reads until the end. Status goes out on its own clock whatever else happens; nothing is read while a batch waits for room, and
    /// for a moment after a read while there is a backlog.
    async fn pump(&mut self) -> Result<(), PgError> {
        // What came together with the answer to START_REPLICATION. An error there is the last that the server sends.
        let mut waiting = self.digest().await?;
        let mut quiet_until: Option<Instant> = None;
        loop {
            let reading = waiting.is_none() && quiet_until.is_none();
            tokio::select! {
                biased;
                () = self.report.changed.notified() => {
                    if self.report.stop.load(Ordering::Acquire) {
                        return self.say_goodbye().await;
                    }
                    if self.report.urgent.swap(false, Ordering::AcqRel) {
                        self.send_status(false).await?;
                    } else {
                        self.due = self.due.min(self.reported + REPORT_INTERVAL);
                    }
                }
                () = sleep_until(self.due) => {
                    let silent = self.heard.elapsed();
                    if reading && silent >= SILENCE_LIMIT {
                        return Err(PgError::Silent { seconds: silent.as_secs() });
                    }
                    self.send_status(reading && silent >= ASK_AFTER).await?;
                }
                () = take_room(&self.budget, waiting.as_ref()), if waiting.is_some() => {
                    if let Some(batch) = waiting.take() && self.batches.send(Ok(batch)).is_err() {
                        return Ok(());
                    }
                    // Unread bytes are no silence.
                    self.heard = Instant::now();
                }
                () = until(quiet_until), if quiet_until.is_some() => quiet_until = None,
                read = self.wire.fill(READ_BYTES), if reading => {
                    let read = read.map_err(PgError::io(CONTEXT))?;
                    self.heard = Instant::now();
                    self.report.received_bytes.fetch_add(read as u64, Ordering::Relaxed);
                    let more = read >= READ_BYTES || self.wire.is_full();
                    waiting = self.digest().await?;
                    quiet_until = self.pace.pause().filter(|_| !more).map(|pause| Instant::now() + pause);
                }
            }
        }
    }

    /// Turns what was read into a batch. Hands the events before an error over first.
    async fn digest(&mut self) -> Result<Option<Batch>, PgError> {
        let bytes = self.wire.peel_all().map_err(PgError::io(CONTEXT))?;
        let cost = bytes.len().clamp(1, BUFFERED_BYTES) as u32;
        // No message but a keepalive is shorter than a Begin: the events never outgrow their room, and are never moved.
        let mut events = Vec::with_capacity(bytes.len() / BEGIN_BYTES + 1);
        let outcome = self.take_messages(bytes, &mut events);
        let batch = (!events.is_empty()).then_some(Batch { events, cost });
        match outcome {
            Ok(reply) => {
                if reply {
                    self.send_status(false).await?;
                }
                Ok(batch)
            }
            Err(error) => {
                if let Some(batch) = batch {
                    take_room(&self.budget, Some(&batch)).await;
                    let _ = self.batches.send(Ok(batch));
                }
                Err(error)
            }
        }
    }

    /// Decodes complete messages. Answers whether the server wants a status at once.
    fn take_messages(&mut self, bytes: Bytes, events: &mut Vec<StreamEvent>) -> Result<bool, PgError> {
        let mut reply = false;
        let mut at = 0;
        while let Some(total) = message_length(&bytes[at..]).map_err(PgError::io(CONTEXT))? {
            let end = at + total;
            let tag = bytes[at];
            match tag {
                b'd' => reply |= self.take_copy_data(bytes.slice(at + 5..end), events)?,
                b'E' => {
                    let error = server_error(&bytes[at + 5..end]);
                    return Err(PgError::Server { context: CONTEXT.into(), error });
                }
                // The server ends the stream when it shuts down.
                b'c' | b'C' | b'Z' => return Err(PgError::Closed { context: CONTEXT.into() }),
                b'N' | b'S' => {}
                _ => return Err(unexpected(CONTEXT, tag)),
            }
            at = end;
        }
        Ok(reply)
    }

    fn take_copy_data(&mut self, body: Bytes, events: &mut Vec<StreamEvent>) -> Result<bool, PgError> {
        match body.first() {
            Some(b'w') => {
                // Start, end (both the message's own position with logical decoding), time
                let sent = long(&body, 17)?;
                self.pace.sent(sent as i64);
                let message = body.slice(25..);
                if let Some(event) = self.decoder.decode(message)? {
                    if let StreamEvent::Begin { commit_time, .. } = &event {
                        self.pace.committed(*commit_time);
                    }
                    events.push(event);
                }
                Ok(false)
            }
            Some(b'k') => {
                let wal_end = Lsn(long(&body, 1)?);
                match events.last_mut() {
                    Some(StreamEvent::Keepalive { wal_end: last }) => *last = wal_end.max(*last),
                    _ => events.push(StreamEvent::Keepalive { wal_end }),
                }
                Ok(body.get(17).is_some_and(|&reply| reply != 0))
            }
            _ => Err(PgError::protocol(CONTEXT, "unknown message in the copy stream")),
        }
    }

    async fn send_status(&mut self, ask_for_reply: bool) -> Result<(), PgError> {
        let durable = self.report.durable.load(Ordering::Acquire);
        let message = status(durable, now_micros(), ask_for_reply);
        self.wire.send(&message).await.map_err(PgError::io(CONTEXT))?;
        self.reported = Instant::now();
        self.due = self.reported + self.status_interval;
        Ok(())
    }

    /// Last status, CopyDone, Terminate; then waits until the server has closed the connection, which it does once the slot is free.
    async fn say_goodbye(&mut self) -> Result<(), PgError> {
        self.send_status(false).await?;
        self.wire.send(b"c\0\0\0\x04X\0\0\0\x04").await.map_err(PgError::io(CONTEXT))?;
        loop {
            if self.wire.fill(READ_BYTES).await.is_err() {
                return Ok(());
            }
            self.wire.peel_all().map_err(PgError::io(CONTEXT))?;
        }
    }
}

/// Waits until a batch fits the budget. The consumer gives the room back when it takes the batch.
async fn take_room(budget: &Semaphore, batch: Option<&Batch>) {
    let cost = batch.map_or(0, |batch| batch.cost);
    budget.acquire_many(cost).await.expect("the budget is never closed").forget();
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

fn long(body: &[u8], at: usize) -> Result<u64, PgError> {
    body.get(at..)
        .and_then(|rest| rest.first_chunk::<8>())
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or_else(|| PgError::protocol(CONTEXT, "a message of the copy stream is cut short"))
}

/// A standby status update: written, flushed and applied are one, because nothing is reported before it is durable.
fn status(durable: u64, now: i64, ask_for_reply: bool) -> BytesMut {
    let mut out = BytesMut::with_capacity(39);
    out.put_u8(b'd');
    out.put_u32(38);
    out.put_u8(b'r');
    for _ in ["written", "flushed", "applied"] {
        out.put_u64(durable);
    }
    out.put_i64(now);
    out.put_u8(u8::from(ask_for_reply));
    out
}

/// Microseconds since 2000-01-01 by this machine's clock: the server shows it as the reply's time.
fn now_micros() -> i64 {
    let epoch = UNIX_EPOCH + Duration::from_secs(POSTGRES_EPOCH_SECONDS);
    SystemTime::now().duration_since(epoch).map_or(0, |since| since.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_as_documented() {
        let message = status(0x0102, 7, true);
        assert_eq!(message.len(), 39);
        assert_eq!(&message[..6], b"d\0\0\0\x26r");
        assert_eq!(&message[6..14], &message[22..30]);
        assert_eq!(message[38], 1);
    }
}
