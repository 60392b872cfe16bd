//! A temporary folder of our own that goes with this process.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{account::Account, watcher::Watcher};

/// A folder for temporary files. When it is dropped, it is removed; when this process dies without that, a watcher does the same.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    watcher: Watcher,
}

impl Folder {
    /// Makes one in the system's place for temporary files; its name begins with `prefix`.
    pub fn create(prefix: &str) -> io::Result<Folder> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let watcher = Watcher::start(&Account::own(), None, Some(folder.path()))?;
        Ok(Folder { path: folder.keep(), watcher })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the temporary folder {} could not be removed", self.path.display());
        }
        self.watcher.dismiss();
    }
}
