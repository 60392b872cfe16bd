//! Tests against a real Kubernetes: what its API server accepts of the project's objects, and that the cluster itself is as others.

mod defaults;
mod ending;
mod pods;
mod rules;

use std::{
    path::{Path, PathBuf},
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

/// A namespace for one test. On somebody's cluster it goes when this is dropped; our own goes whole.
struct Namespace {
    cluster: &'static Cluster,
    name: String,
}

impl Namespace {
    /// To be made anew: one that an earlier run left goes first.
    fn clear(cluster: &'static Cluster, name: &str) -> Namespace {
        let namespace = Namespace { cluster, name: name.to_owned() };
        ok(namespace.remove(true));
        namespace
    }

    fn make(cluster: &'static Cluster, name: &str) -> Namespace {
        let namespace = Namespace::clear(cluster, name);
        ok(cluster.kubectl(&["create", "namespace", name]));
        namespace
    }

    fn remove(&self, wait: bool) -> anyhow::Result<()> {
        if self.cluster.host().is_some() {
            return Ok(());
        }
        let wait = format!("--wait={wait}");
        let delete = ["delete", "namespace", &self.name, "--ignore-not-found", &wait, "--timeout=180s"];
        self.cluster.kubectl(&delete).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let removed = self.remove(false);
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
