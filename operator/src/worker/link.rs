//! One task for each source: sends the catalog when it changed, follows the status, and tells whose report was renewed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::{Catalog, Problem, Status};
use offtake_crds::catalog::Member;
use tokio::sync::watch;

use super::{
    http::{Endpoint, WorkerError},
    push::{Decision, Pushed, decide},
    reports::{Published, Reports, Subject},
};
use crate::error::Diagnosis;

const POLL: Duration = Duration::from_secs(25);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(3);
/// A worker that is away for less is not told to be away: polls break now and then.
const GRACE: Duration = Duration::from_secs(5);
/// A catalog that was refused is tried again, for another image may take it.
const REFUSED_AGAIN: Duration = Duration::from_secs(30);

/// What a worker should be told, and where it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// `None` while there is no pod with an address.
    pub endpoint: Option<Endpoint>,
    /// `None` while there is no catalog that could be sent.
    pub order: Option<Arc<Order>>,
}

/// A catalog on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub catalog: Catalog,
    pub digest: String,
    /// The state of the source's spec.
    pub source: SpecState,
    /// Which state of each object's spec the catalog has.
    pub members: BTreeMap<Member, SpecState>,
    /// What the PgSource's status says was sent last.
    pub recorded: Option<Pushed>,
}

/// An object's `uid/generation`: changes with its spec, and when it is made anew.
pub type SpecState = String;

/// Since when the worker was told of an object as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub spec: SpecState,
    /// The first catalog that had it. Later ones change nothing for this object.
    pub since: u64,
}

/// How it stands with a worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub contact: Contact,
    /// The catalog that the worker was given, by this operator or the one before.
    pub pushed: Option<Pushed>,
    pub source: Option<Told>,
    pub members: BTreeMap<Member, Told>,
    /// Why the present catalog was not taken.
    pub refused: Option<Problem>,
    pub published: Published,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Contact {
    /// There is nobody to ask yet.
    #[default]
    None,
    Up,
    Down(Problem),
}

/// The task's own view of the worker.
struct Link<F> {
    desired: watch::Receiver<Desired>,
    tell: F,
    seen: Seen,
    reports: Reports,
    sent: Option<Pushed>,
    /// The connection stood since `sent` was sent.
    fresh: bool,
    /// The last status' revision and generation.
    known: Option<(u64, u64)>,
    down_since: Option<Instant>,
    backoff: Duration,
    /// The digest that was refused, and when.
    refused: Option<(String, Instant)>,
}

/// Runs until the sender of `desired` is gone. `tell` gets the present state and whose report was renewed; `None`: everybody's.
pub async fn run(desired: watch::Receiver<Desired>, tell: impl Fn(Seen, Option<Vec<Subject>>)) {
    let mut link = Link {
        desired,
        tell,
        seen: Seen::default(),
        reports: Reports::default(),
        sent: None,
        fresh: false,
        known: None,
        down_since: None,
        backoff: FIRST_BACKOFF,
        refused: None,
    };
    let mut before = None;
    loop {
        let wanted = link.desired.borrow_and_update().clone();
        if wanted.endpoint != before {
            link.moved(wanted.endpoint.is_some());
            before.clone_from(&wanted.endpoint);
        }
        let Some(endpoint) = wanted.endpoint else {
            if link.desired.changed().await.is_err() {
                return;
            }
            continue;
        };
        if !link.turn(&endpoint, wanted.order.as_deref()).await {
            return;
        }
    }
}

impl<F: Fn(Seen, Option<Vec<Subject>>)> Link<F> {
    /// The pod went, or another one came.
    fn moved(&mut self, somewhere: bool) {
        self.known = None;
        self.fresh = false;
        self.backoff = FIRST_BACKOFF;
        if !somewhere {
            self.reports.clear();
            self.seen.contact = Contact::None;
            self.seen.refused = None;
            self.publish(None);
        }
        self.down_since = Some(Instant::now());
    }

    /// One step: a catalog is sent, or a status comes, or the wishes change. Whether to go on.
    async fn turn(&mut self, endpoint: &Endpoint, order: Option<&Order>) -> bool {
        if let (Some(order), Some((_, taken))) = (order, self.known)
            && let Err(error) = self.push(endpoint, order, taken).await
        {
            return self.failed(&error).await;
        }
        let due = self.reports.due();
        let wake = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.desired.changed() => changed.is_ok(),
            () = wake => {
                let renewed = self.reports.flush(Instant::now());
                self.publish(Some(renewed));
                true
            }
            answer = endpoint.status(self.known.map(|(revision, _)| revision), POLL) => match answer {
                Ok(status) => {
                    self.take(status);
                    true
                }
                Err(error) => self.failed(&error).await,
            },
        }
    }

    fn take(&mut self, status: Status) {
        self.known = Some((status.revision, status.generation));
        self.down_since = None;
        self.backoff = FIRST_BACKOFF;
        let up = std::mem::replace(&mut self.seen.contact, Contact::Up) == Contact::Up;
        let renewed = self.reports.offer(status, Instant::now());
        self.publish(up.then_some(renewed));
    }

    /// Sends the catalog unless the worker has it.
    async fn push(&mut self, endpoint: &Endpoint, order: &Order, taken: u64) -> Result<(), WorkerError> {
        let sent = self.sent.as_ref().or(order.recorded.as_ref());
        let generation = match decide(&order.digest, sent, self.fresh, taken) {
            Decision::Keep(generation) => {
                let pushed = Pushed { generation, digest: order.digest.clone() };
                self.keep(pushed, order);
                return Ok(());
            }
            Decision::Send(generation) => generation,
        };
        let again =
            |(digest, at): &(String, Instant)| *digest != order.digest || at.elapsed() > REFUSED_AGAIN;
        if self.refused.as_ref().is_some_and(|refused| !again(refused)) {
            return Ok(());
        }
        match endpoint.put(&Catalog { generation, ..order.catalog.clone() }).await {
            Ok(()) => {
                tracing::info!(
                    source = order.catalog.source.object,
                    generation,
                    "the worker was given a catalog"
                );
                crate::metrics::catalog_sent();
                self.fresh = true;
                self.keep(Pushed { generation, digest: order.digest.clone() }, order);
                Ok(())
            }
            Err(error @ WorkerError::Refused(_)) => {
                self.refused = Some((order.digest.clone(), Instant::now()));
                self.seen.refused = Some(error.problem());
                self.publish(Some(vec![Subject::Source]));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn keep(&mut self, pushed: Pushed, order: &Order) {
        self.refused = None;
        let members = told(&self.seen.members, order, pushed.generation);
        let source = since(self.seen.source.as_ref(), &order.source, pushed.generation);
        let changed = self.seen.members != members
            || self.seen.source.as_ref() != Some(&source)
            || self.seen.refused.is_some();
        self.sent = Some(pushed.clone());
        if self.seen.pushed.as_ref() != Some(&pushed) || changed {
            self.seen.pushed = Some(pushed);
            self.seen.source = Some(source);
            self.seen.members = members;
            self.seen.refused = None;
            self.publish(None);
        }
    }

    /// A request failed: waits before the next one. Whether to go on.
    async fn failed(&mut self, error: &WorkerError) -> bool {
        self.known = None;
        self.fresh = false;
        let since = *self.down_since.get_or_insert_with(Instant::now);
        // That the token is wrong does not pass by itself.
        if since.elapsed() > GRACE || matches!(error, WorkerError::Unauthorized { .. }) {
            let down = Contact::Down(error.problem());
            if self.seen.contact != down {
                self.reports.clear();
                self.seen.contact = down;
                self.publish(None);
            }
        }
        tracing::debug!("{error}");
        let pause = self.backoff;
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            changed = self.desired.changed() => changed.is_ok(),
        }
    }

    fn publish(&mut self, renewed: Option<Vec<Subject>>) {
        if renewed.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        self.seen.published = self.reports.published().clone();
        (self.tell)(self.seen.clone(), renewed);
    }
}

/// Since when the worker was told of each object of a catalog: one that did not change keeps its time.
fn told(before: &BTreeMap<Member, Told>, order: &Order, generation: u64) -> BTreeMap<Member, Told> {
    let told =
        |(member, spec): (&Member, &SpecState)| (member.clone(), since(before.get(member), spec, generation));
    order.members.iter().map(told).collect()
}

fn since(before: Option<&Told>, spec: &SpecState, generation: u64) -> Told {
    let since = match before {
        Some(known) if known.spec == *spec => known.since.min(generation),
        _ => generation,
    };
    Told { spec: spec.clone(), since }
}
