//! `cluster`: the tests' Kubernetes for people, until Ctrl-C.

use std::{path::Path, thread, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use offtake_cluster::{Binaries, Cluster, Image, Program};

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
        #[arg(long, conflicts_with = "image")]
        api_only: bool,
        /// An image of one program for the node, `name:tag=path`; may be repeated.
        #[arg(long, value_name = "NAME:TAG=PROGRAM")]
        image: Vec<String>,
    },
    /// Build the programs into the cache, and install the packages that are missing.
    Prepare,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Task::Up { api_only, image } => {
            let images = image.iter().map(|image| read(image)).collect::<anyhow::Result<Vec<_>>>()?;
            let cluster = if api_only { Cluster::api_only()? } else { Cluster::start()? };
            images.iter().try_for_each(|image| cluster.load_image(image))?;
            println!("export KUBECONFIG={}", cluster.kubeconfig().display());
            if let Some(host) = cluster.host() {
                println!("# pods reach this machine as {host}");
            }
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

/// `name:tag=path`
fn read(image: &str) -> anyhow::Result<Image> {
    let (name, program) =
        image.split_once('=').with_context(|| format!("--image {image}: give NAME:TAG=PROGRAM"))?;
    Image::of_program(name, Path::new(program)).with_context(|| format!("--image {image}"))
}
