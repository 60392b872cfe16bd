//! A PgSource's status: what its worker reports, and where there is none to report, what its pod tells. Pure.

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use offtake_contract::{Problem, SourcePhase, SourceStatus, TablePhase, ViewPhase};
use offtake_crds::{CatalogStatus, Lag, PgSourceStatus, Ready, SlotStatus, Snapshot, WorkerStatus};

use super::pod;
use crate::{
    connection::missing,
    error::Retry,
    status::{
        conditions::{Health, conditions},
        numbers::{seconds, signed},
    },
    worker::{
        link::{Contact, Seen, SpecState},
        reports::Report,
    },
    workload::rollout,
};

/// What was observed of a source.
pub struct Observed<'a> {
    /// All that keeps the catalog from being made.
    pub problems: &'a [Problem],
    /// Why an object could not be brought to the cluster.
    pub apply: Option<(Problem, Retry)>,
    pub spec: SpecState,
    pub seen: &'a Seen,
    pub pod: Option<&'a Pod>,
    pub stateful_set: Option<&'a StatefulSet>,
    pub tables: usize,
    pub views: usize,
}

impl Observed<'_> {
    /// The worker's report, if it is about the source as it is.
    fn report(&self) -> Option<&Report<SourceStatus>> {
        let told = self.seen.source.as_ref()?;
        let report = self.seen.published.source.as_deref()?;
        (told.spec == self.spec && report.generation >= told.since).then_some(report)
    }
}

pub fn health(observed: &Observed<'_>) -> Health {
    if !observed.problems.is_empty() {
        return missing(observed.problems);
    }
    match &observed.apply {
        Some((problem, Retry::OnChange)) => return Health::stalled(problem),
        Some((problem, Retry::Backoff)) => return Health::retrying(problem),
        None => {}
    }
    let trouble = observed.pod.and_then(pod::trouble);
    match (&observed.seen.contact, trouble) {
        (Contact::None | Contact::Down(_), Some(problem)) => Health::waiting(&problem),
        (Contact::None, None) if observed.pod.is_none() => Health::waiting(&Problem::new(
            "WorkerStarting",
            "the StatefulSet has made no pod yet",
            "if it stays so, kubectl describe statefulset tells why",
        )),
        (Contact::None, None) => Health::progressing("WorkerStarting", "the worker's pod starts"),
        (Contact::Down(problem), None) => Health::retrying(problem),
        (Contact::Up, _) => working(observed),
    }
}

/// The worker answers.
fn working(observed: &Observed<'_>) -> Health {
    if let Some(refused) = &observed.seen.refused {
        return Health::stalled(refused);
    }
    let Some(report) = observed.report() else {
        return Health::progressing("CatalogPending", "the worker is being told what to do");
    };
    match (report.status.phase, &report.status.problem) {
        (SourcePhase::Failed, Some(problem)) => Health::stalled(problem),
        (SourcePhase::Failed, None) => Health::Stalled {
            reason: "Failed".into(),
            message: "the worker gives no reason: look at its log".into(),
        },
        (SourcePhase::Streaming, Some(problem)) => {
            Health::ready("Streaming", format!("changes stream in; {}: {}", problem.reason, problem.message))
        }
        (SourcePhase::Streaming, None) => Health::ready("Streaming", "changes stream in"),
        (_, Some(problem)) => Health::retrying(problem),
        (SourcePhase::Retrying, None) => Health::progressing("Retrying", "the database is tried again"),
        (SourcePhase::Pending | SourcePhase::Connecting, None) => {
            Health::progressing("Connecting", "the database is reached for, checked, and the slot is made")
        }
    }
}

pub fn status(
    health: &Health,
    observed: &Observed<'_>,
    generation: Option<i64>,
    before: &PgSourceStatus,
    now: Timestamp,
) -> PgSourceStatus {
    let report = observed.seen.published.source.as_deref();
    PgSourceStatus {
        observed_generation: generation,
        conditions: conditions(health, generation, &before.conditions, now),
        // The worker's last words stay while it is away.
        slot: report.map(|report| slot(&report.status)).or_else(|| before.slot.clone()),
        lag: report.map(|report| lag(&report.status)).or_else(|| before.lag.clone()),
        tables: Some(tables(observed)),
        views: Some(views(observed)),
        snapshot: snapshot(observed),
        worker: observed.stateful_set.map(|set| worker(set, observed)),
        catalog: observed.seen.pushed.as_ref().map_or_else(
            || before.catalog.clone(),
            |pushed| {
                Some(CatalogStatus { generation: signed(pushed.generation), digest: pushed.digest.clone() })
            },
        ),
    }
}

fn slot(source: &SourceStatus) -> SlotStatus {
    let lost = source.slot.wal_status.as_deref() == Some("lost")
        || source.problem.as_ref().is_some_and(|problem| {
            matches!(problem.reason.as_str(), "SlotLost" | "SlotMissing" | "SlotAhead")
        });
    let state = match source.phase {
        _ if lost => "Lost",
        SourcePhase::Streaming => "Streaming",
        _ => "Inactive",
    };
    SlotStatus {
        name: source.slot.name.clone(),
        state: Some(state.to_owned()),
        confirmed_lsn: source.slot.confirmed_lsn.map(|lsn| lsn.to_string()),
        retained_bytes: source.slot.retained_bytes.map(signed),
    }
}

fn lag(source: &SourceStatus) -> Lag {
    Lag { bytes: source.lag.bytes.map(signed), seconds: source.lag.seconds.map(seconds) }
}

fn tables(observed: &Observed<'_>) -> Ready {
    let well =
        observed.seen.published.tables.values().filter(|table| table.status.phase == TablePhase::Running);
    Ready { total: count(observed.tables), ready: count(well.count()) }
}

fn views(observed: &Observed<'_>) -> Ready {
    let views = observed.seen.published.views.values();
    let well = views.filter(|view| view.status.phase == ViewPhase::Running && view.status.errors == 0);
    Ready { total: count(observed.views), ready: count(well.count()) }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The copies under way, together; `None` where there is none.
fn snapshot(observed: &Observed<'_>) -> Option<Snapshot> {
    let tables = observed.seen.published.tables.values().map(|table| &table.status);
    let copying: Vec<_> = tables
        .filter(|table| matches!(table.phase, TablePhase::Pending | TablePhase::Snapshotting))
        .collect();
    if copying.is_empty() {
        return None;
    }
    let rows = copying.iter().map(|table| table.snapshot.rows_copied).sum();
    let estimated: Option<u64> = copying.iter().map(|table| table.snapshot.rows_estimated).sum();
    let percent = estimated
        .filter(|rows| *rows > 0)
        .map(|estimated| (u64::min(rows, estimated) * 99 / estimated) as i32);
    Some(Snapshot {
        tables_remaining: count(copying.len()),
        rows_copied: signed(rows),
        rows_estimated: estimated.map(signed),
        percent,
    })
}

fn worker(set: &StatefulSet, observed: &Observed<'_>) -> WorkerStatus {
    WorkerStatus {
        image: rollout::image(set).unwrap_or_default().to_owned(),
        version: Some(observed.seen.published.version.clone()).filter(|version| !version.is_empty()),
        ready: set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::worker::link::Told;

    fn seen(phase: SourcePhase, problem: Option<Problem>) -> Seen {
        let status = SourceStatus { phase, problem, ..SourceStatus::default() };
        let report = Report { generation: 2, status, lsn: None, lag_seconds: None };
        let mut seen = Seen { contact: Contact::Up, ..Seen::default() };
        seen.source = Some(Told { spec: "u/1".into(), since: 2 });
        seen.published.source = Some(Arc::new(report));
        seen
    }

    fn observed(seen: &Seen) -> Observed<'_> {
        Observed {
            problems: &[],
            apply: None,
            spec: "u/1".into(),
            seen,
            pod: None,
            stateful_set: None,
            tables: 2,
            views: 1,
        }
    }

    #[test]
    fn ready_is_what_the_worker_says() {
        assert!(health(&observed(&seen(SourcePhase::Streaming, None))).is_ready());
        let problem = Problem::new("AuthenticationFailed", "a", "b");
        assert_eq!(
            health(&observed(&seen(SourcePhase::Failed, Some(problem.clone())))),
            Health::stalled(&problem)
        );
        assert_eq!(
            health(&observed(&seen(SourcePhase::Retrying, Some(problem.clone())))),
            Health::retrying(&problem)
        );
        let streaming = seen(SourcePhase::Streaming, None);
        let changed = Observed { spec: "u/2".into(), ..observed(&streaming) };
        assert_eq!(health(&changed).reason(), "CatalogPending");
        let nobody = Seen::default();
        assert_eq!(health(&observed(&nobody)).reason(), "WorkerStarting");
        let problems = [Problem::new("SecretNotFound", "a", "b")];
        assert!(matches!(
            health(&Observed { problems: &problems, ..observed(&streaming) }),
            Health::Waiting { .. }
        ));
    }

    #[test]
    fn an_equal_observation_makes_an_equal_status() {
        let seen = seen(SourcePhase::Streaming, None);
        let observed = observed(&seen);
        let health = health(&observed);
        let first = status(&health, &observed, Some(1), &PgSourceStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(first.tables, Some(Ready { total: 2, ready: 0 }));
        assert_eq!(status(&health, &observed, Some(1), &first, Timestamp::now()), first);
    }
}
