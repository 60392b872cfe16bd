//! PgConnection: how to reach a database.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{LocalRef, SecretKeyRef};

/// How to reach a PostgreSQL database. Owns nothing: several sources may use one connection.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "offtake.dev",
    version = "v1alpha1",
    kind = "PgConnection",
    namespaced,
    category = "offtake",
    shortname = "pgc",
    status = "PgConnectionStatus",
    derive = "PartialEq",
    doc = "How to reach a PostgreSQL database. Owns nothing: several sources may use one connection.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.host"),
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.database"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.serverVersion"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("!(has(self.sshTunnel) && has(self.awsPrivateLink))")
        .message("sshTunnel and awsPrivateLink exclude each other: remove one")
        .reason(Reason::FieldValueForbidden),
)]
#[serde(rename_all = "camelCase")]
pub struct PgConnectionSpec {
    /// A host name, an IP address, or a directory that holds the server's Unix socket (starts with "/").
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^(/.*|[A-Za-z0-9._:-]+)$"))]
    pub host: String,
    /// The server's TCP port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The database; logical replication is per database.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
    /// A role with REPLICATION and SELECT on the published tables.
    #[schemars(length(min = 1, max = 63))]
    pub user: String,
    /// The role's password. Not needed where the server trusts the address or the client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Encryption; without it, the connection is in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Reaches the server through an SSH server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_tunnel: Option<SshTunnel>,
    /// Reaches the server through an AWS PrivateLink endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_private_link: Option<AwsPrivateLink>,
}

/// How the connection is encrypted and what is verified.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.mode != 'VerifyCa' || has(self.caSecretRef)")
        .message("mode VerifyCa needs caSecretRef: without the host's name checked, every public authority would do")
        .reason(Reason::FieldValueRequired),
    validation = Rule::new("self.mode in ['VerifyCa', 'VerifyFull'] || !has(self.caSecretRef)")
        .message("caSecretRef is used by modes VerifyCa and VerifyFull only: choose one of them, or remove it")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.mode != 'Disable' || !has(self.clientCertificateSecretRef)")
        .message("clientCertificateSecretRef needs an encrypted connection: choose another mode, or remove it")
        .reason(Reason::FieldValueForbidden),
)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Disable, Require (encrypted, the server is not verified), VerifyCa (its certificate comes from a trusted authority) or VerifyFull
    /// (and names the host).
    pub mode: TlsMode,
    /// PEM certificates of the authorities to trust, key "ca.crt" by default; the system's authorities without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// A Secret of type kubernetes.io/tls (keys tls.crt and tls.key): the certificate that the client shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_secret_ref: Option<LocalRef>,
}

/// As libpq's sslmode (PostgreSQL documentation, section 34.19.3).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TlsMode {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

/// An SSH server that forwards to the database.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SshTunnel {
    /// The SSH server's host name or address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The SSH server's port.
    #[serde(default = "default_ssh_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The user on the SSH server.
    #[schemars(length(min = 1, max = 63))]
    pub user: String,
    /// The private key, key "ssh-privatekey" by default.
    pub private_key_secret_ref: SecretKeyRef,
    /// The server's public key as in known_hosts: "ssh-ed25519 AAAA…". An unknown key is never accepted.
    #[schemars(length(min = 1, max = 16384))]
    pub host_key: String,
}

/// An AWS PrivateLink endpoint to the database.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsPrivateLink {
    /// The endpoint service: "com.amazonaws.vpce.<region>.vpce-svc-…".
    #[schemars(length(min = 1, max = 253))]
    pub service_name: String,
    /// The port that the endpoint service listens on.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Availability zone ids, as "use1-az1".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub availability_zones: Vec<String>,
}

/// What the operator saw when it last reached for the database.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PgConnectionStatus {
    /// The generation of the spec that this status is about; -1 before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// As server_version: "18.4".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// Who runs the server, where it can be told: "Amazon RDS", "Google Cloud SQL", …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The cluster's identity; another one behind the same address is noticed by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// Every finding, the good ones too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<Check>,
}

/// One finding about a connection.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: "wal_level", "replication slots", …
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found and, if it is not well, what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// PostgreSQL's registered port.
fn default_port() -> u16 {
    5432
}

fn default_ssh_port() -> u16 {
    22
}
