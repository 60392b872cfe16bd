//! The rules between fields, for objects that come from files.
//!
//! In a cluster the API server checks them (the CEL rules on the types); without one, these functions do, with the same words. A rule
//! belongs in both places; rules about changes of an object have no counterpart here.

use crate::{PgConnectionSpec, PgSourceSpec, SourceTableSpec, TlsMode, ViewSpec};

/// A field and what is wrong with it.
pub(crate) type Broken = (String, String);

fn broken(field: &str, message: impl Into<String>) -> Broken {
    (field.to_owned(), message.into())
}

pub(crate) fn connection(spec: &PgConnectionSpec) -> Vec<Broken> {
    let mut found = Vec::new();
    if spec.ssh_tunnel.is_some() && spec.aws_private_link.is_some() {
        found.push(broken("spec", "sshTunnel and awsPrivateLink exclude each other: remove one"));
    }
    if let Some(tls) = &spec.tls {
        let verifies = matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        if tls.mode == TlsMode::VerifyCa && tls.ca_secret_ref.is_none() {
            found.push(broken(
                "spec.tls",
                "mode VerifyCa needs caSecretRef: without the host's name checked, every public authority would do",
            ));
        }
        if !verifies && tls.ca_secret_ref.is_some() {
            found.push(broken(
                "spec.tls",
                "caSecretRef is used by modes VerifyCa and VerifyFull only: choose one of them, or remove it",
            ));
        }
        if tls.mode == TlsMode::Disable && tls.client_certificate_secret_ref.is_some() {
            found.push(broken(
                "spec.tls",
                "clientCertificateSecretRef needs an encrypted connection: choose another mode, or remove it",
            ));
        }
    }
    found
}

pub(crate) fn source(spec: &PgSourceSpec) -> Vec<Broken> {
    let mut found = Vec::new();
    let aliases = &spec.schema_aliases;
    if aliases.iter().any(|(alias, schema)| alias == schema || aliases.contains_key(schema)) {
        let message = "a schema alias names a schema of tables, not itself and not another alias";
        found.push(broken("spec.schemaAliases", message));
    }
    // In a cluster the operator tells: the API server does not look into it.
    if let Err(error) = spec.worker.read_affinity() {
        found.push(broken("spec.worker.affinity", error.to_string()));
    }
    found
}

pub(crate) fn table(name: &str, spec: &SourceTableSpec) -> Vec<Broken> {
    let mut found = sql_name(name, &spec.schema, spec.name.as_deref());
    if let Some(column) = spec.exclude_columns.iter().find(|column| spec.text_columns.contains(column)) {
        found.push(broken(
            "spec.textColumns",
            format!("\"{column}\" is in both excludeColumns and textColumns: remove it from one"),
        ));
    }
    found
}

pub(crate) fn view(name: &str, spec: &ViewSpec) -> Vec<Broken> {
    let mut found = sql_name(name, &spec.schema, spec.name.as_deref());
    if spec.query.trim().is_empty() {
        found.push(broken("spec.query", "it is blank: give one SELECT"));
    }
    found
}

fn sql_name(object: &str, schema: &str, name: Option<&str>) -> Vec<Broken> {
    let mut found = Vec::new();
    if name.is_none() && object.len() > 63 {
        found.push(broken("metadata.name", "is longer than a SQL name may be (63): give spec.name"));
    }
    if schema.starts_with("pg_") || ["information_schema", "offtake"].contains(&schema) {
        found.push(broken(
            "spec.schema",
            format!(
                "\"{schema}\": pg_*, information_schema and offtake belong to the system: choose another"
            ),
        ));
    }
    found
}
