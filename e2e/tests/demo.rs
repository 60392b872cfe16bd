//! README's first command: it shows what it promises and leaves nothing behind, whatever ends it.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    pty::{Winsize, openpty},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use offtake_e2e::{
    wait,
    worker::{binary, free_port},
};

#[tokio::test]
async fn the_demo_runs_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&["--for", "10s"]);
    let mut shown = String::new();
    demo.output.read_to_string(&mut shown).expect("what the demo shows");
    assert!(demo.process.wait().expect("its status").success(), "{shown}");
    for expected in [
        "order_lines: Running",
        "Every table and view is readable",
        "transactions/s",
        "all accounts together: 1000000.00",
    ] {
        assert!(shown.contains(expected), "no \"{expected}\" in:\n{shown}");
    }
    let left = left(demo.folder.path());
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[tokio::test]
async fn on_a_terminal_the_copies_have_progress_bars() {
    let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a terminal");
    for end in [&terminal.master, &terminal.slave] {
        // Another test's server that starts now would hold it open.
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a flag");
    }
    let mut demo = Demo::start_on(&["--for", "2s"], terminal.master, terminal.slave);
    let mut shown = Vec::new();
    // A terminal that nobody writes to any more is an error.
    demo.output.read_to_end(&mut shown).ok();
    let shown = String::from_utf8_lossy(&shown);
    assert!(demo.process.wait().expect("its status").success(), "{shown}");
    // A bar is 40 characters wide; after it come the rows and the phase.
    let bars: Vec<String> =
        shown.split("order_lines ").skip(1).map(|after| after.chars().take(75).collect()).collect();
    let shows = |bar: char, phase| {
        let bar = bar.to_string().repeat(40);
        bars.iter().position(|shown| shown.starts_with(&bar) && shown.contains(&format!(" rows  {phase}")))
    };
    let (empty, full) = (shows('░', "Snapshotting"), shows('█', "Running"));
    assert!(empty.is_some() && empty < full, "{bars:#?}");
    assert!(shown.contains("transactions/s"), "{shown}");
}

#[tokio::test]
async fn ctrl_c_ends_the_demo_at_any_time() {
    for (shown, later) in [
        ("Looking for PostgreSQL", "The shop has"),
        ("PostgreSQL", "Every table and view is readable"),
        ("transactions/s", "nothing more"),
    ] {
        let mut demo = Demo::start(&[]);
        demo.wait_for(shown);
        demo.signal(Signal::SIGINT);
        let mut rest = String::new();
        demo.output.read_to_string(&mut rest).expect("what the demo shows");
        assert!(demo.process.wait().expect("its status").success(), "{shown}: {rest}");
        assert!(!rest.contains(later), "went on after the signal at {shown}: {rest}");
        let left = left(demo.folder.path());
        assert!(left.is_empty(), "left behind after the signal at {shown}: {left:?}");
    }
}

#[tokio::test]
async fn a_killed_demo_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.wait_for("transactions/s");
    let names = left(demo.folder.path()).join("\n");
    for expected in ["offtake-demo-", "offtake-postgres-", "postgres -D"] {
        assert!(names.contains(expected), "{expected} is not looked at: {names}");
    }
    demo.signal(Signal::SIGKILL);
    demo.process.wait().expect("its status");
    wait::until("the watchers to clean up", || {
        std::future::ready(left(demo.folder.path()).is_empty().then_some(()))
    })
    .await;
}

/// A demo whose temporary files lie in a folder of the test.
struct Demo {
    process: Child,
    output: BufReader<File>,
    folder: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Demo {
        let (output, shows) = io::pipe().expect("a pipe");
        Demo::start_on(arguments, output.into(), shows.into())
    }

    /// What it writes to `shows` comes out of `output`.
    fn start_on(arguments: &[&str], output: OwnedFd, shows: OwnedFd) -> Demo {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        // As /tmp: where we are root, the server and its watcher run as another user, who makes and removes files here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("its permissions");
        let listen = || format!("127.0.0.1:{}", free_port());
        let process = Command::new(binary())
            .arg("demo")
            .args(["--sql-listen", &listen(), "--http-listen", &listen()])
            .args(arguments)
            .env("TMPDIR", folder.path())
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(shows)
            .spawn()
            .expect("the demo runs");
        Demo { process, output: BufReader::new(output.into()), folder }
    }

    /// Reads what the demo shows up to a line with this text.
    fn wait_for(&mut self, text: &str) {
        let found = self
            .output
            .by_ref()
            .lines()
            .find(|line| line.as_ref().expect("what the demo shows").contains(text));
        assert!(found.is_some(), "the demo ended without showing \"{text}\"");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).expect("a pid"));
        kill(pid, signal).expect("a signal");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Where the test failed, it may still run; its watchers clean up.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Files in the folder, and processes that were started with something of it or work in it.
fn left(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
    let mut left: Vec<_> = files.map(|path| path.display().to_string()).collect();
    let folder = folder.display().to_string();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        // One that has ended meanwhile has neither.
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        let place = fs::read_link(process.path().join("cwd")).unwrap_or_default();
        if arguments.contains(&folder) || place.starts_with(&folder) {
            left.push(format!("{} {arguments}", process.file_name().display()));
        }
    }
    left
}
