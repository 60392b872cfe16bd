//! The real `offtake` binary, run on a folder of manifests.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use offtake_contract::{Lsn, Status};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::{upstream::connect, wait};

/// A worker: a folder of manifests, a data directory, and a process while it runs.
pub struct Worker {
    folder: tempfile::TempDir,
    pub sql: SocketAddr,
    pub http: SocketAddr,
    arguments: Vec<String>,
    child: Option<Child>,
}

/// The `offtake` binary of this build, beside the running test.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("the test's own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join("offtake");
    assert!(path.exists(), "{} is missing: `cargo xtask test` builds it first", path.display());
    path
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Worker {
    /// Starts on these manifests (file name, text).
    pub fn start(manifests: &[(&str, String)]) -> Worker {
        Worker::start_with(manifests, &[])
    }

    pub fn start_with(manifests: &[(&str, String)], arguments: &[&str]) -> Worker {
        let folder = tempfile::Builder::new().prefix("offtake-e2e-").tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("manifests")).expect("a folder for manifests");
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut worker =
            Worker { folder, sql: local(free_port()), http: local(free_port()), arguments, child: None };
        for (name, text) in manifests {
            worker.write(name, text);
        }
        worker.spawn();
        worker
    }

    pub fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes or replaces a manifest; the running worker takes it up.
    pub fn write(&self, name: &str, text: &str) {
        let hidden = self.manifests().join(format!(".{name}"));
        fs::write(&hidden, text).expect("a manifest");
        fs::rename(hidden, self.manifests().join(name)).expect("a manifest in its place");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.manifests().join(name)).expect("the manifest was there");
    }

    /// Starts the process (again).
    pub fn spawn(&mut self) {
        let log =
            File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let child = Command::new(binary())
            .arg("up")
            .arg("-f")
            .arg(self.manifests())
            .arg("--data-dir")
            .arg(self.data())
            .args(["--sql-listen", &self.sql.to_string(), "--http-listen", &self.http.to_string()])
            .args(&self.arguments)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log once more"))
            .stderr(log)
            .spawn()
            .expect("the worker starts");
        self.child = Some(child);
    }

    /// Kills the process as a power cut of the process would: no handler runs.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("SIGKILL");
            child.wait().expect("the killed process");
        }
    }

    /// Asks the process to end and waits for it.
    pub async fn stop(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().expect("a running worker");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("SIGTERM");
        wait::until("the worker to end", || std::future::ready(child.try_wait().expect("its status"))).await
    }

    /// Whether the process has ended by itself.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().expect("its status"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The status, or `None` while it cannot be had.
    pub async fn try_status(&self) -> Option<Status> {
        let url = format!("http://{}/v1/status", self.http);
        tokio::task::spawn_blocking(move || ureq::get(&url).call().ok()?.body_mut().read_json().ok())
            .await
            .ok()?
    }

    /// Waits until the status is as wanted.
    pub async fn status_when(&mut self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let deadline = tokio::time::Instant::now() + wait::DEADLINE;
        let mut last = None;
        loop {
            if let Some(status) = self.try_status().await {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            let ended = self.ended();
            assert!(
                ended.is_none() && tokio::time::Instant::now() < deadline,
                "waiting for {what}; ended: {ended:?}; status: {last:#?}; log:\n{}",
                self.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until every table and view is running.
    pub async fn ready(&mut self) -> Status {
        use offtake_contract::{TablePhase, ViewPhase};
        self.status_when("every table and view to run", |status| {
            status.generation > 0
                && status.tables.iter().all(|table| table.phase == TablePhase::Running)
                && status.views.iter().all(|view| view.phase == ViewPhase::Running)
                && !status.tables.is_empty()
        })
        .await
    }

    pub async fn connect(&self) -> Client {
        let address = format!("host={} port={} user=offtake dbname=offtake", self.sql.ip(), self.sql.port());
        wait::until(format!("SQL on {}", self.sql), || async { connect(&address).await.ok() }).await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("--- the worker's log ---\n{}", self.log());
        }
    }
}

/// Rows of a query as text, by the simple protocol; `None` is NULL.
pub async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

/// Makes the session's reads wait until `lsn` is readable.
pub async fn read_at(client: &Client, lsn: Lsn) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("SET offtake.lsn = '{lsn}'")).await
}
