//! Manifests for tests, as a user would write them.

use crate::{
    Upstream,
    upstream::{DATABASE, PASSWORD},
};

/// Connection, secret and source, on publication `app`.
pub fn source(upstream: &Upstream) -> String {
    source_with(upstream, "tls: {mode: Disable}", "")
}

pub fn source_with(upstream: &Upstream, connection: &str, source: &str) -> String {
    let password = PASSWORD.replace('\'', "''");
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: app}}
stringData: {{password: '{password}'}}
---
apiVersion: offtake.dev/v1alpha1
kind: PgConnection
metadata: {{name: app}}
spec:
  host: {host}
  port: {port}
  database: {DATABASE}
  user: {user}
  passwordSecretRef: {{name: app, key: password}}
  {connection}
---
apiVersion: offtake.dev/v1alpha1
kind: PgSource
metadata: {{name: app}}
spec:
  connectionRef: {{name: app}}
  publication: app
  {source}
",
        host = upstream.server.host(),
        port = upstream.server.port(),
        user = upstream.server.user(),
    )
}

/// SourceTables of the same names as upstream, in schema public.
pub fn tables(names: &[&str]) -> String {
    names.iter().map(|name| table(name, name, "")).collect()
}

/// One SourceTable; `more` is further lines of its spec.
pub fn table(object: &str, upstream: &str, more: &str) -> String {
    format!(
        "---
apiVersion: offtake.dev/v1alpha1
kind: SourceTable
metadata: {{name: {object}}}
spec:
  sourceRef: {{name: app}}
  upstream: {{schema: public, table: {upstream}}}
  {more}
",
        object = object.replace('_', "-"),
    )
}

/// One View.
pub fn view(name: &str, query: &str) -> String {
    format!(
        "---
apiVersion: offtake.dev/v1alpha1
kind: View
metadata: {{name: {object}}}
spec:
  sourceRef: {{name: app}}
  query: |
    {query}
",
        object = name.replace('_', "-"),
        query = query.replace('\n', "\n    "),
    )
}
