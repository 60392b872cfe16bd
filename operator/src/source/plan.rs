//! One source, resolved: the workload, and what its worker is told. Pure.

use std::{collections::BTreeMap, net::IpAddr, net::SocketAddr, sync::Arc};

use kube::ResourceExt;
use offtake_contract::{Catalog, Connection, Problem};
use offtake_crds::{
    PgSource, ReclaimPolicy,
    catalog::{Assembly, Member, MemberKind, assemble},
    manifests::Manifests,
};

use super::inputs::Inputs;
use crate::{
    connection::from_here,
    context::{Outlook, Settings},
    kubernetes::labels,
    membership::spec_state,
    worker::{
        http::Endpoint,
        link::{Desired, Order, SpecState},
        push::{Pushed, digest},
    },
    workload::{HTTP_PORT, Workload},
};

pub struct Plan {
    pub workload: Workload,
    /// What the worker is told, and where it is.
    pub desired: Desired,
    /// How the database is reached, where that is known.
    pub connection: Option<Connection>,
    /// All that keeps the catalog from being made.
    pub problems: Vec<Problem>,
    /// Objects that are left out of it.
    pub refused: BTreeMap<Member, Problem>,
    pub tables: usize,
    pub views: usize,
}

impl Plan {
    /// What tables and views need to know of it.
    pub fn outlook(&self) -> Outlook {
        Outlook { source: self.problems.first().cloned(), refused: self.refused.clone() }
    }
}

/// `address` is the pod's, once it has one.
pub fn plan(inputs: &Inputs, settings: &Arc<Settings>, address: Option<IpAddr>) -> Plan {
    let Assembly { source, tables, views, refused } =
        assemble(&inputs.manifests, &inputs.name, &inputs.object);
    let endpoint = address.map(|address| Endpoint {
        address: SocketAddr::new(address, HTTP_PORT),
        token: inputs.credentials.token.clone(),
    });
    let (connection, order, problems) = match source {
        Ok(source) => {
            let connection = from_here(source.connection.clone(), &inputs.name.namespace, settings);
            let catalog = Catalog { generation: 0, source, tables, views };
            (Some(connection), Some(Arc::new(order(inputs, catalog, &refused))), Vec::new())
        }
        Err(problems) => (None, None, problems),
    };
    Plan {
        workload: workload(inputs, settings),
        desired: Desired { endpoint, order },
        connection,
        problems,
        refused,
        tables: inputs.manifests.tables.len(),
        views: inputs.manifests.views.len(),
    }
}

fn order(inputs: &Inputs, catalog: Catalog, refused: &BTreeMap<Member, Problem>) -> Order {
    let mut members = members(&inputs.manifests);
    members.retain(|member, _| !refused.contains_key(member));
    Order {
        digest: digest(&catalog, &inputs.credentials.token),
        source: spec_state(&*inputs.object),
        members,
        recorded: recorded(&inputs.object),
        catalog,
    }
}

fn members(manifests: &Manifests) -> BTreeMap<Member, SpecState> {
    let tables = manifests
        .tables
        .iter()
        .map(|(name, table)| (Member { kind: MemberKind::Table, name: name.clone() }, spec_state(table)));
    let views = manifests
        .views
        .iter()
        .map(|(name, view)| (Member { kind: MemberKind::View, name: name.clone() }, spec_state(view)));
    tables.chain(views).collect()
}

/// What the status says was sent last.
fn recorded(source: &PgSource) -> Option<Pushed> {
    let catalog = source.status.as_ref()?.catalog.as_ref()?;
    Some(Pushed { generation: u64::try_from(catalog.generation).ok()?, digest: catalog.digest.clone() })
}

fn workload(inputs: &Inputs, settings: &Arc<Settings>) -> Workload {
    let spec = &inputs.object.spec;
    Workload {
        name: inputs.workload.clone(),
        source: inputs.name.clone(),
        owner: inputs.owner.clone(),
        spec: spec.worker.clone(),
        restarted_at: inputs.object.annotations().get(labels::RESTARTED_AT).cloned(),
        credentials: inputs.credentials.clone(),
        retain: spec.slot.reclaim_policy == ReclaimPolicy::Retain,
        settings: settings.clone(),
        live: inputs.stateful_set.clone(),
    }
}
