//! `cluster`: the tests' Kubernetes for people, until Ctrl-C.

use std::{thread, time::Duration};

use clap::{Parser, Subcommand};
use offtake_cluster::{Binaries, Cluster, Program};

/// How soon a cluster of which a part has ended is given up.
const CHECK: Duration = Duration::from_secs(1);

#[derive(Parser)]
#[command(name = "cluster", about = "A real Kubernetes on this machine, for tests and for trying things out")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start a cluster; it runs until Ctrl-C.
    Up {
        /// An API server without nodes.
        #[arg(long)]
        api_only: bool,
    },
    /// Build the programs into the cache, and install the packages that are missing.
    Prepare,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Task::Up { api_only } => {
            let cluster = if api_only { Cluster::api_only()? } else { Cluster::start()? };
            println!("export KUBECONFIG={}", cluster.kubeconfig().display());
            // A Ctrl-C ends us at once, and the kernel ends the cluster with us.
            loop {
                cluster.check()?;
                thread::park_timeout(CHECK);
            }
        }
        Task::Prepare => {
            offtake_cluster::install_packages()?;
            Binaries::find_or_build(&Program::ALL).map(drop)
        }
    }
}
