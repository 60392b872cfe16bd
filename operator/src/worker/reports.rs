//! Which changes of a worker's status are worth a write to the cluster.
//!
//! A status of a busy worker changes many times a second: positions, lag, counts. Reconciles never see it directly. They see the *reports*
//! here, one for each object, and a report is renewed
//! * at once when something essential changed (a phase, a problem, columns, drift, the progress of a copy), but no more than once a
//!   second for one object;
//! * every 15 seconds (a source) or 30 seconds (a table or view) when only positions, lag, counts and sizes changed.
//!
//! Between two renewals every reconcile computes the same status, so writes cannot cause writes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use offtake_contract::{Lsn, SourceStatus, Status, TableStatus, ViewStatus};

/// No object is written more often for what the worker reports.
const SHORTEST: Duration = Duration::from_secs(1);
const SOURCE_NUMBERS: Duration = Duration::from_secs(15);
const RELATION_NUMBERS: Duration = Duration::from_secs(30);

/// Which object a report is about; tables and views by `namespace/name`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    Source,
    Table(String),
    View(String),
}

/// What the worker last said about one object, and the generation of the catalog that it was about.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<T> {
    pub generation: u64,
    pub status: T,
    /// Everything readable was exact at this LSN.
    pub lsn: Option<Lsn>,
    pub lag_seconds: Option<f64>,
}

/// All reports on one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    pub version: String,
    pub source: Option<Arc<Report<SourceStatus>>>,
    pub tables: BTreeMap<String, Arc<Report<TableStatus>>>,
    pub views: BTreeMap<String, Arc<Report<ViewStatus>>>,
}

/// The reports, and what is still held back.
#[derive(Debug, Default)]
pub struct Reports {
    published: Published,
    latest: Option<Status>,
    renewed: HashMap<Subject, Instant>,
    due: Option<Instant>,
}

/// A status whose always changing numbers can be told from the rest.
trait Reported: Clone + PartialEq {
    const NUMBERS: Duration;
    /// The status without positions, lag, counts and sizes; that there is one at all stays.
    fn essence(&self) -> Self;
}

impl Reported for SourceStatus {
    const NUMBERS: Duration = SOURCE_NUMBERS;

    fn essence(&self) -> SourceStatus {
        let mut essence = self.clone();
        essence.slot.confirmed_lsn = None;
        essence.slot.retained_bytes = None;
        essence.lag.bytes = None;
        essence.lag.seconds = None;
        essence.lsn = essence.lsn.map(|_| Lsn(0));
        essence.changes_applied = 0;
        essence.transactions_applied = 0;
        essence
    }
}

impl Reported for TableStatus {
    const NUMBERS: Duration = RELATION_NUMBERS;

    fn essence(&self) -> TableStatus {
        TableStatus { rows: self.rows.map(|rows| rows.min(1)), memory_bytes: None, ..self.clone() }
    }
}

impl Reported for ViewStatus {
    const NUMBERS: Duration = RELATION_NUMBERS;

    fn essence(&self) -> ViewStatus {
        let rows = self.rows.map(|rows| rows.min(1));
        ViewStatus { rows, memory_bytes: None, errors: self.errors.min(1), ..self.clone() }
    }
}

/// When a report is renewed: `None` where nothing changed.
fn renewal<T: Reported>(
    known: Option<&Report<T>>,
    new: &Report<T>,
    renewed: Option<Instant>,
) -> Option<Duration> {
    let Some(known) = known else { return Some(Duration::ZERO) };
    let essential = known.generation != new.generation || known.status.essence() != new.status.essence();
    match (renewed, essential) {
        (_, false) if known == new => None,
        (None, _) => Some(Duration::ZERO),
        (Some(_), true) => Some(SHORTEST),
        (Some(_), false) => Some(T::NUMBERS),
    }
}

impl Reports {
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// When something that is held back is to be let out with [`Reports::flush`].
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes a new status; the objects whose reports were renewed.
    pub fn offer(&mut self, status: Status, now: Instant) -> Vec<Subject> {
        self.latest = Some(status);
        self.flush(now)
    }

    /// Forgets everything: the worker is gone.
    pub fn clear(&mut self) {
        *self = Reports::default();
    }

    /// Renews what is due by now.
    pub fn flush(&mut self, now: Instant) -> Vec<Subject> {
        let Some(latest) = self.latest.take() else { return Vec::new() };
        let mut pass = Pass { now, renewed: &mut self.renewed, changed: Vec::new(), due: None };
        let report =
            Frame { generation: latest.generation, lsn: latest.source.lsn, lag: latest.source.lag.seconds };
        let published = &mut self.published;
        published.version.clone_from(&latest.version);
        pass.one(Subject::Source, &mut published.source, report.around(&latest.source));
        pass.all(
            &mut published.tables,
            latest.tables.iter().map(|table| (table.object.clone(), report.around(table))),
            Subject::Table,
        );
        pass.all(
            &mut published.views,
            latest.views.iter().map(|view| (view.object.clone(), report.around(view))),
            Subject::View,
        );
        let Pass { changed, due, .. } = pass;
        self.due = due;
        self.latest = Some(latest);
        changed
    }
}

/// What all reports of one status share.
struct Frame {
    generation: u64,
    lsn: Option<Lsn>,
    lag: Option<f64>,
}

impl Frame {
    fn around<T: Clone>(&self, status: &T) -> Report<T> {
        Report { generation: self.generation, status: status.clone(), lsn: self.lsn, lag_seconds: self.lag }
    }
}

/// One run over a status.
struct Pass<'a> {
    now: Instant,
    renewed: &'a mut HashMap<Subject, Instant>,
    changed: Vec<Subject>,
    due: Option<Instant>,
}

impl Pass<'_> {
    fn one<T: Reported>(&mut self, subject: Subject, known: &mut Option<Arc<Report<T>>>, new: Report<T>) {
        let renewed = self.renewed.get(&subject).copied();
        let Some(after) = renewal(known.as_deref(), &new, renewed) else { return };
        let at = renewed.map_or(self.now, |renewed| renewed + after);
        if at > self.now {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
            return;
        }
        *known = Some(Arc::new(new));
        self.renewed.insert(subject.clone(), self.now);
        self.changed.push(subject);
    }

    fn all<T: Reported>(
        &mut self,
        known: &mut BTreeMap<String, Arc<Report<T>>>,
        new: impl Iterator<Item = (String, Report<T>)>,
        subject: fn(String) -> Subject,
    ) {
        let mut gone: Vec<String> = known.keys().cloned().collect();
        for (object, report) in new {
            gone.retain(|name| *name != object);
            let mut slot = known.remove(&object);
            self.one(subject(object.clone()), &mut slot, report);
            known.extend(slot.map(|report| (object, report)));
        }
        for object in gone {
            known.remove(&object);
            self.renewed.remove(&subject(object.clone()));
            self.changed.push(subject(object));
        }
    }
}

#[cfg(test)]
mod tests {
    use offtake_contract::{SnapshotProgress, TablePhase};

    use super::*;

    fn status(phase: TablePhase, rows: u64, lsn: u64) -> Status {
        let table = TableStatus {
            object: "default/orders".into(),
            schema: "public".into(),
            name: "orders".into(),
            upstream: "public.orders".into(),
            phase,
            problem: None,
            snapshot: SnapshotProgress::default(),
            columns: Vec::new(),
            drift: Vec::new(),
            rows: Some(rows),
            memory_bytes: None,
        };
        let mut status = Status { generation: 1, tables: vec![table], ..Status::default() };
        status.source.lsn = Some(Lsn(lsn));
        status
    }

    #[test]
    fn essential_changes_pass_at_once_and_numbers_rarely() {
        let table = || Subject::Table("default/orders".into());
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut reports = Reports::default();
        assert_eq!(
            reports.offer(status(TablePhase::Snapshotting, 1, 1), at(0.0)),
            [Subject::Source, table()]
        );
        assert_eq!(reports.offer(status(TablePhase::Snapshotting, 2, 2), at(0.1)), []);
        assert_eq!(reports.due(), Some(at(15.0)), "the source's numbers");
        assert_eq!(reports.offer(status(TablePhase::Running, 3, 3), at(0.2)), []);
        assert_eq!(reports.due(), Some(at(1.0)), "a phase waits a second at most");
        assert_eq!(reports.flush(at(1.0)), [table()]);
        assert_eq!(reports.published().tables["default/orders"].status.rows, Some(3));
        assert_eq!(reports.offer(status(TablePhase::SchemaAltered, 3, 4), at(9.0)), [table()], "at once");
        assert_eq!(reports.offer(status(TablePhase::SchemaAltered, 9, 4), at(16.0)), [Subject::Source]);
        assert_eq!(reports.due(), Some(at(39.0)));
        assert_eq!(reports.flush(at(39.0)), [table()]);
        assert_eq!(reports.flush(at(40.0)), []);
        assert_eq!(reports.due(), None);
    }

    #[test]
    fn what_is_gone_is_told() {
        let start = Instant::now();
        let mut reports = Reports::default();
        reports.offer(status(TablePhase::Running, 1, 1), start);
        let empty = Status { tables: Vec::new(), ..status(TablePhase::Running, 1, 1) };
        assert_eq!(reports.offer(empty, start), [Subject::Table("default/orders".into())]);
        assert!(reports.published().tables.is_empty());
    }
}
