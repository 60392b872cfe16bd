//! However the process that started a cluster ends, nothing of the cluster stays.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::ensure;
use offtake_cluster::until;

use crate::ok;

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_killed_run_leaves_neither_processes_nor_files() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cluster"))
        .args(["up", "--api-only"])
        .env_remove("KUBECONFIG")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program `cluster`");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    let kubeconfig = Path::new(line.trim().trim_start_matches("export KUBECONFIG="));
    let folder = kubeconfig.ancestors().nth(2).expect("it is in pki/ of the cluster's folder");
    let authority = folder.join("pki/ca.crt");
    let certificate = fs::read(&authority).expect("the cluster's authority");
    let processes = processes(folder);
    assert!(processes.iter().any(|process| process.is("kube-apiserver")), "{processes:?}");

    child.kill().expect("a kill");
    child.wait().expect("an end");
    ok(until("everything of a killed cluster to be gone", DEADLINE, || {
        let left: Vec<&Process> = processes.iter().filter(|process| process.runs()).collect();
        ensure!(left.is_empty(), "processes: {left:?}");
        // Another cluster may be in the same folder by now.
        ensure!(fs::read(&authority).ok().as_ref() != Some(&certificate), "{} is left", folder.display());
        Ok(())
    }));
}

/// A process by its number and its command line; the number alone may be given again.
#[derive(Debug)]
struct Process {
    number: String,
    command: String,
}

impl Process {
    fn is(&self, program: &str) -> bool {
        self.command.contains(program)
    }

    fn runs(&self) -> bool {
        command(&self.number) == self.command
    }
}

fn command(number: &str) -> String {
    let words = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

/// The processes whose command line names a file of the folder.
fn processes(folder: &Path) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let all = numbers.map(|number| Process { command: command(&number), number });
    let mark = format!("{}/", folder.display());
    all.filter(|process| process.command.contains(&mark)).collect()
}
