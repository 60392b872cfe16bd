//! One client: start-up, then messages until it leaves or is sent away.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use offtake_introspect::Client;
use pgwire::{
    api::{
        ClientInfo, PgWireConnectionState, PidSecretKeyGenerator, RandomPidSecretKeyGenerator,
        auth::{mechanism::AuthState, protocol_negotiation, save_startup_parameters_to_metadata},
    },
    error::PgWireError,
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage,
        response::{NoticeResponse, ReadyForQuery},
        startup::{Authentication, BackendKeyData, ParameterStatus, Startup},
    },
    tokio::server::{MaybeTls, PgWireMessageServerCodec, negotiate_tls},
};
use tokio::{net::TcpStream, sync::watch};
use tokio_util::codec::Framed;

use crate::{
    encode::{Encoder, Formats},
    error::{Failure, SqlError},
    published::DATABASE,
    settings::{Settings, canonical, is_other_date_order},
    sql::{
        Core,
        cancel::{Cancelable, Interrupt},
        command::{Run, warning},
        now,
        roster::Place,
        session::{Rows, Session},
    },
};

type Socket = Framed<MaybeTls, PgWireMessageServerCodec<()>>;

/// How long a client may take to come in.
const STARTUP: Duration = Duration::from_secs(60);

/// Bytes that are gathered before they are written.
const WRITE_BUFFER: usize = 64 << 10;

/// Rows that are encoded between two looks at what could interrupt.
const STRIDE: usize = 256;

/// A client that has come in.
pub struct Connection {
    socket: Socket,
    pub(super) core: Arc<Core>,
    pub(super) session: Session,
    pub(super) place: Place,
    cancelable: Cancelable,
    shutdown: watch::Receiver<bool>,
    notices: Vec<NoticeResponse>,
    /// The parameter values that the client knows.
    reported: Vec<(&'static str, String)>,
    /// After an error in the extended protocol: skip everything until Sync.
    skipping: bool,
}

/// Serves one client from its first byte to its last.
pub async fn serve(
    stream: TcpStream,
    core: Arc<Core>,
    pids: Arc<RandomPidSecretKeyGenerator>,
    shutdown: watch::Receiver<bool>,
) -> Result<(), io::Error> {
    let peer = stream.peer_addr()?;
    let starting = tokio::time::timeout(STARTUP, start(stream, core, &pids, shutdown.clone()));
    let mut stop = shutdown;
    let connection = tokio::select! {
        started = starting => started,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    match connection {
        Ok(Ok(Some(connection))) => connection.messages(peer).await,
        Ok(Ok(None)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(error),
    }
}

async fn start(
    stream: TcpStream,
    core: Arc<Core>,
    pids: &RandomPidSecretKeyGenerator,
    shutdown: watch::Receiver<bool>,
) -> Result<Option<Connection>, io::Error> {
    let (address, peer) = (stream.local_addr().ok(), stream.peer_addr().ok());
    let Some(mut socket) = negotiate_tls::<()>(stream, core.tls.clone()).await? else { return Ok(None) };
    socket.set_backpressure_boundary(WRITE_BUFFER);
    match come_in(&mut socket, &core, pids, address).await {
        Ok(Some((session, cancelable, notices))) => {
            let reported = session.settings.reported();
            let place = core.roster.enter(Client {
                pid: session.pid,
                user: session.user.clone(),
                application_name: session.settings.application_name().to_owned(),
                address: peer,
                came: now(),
                state_change: Some(now()),
                tls: encryption(&socket),
                ..Client::default()
            });
            Ok(Some(Connection {
                socket,
                core,
                session,
                place,
                cancelable,
                shutdown,
                notices,
                reported,
                skipping: false,
            }))
        }
        Ok(None) => Ok(None),
        Err(Failure::Gone(error)) => Err(error),
        Err(Failure::Sql(error)) => {
            tracing::info!(
                sqlstate = error.sqlstate,
                message = error.message,
                "a SQL client was turned away"
            );
            core.metrics.turned_away();
            let error = SqlError { fatal: true, ..*error };
            socket.send(PgWireBackendMessage::ErrorResponse(error.response())).await?;
            socket.close().await?;
            Ok(None)
        }
    }
}

/// Start-up and authentication. `None`: the connection was only there to cancel another one's statement, or went away.
async fn come_in(
    socket: &mut Socket,
    core: &Core,
    pids: &RandomPidSecretKeyGenerator,
    address: Option<SocketAddr>,
) -> Result<Option<(Session, Cancelable, Vec<NoticeResponse>)>, Failure> {
    let startup = match socket.next().await {
        Some(Ok(PgWireFrontendMessage::Startup(startup))) => startup,
        Some(Ok(PgWireFrontendMessage::CancelRequest(request))) => {
            core.cancels.cancel(request.pid, &request.secret_key);
            return Ok(None);
        }
        Some(Ok(_)) => return Err(SqlError::protocol("expected a startup message").into()),
        Some(Err(error)) => return Err(error.into()),
        None => return Ok(None),
    };
    protocol_negotiation(socket, &startup).await?;
    save_startup_parameters_to_metadata(socket, &startup);
    let secure = socket.is_secure();
    if core.tls_required && !secure {
        return Err(SqlError::fatal("28000", "this server takes connections with TLS only")
            .hint("Connect with sslmode=require or verify-full.")
            .into());
    }
    let user = startup
        .parameters
        .get("user")
        .filter(|user| !user.is_empty())
        .cloned()
        .ok_or_else(|| SqlError::fatal("28000", "no PostgreSQL user name specified in startup packet"))?;
    if startup
        .parameters
        .get("replication")
        .is_some_and(|value| !["false", "off", "no", "0"].contains(&value.as_str()))
    {
        return Err(SqlError::fatal("0A000", "Offtake is no replication source")
            .hint("Read tables and views with SELECT.")
            .into());
    }
    authenticate(socket, core, &user, secure).await?;
    let database = startup.parameters.get("database").filter(|name| !name.is_empty()).unwrap_or(&user);
    if database != DATABASE {
        return Err(SqlError::fatal("3D000", format!("database \"{database}\" does not exist"))
            .hint(format!("The one database here is \"{DATABASE}\": psql -d {DATABASE}."))
            .into());
    }
    let mut notices = Vec::new();
    let settings = startup_settings(core, &startup, &mut notices)?;
    let (pid, key) = pids.generate(socket);
    core.publisher.seen(&user);
    let session = Session::new(user, pid, settings, address);
    let cancelable = core.cancels.register(pid, &key);

    socket.feed(PgWireBackendMessage::Authentication(Authentication::Ok)).await?;
    let own =
        [("server_version", core.server_version.clone()), ("session_authorization", session.user.clone())];
    for (name, value) in session.settings.reported().into_iter().chain(own) {
        socket
            .feed(PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.to_owned(), value)))
            .await?;
    }
    socket.feed(PgWireBackendMessage::BackendKeyData(BackendKeyData::new(pid, key))).await?;
    for notice in notices.drain(..) {
        socket.feed(PgWireBackendMessage::NoticeResponse(notice)).await?;
    }
    socket
        .send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(session.transaction_status())))
        .await?;
    socket.set_state(PgWireConnectionState::ReadyForQuery);
    Ok(Some((session, cancelable, notices)))
}

/// Protocol and cipher of an encrypted connection.
fn encryption(socket: &Socket) -> Option<(String, String)> {
    let MaybeTls::Tls(stream) = socket.get_ref() else { return None };
    let session = stream.get_ref().1;
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "",
    };
    let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    Some((version.to_owned(), cipher.unwrap_or_default().replace("TLS13_", "TLS_")))
}

async fn authenticate(socket: &mut Socket, core: &Core, user: &str, secure: bool) -> Result<(), Failure> {
    let Some(mut exchange) = core.gate.exchange(secure) else { return Ok(()) };
    socket.set_state(PgWireConnectionState::AuthenticationInProgress);
    let wrong = || {
        Failure::from(SqlError::fatal("28P01", format!("password authentication failed for user \"{user}\"")))
    };
    let mut state = exchange.begin(socket).await;
    loop {
        match state {
            Ok(AuthState::InProgress(request)) => {
                socket.send(PgWireBackendMessage::Authentication(request)).await?;
            }
            Ok(AuthState::Ok { final_message, .. }) => {
                if let Some(message) = final_message {
                    socket.feed(PgWireBackendMessage::Authentication(message)).await?;
                }
                return Ok(());
            }
            Ok(AuthState::Failed(PgWireError::InvalidPassword(_))) | Err(PgWireError::InvalidPassword(_)) => {
                return Err(wrong());
            }
            Ok(AuthState::Failed(error)) | Err(error) => return Err(error.into()),
        }
        state = match socket.next().await {
            Some(Ok(PgWireFrontendMessage::PasswordMessageFamily(message))) => {
                exchange.next(socket, message).await
            }
            Some(Ok(_)) => return Err(SqlError::protocol("expected a password message").into()),
            Some(Err(error)) => return Err(error.into()),
            // libpq asks the user for a password on a new connection.
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        };
    }
}

/// The settings that came with the startup message, by name or in `options` as `-c name=value`.
///
/// A time zone is what JDBC and others send unasked, and an order of dates is set by habit (`PGDATESTYLE`): they stay UTC and MDY, and
/// the client is told so by ParameterStatus and a warning.
fn startup_settings(
    core: &Core,
    startup: &Startup,
    notices: &mut Vec<NoticeResponse>,
) -> Result<Settings, SqlError> {
    let defaults = Settings::new(core.wait_timeout, core.statement_timeout);
    let mut settings = defaults.clone();
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &startup.parameters {
        match name.as_str() {
            "user" | "database" | "replication" | "options" => {}
            // Protocol extensions that a server may not know.
            name if name.starts_with("_pq_.") => {}
            name => drop(given.insert(name.to_owned(), value.clone())),
        }
    }
    if let Some(options) = startup.parameters.get("options") {
        given.extend(command_line(options));
    }
    for (name, value) in given {
        if let Err(error) = settings.set(&name, Some(&value), &defaults) {
            let (kept, hint) = match canonical(&name).as_str() {
                "timezone" => ("TimeZone stays UTC", "Convert timestamps in the client."),
                "datestyle" if is_other_date_order(&value) => (
                    "DateStyle stays ISO, MDY",
                    "Write dates as 2024-12-31, which is read the same everywhere.",
                ),
                _ => return Err(error),
            };
            notices.push(warning("0A000", format!("{kept}: \"{value}\" is not supported"), Some(hint)));
        }
    }
    Ok(settings)
}

/// `-c name=value`, `-cname=value` and `--name=value`; a backslash keeps a blank within a value.
fn command_line(options: &str) -> Vec<(String, String)> {
    let mut words: Vec<String> = vec![String::new()];
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => words.last_mut().expect("never empty").extend(characters.next()),
            blank if blank.is_whitespace() => words.push(String::new()),
            other => words.last_mut().expect("never empty").push(other),
        }
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().unwrap_or_default()
        } else if let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            rest.to_owned()
        } else {
            continue;
        };
        if let Some((name, value)) = setting.split_once('=') {
            settings.push((name.replace('-', "_"), value.to_owned()));
        }
    }
    settings
}

impl Connection {
    async fn messages(mut self, peer: SocketAddr) -> Result<(), io::Error> {
        tracing::debug!(%peer, user = self.session.user, pid = self.session.pid, "a SQL client came in");
        let _open = self.core.metrics.connection();
        loop {
            let message = match self.next().await {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.socket.send(PgWireBackendMessage::ErrorResponse(error.response())).await?;
                    return self.socket.close().await;
                }
            };
            let extended = message.is_extended_query();
            match self.message(message).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Failure::Gone(error)) => return Err(error),
                Err(Failure::Sql(error)) => {
                    self.session.fail();
                    self.notify().await?;
                    self.socket.feed(PgWireBackendMessage::ErrorResponse(error.response())).await?;
                    if error.fatal {
                        return self.socket.close().await;
                    }
                    if extended {
                        self.skipping = true;
                        self.socket.flush().await?;
                    } else {
                        self.ready().await?;
                    }
                }
            }
        }
    }

    /// The next message, unless the session is to end before.
    async fn next(&mut self) -> Result<Option<PgWireFrontendMessage>, SqlError> {
        let idle = match self.session.block {
            super::session::Block::None => self.session.settings.idle_timeout,
            _ => self.session.settings.idle_in_transaction_timeout,
        };
        let quiet = async {
            match idle {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = self.socket.next() => match message {
                Some(Ok(message)) => Ok(Some(message)),
                Some(Err(PgWireError::IoError(_))) | None => Ok(None),
                Some(Err(error)) => Err(SqlError::fatal(error.code(), error.to_string())),
            },
            _ = self.shutdown.wait_for(|stop| *stop) => {
                Err(SqlError::fatal("57P01", "terminating connection due to administrator command"))
            }
            () = quiet => Err(match self.session.block {
                super::session::Block::None => SqlError::fatal("57P05", "terminating connection due to idle-session timeout"),
                _ => SqlError::fatal("25P03", "terminating connection due to idle-in-transaction timeout"),
            }),
        }
    }

    /// Handles one message; `false`: the client left.
    async fn message(&mut self, message: PgWireFrontendMessage) -> Result<bool, Failure> {
        match message {
            PgWireFrontendMessage::Terminate(_) => return Ok(false),
            PgWireFrontendMessage::Sync(_) => {
                self.skipping = false;
                self.ready().await?;
            }
            _ if self.skipping => {}
            PgWireFrontendMessage::Query(query) => {
                // As in PostgreSQL, a simple query drops the unnamed statement and portal.
                self.session.statements.remove("");
                self.session.portals.remove("");
                self.begins(&query.query);
                self.simple(&query.query).await?;
                self.ready().await?;
            }
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await?,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await?,
            PgWireFrontendMessage::Describe(describe) => self.describe(describe).await?,
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await?,
            PgWireFrontendMessage::Close(close) => self.close(close).await?,
            PgWireFrontendMessage::Flush(_) => self.socket.flush().await?,
            // Left over from a COPY that failed; PostgreSQL ignores them, too.
            PgWireFrontendMessage::CopyData(_)
            | PgWireFrontendMessage::CopyDone(_)
            | PgWireFrontendMessage::CopyFail(_) => {}
            _ => return Err(SqlError { fatal: true, ..SqlError::protocol("unexpected message") }.into()),
        }
        Ok(true)
    }

    /// Ends the implicit transaction and tells the client to go on.
    async fn ready(&mut self) -> Result<(), io::Error> {
        self.session.end_implicit();
        self.changed().await?;
        let status = self.session.transaction_status();
        self.place.waits(self.session.block, self.session.settings.application_name());
        self.socket.send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await
    }

    /// A statement begins: others see it.
    pub(super) fn begins(&self, text: &str) {
        self.place.begins(text, self.session.settings.application_name());
    }

    pub(super) fn interrupt(&self) -> Interrupt {
        self.cancelable.statement(self.session.settings.statement_timeout, self.shutdown.clone())
    }

    pub(super) fn run<'a>(&'a mut self, interrupt: &'a mut Interrupt) -> Run<'a> {
        Run { core: &self.core, session: &mut self.session, interrupt, notices: &mut self.notices }
    }

    pub(super) async fn feed(&mut self, message: PgWireBackendMessage) -> Result<(), Failure> {
        Ok(self.socket.feed(message).await?)
    }

    pub(super) async fn feed_unless(
        &mut self,
        message: PgWireBackendMessage,
        interrupt: &mut Interrupt,
    ) -> Result<(), Failure> {
        interrupt.run(async { Ok(self.socket.feed(message).await) }).await?.map_err(Failure::Gone)
    }

    /// Sends notices, and the settings that a statement changed.
    pub(super) async fn changed(&mut self) -> Result<(), io::Error> {
        self.notify().await?;
        let now = self.session.settings.reported();
        for (new, old) in now.iter().zip(&self.reported) {
            if new != old {
                let status = ParameterStatus::new(new.0.to_owned(), new.1.clone());
                self.socket.feed(PgWireBackendMessage::ParameterStatus(status)).await?;
            }
        }
        self.reported = now;
        Ok(())
    }

    async fn notify(&mut self) -> Result<(), io::Error> {
        for notice in std::mem::take(&mut self.notices) {
            self.socket.feed(PgWireBackendMessage::NoticeResponse(notice)).await?;
        }
        Ok(())
    }

    /// Sends up to `limit` rows and tells how many. A client that does not read holds up nothing but itself.
    pub(super) async fn send_rows(
        &mut self,
        rows: &mut Rows,
        formats: &Formats,
        limit: usize,
        interrupt: &mut Interrupt,
    ) -> Result<usize, Failure> {
        let shape = rows.shape.clone();
        let mut encoder = Encoder::new(&shape, formats.clone());
        let mut sent = 0;
        while sent < limit && !rows.rows.as_slice().is_empty() {
            let socket = &mut self.socket;
            let some = rows.rows.by_ref().take(STRIDE.min(limit - sent));
            let work = async {
                let mut count = 0;
                for row in some {
                    if let Err(error) = socket.feed(PgWireBackendMessage::DataRow(encoder.row(&row))).await {
                        return Ok(Err(error));
                    }
                    count += 1;
                }
                // Other clients of this thread have their turn.
                tokio::task::yield_now().await;
                Ok(Ok(count))
            };
            sent += interrupt.run(work).await?.map_err(Failure::Gone)?;
        }
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_like_a_command_line() {
        let settings = command_line("-c statement_timeout=5s --search_path=v1,\\ public -cjit=off -x");
        let expected = [("statement_timeout", "5s"), ("search_path", "v1, public"), ("jit", "off")];
        assert_eq!(settings, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
