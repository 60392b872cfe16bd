//! `offtake up`: the manifests of a folder, without Kubernetes. Edits of the folder are taken up while it runs.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, anyhow};
use offtake_contract::{Catalog, Problem, Source};
use offtake_crds::{ObjectName, ReclaimPolicy, catalog, manifests};
use offtake_postgres::{error::PgError, session, slot};
use offtake_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    args, check, commands,
    process::{self, Process},
};

/// How soon an edit of the folder is seen.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs until `stop`.
pub async fn run(args: args::Up, stop: CancellationToken) -> anyhow::Result<()> {
    let source = commands::source_name(args.source.as_deref())?;
    let wanted = read(&args.manifests, source.as_ref()).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    let Wanted { catalog, threads, .. } = wanted;
    let slot = catalog.source.slot.clone();
    let options = process::Options {
        data_dir: args.data_dir.clone(),
        threads: args.threads.or(threads).unwrap_or(1),
        serve: commands::serve_config(&args.listen)?,
        accept_catalogs: false,
    };
    let process =
        Process::start(options).await.with_context(|| format!("starting on {}", args.data_dir.display()))?;
    tracing::info!(
        source = catalog.source.object,
        tables = catalog.tables.len(),
        views = catalog.views.len(),
        "SQL on {}, status on http://{}",
        process.sql_address(),
        process.http_address()
    );
    process.put(catalog.clone()).await;
    let follow =
        tokio::spawn(follow(args.manifests.clone(), source, catalog, process.catalogs(), stop.clone()));
    let result = process.run_until(stop).await;
    follow.abort();
    tracing::info!(
        "the server keeps its log for slot {slot} until the next start; to end this for good: offtake down -f {} --data-dir {}",
        args.manifests.display(),
        args.data_dir.display()
    );
    result
}

/// Ends for good what [`run`] began: the slot upstream and the data directory go.
pub async fn down(args: args::Down) -> anyhow::Result<()> {
    let source = commands::source_name(args.source.as_deref())?;
    let wanted = read(&args.manifests, source.as_ref()).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    let source = wanted.catalog.source;
    // Held until the directory is gone: an Offtake that still runs on it keeps its slot and its tables.
    let store = match args.data_dir.try_exists() {
        Ok(true) => {
            Some(Store::open(&args.data_dir).map_err(|error| anyhow!("{error}. {}", error.remedy()))?)
        }
        Ok(false) => None,
        Err(error) => return Err(error).with_context(|| format!("looking at {}", args.data_dir.display())),
    };
    if wanted.retain {
        println!("slot {} stays: spec.slot.reclaimPolicy is Retain", source.slot);
    } else {
        let dropped = drop_slot(&source).await.map_err(|error| anyhow!("{}", error.problem()))?;
        println!("slot {} {}", source.slot, if dropped { "dropped" } else { "does not exist" });
    }
    if let Some(store) = store {
        fs::remove_dir_all(&args.data_dir)
            .with_context(|| format!("removing {}", args.data_dir.display()))?;
        drop(store);
        println!("{} removed", args.data_dir.display());
    }
    Ok(())
}

async fn drop_slot(source: &Source) -> Result<bool, PgError> {
    let sql = session::connect(&source.connection, "offtake down").await?;
    slot::drop(&sql, &source.slot).await
}

/// What a folder asks for.
struct Wanted {
    catalog: Catalog,
    /// spec.slot.reclaimPolicy is Retain.
    retain: bool,
    /// spec.worker.threads.
    threads: Option<usize>,
}

/// Reads the folder, or says everything that is wrong with it.
fn read(folder: &Path, source: Option<&ObjectName>) -> Result<Wanted, String> {
    let manifests = manifests::read_dir(folder).map_err(|errors| errors.to_string())?;
    let wanted = || {
        let catalog = catalog::to_catalog(&manifests, source)?;
        let (_, object) = catalog::choose(&manifests, source).map_err(|problem| vec![problem])?;
        let retain = object.spec.slot.reclaim_policy == ReclaimPolicy::Retain;
        Ok(Wanted { catalog, retain, threads: object.spec.worker.threads.map(usize::from) })
    };
    wanted().map_err(|found: Vec<Problem>| {
        format!("{} is not in order:{}", folder.display(), commands::problems(&found))
    })
}

/// Refuses an edit whose views cannot be read: it would only take away those that run. (What was wrong before changes nothing, and at a start
/// nothing runs yet: one such view is no reason to keep all others away. That a name or a type is wrong tells the worker, which knows the tables.)
fn refuse_unreadable(folder: &Path, edited: Wanted, current: &Catalog) -> Result<Wanted, String> {
    let known = check::views(current);
    let wrong: Vec<Problem> =
        check::views(&edited.catalog).into_iter().filter(|problem| !known.contains(problem)).collect();
    if wrong.is_empty() {
        return Ok(edited);
    }
    Err(format!("{} is not in order:{}", folder.display(), commands::problems(&wrong)))
}

/// A name in the folder, and the size and time of what it stands for: `None` for a link to nothing.
type Stamp = (OsString, Option<(u64, Option<SystemTime>)>);

/// The stamps of what is in the folder; empty where it cannot be read, which reading it will tell. Links are followed: a mounted
/// ConfigMap consists of them.
fn stamps(folder: &Path) -> Vec<Stamp> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut stamps: Vec<_> = entries
        .map(|entry| {
            let data = fs::metadata(entry.path()).ok();
            (entry.file_name(), data.map(|data| (data.len(), data.modified().ok())))
        })
        .collect();
    stamps.sort();
    stamps
}

/// Reads the folder again and again and hands on what changed. A folder that is not in order changes nothing: it is reported once.
async fn follow(
    folder: std::path::PathBuf,
    source: Option<ObjectName>,
    mut current: Catalog,
    catalogs: process::Catalogs,
    stop: CancellationToken,
) {
    let mut reported = None;
    // What stands in the folder is read again only when a file's name, size or time changed.
    let mut seen = None;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        let stamps = stamps(&folder);
        if seen.as_ref() == Some(&stamps) {
            continue;
        }
        seen = Some(stamps);
        let edited =
            read(&folder, source.as_ref()).and_then(|edited| refuse_unreadable(&folder, edited, &current));
        match edited {
            Ok(Wanted { catalog, .. }) => {
                reported = None;
                if catalog != current {
                    tracing::info!(
                        tables = catalog.tables.len(),
                        views = catalog.views.len(),
                        "taking up the edited manifests"
                    );
                    current = catalog.clone();
                    catalogs.put(catalog).await;
                }
            }
            Err(wrong) if reported.as_ref() != Some(&wrong) => {
                tracing::error!("the edit is not taken up, what ran goes on: {wrong}");
                reported = Some(wrong);
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_behind_links_are_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let (kept, manifests) = (folder.path().join("kept.yaml"), folder.path().join("manifests"));
        fs::write(&kept, "a: 1").expect("a file");
        fs::create_dir(&manifests).expect("a folder of manifests");
        std::os::unix::fs::symlink(&kept, manifests.join("linked.yaml")).expect("a link");
        let first = stamps(&manifests);
        fs::write(&kept, "a: 10").expect("an edit");
        let edited = stamps(&manifests);
        assert_ne!(first, edited);
        fs::remove_file(&kept).expect("the file");
        let dangling = stamps(&manifests);
        assert_ne!(edited, dangling);
        fs::remove_file(manifests.join("linked.yaml")).expect("the link");
        assert_ne!(dangling, stamps(&manifests));
    }
}
