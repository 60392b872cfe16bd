//! `cargo xtask`: the project's own commands.
//!
//! `test` runs everything, and first installs what a machine lacks or names it. `bench` measures against peers on one server.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use offtake_embedded::Binaries;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test: unit tests, and tests of the real binary against real servers.
    Test {
        /// Only tests whose name contains this.
        filter: Option<String>,
    },
    /// Measure against COPY and pg_recvlogical, in one run on one server.
    Bench {
        /// Only this measurement.
        only: Option<String>,
    },
}

/// The PostgreSQL versions that the tests start.
const VERSIONS: [&str; 3] = ["11", "18", "any"];

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // The crates below name no crypto provider of their own; this one is the workspace's.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    match arguments.command {
        Task::Test { filter } => {
            runtime.block_on(fetch_servers())?;
            install_psql()?;
            let python = install_psycopg()?;
            // The first build of Kubernetes takes as long as a third of ours: the two share the machine.
            let kubernetes = std::thread::spawn(prepare_kubernetes);
            build()?;
            kubernetes.join().map_err(|_| anyhow::anyhow!("preparing Kubernetes panicked: see above"))??;
            test(filter.as_deref(), &python)
        }
        Task::Bench { only } => {
            build()?;
            runtime.block_on(offtake_e2e::bench::run(only))
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Runs a command and fails with its name where it fails.
fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {command:?}");
    let status = command.current_dir(root()).status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// Cargo as a user's shell would call it: without what `cargo run` told this program about its own package. Build scripts
/// look at these variables (ring's does), so that it and all above it would be compiled again at every change between the two.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Fetches the servers up front, so that no test's deadline is spent on a download.
async fn fetch_servers() -> anyhow::Result<()> {
    for version in VERSIONS {
        let wanted = version.parse().map_err(|error| anyhow::anyhow!("version {version}: {error}"))?;
        let binaries = Binaries::find_or_fetch(&wanted, None).await?;
        println!("PostgreSQL {version}: {} in {}", binaries.version(), binaries.bin_dir().display());
    }
    Ok(())
}

fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// `psql`, from the distribution's packages.
fn install_psql() -> anyhow::Result<()> {
    if works("psql", &["--version"]) {
        return Ok(());
    }
    if !works("apt-get", &["--version"]) {
        bail!("psql is missing and so is apt-get: install PostgreSQL's client programs");
    }
    run(Command::new("apt-get").args(["update", "-q"]))?;
    run(Command::new("apt-get")
        .args(["install", "-q", "-y", "postgresql-client"])
        .env("DEBIAN_FRONTEND", "noninteractive"))
    .context("psql is missing and cannot be installed: install PostgreSQL's client programs")
}

/// A Python environment of its own with psycopg, beside the build.
fn install_psycopg() -> anyhow::Result<PathBuf> {
    let folder =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("python");
    let python = folder.join("bin/python");
    if works(&python.display().to_string(), &["-c", "import psycopg"]) {
        return Ok(python);
    }
    fs::remove_dir_all(&folder).ok();
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("Python's venv is missing: install python3 and python3-venv")?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "psycopg[binary]"]))
        .context("psycopg cannot be installed from the Python package registry")?;
    Ok(python)
}

/// The programs of the tests' Kubernetes and what a node needs of the machine. With `KUBECONFIG`, that cluster is used.
fn prepare_kubernetes() -> anyhow::Result<()> {
    if env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty()) {
        return Ok(());
    }
    offtake_cluster::install_packages()?;
    offtake_cluster::Binaries::find_or_build(&offtake_cluster::Program::ALL).map(drop)
}

/// Builds every binary: the tests run the real ones.
fn build() -> anyhow::Result<()> {
    run(cargo().args(["build", "--release", "--workspace", "--bins"]))
}

fn test(filter: Option<&str>, python: &Path) -> anyhow::Result<()> {
    let mut tests = cargo();
    tests.args(["test", "--release", "--workspace", "--tests", "--no-fail-fast"]);
    tests.arg("--").args(filter).args(["--test-threads", "2"]).env("OFFTAKE_TEST_PYTHON", python);
    run(&mut tests)
}
