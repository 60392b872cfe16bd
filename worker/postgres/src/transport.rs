//! The byte stream to the server: TCP or a Unix socket, with or without TLS.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use offtake_contract::Connection;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::TcpKeepalive;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::{
    error::PgError,
    tls::{self, end_point},
};

/// How long to wait for the server to take a connection up, and for it to let a session in.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A peer that went without a word is noticed after two minutes, also by a COPY that only reads.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15))
    .with_retries(4);

/// Bytes that a peer leaves unacknowledged for so long end the connection; the kernel alone would send them again for a quarter of an hour.
/// Only Linux has it.
#[cfg(target_os = "linux")]
const UNANSWERED: Duration = Duration::from_secs(60);

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket with TLS on it.
#[derive(Debug)]
pub(crate) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

/// What the replication client reads and writes.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(Socket),
    Encrypted(Box<Encrypted>),
}

/// The address as messages name it.
pub(crate) fn address(connection: &Connection) -> String {
    match connection.host.starts_with('/') {
        true => socket_path(connection),
        false if connection.host.contains(':') => format!("[{}]:{}", connection.host, connection.port),
        false => format!("{}:{}", connection.host, connection.port),
    }
}

fn socket_path(connection: &Connection) -> String {
    format!("{}/.s.PGSQL.{}", connection.host, connection.port)
}

impl Socket {
    /// Opens the socket; no byte is exchanged yet.
    pub(crate) async fn open(connection: &Connection) -> Result<Socket, PgError> {
        let opening = async {
            if connection.host.starts_with('/') {
                return Ok(Socket::Unix(UnixStream::connect(socket_path(connection)).await?));
            }
            let host = connection.address.as_ref().unwrap_or(&connection.host);
            let stream = TcpStream::connect((host.as_str(), connection.port)).await?;
            stream.set_nodelay(true)?;
            let options = socket2::SockRef::from(&stream);
            options.set_tcp_keepalive(&KEEPALIVE)?;
            #[cfg(target_os = "linux")]
            options.set_tcp_user_timeout(Some(UNANSWERED))?;
            Ok(Socket::Tcp(stream))
        };
        match timeout(CONNECT_TIMEOUT, opening).await {
            Ok(answer) => answer.map_err(|source| PgError::Connect { address: address(connection), source }),
            Err(_) => Err(PgError::ConnectTimeout {
                address: address(connection),
                seconds: CONNECT_TIMEOUT.as_secs(),
            }),
        }
    }
}

impl Transport {
    /// Opens the socket and TLS on it, where the connection asks for it.
    pub(crate) async fn open(connection: &Connection) -> Result<Transport, PgError> {
        let config = tls::config(connection)?;
        let mut socket = Socket::open(connection).await?;
        let Some(config) = config else { return Ok(Transport::Plain(socket)) };
        let failed = |source| PgError::Tls { address: address(connection), source };
        let mut request = bytes::BytesMut::new();
        postgres_protocol::message::frontend::ssl_request(&mut request);
        socket.write_all(&request).await.map_err(failed)?;
        // Read alone: whatever the server sends after this byte must be encrypted.
        match socket.read_u8().await.map_err(failed)? {
            b'S' => {}
            _ => return Err(PgError::TlsRefused { address: address(connection) }),
        }
        let handshake = Handshake { config, name: tls::server_name(&connection.host)? };
        Ok(Transport::Encrypted(Box::new(handshake.connect(socket).await.map_err(failed)?)))
    }

    /// The data that binds authentication to this TLS channel, where there is one that can be bound to.
    pub(crate) fn channel_binding(&self) -> Option<Vec<u8>> {
        match self {
            Transport::Plain(_) => None,
            Transport::Encrypted(stream) => stream.end_point(),
        }
    }
}

impl Encrypted {
    fn end_point(&self) -> Option<Vec<u8>> {
        end_point(self.0.get_ref().1.peer_certificates()?.first()?)
    }
}

/// A TLS handshake to come.
#[derive(Clone)]
pub(crate) struct Handshake {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let connector = tokio_rustls::TlsConnector::from(self.config);
        Box::pin(async move {
            match timeout(CONNECT_TIMEOUT, connector.connect(self.name, socket)).await {
                Ok(stream) => stream.map(Encrypted),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake takes too long")),
            }
        })
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// Passes reading and writing on to whichever stream it is.
macro_rules! delegate {
    ($target:ident { $($variant:ident),+ }) => {
        impl AsyncRead for $target {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($target::$variant(stream) => Pin::new(stream).poll_read(cx, buf),)+
                }
            }
        }

        impl AsyncWrite for $target {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $($target::$variant(stream) => Pin::new(stream).poll_write(cx, buf),)+
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($target::$variant(stream) => Pin::new(stream).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $($target::$variant(stream) => Pin::new(stream).poll_shutdown(cx),)+
                }
            }
        }
    };
}

delegate!(Socket { Tcp, Unix });
delegate!(Transport { Plain, Encrypted });

impl AsyncRead for Encrypted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use offtake_contract::Tls;

    use super::*;

    #[tokio::test]
    async fn a_dead_host_is_noticed_within_a_minute_or_two() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let connection = Connection {
            object: "default/app".into(),
            host: "127.0.0.1".into(),
            address: None,
            port: listener.local_addr().unwrap().port(),
            database: "app".into(),
            user: "app".into(),
            password: None,
            tls: Tls::default(),
        };
        let Socket::Tcp(stream) = Socket::open(&connection).await.unwrap() else { panic!("TCP") };
        let options = socket2::SockRef::from(&stream);
        assert!(options.keepalive().unwrap());
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(UNANSWERED));
    }
}
