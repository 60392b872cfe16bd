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
    pub now: Timestamp,
}

impl Observed<'_> {
    /// The worker's report, if it is about the source as it is.
    fn report(&self) -> Option<&Report<SourceStatus>> {
        let told = self.seen.source.as_ref()?;
        let report = self.seen.published.source.as_deref()?;
        (told.spec == self.spec && report.generation >= told.since).then_some(report)
    }

    fn trouble(&self) -> Option<Problem> {
        pod::trouble(self.pod?, self.now)
    }
}

/// The worker was not asked yet, and nothing else stands in the way: what was said before holds until it was.
pub fn unknown(observed: &Observed<'_>) -> bool {
    observed.seen.contact == Contact::Unknown
        && observed.problems.is_empty()
        && observed.apply.is_none()
        && observed.trouble().is_none()
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
    match (&observed.seen.contact, observed.trouble()) {
        (Contact::None | Contact::Unknown | Contact::Down(_), Some(problem)) => Health::waiting(&problem),
        (Contact::None, None) if observed.pod.is_none() => Health::waiting(&Problem::new(
            "WorkerStarting",
            "the StatefulSet has made no pod yet",
            "if it stays so, kubectl describe statefulset tells why",
        )),
        (Contact::None | Contact::Unknown, None) => {
            Health::progressing("WorkerStarting", "the worker's pod starts")
        }
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
) -> PgSourceStatus {
    let report = observed.seen.published.source.as_deref();
    PgSourceStatus {
        observed_generation: generation,
        conditions: conditions(health, generation, &before.conditions, observed.now),
        slot: match report {
            Some(report) => Some(slot(&report.status, before.slot.as_ref())),
            None => before.slot.clone().map(unheard),
        },
        lag: report.map(|report| lag(&report.status)),
        tables: Some(tables(observed)),
        views: Some(views(observed)),
        snapshot: snapshot(observed),
        worker: observed.stateful_set.map(|set| worker(set, observed)),
        catalog: catalog(observed.seen, before),
    }
}

/// What has to be known for the slot's end, should the source be deleted now.
pub fn kept(seen: &Seen, before: &PgSourceStatus) -> PgSourceStatus {
    PgSourceStatus {
        slot: match seen.published.source.as_deref() {
            Some(report) => Some(slot(&report.status, before.slot.as_ref())),
            None => before.slot.clone(),
        },
        catalog: catalog(seen, before),
        ..before.clone()
    }
}

fn catalog(seen: &Seen, before: &PgSourceStatus) -> Option<CatalogStatus> {
    let Some(pushed) = &seen.pushed else { return before.catalog.clone() };
    Some(CatalogStatus { generation: signed(pushed.generation), digest: pushed.digest.clone() })
}

/// While the worker is away, only what holds nevertheless stays.
fn unheard(slot: SlotStatus) -> SlotStatus {
    SlotStatus { state: Some("Unknown".to_owned()), retained_bytes: None, ..slot }
}

fn slot(source: &SourceStatus, before: Option<&SlotStatus>) -> SlotStatus {
    let lost = source.slot.wal_status.as_deref() == Some("lost")
        || source.problem.as_ref().is_some_and(|problem| {
            matches!(problem.reason.as_str(), "SlotLost" | "SlotMissing" | "SlotAhead")
        });
    let state = match source.phase {
        _ if lost => "Lost",
        SourcePhase::Streaming => "Streaming",
        _ => "Inactive",
    };
    let streaming = source.phase == SourcePhase::Streaming;
    SlotStatus {
        name: source.slot.name.clone(),
        state: Some(state.to_owned()),
        // It stays the source's own, whatever happens to the stream.
        claimed: streaming.then_some(true).or_else(|| before.and_then(|before| before.claimed)),
        // Not of a server that was refused because it is another one.
        system_identifier: source
            .system_identifier
            .clone()
            .filter(|_| streaming)
            .or_else(|| before.and_then(|before| before.system_identifier.clone())),
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
            now: Timestamp::UNIX_EPOCH,
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
        let nobody = Seen { contact: Contact::None, ..Seen::default() };
        assert_eq!(health(&observed(&nobody)).reason(), "WorkerStarting");
        assert!(unknown(&observed(&Seen::default())) && !unknown(&observed(&nobody)));
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
        let first = status(&health, &observed, Some(1), &PgSourceStatus::default());
        assert_eq!(first.tables, Some(Ready { total: 2, ready: 0 }));
        let later = Observed { now: Timestamp::now(), ..observed };
        assert_eq!(status(&health, &later, Some(1), &first), first);
    }

    #[test]
    fn of_a_worker_that_is_away_no_numbers_stay() {
        let mut streaming = seen(SourcePhase::Streaming, None);
        let report = Arc::make_mut(streaming.published.source.as_mut().unwrap());
        report.status.slot.retained_bytes = Some(7);
        report.status.slot.confirmed_lsn = Some(offtake_contract::Lsn(9));
        report.status.lag.seconds = Some(0.5);
        let well = status(
            &Health::ready("Streaming", ""),
            &observed(&streaming),
            Some(1),
            &PgSourceStatus::default(),
        );
        let slot = well.slot.clone().unwrap();
        assert_eq!((slot.state.as_deref(), slot.claimed), (Some("Streaming"), Some(true)));
        let nobody = Seen { contact: Contact::None, ..Seen::default() };
        let away = status(&Health::progressing("WorkerStarting", ""), &observed(&nobody), Some(1), &well);
        assert_eq!((away.slot, away.lag), (Some(unheard(slot)), None));
        let retrying = seen(SourcePhase::Retrying, None);
        let back = status(&Health::progressing("Retrying", ""), &observed(&retrying), Some(1), &well);
        assert_eq!(back.slot.unwrap().claimed, Some(true));
    }

    #[test]
    fn a_slot_is_claimed_by_reading_it_only() {
        let seen = seen(SourcePhase::Connecting, None);
        assert_eq!(kept(&seen, &PgSourceStatus::default()).slot.unwrap().claimed, None);
    }
}
