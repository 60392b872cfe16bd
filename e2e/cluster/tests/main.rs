//! Tests against a real Kubernetes: what its API server accepts of the project's objects, and that the cluster itself is as others.

mod defaults;
mod ending;
mod pods;
mod rules;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use offtake_cluster::Cluster;

/// The API server of all tests that run no pods, with the project's definitions. It ends with the process.
static API: LazyLock<Cluster> = LazyLock::new(|| {
    let cluster = Cluster::api_only().unwrap_or_else(|error| panic!("an API server: {error:#}"));
    ok(cluster.refuse_beside("app.kubernetes.io/name=offtake-operator"));
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

/// A namespace for one test. On somebody's cluster it goes when this is dropped; our own goes whole.
struct Namespace {
    cluster: &'static Cluster,
    name: String,
}

impl Namespace {
    fn make(cluster: &'static Cluster, name: &str) -> Namespace {
        ok(cluster.create_namespace(name, Duration::from_secs(180)));
        Namespace { cluster, name: name.to_owned() }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if self.cluster.host().is_some() {
            return;
        }
        let removed = self.cluster.delete_namespace(&self.name, None);
        if !std::thread::panicking() {
            ok(removed);
        }
    }
}

/// The value, or a failure with the whole chain of causes.
#[track_caller]
fn ok<T>(outcome: anyhow::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error:#}"))
}
