//! A program that runs in the background with its output in a file.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};

/// How much of a log a failure shows.
const TAIL_LINES: usize = 25;

/// A running program. It is not ended here: the namespaces that it runs in end it.
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    child: Mutex<Child>,
}

impl Process {
    pub fn start(name: &str, mut command: Command, logs: &Path) -> anyhow::Result<Process> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("sharing a log file")?)
            .stderr(file)
            // A Ctrl-C at the terminal is for us: the cluster stops when we do.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Process { name: name.to_owned(), log, child: Mutex::new(child) })
    }

    /// Fails with the end of its log where the program has ended.
    pub fn check(&self) -> anyhow::Result<()> {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        if let Some(status) = status.with_context(|| format!("looking at {}", self.name))? {
            bail!("{} ended: {status}\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        format!("--- {} ---\n{tail}", self.log.display())
    }
}

/// Runs a command to its end and answers its standard output; a failure says what it wrote to standard error.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting {:?}", command.get_program()))?;
    if !output.status.success() {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let program = command.get_program().to_string_lossy();
        bail!(
            "{program} {} ({}): {}",
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
