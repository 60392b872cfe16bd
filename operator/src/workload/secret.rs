//! Two Secrets: what the worker mounts, and what its clients are given.
//!
//! The worker's is the one that counts: password and token are made once, stay in it, and the client's is written from it.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use offtake_contract::Secret as Hidden;
use rand::RngCore;

use super::{Credentials, SERVICE_PORT, USER, Workload};
use crate::kubernetes::{labels, names::WorkloadName};

/// Keys of the worker's Secret, which are the names of the mounted files.
pub const USERS: &str = "users";
pub const TOKEN: &str = "token";

/// Makes a password and a token.
pub fn generate() -> Credentials {
    Credentials { password: random(), token: random() }
}

/// 192 bits in letters and digits that need no quoting anywhere.
fn random() -> Hidden {
    let mut bytes = [0u8; 24];
    rand::rng().fill_bytes(&mut bytes);
    Hidden::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// What a worker's Secret holds; `None` where it was damaged.
pub fn credentials(secret: &Secret) -> Option<Credentials> {
    let text = |key: &str| std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok().map(str::trim);
    let (user, password) = text(USERS)?.split_once(':')?;
    let token = text(TOKEN)?;
    let whole = user == USER && !password.is_empty() && !token.is_empty();
    whole.then(|| Credentials { password: Hidden::new(password), token: Hidden::new(token) })
}

/// The worker's Secret as it is first made, before anything else is known.
pub fn initial(
    name: &WorkloadName,
    namespace: &str,
    owner: &k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference,
    credentials: &Credentials,
) -> Secret {
    let mut secret = Secret { data: Some(files(credentials)), ..Secret::default() };
    secret.metadata.name = Some(name.worker());
    secret.metadata.namespace = Some(namespace.to_owned());
    secret.metadata.labels = Some(labels::of_worker(name.as_str()));
    secret.metadata.owner_references = Some(vec![owner.clone()]);
    secret
}

pub fn worker(workload: &Workload) -> Secret {
    Secret {
        metadata: workload.metadata(workload.name.worker()),
        type_: Some("Opaque".to_owned()),
        data: Some(files(&workload.credentials)),
        ..Secret::default()
    }
}

fn files(credentials: &Credentials) -> BTreeMap<String, ByteString> {
    let users = format!("{USER}:{}\n", credentials.password.expose());
    data([(USERS, users), (TOKEN, credentials.token.expose().to_owned())])
}

pub fn client(workload: &Workload) -> Secret {
    let host =
        format!("{}.{}.svc.{}", workload.name, workload.source.namespace, workload.settings.cluster_domain);
    let password = workload.credentials.password.expose();
    let entries = data([
        ("user", USER.to_owned()),
        ("password", password.to_owned()),
        ("host", host.clone()),
        ("port", SERVICE_PORT.to_string()),
        ("dbname", USER.to_owned()),
        ("uri", format!("postgresql://{USER}:{password}@{host}:{SERVICE_PORT}/{USER}")),
        (
            "jdbc-uri",
            format!("jdbc:postgresql://{host}:{SERVICE_PORT}/{USER}?user={USER}&password={password}"),
        ),
    ]);
    Secret {
        metadata: workload.metadata(workload.name.client()),
        type_: Some("Opaque".to_owned()),
        data: Some(entries),
        ..Secret::default()
    }
}

fn data<const N: usize>(entries: [(&str, String); N]) -> BTreeMap<String, ByteString> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_back_from_the_secret() {
        let made = generate();
        let secret = Secret { data: Some(files(&made)), ..Secret::default() };
        assert_eq!(credentials(&secret), Some(made.clone()));
        assert_ne!(generate(), made);
        assert_eq!(credentials(&Secret::default()), None);
        assert!(!format!("{made:?}").contains(made.token.expose()));
    }
}
