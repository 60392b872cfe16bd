//! The version files of the database's trees, checked before they are read.
//!
//! Each tree of the LSM database has a file `v<N>` that lists its tables, and a file `current` that names the version in force: its
//! number (u64), the xxh3 checksum of its file (u128) and the checksum's kind (a byte that is 0), little-endian. lsm-tree writes the
//! checksum and does not look at it: a damaged length in a version file made it ask for 70 GB at once, which ends the process.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_128;

use crate::{StoreError, directory::from_io};

const CURRENT_LEN: usize = 8 + 16 + 1;

/// Checks every tree below a database's directory. A tree without `current` is left to the database: it was being made when the process
/// ended, or it is damage that opening names.
pub(crate) fn check(path: &Path, database: &Path) -> Result<(), StoreError> {
    const DOING: &str = "checking the version files";
    let failed = |error| from_io(path, DOING, error);
    let entries = match fs::read_dir(database.join("keyspaces")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let tree = entry.map_err(failed)?.path();
        let current = match fs::read(tree.join("current")) {
            Ok(current) => current,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        let damaged = |file: &Path| StoreError::Corrupt {
            path: path.to_owned(),
            doing: DOING,
            detail: format!("{} is damaged", file.display()),
        };
        let (file, checksum) = named(&tree, &current).ok_or_else(|| damaged(&tree.join("current")))?;
        if xxh3_128(&fs::read(&file).map_err(failed)?) != checksum {
            return Err(damaged(&file));
        }
    }
    Ok(())
}

/// The version file that a `current` file names, and its checksum.
fn named(tree: &Path, current: &[u8]) -> Option<(PathBuf, u128)> {
    if current.len() != CURRENT_LEN || current.last() != Some(&0) {
        return None;
    }
    let (number, rest) = current.split_first_chunk()?;
    let (checksum, _) = rest.split_first_chunk()?;
    Some((tree.join(format!("v{}", u64::from_le_bytes(*number))), u128::from_le_bytes(*checksum)))
}
