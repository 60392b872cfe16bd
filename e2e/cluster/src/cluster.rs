//! A cluster for tests: its own, or the one that `KUBECONFIG` names.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{
    binaries::{Binaries, Program},
    control_plane::ControlPlane,
    image::Image,
    node::Node,
    packages, process, wait, workloads,
    workloads::Workloads,
};

/// A running cluster. Its own one ends when this is dropped, or with the process.
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
    own: Option<Own>,
}

/// The parts of a cluster that we started. Fields are dropped in this order.
struct Own {
    workloads: Option<Workloads>,
    plane: ControlPlane,
    node: Node,
}

impl Cluster {
    /// A cluster that runs pods.
    pub fn start() -> anyhow::Result<Cluster> {
        if let Some(cluster) = Cluster::given(Some(Program::Helm))? {
            return Ok(cluster);
        }
        packages::install()?;
        let binaries = Binaries::find_or_build(&Program::ALL)?;
        let node = Node::start(&binaries)?;
        let mut plane = ControlPlane::start(&node, &binaries)?;
        plane.start_controllers(&node, &binaries)?;
        let workloads = Workloads::start(&node, &binaries, &plane)?;
        plane.check()?;
        Ok(Cluster::own(&binaries, Own { workloads: Some(workloads), plane, node }))
    }

    /// An API server alone: objects are checked, defaulted and stored, and nothing acts on them. Ready in a few seconds.
    pub fn api_only() -> anyhow::Result<Cluster> {
        if let Some(cluster) = Cluster::given(None)? {
            return Ok(cluster);
        }
        packages::install()?;
        let binaries = Binaries::find_or_build(&Program::API)?;
        let node = Node::start(&binaries)?;
        let plane = ControlPlane::start(&node, &binaries)?;
        Ok(Cluster::own(&binaries, Own { workloads: None, plane, node }))
    }

    fn own(binaries: &Binaries, own: Own) -> Cluster {
        Cluster {
            kubeconfig: own.plane.admin.clone(),
            kubectl: binaries.path(Program::Kubectl),
            helm: binaries.path(Program::Helm),
            own: Some(own),
        }
    }

    /// The cluster that `KUBECONFIG` names, with the machine's own kubectl and helm where it has them.
    fn given(also: Option<Program>) -> anyhow::Result<Option<Cluster>> {
        let Some(kubeconfig) = env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let program = |program: Program| match packages::find(program.name()) {
            Some(found) => Ok(found),
            None => Binaries::find_or_build(&[program]).map(|binaries| binaries.path(program)),
        };
        let cluster = Cluster {
            kubeconfig: kubeconfig.into(),
            kubectl: program(Program::Kubectl)?,
            helm: also.map_or(Ok(PathBuf::from(Program::Helm.name())), program)?,
            own: None,
        };
        cluster
            .kubectl(&["get", "--raw", "/readyz"])
            .context("KUBECONFIG names a cluster that does not answer")?;
        Ok(Some(cluster))
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl and answers what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        process::output(self.kubectl_command().args(arguments))
    }

    /// kubectl with this cluster's configuration, for what needs more than its output.
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Runs helm and answers what it prints.
    pub fn helm(&self, arguments: &[&str]) -> anyhow::Result<String> {
        process::output(Command::new(&self.helm).env("KUBECONFIG", &self.kubeconfig).args(arguments))
    }

    /// `kubectl apply` of a text; a refusal is the error.
    pub fn apply(&self, yaml: &str) -> anyhow::Result<String> {
        self.feed(&["apply", "-f", "-"], yaml)
    }

    /// Runs kubectl with a text as its standard input.
    pub fn feed(&self, arguments: &[&str], text: &str) -> anyhow::Result<String> {
        let mut command = self.kubectl_command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting kubectl")?;
        // Dropped at once: kubectl reads to the end. It may have ended before it read everything; its own words tell why.
        child.stdin.take().context("kubectl has a standard input")?.write_all(text.as_bytes()).ok();
        let output = child.wait_with_output().context("waiting for kubectl")?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits for a condition; a failure says in which state the cluster's own programs are.
    pub fn wait_for<T>(
        &self,
        what: &str,
        deadline: Duration,
        ask: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        wait::until(what, deadline, ask).map_err(|error| match self.check() {
            Ok(()) => error,
            Err(ended) => error.context(format!("{ended:#}")),
        })
    }

    /// Fails where a program of the cluster has ended.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        own.plane.check()?;
        own.workloads.as_ref().map_or(Ok(()), Workloads::check)
    }

    /// Ends a pod's programs at once, as a crash does. On a cluster of `KUBECONFIG` whose nodes are out of reach, the nearest thing: the
    /// pod is deleted by force.
    pub fn kill_pod(&self, namespace: &str, pod: &str) -> anyhow::Result<()> {
        let Some(own) = &self.own else {
            let force = ["--grace-period=0", "--force", "--wait=false"];
            return self.kubectl(&[&["delete", "pod", pod, "-n", namespace], &force[..]].concat()).map(drop);
        };
        let uid = self.kubectl(&["get", "pod", pod, "-n", namespace, "-o", "jsonpath={.metadata.uid}"])?;
        workloads::kill_pod(&own.node, &uid)
    }

    /// Makes an image known to the node. On a cluster of `KUBECONFIG` the images must be there already.
    pub fn load_image(&self, image: &Image) -> anyhow::Result<()> {
        match &self.own {
            Some(own) => workloads::load_image(&own.node, image),
            None => Ok(()),
        }
    }

    /// This machine's address as pods see it. `None` on a cluster of `KUBECONFIG`, where only its owner knows.
    pub fn host(&self) -> Option<String> {
        self.own.as_ref().map(|own| own.node.site.host())
    }

    /// The folder of the programs' logs.
    pub fn logs(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.node.site.logs())
    }
}
