//! Every state that an object goes through, as a watch shows it, held against kstatus' rules.

use std::{
    collections::BTreeSet,
    io::BufReader,
    process::ChildStdout,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::ensure;
use offtake_cluster::Cluster;
use serde_json::{Deserializer, Value};

use crate::{background::Background, kstatus};

/// kubectl watches one kind at a time.
pub const KINDS: [&str; 4] = ["pgconnections", "pgsources", "sourcetables", "views"];

/// Watches the four kinds in all namespaces.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    _kubectl: Vec<Background>,
}

#[derive(Default)]
struct Seen {
    states: usize,
    /// Each with its namespace.
    violations: Vec<(String, String)>,
    /// Namespace and name of the tables that were shown amid their copy.
    copying: BTreeSet<(String, String)>,
    ended: Option<&'static str>,
}

impl Watch {
    pub fn start(cluster: &Cluster) -> anyhow::Result<Watch> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let watch = |kind: &'static str| {
            let arguments = ["get", kind, "--all-namespaces", "--watch", "--output=json"];
            let (kubectl, output) = Background::kubectl(cluster, &arguments)?;
            let seen = seen.clone();
            thread::spawn(move || read(kind, output, &seen));
            Ok::<_, anyhow::Error>(kubectl)
        };
        let kubectl = KINDS.into_iter().map(watch).collect::<anyhow::Result<_>>()?;
        Ok(Watch { seen, _kubectl: kubectl })
    }

    /// How many states were seen, in all namespaces.
    ///
    /// # Errors
    /// A state of this namespace that contradicts itself; a watch that has ended.
    pub fn check(&self, namespace: &str) -> anyhow::Result<usize> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.ended.is_none(), "the watch of {:?} has ended", seen.ended);
        let mine = seen.violations.iter().filter(|(of, _)| of == namespace);
        let mine: Vec<&str> = mine.map(|(_, violation)| violation.as_str()).collect();
        ensure!(mine.is_empty(), "states on the way broke kstatus' rules:\n{}", mine.join("\n"));
        Ok(seen.states)
    }

    /// Whether a state of this table told of rows that were copied while others were not yet.
    pub fn saw_copying(&self, namespace: &str, table: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.copying.contains(&(namespace.to_owned(), table.to_owned()))
    }
}

fn read(kind: &'static str, output: ChildStdout, seen: &Mutex<Seen>) {
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    for object in Deserializer::from_reader(BufReader::new(output)).into_iter::<Value>() {
        let Ok(object) = object else { break };
        let outcome = kstatus::check(&object);
        let mut seen = lock();
        seen.states += 1;
        let own = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        if let Err(violation) = outcome {
            seen.violations.push((own("namespace"), format!("{violation:#}")));
        }
        if copies(&object["status"]) {
            seen.copying.insert((own("namespace"), own("name")));
        }
    }
    lock().ended = Some(kind);
}

fn copies(status: &Value) -> bool {
    let snapshot = &status["snapshot"];
    status["phase"] == "Snapshotting"
        && snapshot["rowsCopied"].as_u64() > Some(0)
        && snapshot["finishedAt"].is_null()
}
