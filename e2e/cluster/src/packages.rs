//! What a node needs of the machine: container runtime and network tools, from the distribution's packages.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// A program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 8] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
];
/// Where distributions put the network plugins.
const PLUGINS: [&str; 3] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/// The folder of the network plugins.
pub(crate) fn plugins() -> Option<&'static Path> {
    PLUGINS.iter().map(Path::new).find(|folder| folder.join("bridge").is_file())
}

/// Installs what a node needs and this machine lacks, where it has apt-get; elsewhere names it.
pub fn install() -> anyhow::Result<()> {
    if !nix::unistd::Uid::effective().is_root() {
        bail!(
            "a node with pods needs root: run this as root, or set KUBECONFIG to a cluster that may be used for tests"
        );
    }
    let plugins = plugins().is_none().then_some("containernetworking-plugins");
    install_missing(lacking(&PROGRAMS).chain(plugins).collect())
}

/// The place of a program, which is installed where the machine lacks it.
pub fn install_program(program: &str, package: &str) -> anyhow::Result<PathBuf> {
    install_missing(lacking(&[(program, package)]).collect())?;
    find(program).with_context(|| format!("package {package} has no program {program}"))
}

fn lacking<'a>(programs: &'a [(&str, &'a str)]) -> impl Iterator<Item = &'a str> {
    programs.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package)
}

fn install_missing(mut packages: Vec<&str>) -> anyhow::Result<()> {
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("this machine lacks {names} (the names are Debian's) and has no apt-get: install them");
    }
    eprintln!("installing {names}");
    let install = [&["install", "-q", "-y", "--no-install-recommends"], packages.as_slice()].concat();
    // The lists that the machine has may do; a new machine has none.
    let outcome = apt(&install).or_else(|_| apt(&["update", "-q"]).and_then(|()| apt(&install)));
    outcome.with_context(|| format!("this machine lacks {names}, and they cannot be installed: install them"))
}

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    // Standard output is the tests'.
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    let status = command.status().context("starting apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed: {status}", arguments.join(" "));
    }
    Ok(())
}

/// A program in `PATH` or in the folders of the system's programs, which not every user has in it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(system).map(|folder| folder.join(program)).find(|path| path.is_file())
}
