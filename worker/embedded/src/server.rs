//! One running server.

use futures::future::BoxFuture;
use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    account::Account,
    binaries::Binaries,
    cluster::{Cluster, ServerTls, tail},
    watcher::Watcher,
};

/// How often a process's state is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(20);
/// A free port can be taken by somebody else before the server has it: how often another is tried.
const PORTS_TRIED: usize = 5;

/// The server did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "PostgreSQL refuses to run as root and this machine has neither a user \"postgres\" nor \"nobody\"; \
         add one (useradd --system postgres)"
    )]
    NoAccount,
    #[error("cannot write the server's files in {}; check its permissions and free space", path.display())]
    Files { path: PathBuf, source: io::Error },
    #[error("the unprivileged user that the server runs under cannot enter {}; choose another folder, or set TMPDIR", path.display())]
    OutOfReach { path: PathBuf },
    #[error("{} was made by PostgreSQL {found}, not {wanted}; use that version or another folder", path.display())]
    OtherMajor { path: PathBuf, found: String, wanted: u16 },
    #[error("cannot run {program}")]
    Spawn { program: &'static str, source: io::Error },
    #[error("initdb failed; the end of its output:\n{log}")]
    Initialise { log: String },
    #[error("no free port on 127.0.0.1")]
    NoPort { source: io::Error },
    #[error("the server ended ({status}) before it was ready; the end of its log:\n{log}")]
    Ended { status: ExitStatus, log: String },
    #[error("the server was not {goal} within {} s; the end of its log:\n{log}", after.as_secs())]
    TooSlow { goal: &'static str, after: Duration, log: String },
    #[error("cannot signal the server's process")]
    Signal { source: nix::Error },
}

impl ServerError {
    pub(crate) fn files(path: &Path, source: io::Error) -> ServerError {
        ServerError::Files { path: path.to_owned(), source }
    }
}

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// 0 takes a free one; it stays the same over restarts.
    pub port: u16,
    /// The superuser that initdb makes.
    pub user: String,
    /// With one, every connection authenticates by SCRAM-SHA-256; without, the loopback is trusted.
    pub password: Option<String>,
    /// Settings over the defaults: `wal_level=logical`, 20 WAL senders and slots, small buffers, no Unix socket.
    pub settings: Vec<(String, String)>,
    /// Lines of `pg_hba.conf`, before the defaults.
    pub hba: Vec<String>,
    pub tls: Option<ServerTls>,
    /// Whether data survives a crash of the machine. Without, it still survives a crash of the server.
    pub durable: bool,
    /// Keeps the cluster in this folder, and goes on with the one that is there. Without, it is temporary.
    pub data_dir: Option<PathBuf>,
    /// For each single start and stop.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            user: "postgres".into(),
            password: None,
            settings: Vec::new(),
            hba: Vec::new(),
            tls: None,
            durable: false,
            data_dir: None,
            deadline: Duration::from_secs(60),
        }
    }
}

/// PostgreSQL documentation, section 18.5 (Shutting Down the Server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Waits for the sessions to end.
    Smart,
    /// Ends the sessions, writes a checkpoint, and lets the WAL senders send everything.
    Fast,
    /// As a crash: recovery at the next start.
    Immediate,
}

/// A PostgreSQL server of our own on 127.0.0.1. When it is dropped, it is stopped, and its temporary folder removed; when this process
/// dies without that, a watcher does the same.
#[derive(Debug)]
pub struct Server {
    binaries: Binaries,
    options: Options,
    cluster: Cluster,
    port: u16,
    postmaster: Option<Child>,
    watcher: Watcher,
}

impl Server {
    /// Initialises a cluster and starts it; returns when it takes connections.
    pub fn start<'a>(binaries: &'a Binaries, options: Options) -> BoxFuture<'a, Result<Server, ServerError>> {
        Box::pin(async move {
            let account = Account::of_server().ok_or(ServerError::NoAccount)?;
            let cluster = Cluster::create(options.data_dir.as_deref(), account)?;
            let watcher = Watcher::start(&account, Some(&cluster.data()), cluster.temporary())
                .map_err(|source| ServerError::Spawn { program: "/bin/sh", source })?;
            let mut server = Server {
                binaries: binaries.clone(),
                port: options.port,
                options,
                cluster,
                postmaster: None,
                watcher,
            };
            server = tokio::task::spawn_blocking(move || {
                server.cluster.initialise(&server.binaries, &server.options).map(|()| server)
            })
            .await
            .map_err(|panic| ServerError::Spawn { program: "initdb", source: io::Error::other(panic) })??;

            let mut attempts = if server.options.port == 0 { PORTS_TRIED } else { 1 };
            loop {
                if server.options.port == 0 {
                    server.port = free_port().map_err(|source| ServerError::NoPort { source })?;
                }
                attempts -= 1;
                match server.resume().await {
                    Ok(()) => return Ok(server),
                    Err(ServerError::Ended { log, .. }) if attempts > 0 && log.contains("already in use") => {
                    }
                    Err(error) => return Err(error),
                }
            }
        })
    }

    /// Always 127.0.0.1.
    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn user(&self) -> &str {
        &self.options.user
    }

    pub fn password(&self) -> Option<&str> {
        self.options.password.as_deref()
    }

    /// The server's major version.
    pub fn major(&self) -> u16 {
        self.binaries.major()
    }

    /// The postmaster's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.postmaster.as_ref().map(Child::id)
    }

    /// PostgreSQL's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.cluster.data()
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// `host=… port=… user=… password=… dbname=…`, as libpq and tokio-postgres read it.
    pub fn connection_string(&self, database: &str) -> String {
        let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
        let mut text = format!("host={} port={} user={}", self.host(), self.port, quoted(&self.options.user));
        if let Some(password) = &self.options.password {
            text += &format!(" password={}", quoted(password));
        }
        text + &format!(" dbname={}", quoted(database))
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.options.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the server after [`Server::stop`] or [`Server::kill9`], on the same port and data. Nothing happens while it runs.
    pub fn resume<'a>(&'a mut self) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            if self.postmaster.is_some() {
                return Ok(());
            }
            let data = self.cluster.data();
            let files = |source| ServerError::files(&data, source);
            self.cluster.configure(&self.options, self.port).map_err(files)?;
            let mut command = self.cluster.account.command(&self.binaries.bin_dir().join("postgres"));
            command.arg("-D").arg(&data);
            let before = self.cluster.log().len();
            self.cluster.logged(&mut command).map_err(files)?;
            let child =
                command.spawn().map_err(|source| ServerError::Spawn { program: "postgres", source })?;
            let pid = child.id();
            self.postmaster = Some(child);

            let start = Instant::now();
            while !ready(&data, pid) {
                let log = |server: &Server| tail(server.cluster.log().get(before..).unwrap_or_default());
                if let Some(status) = self.ended() {
                    self.postmaster = None;
                    return Err(ServerError::Ended { status, log: log(self) });
                }
                if start.elapsed() > self.options.deadline {
                    let after = self.options.deadline;
                    return Err(ServerError::TooSlow { goal: "ready", after, log: log(self) });
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        })
    }

    /// Stops the server and waits until it is gone. Nothing happens when it does not run.
    pub fn stop<'a>(&'a mut self, how: Shutdown) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            let Some(pid) = self.pid() else { return Ok(()) };
            let signal = match how {
                Shutdown::Smart => Signal::SIGTERM,
                Shutdown::Fast => Signal::SIGINT,
                Shutdown::Immediate => Signal::SIGQUIT,
            };
            send(pid, signal).map_err(|source| ServerError::Signal { source })?;
            self.wait_for_end().await
        })
    }

    /// Kills the postmaster and all of its children at once, as the kernel would when the machine runs out of memory.
    pub fn kill9<'a>(&'a mut self) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            let Some(pid) = self.pid() else { return Ok(()) };
            // Stopped, it can neither start new children nor tell the others to end in good order.
            send(pid, Signal::SIGSTOP).map_err(|source| ServerError::Signal { source })?;
            let children = children(pid);
            for process in std::iter::once(pid).chain(children.iter().copied()) {
                // A child may have ended by itself.
                let _ = send(process, Signal::SIGKILL);
            }
            self.wait_for_end().await?;
            let start = Instant::now();
            while children.iter().any(|child| alive(*child)) {
                if start.elapsed() > self.options.deadline {
                    let after = self.options.deadline;
                    return Err(ServerError::TooSlow { goal: "gone", after, log: tail(&self.log()) });
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        })
    }

    /// [`Server::stop`] and [`Server::resume`].
    pub fn restart<'a>(&'a mut self, how: Shutdown) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            self.stop(how).await?;
            self.resume().await
        })
    }

    async fn wait_for_end(&mut self) -> Result<(), ServerError> {
        let start = Instant::now();
        while self.ended().is_none() {
            if start.elapsed() > self.options.deadline {
                let after = self.options.deadline;
                return Err(ServerError::TooSlow { goal: "stopped", after, log: tail(&self.log()) });
            }
            tokio::time::sleep(LOOK).await;
        }
        self.postmaster = None;
        Ok(())
    }

    /// The exit status of a postmaster that has ended. One that cannot be asked counts as running: the deadline decides.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.postmaster.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = send(pid, Signal::SIGQUIT);
            let start = Instant::now();
            while self.ended().is_none() {
                if start.elapsed() > Duration::from_secs(10) {
                    let _ = send(pid, Signal::SIGKILL);
                }
                std::thread::sleep(LOOK);
            }
        }
        if self.cluster.temporary().is_some() {
            remove_shared_memory(&self.cluster.data());
            if let Err(error) = self.cluster.remove() {
                tracing::warn!(%error, "the server's temporary folder could not be removed");
            }
        }
        self.watcher.dismiss();
    }
}

/// Whether the postmaster takes connections. It says so in the eighth line of its pid file (since version 10; `pg_ctl` relies on it);
/// the first line tells an old file from a new one.
fn ready(data: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    lines.next().is_some_and(|first| first.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

/// A killed postmaster leaves a few bytes of System V shared memory, which only its next start would take up: the seventh line of the pid
/// file names it.
fn remove_shared_memory(data: &Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    if let Some(id) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
        let _ = Command::new("ipcrm").args(["-m", id]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn send(pid: u32, signal: Signal) -> nix::Result<()> {
    kill(Pid::from_raw(pid.cast_signed()), signal)
}

/// The processes whose parent is `parent`. Empty where the system has no `/proc`: there, orphaned backends end by themselves.
fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// Whether a process still runs: one that nobody has waited for (state Z) does not.
fn alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// State and parent of a process: `pid (name) S ppid …`, where the name may hold anything (proc_pid_stat(5)).
fn state(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
