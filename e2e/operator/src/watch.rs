//! Every state that an object goes through, as a watch shows it, held against kstatus' rules.

use std::{
    io::BufReader,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, ensure};
use offtake_cluster::Cluster;
use serde_json::{Deserializer, Value};

use crate::kstatus;

/// kubectl watches one kind at a time.
pub const KINDS: [&str; 4] = ["pgconnections", "pgsources", "sourcetables", "views"];
/// Runs a command until the standard input is closed, at the latest when the kernel ends us.
const UNTIL_EOF: &str = r#""$@" & read -r _; kill "$!""#;

/// Watches the four kinds in all namespaces.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    /// Each ends with its standard input.
    _kubectl: Vec<Child>,
}

#[derive(Default)]
struct Seen {
    states: usize,
    /// Each with its namespace.
    violations: Vec<(String, String)>,
    ended: Option<&'static str>,
}

impl Watch {
    pub fn start(cluster: &Cluster) -> anyhow::Result<Watch> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let watch = |kind: &'static str| {
            let mut child = Command::new("sh")
                .args(["-c", UNTIL_EOF, "sh"])
                .arg(cluster.kubectl_command().get_program())
                .args(["get", kind, "--all-namespaces", "--watch", "--output=json"])
                .env("KUBECONFIG", cluster.kubeconfig())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .context("starting sh")?;
            let output = child.stdout.take().context("kubectl has an output")?;
            let seen = seen.clone();
            thread::spawn(move || read(kind, output, &seen));
            Ok::<_, anyhow::Error>(child)
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
}

fn read(kind: &'static str, output: ChildStdout, seen: &Mutex<Seen>) {
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    for object in Deserializer::from_reader(BufReader::new(output)).into_iter::<Value>() {
        let Ok(object) = object else { break };
        let outcome = kstatus::check(&object);
        let mut seen = lock();
        seen.states += 1;
        if let Err(violation) = outcome {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
            seen.violations.push((namespace, format!("{violation:#}")));
        }
    }
    lock().ended = Some(kind);
}
