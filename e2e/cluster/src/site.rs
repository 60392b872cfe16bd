//! A numbered place on this machine for one cluster: a lock, a folder, a cgroup, a network. Two runs never share one.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// Not in a memory file system: images and volumes are here.
const FOLDER: &str = "/var/lib/offtake-cluster";
/// Site n has the network 10.(FIRST_NETWORK + n).0.0/16.
const FIRST_NETWORK: u8 = 160;
const SITES: u8 = 32;

/// Removes what a cluster left besides its processes, mounts and network, which the kernel removes: its folder but for the logs,
/// and its cgroups, in whichever hierarchies they are. `$1` is the folder, `$2` the cgroup's name.
pub(crate) const CLEAN: &str = r#"
    find "$1" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} + 2>/dev/null
    find /sys/fs/cgroup -depth -type d \( -name "$2" -o -path "*/$2/*" \) -exec rmdir {} + 2>/dev/null
    true
"#;

/// A place that is ours until dropped, and as long as the warden lives that holds the lock with us.
pub(crate) struct Site {
    number: u8,
    lock: File,
}

impl Site {
    /// The first free place. What a killed run left there is removed.
    pub fn take() -> anyhow::Result<Site> {
        fs::create_dir_all(FOLDER).with_context(|| format!("creating {FOLDER}"))?;
        for number in 0..SITES {
            let path = Path::new(FOLDER).join(format!("{number}.lock"));
            let lock = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => {
                    return Err(error).context("locking a place for a cluster");
                }
            }
            let site = Site { number, lock };
            if site.network_is_free()? {
                site.clear()?;
                return Ok(site);
            }
        }
        bail!(
            "no place is free for a cluster: {SITES} of them run, or the networks 10.{FIRST_NETWORK}.0.0 and on are in use"
        )
    }

    fn network_is_free(&self) -> anyhow::Result<bool> {
        let routes = Command::new("ip").args(["-4", "route", "show", "root", &self.network()]).output();
        Ok(routes.context("starting ip (package iproute2)")?.stdout.is_empty())
    }

    fn clear(&self) -> anyhow::Result<()> {
        let folder = self.folder();
        let status = Command::new("sh").args(["-c", CLEAN, "sh"]).arg(&folder).arg(self.cgroup()).status();
        status.context("starting sh")?;
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        fs::create_dir_all(self.logs()).with_context(|| format!("creating {}", folder.display()))
    }

    /// The lock, for a process to inherit as its standard output: the place is taken until that process is gone too.
    pub fn lock(&self) -> anyhow::Result<Stdio> {
        Ok(Stdio::from(self.lock.try_clone().context("sharing the lock")?))
    }

    pub fn folder(&self) -> PathBuf {
        Path::new(FOLDER).join(self.number.to_string())
    }

    pub fn logs(&self) -> PathBuf {
        self.folder().join("log")
    }

    pub fn cgroup(&self) -> String {
        format!("offtake-cluster-{}", self.number)
    }

    /// The host's end of the link to the node.
    pub fn link(&self) -> String {
        format!("offtake{}", self.number)
    }

    /// Everything of this cluster is in here, and the host has a route to it.
    pub fn network(&self) -> String {
        self.address("0.0/16")
    }

    /// The host, as the node and the pods see it.
    pub fn host(&self) -> String {
        self.address("0.1")
    }

    pub fn node(&self) -> String {
        self.address("0.2")
    }

    pub fn services(&self) -> String {
        self.address("16.0/20")
    }

    /// The first of the Services' addresses is the API server's.
    pub fn api_service(&self) -> String {
        self.address("16.1")
    }

    pub fn pods(&self) -> String {
        self.address("128.0/17")
    }

    fn address(&self, rest: &str) -> String {
        format!("10.{}.{rest}", FIRST_NETWORK + self.number)
    }
}
