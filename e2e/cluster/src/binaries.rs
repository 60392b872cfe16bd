//! The programs of Kubernetes, built from source by Go into a cache: no registry that has them built is needed.
//!
//! `<cache>/kubernetes/<key>/` holds one file a program. A program appears by one rename, so it is whole or absent, and a build that
//! was broken off goes on where it was. The key follows from the versions (`go/go.mod`), so a new version is a new folder.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

/// The Go module that names every version, beside this crate's sources.
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go");
/// What the programs are made of; any change of these is a new folder in the cache.
const INPUTS: [&str; 4] = ["go.mod", "go.sum", "coredns/main.go", "pause/main.go"];
const FLAGS: [&str; 3] = ["-trimpath", "-buildvcs=false", "-mod=readonly"];
/// The oldest Go that can build them.
const GO: (u32, u32) = (1, 25);

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Pause,
    Etcd,
    ApiServer,
    Kubectl,
    ControllerManager,
    Kubelet,
    Scheduler,
    Proxy,
    CoreDns,
    Helm,
}

impl Program {
    /// What an API server needs that runs no pods.
    pub const API: [Program; 4] = [Program::Pause, Program::Etcd, Program::ApiServer, Program::Kubectl];
    /// Everything. In the order of building: what the quickest tests need comes first.
    pub const ALL: [Program; 10] = [
        Program::Pause,
        Program::Etcd,
        Program::ApiServer,
        Program::Kubectl,
        Program::ControllerManager,
        Program::Kubelet,
        Program::Scheduler,
        Program::Proxy,
        Program::CoreDns,
        Program::Helm,
    ];

    /// Its name as a file, and the Go package it is built from.
    fn origin(self) -> (&'static str, &'static str) {
        match self {
            Program::Pause => ("pause", "./pause"),
            Program::Etcd => ("etcd", "go.etcd.io/etcd/server/v3"),
            Program::ApiServer => ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            Program::Kubectl => ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
            Program::ControllerManager => {
                ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager")
            }
            Program::Kubelet => ("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
            Program::Scheduler => ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            Program::Proxy => ("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
            Program::CoreDns => ("coredns", "./coredns"),
            Program::Helm => ("helm", "helm.sh/helm/v3/cmd/helm"),
        }
    }

    pub fn name(self) -> &'static str {
        self.origin().0
    }
}

/// The folder with the programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The programs from the cache; those that are not there yet are built. The first build of all takes 10 to 15 minutes on two
    /// cores. Two processes do not build at once: the second waits.
    pub fn find_or_build(programs: &[Program]) -> anyhow::Result<Binaries> {
        let folder = cache().join("kubernetes").join(key()?);
        let binaries = Binaries { folder };
        if programs.iter().all(|program| binaries.has(*program)) {
            return Ok(binaries);
        }
        fs::create_dir_all(&binaries.folder).with_context(|| {
            format!(
                "cannot create {}; set XDG_CACHE_HOME to a folder that can be written",
                binaries.folder.display()
            )
        })?;
        let lock = File::create(binaries.folder.join(".lock")).context("creating the cache's lock")?;
        if lock.try_lock().is_err() {
            eprintln!("another process builds the programs of Kubernetes: waiting for it");
            lock.lock().context("locking the cache")?;
        }
        require_go()?;
        for program in programs {
            if !binaries.has(*program) {
                binaries.build(*program)?;
            }
        }
        Ok(binaries)
    }

    pub fn path(&self, program: Program) -> PathBuf {
        self.folder.join(program.name())
    }

    fn has(&self, program: Program) -> bool {
        self.path(program).is_file()
    }

    fn build(&self, program: Program) -> anyhow::Result<()> {
        let (name, package) = program.origin();
        eprintln!("building {name} with Go (kept in {})", self.folder.display());
        let start = Instant::now();
        let unfinished = self.folder.join(format!(".{name}"));
        let status = Command::new("go")
            .arg("build")
            .args(FLAGS)
            .arg(format!("-ldflags=-s -w {}", version()?))
            .arg("-o")
            .arg(&unfinished)
            .arg(package)
            .current_dir(MODULE)
            // Static programs: they run in any container.
            .env("CGO_ENABLED", "0")
            // A newer toolchain is not fetched: `require_go` has said what is needed.
            .env("GOTOOLCHAIN", "local")
            .stdin(Stdio::null())
            .status()
            .context("starting go")?;
        if !status.success() {
            bail!("go build {package} failed ({status}): see above; the Go module proxy must be reachable");
        }
        fs::rename(&unfinished, self.path(program))
            .with_context(|| format!("putting {name} into the cache"))?;
        eprintln!("built {name} in {:.0} s", start.elapsed().as_secs_f32());
        Ok(())
    }
}

/// As for PostgreSQL's binaries: `$XDG_CACHE_HOME/offtake`, else `/var/cache/offtake` for root and `~/.cache/offtake` for others.
fn cache() -> PathBuf {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = || {
        if nix::unistd::Uid::effective().is_root() {
            return PathBuf::from("/var/cache");
        }
        env::var_os("HOME").map_or_else(env::temp_dir, |home| PathBuf::from(home).join(".cache"))
    };
    xdg.unwrap_or_else(home).join("offtake")
}

fn key() -> anyhow::Result<String> {
    let mut hash = Sha256::new_with_prefix(version()?);
    for input in INPUTS {
        let path = Path::new(MODULE).join(input);
        hash.update(fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    let mut key = String::new();
    for byte in &hash.finalize()[..8] {
        write!(key, "{byte:02x}").expect("writing to a string");
    }
    Ok(key)
}

/// How the linker tells the programs which version they are, as Kubernetes' own build does; charts and clients look at it.
fn version() -> anyhow::Result<String> {
    let module = fs::read_to_string(Path::new(MODULE).join("go.mod")).context("reading go.mod")?;
    let mut words = module.split_whitespace().skip_while(|word| *word != "k8s.io/kubernetes");
    let version = words.nth(1).context("go.mod names no version of k8s.io/kubernetes")?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let settings = [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor)];
    Ok(settings.map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}")).join(" "))
}

fn require_go() -> anyhow::Result<()> {
    let wanted = format!("Go {}.{} or newer builds the programs of Kubernetes", GO.0, GO.1);
    let output =
        Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").current_dir("/").output();
    let Ok(output) = output else {
        bail!("{wanted}, and there is no `go` in PATH: install it (https://go.dev/dl)")
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers =
        version.trim_start_matches("go").split('.').map_while(|number| number.parse::<u32>().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < GO {
        bail!("{wanted}, and `go` in PATH is {version:?}: install a newer one (https://go.dev/dl)");
    }
    Ok(())
}
