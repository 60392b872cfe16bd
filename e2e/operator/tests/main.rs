//! The operator on a real Kubernetes: installed by its chart, told by kubectl, read by psql. `cargo xtask test` builds both programs first.

mod farewell;
mod killed;
mod life;
mod problems;
mod quiet;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use offtake_e2e_operator::{Database, Installation, Place};

/// All tests share one operator: whoever kills it, or counts what it does, is alone with it.
static OPERATOR: RwLock<()> = RwLock::new(());

fn alone() -> RwLockWriteGuard<'static, ()> {
    OPERATOR.write().unwrap_or_else(PoisonError::into_inner)
}

fn beside_others() -> RwLockReadGuard<'static, ()> {
    OPERATOR.read().unwrap_or_else(PoisonError::into_inner)
}

/// The value, or a failure with the whole chain of causes.
#[track_caller]
fn ok<T>(outcome: anyhow::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error:#}"))
}

/// A database with this schema, and a namespace of its own, which goes first.
fn prepare(namespace: &'static str, schema: &str) -> (Database, Place) {
    let cluster = &Installation::get().cluster;
    let database = ok(Database::start(cluster));
    ok(database.sql(schema));
    let place = ok(Place::make(cluster, namespace));
    (database, place)
}

/// A SourceTable in schema public.
fn table(name: &str) -> String {
    format!(
        "---
apiVersion: offtake.dev/v1alpha1
kind: SourceTable
metadata: {{name: {name}}}
spec: {{sourceRef: {{name: app}}, upstream: {{table: {name}}}}}
"
    )
}

fn view(name: &str, query: &str) -> String {
    format!(
        "---
apiVersion: offtake.dev/v1alpha1
kind: View
metadata: {{name: {name}}}
spec: {{sourceRef: {{name: app}}, query: \"{query}\"}}
"
    )
}
