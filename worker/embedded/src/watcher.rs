//! Leaves no server and no temporary folder behind, whatever ends this process.
//!
//! A small `/bin/sh` waits for a line from a pipe that only this process holds. An end of the pipe without a line means that this
//! process is gone (SIGKILL included): then the watcher stops the server and removes its temporary folder. Linux's parent-death signal
//! would need code between fork and exec, which is unsafe in Rust; a pipe needs none and works on every Unix.

use std::{
    io::{self, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
};

use crate::account::Account;

/// `$1` is the data directory of a server, or nothing; `$2` the folder to remove, or nothing. The first look may come before a server that is just being
/// started has written its pid; a second removal catches what `initdb` wrote meanwhile.
const SCRIPT: &str = r#"
trap '' INT HUP
read -r word && exit 0
[ -z "$1" ] || [ -e "$1/postmaster.pid" ] || sleep 1
if [ -n "$1" ] && read -r pid < "$1/postmaster.pid"; then
  kill -QUIT "$pid"
  i=0
  while kill -0 "$pid" && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
  kill -KILL "$pid"
fi 2>/dev/null
if [ -n "$2" ]; then
  rm -rf -- "$2"
  [ -e "$2" ] && sleep 2 && rm -rf -- "$2"
fi
exit 0
"#;

#[derive(Debug)]
pub(crate) struct Watcher {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watcher {
    /// Watches over the server in `data`, where there is one; removes `folder` in the end where one is given.
    pub fn start(account: &Account, data: Option<&Path>, folder: Option<&Path>) -> io::Result<Watcher> {
        let nothing = Path::new("");
        let mut command = account.command(Path::new("/bin/sh"));
        command.args(["-c", SCRIPT, "offtake-watcher"]);
        command.arg(data.unwrap_or(nothing)).arg(folder.unwrap_or(nothing));
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Watcher { child, pipe })
    }

    /// The server was stopped in good order: nothing is left to do.
    pub fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // A watcher that somebody killed is as good as dismissed.
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.child.wait();
    }
}
