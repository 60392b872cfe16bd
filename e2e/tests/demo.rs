//! README's first command: it shows what it promises and leaves nothing behind.

use std::process::{Command, Stdio};

use offtake_e2e::worker::{binary, free_port};

#[test]
fn the_demo_runs_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let listen = |port: u16| format!("127.0.0.1:{port}");
    let output = Command::new(binary())
        .args([
            "demo",
            "--for",
            "25s",
            "--sql-listen",
            &listen(free_port()),
            "--http-listen",
            &listen(free_port()),
        ])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the demo runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{errors}");
    for expected in [
        "order_lines: Running",
        "Every table and view is readable",
        "transactions/s",
        "all accounts together: 1000000.00",
    ] {
        assert!(shown.contains(expected), "no \"{expected}\" in:\n{shown}\n{errors}");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("the folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let processes =
        Command::new("pgrep").args(["-f", &folder.path().display().to_string()]).output().expect("pgrep");
    assert!(processes.stdout.is_empty(), "still running: {}", String::from_utf8_lossy(&processes.stdout));
}
