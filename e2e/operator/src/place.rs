//! A namespace with objects of the four kinds, and what their status says.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use offtake_cluster::Cluster;
use serde_json::Value;

use crate::{
    database::{DATABASE, Database, PASSWORD, psql},
    forward::Forward,
    installation::Installation,
    watch::KINDS,
};

/// Long enough for a busy machine with two cores; what should be quick is quick and does not use it up.
const DEADLINE: Duration = Duration::from_secs(240);

/// One test's namespace. It goes when this is dropped.
pub struct Place {
    pub cluster: &'static Cluster,
    pub namespace: &'static str,
}

impl Place {
    /// A new namespace that takes restricted pods only. One that an earlier run left goes first.
    pub fn make(cluster: &'static Cluster, namespace: &'static str) -> anyhow::Result<Place> {
        cluster.create_namespace(namespace, DEADLINE)?;
        Ok(Place { cluster, namespace })
    }

    /// Connection, secret and source `app`, on publication `app`.
    pub fn source(&self, database: &Database) -> String {
        format!(
            "{secret}---
apiVersion: offtake.dev/v1alpha1
kind: PgConnection
metadata: {{name: app}}
spec:
  host: {host}
  port: {port}
  database: {DATABASE}
  user: postgres
  passwordSecretRef: {{name: app, key: password}}
  tls: {{mode: Disable}}
---
apiVersion: offtake.dev/v1alpha1
kind: PgSource
metadata: {{name: app}}
spec:
  connectionRef: {{name: app}}
  publication: app
  worker: {{resources: {{requests: {{cpu: 10m, memory: 64Mi}}}}, storage: {{size: 1Gi}}}}
",
            secret = secret(PASSWORD),
            host = database.host(),
            port = database.port(),
        )
    }

    pub fn apply(&self, yaml: &str) -> anyhow::Result<String> {
        self.cluster.feed(&["apply", "-n", self.namespace, "-f", "-"], yaml)
    }

    /// kubectl in this namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.cluster.kubectl(&[&["-n", self.namespace], arguments].concat())
    }

    /// One field of an object (`view/totals`), by a JSONPath; empty where it is not there.
    pub fn field(&self, object: &str, path: &str) -> anyhow::Result<String> {
        self.kubectl(&["get", object, "-o", &format!("jsonpath={{{path}}}")])
    }

    /// A condition's field.
    pub fn condition(&self, object: &str, kind: &str, field: &str) -> anyhow::Result<String> {
        self.field(object, &format!(".status.conditions[?(@.type=='{kind}')].{field}"))
    }

    /// Waits until a field is so, watching the object, and answers how long it took since `start`.
    pub fn wait(&self, object: &str, condition: &str, start: Instant) -> anyhow::Result<Duration> {
        let timeout = format!("--timeout={}s", DEADLINE.as_secs());
        let outcome = self.kubectl(&["wait", object, &format!("--for={condition}"), &timeout]);
        let took = start.elapsed();
        outcome.with_context(|| self.explanation())?;
        self.check()?;
        Ok(took)
    }

    pub fn wait_ready(&self, object: &str) -> anyhow::Result<Duration> {
        self.wait(object, "condition=Ready", Instant::now())
    }

    /// Waits until `Ready` is false for this reason, and answers its message.
    pub fn wait_reason(&self, object: &str, reason: &str) -> anyhow::Result<String> {
        let path = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
        self.wait(object, &path, Instant::now())?;
        ensure!(
            self.condition(object, "Ready", "status")? == "False",
            "{object} is ready for reason {reason}"
        );
        self.condition(object, "Ready", "message")
    }

    /// Waits for anything else.
    pub fn until<T>(&self, what: &str, ask: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.cluster.wait_for(what, DEADLINE, ask).with_context(|| self.explanation())
    }

    /// kstatus' rules, for every object in every state so far.
    pub fn check(&self) -> anyhow::Result<()> {
        let states = Installation::get().watch.check(self.namespace)?;
        ensure!(states > 0, "the watch has seen nothing");
        Ok(())
    }

    /// Reads through the Service, as the Secret for clients tells how.
    pub fn read(&self, sql: &str) -> anyhow::Result<String> {
        let secret: Value =
            serde_json::from_str(&self.kubectl(&["get", "secret", "offtake-app-client", "-o", "json"])?)?;
        let entry = |key: &str| -> anyhow::Result<String> {
            Ok(String::from_utf8(BASE64_STANDARD.decode(secret["data"][key].as_str().unwrap_or_default())?)?)
        };
        let (user, password, port) = (entry("user")?, entry("password")?, entry("port")?);
        let at = |address: &str| -> anyhow::Result<String> {
            psql(&format!("postgresql://{user}:{password}@{address}/{}", entry("dbname")?), sql)
        };
        let service = "service/offtake-app";
        if self.cluster.host().is_none() {
            let forward = Forward::start(self.cluster, self.namespace, service, &port)?;
            return at(&format!("127.0.0.1:{}", forward.port));
        }
        // The name in the Secret is known in the cluster only; of our own the Service's address is reached from here too.
        at(&format!("{}:{port}", self.field(service, ".spec.clusterIP")?))
    }

    /// Reads until the answer is as expected.
    pub fn reads(&self, sql: &str, expected: &str) -> anyhow::Result<()> {
        self.until(&format!("{sql} to answer as PostgreSQL does"), || {
            let answer = self.read(sql)?;
            ensure!(answer == expected, "expected\n{expected}\ngot\n{answer}");
            Ok(())
        })
    }

    /// Whether a state of a SourceTable told of rows that were copied while others were not yet.
    pub fn saw_copying(&self, table: &str) -> bool {
        Installation::get().watch.saw_copying(self.namespace, table)
    }

    /// Deletes an object and waits until it is gone.
    pub fn delete(&self, object: &str) -> anyhow::Result<()> {
        let timeout = format!("--timeout={}s", DEADLINE.as_secs());
        self.kubectl(&["delete", object, &timeout]).map(drop).with_context(|| self.explanation())
    }

    /// What a person would look at first.
    fn explanation(&self) -> String {
        let mut text = String::new();
        for arguments in [
            &["get", "all", "-o", "wide"][..],
            &["get", &KINDS.join(","), "-o", "yaml"],
            &["get", "events", "--sort-by=.lastTimestamp"],
            &["logs", "offtake-app-0", "--tail=30"],
            &["logs", "-n", crate::SYSTEM, "deployment/offtake", "--all-pods", "--tail=40"],
        ] {
            let answer = self.kubectl(arguments).unwrap_or_else(|error| format!("{error:#}"));
            writeln!(text, "--- kubectl {} ---\n{answer}", arguments.join(" ")).expect("writing to a string");
        }
        text
    }
}

impl Drop for Place {
    /// Nothing of a test is left, on somebody's cluster neither.
    fn drop(&mut self) {
        let deadline = (!std::thread::panicking()).then_some(DEADLINE);
        let removed = self.cluster.delete_namespace(self.namespace, deadline);
        if !std::thread::panicking() {
            removed.unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
}

/// The Secret with the upstream's password.
pub fn secret(password: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: app}}
stringData: {{password: {password}}}
"
    )
}
