//! The operator's life: it reaches the API server, waits for the Lease, runs every scope's controllers, and stops in order.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use kube::{
    Api, Client, Resource,
    api::{DynamicObject, ListParams},
    core::{ApiResource, Status},
    runtime::events::{Recorder, Reporter},
};
use offtake_crds::{PgConnection, PgSource, SourceTable, View};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    args::Arguments,
    context::Settings,
    leader::{Election, Lost},
    scope,
    serve::{self, Readiness},
};

/// The operator could not run, or has to end.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    #[error("starting the runtime: {0}")]
    Runtime(#[source] io::Error),
    #[error("listening for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("serving on {address}: {source}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("finding the API server: {0}. Give KUBECONFIG, or run in a pod")]
    Configuration(#[source] Box<kube::Error>),
    #[error("the API server cannot be asked for {kind}: {source}. {remedy}")]
    Kind { kind: String, source: Box<kube::Error>, remedy: &'static str },
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Runs until a signal.
pub fn run(arguments: Arguments) -> Result<(), ManagerError> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ManagerError::Runtime)?;
    let outcome = runtime.block_on(live(arguments));
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn live(arguments: Arguments) -> Result<(), ManagerError> {
    let stop = stop_on_signal()?;
    let ready = Readiness::default();
    // Probes are answered until everything else has stopped.
    let served = CancellationToken::new();
    let mut serving = tokio::spawn(serve::serve(arguments.http_listen, ready.clone(), served.clone()));
    let outcome = tokio::select! {
        outcome = lead(&arguments, &ready, &stop) => outcome,
        ended = &mut serving => match ended {
            Ok(Err(source)) => Err(ManagerError::Listen { address: arguments.http_listen, source }),
            _ => Ok(()),
        },
    };
    served.cancel();
    outcome
}

/// Stands by, leads, and gives the Lease away at the end.
async fn lead(
    arguments: &Arguments,
    ready: &Readiness,
    stop: &CancellationToken,
) -> Result<(), ManagerError> {
    let client = Client::try_default().await.map_err(|error| ManagerError::Configuration(Box::new(error)))?;
    let namespaces = namespaces(arguments);
    let known = async {
        kind::<PgConnection>(&client, &namespaces).await?;
        kind::<PgSource>(&client, &namespaces).await?;
        kind::<SourceTable>(&client, &namespaces).await?;
        kind::<View>(&client, &namespaces).await
    };
    match stop.run_until_cancelled(known).await {
        Some(known) => known?,
        None => return Ok(()),
    }
    ready.store(true, Ordering::Relaxed);
    let identity = arguments.identity.clone().unwrap_or_else(identity);
    if arguments.no_leader_election {
        control(&client, arguments, &identity, namespaces, stop.clone()).await;
        return Ok(());
    }
    let mut election = Election::new(client.clone(), &arguments.namespace, identity.clone());
    if !election.win(stop).await {
        return Ok(());
    }
    let outcome = {
        let controlling = control(&client, arguments, &identity, namespaces, stop.clone());
        tokio::pin!(controlling);
        tokio::select! {
            held = election.hold(stop) => match held {
                // Stopped: what is being reconciled comes to its end first, while the Lease still holds.
                Ok(()) => {
                    tokio::time::timeout(Duration::from_secs(8), controlling).await.ok();
                    Ok(())
                }
                Err(lost) => Err(lost.into()),
            },
            () = &mut controlling => Ok(()),
        }
    };
    if outcome.is_ok() {
        election.release().await;
    }
    outcome
}

/// Runs the controllers of every scope.
async fn control(
    client: &Client,
    arguments: &Arguments,
    identity: &str,
    namespaces: Vec<Option<String>>,
    stop: CancellationToken,
) {
    let settings = Arc::new(Settings {
        worker_image: arguments.worker_image.clone(),
        namespace: arguments.namespace.clone(),
        monitoring_namespace: arguments.monitoring_namespace.clone(),
        cluster_domain: arguments.cluster_domain.clone(),
        slot_drop_deadline: arguments.slot_drop_deadline,
    });
    let reporter =
        Reporter { controller: "offtake-operator".to_owned(), instance: Some(identity.to_owned()) };
    let recorder = Recorder::new(client.clone(), reporter);
    let mut scopes = JoinSet::new();
    for namespace in namespaces {
        tracing::info!(namespace = namespace.as_deref().unwrap_or("all namespaces"), "watching");
        scopes.spawn(scope::run(client.clone(), namespace, settings.clone(), recorder.clone(), stop.clone()));
    }
    while let Some(ended) = scopes.join_next().await {
        scope::pass_on(ended);
    }
}

/// The namespaces to watch; one `None` stands for all.
fn namespaces(arguments: &Arguments) -> Vec<Option<String>> {
    let mut named: Vec<Option<String>> = arguments
        .watch_namespaces
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .map(|name| Some(name.to_owned()))
        .collect();
    named.sort();
    named.dedup();
    if named.is_empty() { vec![None] } else { named }
}

/// Whether the API server knows a kind and lets us at it: said once, clearly, instead of by every watch again and again.
async fn kind<K: Resource<DynamicType = ()>>(
    client: &Client,
    namespaces: &[Option<String>],
) -> Result<(), ManagerError> {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = match namespaces.first() {
        Some(Some(namespace)) => Api::namespaced_with(client.clone(), namespace, &resource),
        _ => Api::all_with(client.clone(), &resource),
    };
    let remedy = |answer: &Status| match answer.code {
        404 => {
            "Apply the CustomResourceDefinitions: offtake-operator --print-crds | kubectl apply --server-side -f -"
        }
        403 => "Give the operator's ServiceAccount its role",
        _ => "",
    };
    match api.list_metadata(&ListParams::default().limit(1)).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let remedy = match &error {
                kube::Error::Api(answer) => remedy(answer),
                _ => "Look at the API server, and at the network between",
            };
            Err(ManagerError::Kind { kind: K::kind(&()).into_owned(), source: Box::new(error), remedy })
        }
    }
}

/// Outside of a pod: one name for each process.
fn identity() -> String {
    format!("offtake-operator-{}", std::process::id())
}

/// A token that Ctrl-C or SIGTERM cancels. A second signal ends the process at once.
fn stop_on_signal() -> Result<CancellationToken, ManagerError> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ManagerError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ManagerError::Signals)?;
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}
