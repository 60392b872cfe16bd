//! The operator: four kinds in, workers and their status out.
//!
//! Each controller (`connection`, `source`, `table`, `view`) is the same five steps: `inputs` gathers what is known, `plan` resolves it
//! into a type in which nothing is open any more, `workload` builds objects from the plan, `kubernetes::apply` brings them to the cluster,
//! `status` tells what was observed. Only `inputs` and `apply` are asynchronous; the rest is pure and tested beside its code.
//!
//! What a worker does is the worker's to say: its catalog goes to it, and its status comes back, over [`worker`]. No status is made from
//! "objects applied".

pub mod args;
mod connection;
mod context;
mod error;
mod kubernetes;
mod leader;
pub mod manager;
mod membership;
mod metrics;
pub mod reasons;
mod reconcile;
mod scope;
mod serve;
mod source;
mod status;
mod table;
pub mod telemetry;
mod transition;
mod view;
mod watch;
mod worker;
mod workload;

/// The four CustomResourceDefinitions, as `kubectl apply -f -` takes them.
pub fn crds() -> String {
    offtake_crds::definitions::files().into_iter().map(|(_, text)| format!("---\n{text}")).collect()
}
