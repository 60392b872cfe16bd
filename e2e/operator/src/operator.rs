//! The operator's replicas: which one leads, and what it says of itself.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, ensure};
use offtake_cluster::Cluster;

use crate::SYSTEM;

/// A lease of 15 s, and a machine that is busy.
const TAKEOVER: Duration = Duration::from_secs(120);

/// The pod that holds the Lease.
pub fn leader(cluster: &Cluster) -> anyhow::Result<String> {
    let holder =
        cluster.kubectl(&["get", "lease", "-n", SYSTEM, "-o", "jsonpath={.items[*].spec.holderIdentity}"])?;
    ensure!(!holder.is_empty(), "nobody leads");
    Ok(holder)
}

/// Kills the leader and waits until a replica leads that was not killed: the other, or the same one started again, whichever is first.
/// Answers which.
pub fn lead_anew(cluster: &Cluster) -> anyhow::Result<String> {
    let old = leader(cluster)?;
    let restarts = |pod: &str| {
        let count = "jsonpath={.status.containerStatuses[0].restartCount}";
        cluster.kubectl(&["get", "pod", pod, "-n", SYSTEM, "-o", count])
    };
    let before = restarts(&old)?;
    cluster.kill_pod(SYSTEM, &old)?;
    cluster.wait_for("another leader", TAKEOVER, || {
        let now = leader(cluster)?;
        ensure!(now != old || restarts(&now)? != before, "the killed one holds the Lease");
        let leads = metrics(cluster, &now)?.lines().any(|line| line == "offtake_operator_leader 1");
        ensure!(leads, "{now} holds the Lease and does not lead yet");
        Ok(now)
    })
}

fn metrics(cluster: &Cluster, pod: &str) -> anyhow::Result<String> {
    cluster.kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{SYSTEM}/pods/{pod}:8080/proxy/metrics")])
}

/// A counter of one replica, by its label: `totals(cluster, pod, "offtake_operator_writes_total", "kind")`.
pub fn totals(
    cluster: &Cluster,
    pod: &str,
    counter: &str,
    label: &str,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let text = metrics(cluster, pod)?;
    let mut totals = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some(labels) = line.strip_prefix(counter).and_then(|rest| rest.strip_prefix('{')) else {
            continue;
        };
        let (labels, value) = labels.rsplit_once("} ").with_context(|| format!("a sample: {line}"))?;
        let name = labels
            .split(',')
            .find_map(|pair| pair.strip_prefix(label)?.strip_prefix("=\"")?.strip_suffix('"'))
            .with_context(|| format!("label {label}: {line}"))?;
        *totals.entry(name.to_owned()).or_default() +=
            value.parse::<u64>().with_context(|| format!("a count: {line}"))?;
    }
    Ok(totals)
}
