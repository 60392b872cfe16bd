//! A connection in which every reference is followed, or all that keeps it from being one. Pure.

use std::net::IpAddr;

use offtake_contract::{Connection, Problem};
use offtake_crds::catalog;

use super::inputs::Inputs;
use crate::context::Settings;

pub fn plan(inputs: &Inputs, settings: &Settings) -> Result<Connection, Vec<Problem>> {
    catalog::connection(&inputs.manifests, &inputs.name, &inputs.object)
        .map(|connection| from_here(connection, &inputs.name.namespace, settings))
}

/// The connection as the operator has to dial it. A name without dots is a Service beside the PgConnection, and so the worker's pod reads
/// it; here it would lead into the operator's own namespace, perhaps to another database.
pub fn from_here(connection: Connection, namespace: &str, settings: &Settings) -> Connection {
    let address = beside(&connection.host)
        .then(|| format!("{}.{namespace}.svc.{}", connection.host, settings.cluster_domain));
    Connection { address, ..connection }
}

fn beside(host: &str) -> bool {
    let elsewhere = host.contains(['.', '/']) || host.parse::<IpAddr>().is_ok();
    !elsewhere && !host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_name_is_a_service_of_the_namespace() {
        assert!(beside("db"));
        for host in ["db.team", "10.0.0.7", "::1", "/run/postgresql", "localhost"] {
            assert!(!beside(host), "{host}");
        }
    }
}
