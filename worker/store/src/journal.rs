//! Syncing the journal beside its writer.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use parking_lot::Mutex;

/// Makes the database's journal durable without holding its writer up.
///
/// fjall's own `persist` keeps the journal locked while the disk works, so that nothing can be written for that long. But every
/// commit of ours reaches the operating system before it returns, and fjall syncs a journal before it starts the next one; thus it
/// is enough to sync the newest journal file, through a handle of our own.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    /// Kept open, because the operating system reports a failed write-back only to handles that were open when it failed.
    newest: Mutex<Option<(u64, File)>>,
}

impl Journal {
    pub(crate) fn new(directory: PathBuf) -> Journal {
        Journal { directory, newest: Mutex::new(None) }
    }

    /// Opens the newest journal ahead of the first sync, so that no failed write-back in between is missed.
    pub(crate) fn open(&self) -> io::Result<()> {
        self.newest(&mut self.newest.lock())
    }

    /// When it returns, everything committed before the call is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut newest = self.newest.lock();
        self.newest(&mut newest)?;
        let (_, file) = newest.as_ref().expect("it was opened in the line before");
        file.sync_data()
    }

    fn newest(&self, newest: &mut Option<(u64, File)>) -> io::Result<()> {
        loop {
            let mut id = None;
            for entry in fs::read_dir(&self.directory)? {
                let name = entry?.file_name();
                let number = name.to_str().and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
                id = id.max(number);
            }
            let Some(id) = id else {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the journal is gone"));
            };
            if newest.as_ref().is_some_and(|(open, _)| *open == id) {
                return Ok(());
            }
            match File::open(self.directory.join(format!("{id}.jnl"))) {
                Ok(file) => {
                    *newest = Some((id, file));
                    return Ok(());
                }
                // It was succeeded and removed between the two calls.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
        }
    }
}
