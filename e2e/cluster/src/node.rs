//! The node: namespaces of processes, mounts and network, which one process holds and which vanish with it.
//!
//! The holder ends when the pipe to it is closed, so at the latest when the kernel ends us. With it, the kernel ends every process in
//! the namespaces, containers too, and removes their mounts, interfaces and firewall rules. What then remains, files and cgroups,
//! is removed by the warden, a shell outside of the namespaces.

use std::{
    ffi::OsStr,
    fs,
    io::{PipeWriter, pipe},
    os::unix::process::CommandExt,
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{
    binaries::{Binaries, Program},
    process,
    site::{CLEAN, Site},
    wait::until,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// What programs write outside of their configured folders lands in the cluster's own: `$1` is its folder.
const MOUNTS: &str = r#"
    mount --make-rshared /
    mount -t tmpfs -o mode=755 tmpfs /run
    lay() { mkdir -p "$1" "$2"; mount --bind "$1" "$2"; }
    lay "$1/log" /var/log
    lay "$1/kubelet" /var/lib/kubelet
    lay "$1/cni" /var/lib/cni
"#;

/// The node's own network: `$1` is its address, `$2` the host's.
const NETWORK: &str = r#"
    ip link set lo up
    ip link set eth0 up
    ip address add "$1/30" dev eth0
    ip route add default via "$2"
    echo 1 > /proc/sys/net/ipv4/ip_forward
    [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
"#;

/// A node without any Kubernetes on it.
pub(crate) struct Node {
    pub site: Site,
    holder: String,
    /// Closed in order to stop: `None` from then on.
    life: Option<PipeWriter>,
    warden: Child,
}

impl Node {
    pub fn start(binaries: &Binaries) -> anyhow::Result<Node> {
        let site = Site::take()?;
        let script = format!(
            r#"unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc "$3" -until-eof; {CLEAN}"#
        );
        let (input, life) = pipe().context("creating a pipe")?;
        let warden = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(site.folder())
            .arg(site.cgroup())
            .arg(binaries.path(Program::Pause))
            .stdin(input)
            .stdout(site.lock()?)
            .stderr(fs::File::create(site.logs().join("node.log")).context("creating a log")?)
            .process_group(0)
            .spawn()
            .context("starting sh")?;
        // From here on, a failure stops what was started.
        let mut node = Node { site, holder: String::new(), life: Some(life), warden };
        node.holder = until("the node's namespaces", DEADLINE, || node.find_holder())?;
        node.connect()?;
        Ok(node)
    }

    /// The process of the holder: the only child of `unshare`, itself the only child of the warden.
    fn find_holder(&self) -> anyhow::Result<String> {
        let unshare = only_child(&self.warden.id().to_string())?;
        let holder = only_child(&unshare)?;
        let name = fs::read_to_string(format!("/proc/{holder}/comm"))?;
        // Before, it is still `unshare`, and the mounts are not made.
        if name.trim() == Program::Pause.name() { Ok(holder) } else { bail!("{} is there", name.trim()) }
    }

    fn connect(&self) -> anyhow::Result<()> {
        let (site, holder) = (&self.site, self.holder.as_str());
        let ip = |arguments: &[&str]| process::output(Command::new("ip").args(arguments));
        self.shell(MOUNTS, &[&site.folder().to_string_lossy()])?;
        let link = site.link();
        ip(&["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", holder])?;
        ip(&["address", "add", &format!("{}/30", site.host()), "dev", &link])?;
        ip(&["link", "set", &link, "up"])?;
        self.shell(NETWORK, &[&site.node(), &site.host()])?;
        ip(&["route", "add", &site.network(), "via", &site.node()])?;
        Ok(())
    }

    /// A command that runs on the node.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder, "--mount", "--net", "--pid", "--"]).arg(program);
        command
    }

    /// Runs a script on the node.
    pub fn shell(&self, script: &str, arguments: &[&str]) -> anyhow::Result<String> {
        process::output(self.command("sh").args(["-euc", script, "sh"]).args(arguments))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.life.take());
        // A stop that fails leaves files only, and the next start removes them.
        self.warden.wait().ok();
    }
}

fn only_child(parent: &str) -> anyhow::Result<String> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    children.split_whitespace().next().map(str::to_owned).context("it has no process yet")
}
