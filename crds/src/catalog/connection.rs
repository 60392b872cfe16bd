//! The source's connection, with its secrets.

use offtake_contract::{Connection, Problem, Secret, Tls, TlsMode};

use crate::{
    PgConnection, PgSource,
    manifests::Manifests,
    reference::{ObjectName, SecretKeyRef},
};

/// The connection that a source names; `None` and at least one problem where there is none.
pub(super) fn resolve(
    manifests: &Manifests,
    source: &ObjectName,
    object: &PgSource,
    problems: &mut Vec<Problem>,
) -> Option<Connection> {
    let name = source.sibling(&object.spec.connection_ref.name);
    let Some(connection) = manifests.connections.get(&name) else {
        problems.push(Problem::new(
            "ConnectionNotFound",
            format!("PgSource {source}: spec.connectionRef.name: there is no PgConnection {name}"),
            super::missing(manifests.connections.keys()),
        ));
        return None;
    };
    follow(manifests, &name, connection, problems)
}

/// A connection with its Secrets; `None` and at least one problem where they are not in order.
pub(super) fn follow(
    manifests: &Manifests,
    name: &ObjectName,
    connection: &PgConnection,
    problems: &mut Vec<Problem>,
) -> Option<Connection> {
    let before = problems.len();
    let mut resolving = Resolving { manifests, name, problems };
    resolving.not_there_yet(connection);
    let spec = &connection.spec;
    let password = spec.password_secret_ref.as_ref().map(|reference| {
        resolving.secret("spec.passwordSecretRef", reference, "password").map(|text| {
            // A file's last line end is no part of a password (`kubectl create secret --from-file` and editors leave one).
            Secret::new(text.trim_end_matches(['\n', '\r']))
        })
    });
    let tls = resolving.tls(connection);
    (problems.len() == before).then(|| Connection {
        object: name.to_string(),
        host: spec.host.clone(),
        address: None,
        port: spec.port,
        database: spec.database.clone(),
        user: spec.user.clone(),
        password: password.flatten(),
        tls,
    })
}

struct Resolving<'a> {
    manifests: &'a Manifests,
    name: &'a ObjectName,
    problems: &'a mut Vec<Problem>,
}

impl Resolving<'_> {
    fn report(&mut self, reason: &str, field: &str, message: String, remedy: impl Into<String>) {
        let message = format!("PgConnection {}: {field}: {message}", self.name);
        self.problems.push(Problem::new(reason, message, remedy));
    }

    fn not_there_yet(&mut self, connection: &PgConnection) {
        let refused = [
            (
                "spec.sshTunnel",
                connection.spec.ssh_tunnel.is_some(),
                "SSH tunnels",
                "a tunnel of your own (ssh -L)",
            ),
            (
                "spec.awsPrivateLink",
                connection.spec.aws_private_link.is_some(),
                "AWS PrivateLink",
                "an endpoint that exists",
            ),
        ];
        for (field, given, what, instead) in refused {
            if given {
                let message = format!("this version does not make {what} yet");
                let remedy = format!("remove it, and let spec.host and spec.port name {instead}");
                self.report("NotSupportedYet", field, message, remedy);
            }
        }
    }

    fn tls(&mut self, connection: &PgConnection) -> Tls {
        let Some(tls) = &connection.spec.tls else { return Tls::default() };
        let mode = match tls.mode {
            crate::TlsMode::Disable => TlsMode::Disable,
            crate::TlsMode::Require => TlsMode::Require,
            crate::TlsMode::VerifyCa => TlsMode::VerifyCa,
            crate::TlsMode::VerifyFull => TlsMode::VerifyFull,
        };
        let certificates = "-----BEGIN CERTIFICATE-----";
        let ca = tls
            .ca_secret_ref
            .as_ref()
            .and_then(|reference| self.pem("spec.tls.caSecretRef", reference, "ca.crt", certificates));
        let (mut client_certificate, mut client_key) = (None, None);
        if let Some(reference) = &tls.client_certificate_secret_ref {
            let field = "spec.tls.clientCertificateSecretRef";
            let key = |key: &str| SecretKeyRef { name: reference.name.clone(), key: Some(key.to_owned()) };
            client_certificate = self.pem(field, &key("tls.crt"), "tls.crt", certificates);
            client_key = self.pem(field, &key("tls.key"), "tls.key", "PRIVATE KEY-----").map(Secret::new);
        }
        Tls { mode, ca, client_certificate, client_key }
    }

    /// One value of a Secret that must hold a PEM block of a kind.
    fn pem(
        &mut self,
        field: &str,
        reference: &SecretKeyRef,
        default_key: &str,
        block: &str,
    ) -> Option<String> {
        let text = self.secret(field, reference, default_key)?;
        if !text.contains(block) {
            let message = format!("the Secret's value is not PEM: it has no line with \"{block}\"");
            self.report("SecretInvalid", field, message, "store the PEM file's whole text");
            return None;
        }
        Some(text)
    }

    /// One value of a Secret, as text. Messages name it and never show it.
    fn secret(&mut self, field: &str, reference: &SecretKeyRef, default_key: &str) -> Option<String> {
        let name = self.name.sibling(&reference.name);
        let key = reference.key.as_deref().unwrap_or(default_key);
        let manifests = self.manifests;
        let Some(values) = manifests.secrets.get(&name) else {
            let remedy = super::missing(manifests.secrets.keys());
            self.report("SecretNotFound", field, format!("there is no Secret {name}"), remedy);
            return None;
        };
        let Some(value) = values.get(key) else {
            let keys: Vec<&str> = values.keys().collect();
            let remedy = format!(
                "its keys are: {}",
                if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
            );
            self.report("SecretKeyNotFound", field, format!("Secret {name} has no key \"{key}\""), remedy);
            return None;
        };
        match std::str::from_utf8(value) {
            Ok(text) if !text.trim().is_empty() => Some(text.to_owned()),
            Ok(_) => {
                let message = format!("Secret {name}, key \"{key}\", is empty");
                self.report("SecretInvalid", field, message, "store the value in it");
                None
            }
            Err(_) => {
                let message = format!("Secret {name}, key \"{key}\", is not UTF-8 text");
                self.report("SecretInvalid", field, message, "store text: a password or PEM");
                None
            }
        }
    }
}
