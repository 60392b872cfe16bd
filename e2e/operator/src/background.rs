//! kubectl in the background: it ends with us, however we end.

use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context;
use offtake_cluster::Cluster;

/// Runs a command until the standard input is closed, at the latest when the kernel ends us. The output is the command's alone: it ends when
/// the command does.
const UNTIL_EOF: &str = r#""$@" & exec >&-; read -r _; kill "$!" 2>&-"#;

/// A kubectl that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    /// Starts it; its output must be kept as long as it is to run.
    pub fn kubectl(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<(Background, ChildStdout)> {
        let mut child = Command::new("sh")
            .args(["-c", UNTIL_EOF, "sh"])
            .arg(cluster.kubectl_command().get_program())
            .args(arguments)
            .env("KUBECONFIG", cluster.kubeconfig())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting sh")?;
        let output = child.stdout.take().context("kubectl has an output")?;
        Ok((Background(child), output))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}
