//! Framing, start-up and authentication.

use futures::future::BoxFuture;
use std::{future::Future, io, pin::pin, task::Poll};

use bytes::{Buf, Bytes, BytesMut};
use offtake_contract::Connection;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    },
    message::frontend,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    error::{PgError, ServerError},
    session::{check_version, parse_version, pin_settings},
    transport::{CONNECT_TIMEOUT, Transport, address},
};

/// The least room that a read is given.
const READ_ROOM: usize = 64 << 10;
/// PostgreSQL's own limit of a message (`MaxAllocSize`) and some.
const MESSAGE_LIMIT: usize = (1 << 30) + (64 << 10);

/// A session of the frontend/backend protocol, framed by hand.
#[derive(Debug)]
pub(crate) struct Wire {
    transport: Transport,
    buffer: BytesMut,
    version: u32,
    /// The server's process for this session.
    pid: i32,
}

/// One message of the server's: its tag and its body without the length.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    pub(crate) body: Bytes,
}

/// A result row in text form.
pub(crate) type TextRow = Vec<Option<String>>;

impl Wire {
    /// Opens a session with our settings: a walsender bound to the database where `replication`, a plain backend otherwise.
    pub(crate) fn open<'a>(
        connection: &'a Connection,
        application_name: &'a str,
        replication: bool,
    ) -> BoxFuture<'a, Result<Wire, PgError>> {
        Box::pin(async move {
            let opening = async {
                let transport = Transport::open(connection).await?;
                let mut wire =
                    Wire { transport, buffer: BytesMut::with_capacity(READ_ROOM), version: 0, pid: 0 };
                wire.start_up(connection, application_name, replication).await?;
                let rows = wire.query("read the version", "SHOW server_version_num").await?;
                wire.version = single(&rows)
                    .and_then(parse_version)
                    .ok_or_else(|| PgError::protocol("read the version", "the server tells none"))?;
                check_version(wire.version)?;
                wire.query("set the session up", &pin_settings(wire.version, replication)).await?;
                Ok(wire)
            };
            timeout(CONNECT_TIMEOUT * 2, opening).await.unwrap_or_else(|_| {
                Err(PgError::ConnectTimeout {
                    address: address(connection),
                    seconds: 2 * CONNECT_TIMEOUT.as_secs(),
                })
            })
        })
    }

    /// The server's `server_version_num`.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// The server's process for this session.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    async fn start_up(
        &mut self,
        connection: &Connection,
        application_name: &str,
        replication: bool,
    ) -> Result<(), PgError> {
        let context = format!("connect to {}", address(connection));
        let mut parameters = vec![
            ("user", connection.user.as_str()),
            ("database", connection.database.as_str()),
            ("application_name", application_name),
            ("client_encoding", "UTF8"),
        ];
        if replication {
            parameters.push(("replication", "database"));
        }
        let mut out = BytesMut::new();
        frontend::startup_message(parameters, &mut out).map_err(PgError::io(context.as_str()))?;
        self.send(&out).await.map_err(PgError::io(context.as_str()))?;
        loop {
            let mut frame = self.frame(&context).await?;
            match frame.tag {
                b'R' => self.authenticate(connection, &context, &mut frame.body).await?,
                b'E' => return Err(PgError::Server { context, error: server_error(&frame.body) }),
                b'Z' => return Ok(()),
                b'K' => self.pid = frame.body.try_get_i32().unwrap_or_default(),
                // Parameter status, notices, minor version of the protocol
                b'S' | b'N' | b'v' => {}
                tag => return Err(unexpected(&context, tag)),
            }
        }
    }

    async fn authenticate(
        &mut self,
        connection: &Connection,
        context: &str,
        request: &mut Bytes,
    ) -> Result<(), PgError> {
        let kind =
            request.try_get_u32().map_err(|_| PgError::protocol(context, "short authentication request"))?;
        let method = match kind {
            0 => return Ok(()),
            3 => "password",
            5 => "md5",
            10 => "SASL",
            2 | 7 | 8 | 9 => {
                return Err(PgError::Authentication {
                    method: "GSSAPI or SSPI".into(),
                    lacks: "is not supported",
                });
            }
            other => {
                return Err(PgError::Authentication {
                    method: format!("type {other}"),
                    lacks: "is not supported",
                });
            }
        };
        let Some(password) = &connection.password else {
            return Err(PgError::Authentication {
                method: method.into(),
                lacks: "needs a password, and none is given",
            });
        };
        let password = password.expose().as_bytes();
        let mut out = BytesMut::new();
        match kind {
            3 => frontend::password_message(password, &mut out).map_err(PgError::io(context))?,
            5 => {
                let salt = request
                    .first_chunk::<4>()
                    .copied()
                    .ok_or_else(|| PgError::protocol(context, "short authentication request"))?;
                let hash = md5_hash(connection.user.as_bytes(), password, salt);
                frontend::password_message(hash.as_bytes(), &mut out).map_err(PgError::io(context))?;
            }
            _ => return self.scram(password, context, request).await,
        }
        self.send(&out).await.map_err(PgError::io(context))
    }

    /// SCRAM-SHA-256, bound to the TLS channel where both sides can. Source: documentation, section 55.3.1.
    async fn scram(&mut self, password: &[u8], context: &str, request: &Bytes) -> Result<(), PgError> {
        let offered: Vec<&[u8]> = request.split(|&b| b == 0).filter(|name| !name.is_empty()).collect();
        let offers = |name: &str| offered.contains(&name.as_bytes());
        let (mechanism, binding) = match self.transport.channel_binding() {
            Some(data) if offers(SCRAM_SHA_256_PLUS) => {
                (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(data))
            }
            // "We could, you do not seem to": the server notices if somebody struck its offer out.
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        if !offers(mechanism) {
            let method = String::from_utf8_lossy(&offered.join(&b", "[..])).into_owned();
            return Err(PgError::Authentication { method, lacks: "is not supported" });
        }
        let mut scram = ScramSha256::new(password, binding);
        let mut out = BytesMut::new();
        frontend::sasl_initial_response(mechanism, scram.message(), &mut out)
            .map_err(PgError::io(context))?;
        self.send(&out).await.map_err(PgError::io(context))?;
        let challenge = self.sasl(context, 11).await?;
        scram.update(&challenge).map_err(PgError::io(context))?;
        out.clear();
        frontend::sasl_response(scram.message(), &mut out).map_err(PgError::io(context))?;
        self.send(&out).await.map_err(PgError::io(context))?;
        let verdict = self.sasl(context, 12).await?;
        scram.finish(&verdict).map_err(PgError::io(context))
    }

    async fn sasl(&mut self, context: &str, step: u32) -> Result<Bytes, PgError> {
        let mut frame = self.frame(context).await?;
        match frame.tag {
            b'R' if frame.body.try_get_u32() == Ok(step) => Ok(frame.body),
            b'E' => Err(PgError::Server { context: context.into(), error: server_error(&frame.body) }),
            tag => Err(unexpected(context, tag)),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.transport.write_all(bytes).await?;
        self.transport.flush().await
    }

    /// Sends one statement or command by the simple query protocol; answers come as frames.
    pub(crate) async fn send_query(&mut self, context: &str, sql: &str) -> Result<(), PgError> {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out).map_err(PgError::io(context))?;
        self.send(&out).await.map_err(PgError::io(context))
    }

    /// Runs one statement or command and collects its rows.
    pub(crate) fn query<'a>(
        &'a mut self,
        context: &'a str,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TextRow>, PgError>> {
        Box::pin(async move {
            self.send_query(context, sql).await?;
            let mut rows = Vec::new();
            let mut failure = None;
            loop {
                let frame = match (self.frame(context).await, &failure) {
                    (Ok(frame), _) => frame,
                    // A fatal error ends the session without another word.
                    (Err(_), Some(_)) => Frame { tag: b'Z', body: Bytes::new() },
                    (Err(error), None) => return Err(error),
                };
                match frame.tag {
                    b'D' => rows.push(
                        text_row(frame.body).ok_or_else(|| PgError::protocol(context, "malformed row"))?,
                    ),
                    b'E' => failure = Some(server_error(&frame.body)),
                    b'Z' => {
                        return failure.map_or(Ok(rows), |error| {
                            Err(PgError::Server { context: context.into(), error })
                        });
                    }
                    b'T' | b'C' | b'I' | b'N' | b'S' => {}
                    tag => return Err(unexpected(context, tag)),
                }
            }
        })
    }

    /// The next message. Cancel-safe: what was read stays in the buffer.
    pub(crate) async fn frame(&mut self, context: &str) -> Result<Frame, PgError> {
        loop {
            if let Some(frame) = self.peel().map_err(PgError::io(context))? {
                return Ok(frame);
            }
            self.fill(READ_ROOM).await.map_err(PgError::io(context))?;
        }
    }

    /// Whether the last read took all the room that there was: more is waiting, most likely.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() == self.buffer.capacity()
    }

    /// Says goodbye, so that the server's log does not call it a broken connection.
    pub(crate) async fn close(mut self) {
        // It ends either way.
        let _ = self.send(b"X\0\0\0\x04").await;
    }

    /// Takes the next message off the buffer, where it is complete.
    pub(crate) fn peel(&mut self) -> io::Result<Option<Frame>> {
        match message_length(&self.buffer)? {
            Some(total) if total <= self.buffer.len() => {
                let tag = self.buffer[0];
                let mut body = self.buffer.split_to(total).freeze();
                body.advance(5);
                Ok(Some(Frame { tag, body }))
            }
            _ => Ok(None),
        }
    }

    /// Takes all complete messages off the buffer in one piece, unparsed.
    pub(crate) fn peel_all(&mut self) -> io::Result<Bytes> {
        let mut end = 0;
        while let Some(total) = message_length(&self.buffer[end..])?
            && end + total <= self.buffer.len()
        {
            end += total;
        }
        Ok(self.buffer.split_to(end).freeze())
    }

    /// Waits for bytes, then takes what is there, up to about `limit`. Cancel-safe.
    pub(crate) async fn fill(&mut self, limit: usize) -> io::Result<usize> {
        // A message that is known to be long gets its room at once.
        let missing =
            message_length(&self.buffer)?.map_or(0, |total| total.saturating_sub(self.buffer.len()));
        let room = limit.max(READ_ROOM).max(missing);
        if self.buffer.capacity() - self.buffer.len() < READ_ROOM.max(missing) {
            self.buffer.reserve(room);
        }
        let mut total = 0;
        std::future::poll_fn(|cx| {
            // TLS hands over one record at a time: go on until the socket is drained.
            while total < limit {
                if self.buffer.capacity() == self.buffer.len() {
                    break;
                }
                match pin!(self.transport.read_buf(&mut self.buffer)).poll(cx) {
                    Poll::Ready(Ok(0)) if total == 0 => {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    Poll::Ready(Ok(0)) => break,
                    Poll::Ready(Ok(n)) => total += n,
                    Poll::Ready(Err(_)) if total > 0 => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if total == 0 => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(Ok(total))
        })
        .await
    }
}

/// The length of the message that `bytes` starts with, tag included; `None` while its header is incomplete.
pub(crate) fn message_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(len) = bytes.get(1..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
    let len = u32::from_be_bytes(*len) as usize;
    if !(4..=MESSAGE_LIMIT).contains(&len) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {len} bytes")));
    }
    Ok(Some(len + 1))
}

/// The one value of a result.
pub(crate) fn single(rows: &[TextRow]) -> Option<&str> {
    rows.first()?.first()?.as_deref()
}

pub(crate) fn unexpected(context: &str, tag: u8) -> PgError {
    PgError::protocol(context, format!("unexpected message '{}'", char::from(tag).escape_default()))
}

/// Reads an ErrorResponse.
pub(crate) fn server_error(body: &[u8]) -> ServerError {
    let mut error = ServerError::default();
    for field in body.split(|&b| b == 0) {
        let Some((kind, value)) = field.split_first() else { continue };
        let value = String::from_utf8_lossy(value).into_owned();
        match kind {
            b'C' => error.sqlstate = value,
            b'M' => error.message = value,
            b'D' => error.detail = Some(value),
            b'H' => error.hint = Some(value),
            _ => {}
        }
    }
    error
}

fn text_row(mut body: Bytes) -> Option<TextRow> {
    let count = body.try_get_u16().ok()?;
    (0..count)
        .map(|_| {
            let len = body.try_get_i32().ok()?;
            if len < 0 {
                return Some(None);
            }
            let value = body.get(..len as usize)?;
            let text = String::from_utf8_lossy(value).into_owned();
            body.advance(len as usize);
            Some(Some(text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_they_are_believed() {
        assert_eq!(message_length(b"d\0\0\0").ok(), Some(None));
        assert_eq!(message_length(b"d\0\0\0\x05x").ok(), Some(Some(6)));
        assert!(message_length(b"d\0\0\0\x03").is_err());
        assert!(message_length(b"dzzzz").is_err());
    }

    #[test]
    fn error_fields_are_read() {
        let error = server_error(b"SERROR\0C55000\0Mno\0Hdo this\0\0");
        assert_eq!((error.sqlstate.as_str(), error.message.as_str()), ("55000", "no"));
        assert_eq!(error.hint.as_deref(), Some("do this"));
    }
}
