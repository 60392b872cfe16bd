//! A way to a Service of a cluster whose addresses are not reached from here.

use std::{
    io::{BufRead, BufReader},
    process::ChildStdout,
};

use anyhow::Context;
use offtake_cluster::Cluster;

use crate::background::Background;

/// A port of this machine that leads to a Service, until this is dropped.
pub(crate) struct Forward {
    pub port: u16,
    _kubectl: Background,
    /// kubectl ends where it cannot tell of a connection.
    _output: BufReader<ChildStdout>,
}

impl Forward {
    pub fn start(cluster: &Cluster, namespace: &str, object: &str, port: &str) -> anyhow::Result<Forward> {
        let any = format!(":{port}");
        let arguments = ["port-forward", "-n", namespace, "--address=127.0.0.1", object, &any];
        let (kubectl, output) = Background::kubectl(cluster, &arguments)?;
        let mut output = BufReader::new(output);
        // `Forwarding from 127.0.0.1:40123 -> 5432`
        let mut line = String::new();
        output.read_line(&mut line).context("reading kubectl's output")?;
        let port = line
            .strip_prefix("Forwarding from 127.0.0.1:")
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .with_context(|| format!("kubectl port-forward {object} has not begun: {line:?}"))?;
        Ok(Forward { port, _kubectl: kubectl, _output: output })
    }
}
