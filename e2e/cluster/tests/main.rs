//! Tests against a real Kubernetes: what its API server accepts of the project's objects, and that the cluster itself is as others.

mod defaults;
mod pods;
mod rules;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use offtake_cluster::Cluster;

/// The API server of all tests that run no pods, with the project's definitions. It ends with the process.
static API: LazyLock<Cluster> = LazyLock::new(|| {
    let cluster = Cluster::api_only().unwrap_or_else(|error| panic!("an API server: {error:#}"));
    let folder = repository().join("crds");
    ok(cluster.kubectl(&["apply", "-f", &folder.to_string_lossy()]));
    let established = ["wait", "--for=condition=Established", "--timeout=60s", "crd"];
    ok(cluster.kubectl(&[&established[..], &DEFINITIONS].concat()));
    cluster
});

const DEFINITIONS: [&str; 4] =
    ["pgconnections.offtake.dev", "pgsources.offtake.dev", "sourcetables.offtake.dev", "views.offtake.dev"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in e2e/cluster").to_owned()
}

/// A namespace for one test, made anew.
fn namespace(cluster: &Cluster, name: &str) {
    ok(cluster.kubectl(&["create", "namespace", name]));
}

/// The value, or a failure with the whole chain of causes.
#[track_caller]
fn ok<T>(outcome: anyhow::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error:#}"))
}

/// A test that is killed leaves nothing that runs: the cluster's processes end with the pipe that this one holds.
#[test]
fn a_killed_run_leaves_no_process() {
    if std::env::var_os("KUBECONFIG").is_some() {
        return;
    }
    let program = env!("CARGO_BIN_EXE_cluster");
    let mut child = Command::new(program)
        .args(["up", "--api-only"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program `cluster`");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a line");
    let folder = line.trim().split(['=', '\n']).nth(1).and_then(|path| path.split("/pki/").next());
    let folder = PathBuf::from(folder.expect("the path of a kubeconfig"));
    assert!(folder.join("etcd").is_dir(), "{}", folder.display());
    child.kill().expect("a kill");
    child.wait().expect("an end");
    ok(offtake_cluster::until(
        "everything of a killed cluster to be gone",
        std::time::Duration::from_secs(30),
        || {
            let running = Command::new("pgrep").args(["-f", &folder.to_string_lossy()]).output()?;
            anyhow::ensure!(
                running.stdout.is_empty(),
                "processes: {}",
                String::from_utf8_lossy(&running.stdout)
            );
            anyhow::ensure!(!folder.join("etcd").exists(), "files are left in {}", folder.display());
            Ok(())
        },
    ));
}
