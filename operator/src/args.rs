//! The command line.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;

/// Runs Offtake's four kinds on Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "offtake-operator", version, about)]
pub struct Arguments {
    /// Print the CustomResourceDefinitions as YAML and end.
    #[arg(long)]
    pub print_crds: bool,
    /// Print the reference of reason words as Markdown and end.
    #[arg(long)]
    pub print_reasons: bool,
    /// The worker's image for sources that name none. A new default reaches a running worker with its next rollout only.
    #[arg(long, env = "OFFTAKE_WORKER_IMAGE", default_value = concat!("ghcr.io/offtake/worker:", env!("CARGO_PKG_VERSION")), value_name = "IMAGE")]
    pub worker_image: String,
    /// Namespaces to watch, separated by commas; all of them without it.
    #[arg(long, env = "OFFTAKE_WATCH_NAMESPACES", value_delimiter = ',', value_name = "NAMES")]
    pub watch_namespaces: Vec<String>,
    /// The namespace that the operator runs in: its Lease is there, and workers let its pods in.
    #[arg(long, env = "POD_NAMESPACE", default_value = "offtake-system", value_name = "NAME")]
    pub namespace: String,
    /// The name by which this replica holds the Lease.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,
    /// The namespace whose pods may read the workers' metrics.
    #[arg(long, default_value = "monitoring", value_name = "NAME")]
    pub monitoring_namespace: String,
    /// The domain of the cluster's Services.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    pub cluster_domain: String,
    /// How long a deleted PgSource may wait for its slot to be dropped, for example 60s. Then it goes, and an Event names the slot.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub slot_drop_deadline: Duration,
    /// Where to serve /livez, /readyz and /metrics.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub http_listen: SocketAddr,
    /// Work without a Lease: for one replica only.
    #[arg(long)]
    pub no_leader_election: bool,
}

/// Reads `500ms`, `60s`, `5m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a time: write a number and ms, s or m, as in 60s");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(wrong()),
    }
}
