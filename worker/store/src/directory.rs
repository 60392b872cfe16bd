//! The data directory: whose it is, which format it has, who holds it, and how much room is left.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use fjall::LsmError;
use serde::{Deserialize, Serialize};

use crate::StoreError;

const MARKER: &str = "offtake-store.json";
const DATABASE: &str = "db";
const KIND: &str = "offtake-store";
/// Raised whenever an older Offtake could misread what a newer one wrote.
const FORMAT: u64 = 1;
/// Another process that is just stopping is waited for this many times 100 ms.
const LOCK_TRIES: u32 = 5;

#[derive(Serialize, Deserialize)]
struct Marker {
    kind: String,
    format: u64,
}

/// A claimed data directory; the claim ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Locked exclusively for as long as it is open.
    _marker: File,
}

impl Directory {
    /// Makes or takes the directory, exclusively.
    pub(crate) fn claim(path: &Path) -> Result<Directory, StoreError> {
        let failed = |doing| move |error| from_io(path, doing, error);
        fs::create_dir_all(path).map_err(failed("making the directory"))?;
        let marker_path = path.join(MARKER);
        let marked = marker_path.try_exists().map_err(failed("looking at the directory"))?;
        if !marked {
            for entry in fs::read_dir(path).map_err(failed("reading the directory"))? {
                let name = entry.map_err(failed("reading the directory"))?.file_name();
                // A fresh ext4 volume has it; another process may have made the marker since we looked.
                if name != "lost+found" && name != MARKER {
                    return Err(StoreError::Foreign {
                        path: path.to_owned(),
                        found: name.to_string_lossy().into_owned(),
                    });
                }
            }
        }
        let mut marker = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&marker_path)
            .map_err(failed("opening the marker file"))?;
        lock(&marker, path)?;
        let mut text = String::new();
        marker.read_to_string(&mut text).map_err(failed("reading the marker file"))?;
        if text.is_empty() {
            let new = Marker { kind: KIND.to_owned(), format: FORMAT };
            let json = serde_json::to_string(&new).expect("a struct of a string and a number is JSON");
            marker.write_all(json.as_bytes()).map_err(failed("writing the marker file"))?;
            marker.sync_all().map_err(failed("syncing the marker file"))?;
            sync_directory(path).map_err(failed("syncing the directory"))?;
        } else {
            let marker: Marker = serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
                path: path.to_owned(),
                doing: "reading the marker file",
                detail: error.to_string(),
            })?;
            if marker.kind != KIND {
                return Err(StoreError::Foreign { path: path.to_owned(), found: marker.kind });
            }
            if marker.format > FORMAT {
                return Err(StoreError::NewerFormat {
                    path: path.to_owned(),
                    found: marker.format,
                    supported: FORMAT,
                });
            }
        }
        let directory = Directory { path: path.to_owned(), _marker: marker };
        directory.clear_interrupted_creation()?;
        Ok(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the LSM database lives.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// fjall writes its version file last when it makes a database, and can't finish a creation that was cut off before. Nothing can
    /// have been stored by then, so the pieces are removed; with anything in `keyspaces` it is damage instead.
    fn clear_interrupted_creation(&self) -> Result<(), StoreError> {
        let failed = |doing| move |error| from_io(&self.path, doing, error);
        let database = self.database();
        if !database.try_exists().map_err(failed("looking at the database"))? {
            return Ok(());
        }
        let versioned = match fs::metadata(database.join("version")) {
            Ok(metadata) => metadata.len() > 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(from_io(&self.path, "looking at the database", error)),
        };
        if versioned {
            return Ok(());
        }
        let stored = match fs::read_dir(database.join("keyspaces")) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(from_io(&self.path, "looking at the database", error)),
        };
        if stored {
            return Err(StoreError::Corrupt {
                path: self.path.clone(),
                doing: "opening the database",
                detail: "tables but no version file".to_owned(),
            });
        }
        fs::remove_dir_all(&database).map_err(failed("removing an unfinished database"))
    }

    /// Bytes that this process may still write to the volume.
    pub(crate) fn available(&self) -> Result<u64, StoreError> {
        free_space(&self.path).map_err(|error| from_io(&self.path, "asking for free space", error))
    }

    /// Runs a call into the database; its errors and panics become named errors.
    pub(crate) fn guard<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce() -> fjall::Result<T>,
    ) -> Result<T, StoreError> {
        // fjall and lsm-tree state some invariants of their files by panics; a damaged file must not take the worker down.
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|error| self.error(doing, error)),
            Err(panic) => {
                let detail = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("an impossible state");
                Err(StoreError::Corrupt { path: self.path.clone(), doing, detail: detail.to_owned() })
            }
        }
    }

    fn error(&self, doing: &'static str, error: fjall::Error) -> StoreError {
        let path = self.path.clone();
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
                from_io(&self.path, doing, error)
            }
            fjall::Error::Locked => StoreError::InUse { path },
            fjall::Error::Poisoned => StoreError::Failed {
                path,
                cause: "a background write failed (see the log before this)".to_owned(),
            },
            other => StoreError::Corrupt { path, doing, detail: other.to_string() },
        }
    }
}

fn lock(marker: &File, path: &Path) -> Result<(), StoreError> {
    for attempt in 1.. {
        match marker.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < LOCK_TRIES => {
                std::thread::sleep(Duration::from_millis(100))
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(from_io(path, "locking the marker file", error)),
        }
    }
    Ok(())
}

/// Sorts an operating system's error into the variant with the right remedy.
pub(crate) fn from_io(path: &Path, doing: &'static str, error: io::Error) -> StoreError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            let available = free_space(&path).unwrap_or(0);
            StoreError::DiskFull { path, doing, available, needed: available.saturating_add(1), reopen: true }
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::NoPermission { path, doing, source: error }
        }
        // These come of reading files that the store wrote itself.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound => {
            StoreError::Corrupt { path, doing, detail: error.to_string() }
        }
        _ => StoreError::Io { path, doing, source: error },
    }
}

#[allow(clippy::useless_conversion)] // the fields' widths differ between platforms
fn free_space(path: &Path) -> io::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    Ok(u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size())))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
