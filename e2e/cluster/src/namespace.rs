//! Namespaces of tests. They carry a label, and what does not carry it is somebody's: it is never deleted, nor written into.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::Cluster;

/// What marks a namespace as a test's.
const LABEL: &str = "offtake.dev/test";

impl Cluster {
    /// Makes a namespace that takes restricted pods only; one that an earlier test left goes first.
    ///
    /// # Errors
    /// There is one of this name that is no test's.
    pub fn create_namespace(&self, name: &str, deadline: Duration) -> anyhow::Result<()> {
        self.delete_namespace(name, Some(deadline))?;
        self.feed(&["create", "-f", "-"], &manifest(name))
            .map(drop)
            .with_context(|| format!("namespace {name} is needed for a test, which makes its own"))
    }

    /// As [`Self::create_namespace`], or the one that an earlier run made.
    pub fn keep_namespace(&self, name: &str) -> anyhow::Result<()> {
        if self.is_of_tests(name)? {
            return Ok(());
        }
        self.create_namespace(name, Duration::ZERO)
    }

    /// Deletes a test's namespace, where there is one, and waits until it is gone where a deadline is given.
    pub fn delete_namespace(&self, name: &str, deadline: Option<Duration>) -> anyhow::Result<()> {
        if !self.is_of_tests(name)? {
            return Ok(());
        }
        let wait = format!("--wait={}", deadline.is_some());
        let timeout = format!("--timeout={}s", deadline.unwrap_or_default().as_secs());
        self.kubectl(&["delete", "namespace", name, "--ignore-not-found", &wait, &timeout]).map(drop)
    }

    /// On a cluster of `KUBECONFIG`: fails where somebody's Deployments with these labels are, which the tests would replace.
    pub fn refuse_beside(&self, labels: &str) -> anyhow::Result<()> {
        if self.host().is_some() {
            return Ok(());
        }
        let namespaces = "jsonpath={range .items[*]}{.metadata.namespace}{'\\n'}{end}";
        for namespace in self.kubectl(&["get", "deployments", "-A", "-l", labels, "-o", namespaces])?.lines()
        {
            if !self.is_of_tests(namespace)? {
                bail!(
                    "the cluster that KUBECONFIG names has a Deployment with {labels} in namespace {namespace}, which is no test's: \
                     the tests would replace what it stands on. Name another cluster, or unset KUBECONFIG"
                );
            }
        }
        Ok(())
    }

    fn is_of_tests(&self, namespace: &str) -> anyhow::Result<bool> {
        let label = format!("jsonpath={{.metadata.labels.{}}}", LABEL.replace('.', "\\."));
        let value = self.kubectl(&["get", "namespace", namespace, "--ignore-not-found", "-o", &label])?;
        Ok(value == "true")
    }
}

/// (What begins with a brace is JSON to older kubectls.)
fn manifest(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{pod-security.kubernetes.io/enforce: restricted, {LABEL}: \"true\"}}}}
"
    )
}
