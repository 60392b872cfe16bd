//! Reaches for a database and looks at what a source would need there.
//!
//! A probe is kept until it is due again, so that a reconcile for another cause does not connect anew.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::Connection;
use offtake_crds::ObjectName;
use offtake_postgres::{
    PgError, Retry,
    preflight::{Finding, Preflight},
    session,
};
use parking_lot::Mutex;
use tokio::time::timeout;

/// A database that is well is looked at again after this.
const WELL: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(25);

/// What a probe found, or why there was none.
pub type Outcome = Result<Preflight, PgError>;

struct Probe {
    connection: Connection,
    outcome: Arc<Outcome>,
    next: Instant,
    backoff: Duration,
}

/// The last probe of each connection.
#[derive(Default)]
pub struct Probes(Mutex<HashMap<ObjectName, Probe>>);

impl Probes {
    /// The last outcome, or a new one where it is due or the connection was changed; and when the next is due.
    pub async fn probe(&self, name: &ObjectName, connection: &Connection) -> (Arc<Outcome>, Duration) {
        let mut backoff = FIRST_BACKOFF;
        if let Some(known) = self.0.lock().get(name).filter(|known| known.connection == *connection) {
            let left = known.next.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return (known.outcome.clone(), left);
            }
            backoff = (known.backoff * 2).min(LONGEST_BACKOFF);
        }
        let outcome = Arc::new(reach(connection).await);
        let well = matches!(&*outcome, Ok(found) if found.fatal().is_none());
        let (pause, backoff) = if well { (WELL, FIRST_BACKOFF / 2) } else { (backoff, backoff) };
        let probe = Probe {
            connection: connection.clone(),
            outcome: outcome.clone(),
            next: Instant::now() + pause,
            backoff,
        };
        self.0.lock().insert(name.clone(), probe);
        (outcome, pause)
    }
}

/// Checks of a publication or a slot belong to a PgSource, and its worker makes them.
fn of_the_server(finding: &Finding) -> bool {
    !matches!(finding.check, "publication" | "publication-operations" | "slot")
}

/// Slots and senders may be used up by the connection's own sources. One that gets none tells so itself.
fn used_up(finding: &Finding) -> bool {
    let reason = finding.problem.as_ref().map(|problem| problem.reason.as_str());
    matches!(reason, Some("NoSlotFree" | "NoSenderFree"))
}

async fn reach(connection: &Connection) -> Outcome {
    let probing = async {
        let session = session::connect(connection, "offtake operator").await?;
        let mut found = offtake_postgres::preflight::preflight(&session, "", "", &[]).await?;
        found.findings.retain(of_the_server);
        found
            .findings
            .iter_mut()
            .filter(|finding| used_up(finding))
            .for_each(|finding| finding.fatal = false);
        Ok(found)
    };
    match timeout(LIMIT, probing).await {
        Ok(outcome) => outcome,
        Err(_) => Err(PgError::ConnectTimeout {
            address: format!("{}:{}", connection.host, connection.port),
            seconds: LIMIT.as_secs(),
        }),
    }
}

/// Whether an error passes by itself.
pub fn passes(error: &PgError) -> bool {
    error.retry() == Retry::Backoff
}
