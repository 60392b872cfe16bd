//! What a PgConnection is judged by: the object and the Secrets that it names.

use std::sync::Arc;

use kube::Client;
use offtake_crds::{ObjectName, PgConnection, PgConnectionSpec, manifests::Manifests};

use crate::{context::name_of, error::ApiError, kubernetes::secret};

/// A connection and its Secrets, as the same resolver reads them that reads files.
pub struct Inputs {
    pub name: ObjectName,
    pub object: Arc<PgConnection>,
    pub manifests: Manifests,
}

impl Inputs {
    pub async fn gather(client: &Client, object: Arc<PgConnection>) -> Result<Inputs, ApiError> {
        let manifests = manifests(client, &object).await?;
        Ok(Inputs { name: name_of(&*object), object, manifests })
    }
}

/// The connection with those of its Secrets that are there.
pub async fn manifests(client: &Client, connection: &PgConnection) -> Result<Manifests, ApiError> {
    let name = name_of(connection);
    let mut manifests = Manifests::default();
    for secret in secrets(&connection.spec).map(|secret| name.sibling(secret)) {
        if manifests.secrets.contains_key(&secret) {
            continue;
        }
        if let Some(values) = secret::read(client, &secret).await? {
            manifests.secrets.insert(secret, values);
        }
    }
    manifests.connections.insert(name, connection.clone());
    Ok(manifests)
}

/// The names of the Secrets that a connection needs.
pub fn secrets(spec: &PgConnectionSpec) -> impl Iterator<Item = &str> {
    let tls = spec.tls.as_ref();
    let ca = tls.and_then(|tls| tls.ca_secret_ref.as_ref()).map(|reference| reference.name.as_str());
    let client = tls
        .and_then(|tls| tls.client_certificate_secret_ref.as_ref())
        .map(|reference| reference.name.as_str());
    let password = spec.password_secret_ref.as_ref().map(|reference| reference.name.as_str());
    [password, ca, client].into_iter().flatten()
}
