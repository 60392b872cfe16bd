//! The machine: what else it does, and what a worker takes of it. Read from `/proc`; elsewhere the figures are absent.

use std::{fs, os::unix::ffi::OsStrExt, path::Path};

/// Load averages over 1, 5 and 15 minutes.
pub struct Load(String);

impl Load {
    pub fn now() -> Load {
        let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let averages: Vec<&str> = text.split_whitespace().take(3).collect();
        Load(if averages.is_empty() { "unknown".to_owned() } else { averages.join(" ") })
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The most memory, in bytes, that the process with this data directory on its command line ever had (`VmHWM`, proc_pid_status(5)).
pub fn peak_memory(data_dir: &Path) -> Option<u64> {
    let argument = data_dir.as_os_str().as_bytes();
    let names_it = |folder: &Path| {
        fs::read(folder.join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == argument))
    };
    let process =
        fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).find(|folder| names_it(folder))?;
    let status = fs::read_to_string(process.join("status")).ok()?;
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    Some(kilobytes.parse::<u64>().ok()? * 1024)
}
