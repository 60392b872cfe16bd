//! Who runs the server: ourselves, or an unprivileged user of the machine where we are root.

use std::{
    io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User};

/// The users tried in place of root, best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The operating system's account that the server's processes run under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
    /// Whether it is another one than ours, so that processes change to it and files are given to it.
    other: bool,
}

impl Account {
    /// Our own account.
    pub fn own() -> Account {
        Account { uid: Uid::effective().as_raw(), gid: Gid::effective().as_raw(), other: false }
    }

    /// Our own account, or an unprivileged one where we are root. `None`: we are root and the machine has no such user.
    pub fn of_server() -> Option<Account> {
        if !Uid::effective().is_root() {
            return Some(Account::own());
        }
        UNPRIVILEGED.iter().find_map(|name| {
            let user = User::from_name(name).ok().flatten()?;
            Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw(), other: true })
        })
    }

    /// A command that will run under this account, in its own process group (a Ctrl-C at the terminal is for us; we then stop the
    /// server in good order) and without our standard input and environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if self.other {
            // Also drops root's supplementary groups (std does so when the user changes).
            command.gid(self.gid).uid(self.uid);
        }
        command
    }

    /// Makes this account the owner of a file or folder of ours.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        if self.other { std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Whether this account may enter the folder: root's own folders (`/root`, mode 0700) it may not.
    pub fn reaches(&self, folder: &Path) -> bool {
        if !self.other {
            // Looking into the folder needs the right to enter it; the kernel knows all of our groups.
            return folder.join(".").metadata().is_ok();
        }
        let Ok(folder) = folder.canonicalize() else { return false };
        folder.ancestors().all(|step| {
            step.metadata().is_ok_and(|meta| {
                let bit = match () {
                    () if meta.uid() == self.uid => 0o100,
                    () if meta.gid() == self.gid => 0o010,
                    () => 0o001,
                };
                meta.mode() & bit != 0
            })
        })
    }
}
