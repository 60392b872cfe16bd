//! Programs that run in the background with their output in files.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::wait::until;

/// How much of a log a failure shows.
const TAIL_LINES: usize = 25;

/// Programs that run together. They are not ended here: the namespaces that they run in end them.
pub(crate) struct Processes {
    logs: PathBuf,
    running: Vec<Process>,
}

struct Process {
    name: String,
    log: PathBuf,
    child: Mutex<Child>,
}

impl Processes {
    /// None yet; their output will be in this folder.
    pub fn new(logs: PathBuf) -> Processes {
        Processes { logs, running: Vec::new() }
    }

    pub fn start(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        let log = self.logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("sharing a log file")?)
            .stderr(file)
            // A Ctrl-C at the terminal is for us: the cluster stops when we do.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.running.push(Process { name: name.to_owned(), log, child: Mutex::new(child) });
        Ok(())
    }

    /// Fails where one has ended, with the end of its log.
    pub fn check(&self) -> anyhow::Result<()> {
        self.running.iter().try_for_each(Process::check)
    }

    /// Waits for a condition as long as all run. A failure shows the ends of their logs.
    pub fn wait<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut ask: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let outcome = until(what, deadline, || match self.check() {
            Ok(()) => ask().map(Ok),
            Err(ended) => Ok(Err(ended)),
        });
        outcome.map_err(|error| {
            let tails: Vec<String> = self.running.iter().map(Process::tail).collect();
            anyhow::anyhow!("{error:#}\n{}", tails.join("\n"))
        })?
    }
}

impl Process {
    fn check(&self) -> anyhow::Result<()> {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        if let Some(status) = status.with_context(|| format!("looking at {}", self.name))? {
            bail!("{} ended: {status}\n{}", self.name, self.tail());
        }
        Ok(())
    }

    fn tail(&self) -> String {
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
