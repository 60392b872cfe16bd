//! What can go wrong with the store, in words for its owner.

use std::{io, path::PathBuf};

use crate::TableId;

/// Why the store refused or failed. Every variant names the directory or the table, and knows its remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("the data directory {} is in use by another process", path.display())]
    InUse { path: PathBuf },

    #[error("the directory {} is not a data directory of Offtake: it holds \"{found}\"", path.display())]
    Foreign { path: PathBuf, found: String },

    #[error("the data directory {} has format {found}, and this version of Offtake reads formats up to {supported}", path.display())]
    NewerFormat { path: PathBuf, found: u64, supported: u64 },

    #[error("the data directory {} is damaged: {doing} found {detail}", path.display())]
    Corrupt { path: PathBuf, doing: &'static str, detail: String },

    /// `reopen` tells whether the store has stopped (a write had begun when the volume ran full) or has only refused the write.
    #[error("the volume of {} is full: {available} bytes are left, {doing} needs {needed}", path.display())]
    DiskFull { path: PathBuf, doing: &'static str, available: u64, needed: u64, reopen: bool },

    #[error("no permission on the data directory {} ({doing})", path.display())]
    NoPermission { path: PathBuf, doing: &'static str, source: io::Error },

    #[error("input or output failed on the data directory {} ({doing})", path.display())]
    Io { path: PathBuf, doing: &'static str, source: io::Error },

    /// An earlier write or sync failed, so that what is on the disk is in doubt until the journal is read again.
    #[error("the store at {} has stopped after a failed write: {cause}", path.display())]
    Failed { path: PathBuf, cause: String },

    #[error("table {table} does not exist in the store")]
    UnknownTable { table: TableId },

    #[error("a key of {length} bytes for {what}: keys have 1 to {limit} bytes")]
    KeyLength { what: String, length: usize, limit: usize },

    #[error("a value of {length} bytes: values have up to {limit} bytes")]
    ValueLength { length: usize, limit: usize },
}

/// When the same call may do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// On this store, after a pause: nothing was changed.
    Later,
    /// After the store was dropped and opened again: its journal then tells what was written.
    Reopen,
    /// Only after its owner did what the remedy says.
    Never,
}

impl StoreError {
    /// One PascalCase word, the same in status, conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            StoreError::InUse { .. } => "DataDirectoryInUse",
            StoreError::Foreign { .. } => "DataDirectoryForeign",
            StoreError::NewerFormat { .. } => "DataDirectoryNewer",
            StoreError::Corrupt { .. } => "DataDirectoryDamaged",
            StoreError::DiskFull { .. } => "VolumeFull",
            StoreError::NoPermission { .. } => "DataDirectoryPermission",
            StoreError::Io { .. } | StoreError::Failed { .. } => "VolumeFailed",
            StoreError::UnknownTable { .. } => "StoreTableUnknown",
            StoreError::KeyLength { .. } | StoreError::ValueLength { .. } => "RowTooLarge",
        }
    }

    /// What its owner can do.
    pub fn remedy(&self) -> String {
        match self {
            StoreError::InUse { path } => {
                format!("stop the other Offtake process on {}, or give this one a directory of its own", path.display())
            }
            StoreError::Foreign { path, .. } => {
                format!("give Offtake an empty directory or one that it made itself, not {}", path.display())
            }
            StoreError::NewerFormat { .. } => {
                "run the version of Offtake that wrote the directory, or a newer one".to_owned()
            }
            StoreError::Corrupt { path, .. } => format!(
                "check the volume's health; then move {} away and start again: Offtake copies its tables anew from PostgreSQL",
                path.display()
            ),
            StoreError::DiskFull { reopen, .. } => {
                let then = if *reopen { "; then restart Offtake" } else { "; Offtake goes on by itself" };
                format!("enlarge the volume or remove tables that nobody needs{then}")
            }
            StoreError::NoPermission { path, .. } => {
                format!("let the user that runs Offtake read and write {}", path.display())
            }
            StoreError::Io { .. } | StoreError::Failed { .. } => {
                "check the volume's health and restart Offtake; it takes up where the last complete write ended".to_owned()
            }
            StoreError::UnknownTable { .. } => "create the table before it is written or read".to_owned(),
            StoreError::KeyLength { .. } => {
                "choose a shorter key or replica identity upstream, or leave the long column out of it".to_owned()
            }
            StoreError::ValueLength { .. } => "exclude the large column (spec.excludeColumns)".to_owned(),
        }
    }

    /// Whether and when to try again.
    pub fn retry(&self) -> Retry {
        match self {
            StoreError::InUse { .. } | StoreError::DiskFull { reopen: false, .. } => Retry::Later,
            StoreError::DiskFull { reopen: true, .. } | StoreError::Io { .. } | StoreError::Failed { .. } => {
                Retry::Reopen
            }
            StoreError::Foreign { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::Corrupt { .. }
            | StoreError::NoPermission { .. }
            | StoreError::UnknownTable { .. }
            | StoreError::KeyLength { .. }
            | StoreError::ValueLength { .. } => Retry::Never,
        }
    }
}
