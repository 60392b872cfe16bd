//! What a PgSource's worker is made from: its connection with Secrets, its tables and views, and what is there already.

use std::sync::Arc;

use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource, runtime::reflector::ObjectRef};
use offtake_crds::{ObjectName, PgSource, manifests::Manifests};

use super::credentials;
use crate::{
    connection,
    context::{Context, name_of},
    error::ApiError,
    kubernetes::names::WorkloadName,
    workload::Credentials,
};

pub struct Inputs {
    pub name: ObjectName,
    pub object: Arc<PgSource>,
    pub owner: OwnerReference,
    /// The source, its connection with Secrets, its tables and views.
    pub manifests: Manifests,
    pub workload: WorkloadName,
    pub credentials: Credentials,
    pub stateful_set: Option<Arc<StatefulSet>>,
    pub pod: Option<Arc<Pod>>,
}

impl Inputs {
    pub async fn gather(context: &Context, object: Arc<PgSource>) -> Result<Inputs, ApiError> {
        let name = name_of(&*object);
        let workload = WorkloadName::of(&name.name);
        let owner = object.controller_owner_ref(&()).unwrap_or_default();
        let credentials = credentials::ensure(context, &name, &workload, &owner).await?;
        let stores = &context.stores;
        Ok(Inputs {
            manifests: manifests(context, &name, &object).await?,
            stateful_set: stores
                .stateful_sets
                .get(&ObjectRef::new(workload.as_str()).within(&name.namespace)),
            pod: stores.pods.get(&ObjectRef::new(&workload.pod()).within(&name.namespace)),
            credentials,
            workload,
            owner,
            object,
            name,
        })
    }
}

/// Objects that are on their way out are left out.
async fn manifests(context: &Context, name: &ObjectName, object: &PgSource) -> Result<Manifests, ApiError> {
    let connection = context.connection(&name.sibling(&object.spec.connection_ref.name));
    let mut manifests = match connection.filter(|connection| connection.metadata.deletion_timestamp.is_none())
    {
        Some(connection) => connection::manifests(&context.client, &connection).await?,
        None => Manifests::default(),
    };
    manifests.sources.insert(name.clone(), object.clone());
    for table in context.tables_of(name) {
        if table.metadata.deletion_timestamp.is_none() {
            manifests.tables.insert(name_of(&*table), (*table).clone());
        }
    }
    for view in context.views_of(name) {
        if view.metadata.deletion_timestamp.is_none() {
            manifests.views.insert(name_of(&*view), (*view).clone());
        }
    }
    Ok(manifests)
}
