//! A SourceTable's status: the worker's report in the words of the API.

use jiff::Timestamp;
use offtake_contract::{SnapshotProgress, TablePhase, TableStatus};
use offtake_crds::{Column, Drift, SourceTablePhase, SourceTableStatus, TableSnapshot};

use crate::{
    kubernetes::events::Notice,
    membership::Standing,
    status::{
        conditions::{Health, conditions},
        numbers::signed,
    },
};

pub fn health(standing: &Standing<TableStatus>) -> Health {
    let report = match standing {
        Standing::Unheard(health) | Standing::Unreported(health) => return health.clone(),
        Standing::Unknown => return Health::progressing("Pending", "it was not looked at yet"),
        Standing::Reported(report) => &report.status,
    };
    match (report.phase, &report.problem) {
        (TablePhase::Pending, None) => Health::progressing("Pending", "the worker has not begun with it yet"),
        (TablePhase::Snapshotting, None) => Health::progressing("Snapshotting", copying(&report.snapshot)),
        (TablePhase::Pending | TablePhase::Snapshotting, Some(problem)) => Health::retrying(problem),
        (TablePhase::Running, None) => Health::ready("Running", running(report)),
        (TablePhase::Running, Some(problem)) => {
            Health::ready("Running", format!("{} {}: {}", running(report), problem.reason, problem.message))
        }
        (TablePhase::SchemaAltered | TablePhase::Failed, Some(problem)) => Health::stalled(problem),
        (TablePhase::SchemaAltered, None) => Health::Stalled {
            reason: "SchemaAltered".into(),
            message: "source table schema has been altered".into(),
        },
        (TablePhase::Failed, None) => Health::Stalled {
            reason: "Failed".into(),
            message: "the worker gives no reason: look at its log".into(),
        },
    }
}

fn copying(snapshot: &SnapshotProgress) -> String {
    match (percent(snapshot), snapshot.rows_estimated) {
        (Some(percent), Some(estimated)) => format!("{percent} % of about {estimated} rows are copied"),
        _ => format!("{} rows are copied", snapshot.rows_copied),
    }
}

fn running(report: &TableStatus) -> String {
    match report.drift.len() {
        0 => "the table is exact and readable".to_owned(),
        1 => "the table is exact and readable; upstream differs from it by now: status.drift tells how"
            .to_owned(),
        count => format!(
            "the table is exact and readable; {count} differences upstream by now: status.drift tells them"
        ),
    }
}

pub fn status(
    health: &Health,
    standing: &Standing<TableStatus>,
    generation: Option<i64>,
    before: &SourceTableStatus,
    now: Timestamp,
) -> SourceTableStatus {
    let conditions = conditions(health, generation, &before.conditions, now);
    let report = match standing {
        // What the worker said last stays, but for the phase of a table that it does not know as it is.
        Standing::Unheard(_) | Standing::Unreported(_) | Standing::Unknown => {
            let holds =
                !matches!(standing, Standing::Unreported(_)) && before.observed_generation == generation;
            let phase = before.phase.filter(|_| holds).unwrap_or(SourceTablePhase::Pending);
            return SourceTableStatus {
                observed_generation: generation,
                conditions,
                phase: Some(phase),
                ..before.clone()
            };
        }
        Standing::Reported(report) => &report.status,
    };
    SourceTableStatus {
        observed_generation: generation,
        conditions,
        phase: Some(match report.phase {
            TablePhase::Pending => SourceTablePhase::Pending,
            TablePhase::Snapshotting => SourceTablePhase::Snapshotting,
            TablePhase::Running => SourceTablePhase::Running,
            TablePhase::SchemaAltered => SourceTablePhase::SchemaAltered,
            TablePhase::Failed => SourceTablePhase::Failed,
        }),
        snapshot: snapshot(&report.snapshot),
        rows: report.rows.map(signed),
        columns: columns(&report.columns),
        drift: report.drift.iter().map(drift).collect(),
    }
}

/// Columns in the words of the API.
pub fn columns(columns: &[offtake_contract::ColumnStatus]) -> Vec<Column> {
    columns.iter().map(|column| Column { name: column.name.clone(), ty: column.ty.clone() }).collect()
}

fn snapshot(progress: &SnapshotProgress) -> Option<TableSnapshot> {
    if *progress == SnapshotProgress::default() {
        return None;
    }
    Some(TableSnapshot {
        rows_copied: signed(progress.rows_copied),
        rows_estimated: progress.rows_estimated.map(signed),
        percent: percent(progress),
        bytes: signed(progress.bytes),
        started_at: progress.started_at.clone(),
        finished_at: progress.finished_at.clone(),
    })
}

/// Of an estimate: 100 only once the copy is finished.
fn percent(progress: &SnapshotProgress) -> Option<i32> {
    if progress.finished_at.is_some() {
        return Some(100);
    }
    let estimated = progress.rows_estimated.filter(|rows| *rows > 0)?;
    i32::try_from((progress.rows_copied.saturating_mul(100) / estimated).min(99)).ok()
}

fn drift(drift: &offtake_contract::Drift) -> Drift {
    Drift {
        change: format!("{:?}", drift.change),
        column: drift.column.clone(),
        lsn: drift.lsn.map(|lsn| lsn.to_string()),
        observed_at: drift.observed_at.clone(),
        breaking: drift.breaking,
        message: drift.message.clone(),
    }
}

/// Events for differences that were not there before. Those of one word are one Event: of several in a short time the first one's note would
/// be kept, and the others counted.
pub fn notices(before: &SourceTableStatus, status: &SourceTableStatus) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    for drift in status.drift.iter().filter(|drift| !before.drift.contains(drift)) {
        let same = |notice: &&mut Notice| notice.reason == drift.change && notice.warning == drift.breaking;
        match notices.iter_mut().find(same) {
            Some(notice) => notice.note = format!("{}; {}", notice.note, drift.message),
            None => notices.push(Notice {
                warning: drift.breaking,
                reason: drift.change.clone(),
                note: drift.message.clone(),
            }),
        }
    }
    notices
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use offtake_contract::{DriftChange, Lsn, Problem};

    use super::*;
    use crate::worker::reports::Report;

    fn report(phase: TablePhase) -> TableStatus {
        TableStatus {
            object: "default/orders".into(),
            schema: "public".into(),
            name: "orders".into(),
            upstream: "public.orders".into(),
            phase,
            problem: None,
            snapshot: SnapshotProgress {
                rows_copied: 50,
                rows_estimated: Some(40),
                ..SnapshotProgress::default()
            },
            columns: Vec::new(),
            drift: Vec::new(),
            rows: Some(50),
            memory_bytes: None,
        }
    }

    fn reported(status: TableStatus) -> Standing<TableStatus> {
        Standing::Reported(Arc::new(Report { generation: 1, status, lsn: Some(Lsn(1)), lag_seconds: None }))
    }

    #[test]
    fn phases_become_conditions() {
        let copying = reported(report(TablePhase::Snapshotting));
        assert_eq!(health(&copying), Health::progressing("Snapshotting", "99 % of about 40 rows are copied"));
        assert!(health(&reported(report(TablePhase::Running))).is_ready());
        let problem = Problem::new("SchemaAltered", "column b is gone", "apply another SourceTable");
        let altered = TableStatus { problem: Some(problem.clone()), ..report(TablePhase::SchemaAltered) };
        assert_eq!(health(&reported(altered)), Health::stalled(&problem));
        let waits = TableStatus { problem: Some(problem.clone()), ..report(TablePhase::Pending) };
        assert_eq!(health(&reported(waits)), Health::retrying(&problem));
    }

    #[test]
    fn a_phase_is_never_told_of_another_spec() {
        let standing = reported(report(TablePhase::Running));
        let tell = |standing: &Standing<TableStatus>, generation, before: &SourceTableStatus| {
            status(&health(standing), standing, Some(generation), before, Timestamp::UNIX_EPOCH)
        };
        let running = tell(&standing, 1, &SourceTableStatus::default());
        assert_eq!(running.phase, Some(SourceTablePhase::Running));
        let away = Standing::Unheard(Health::progressing("WorkerStarting", ""));
        assert_eq!(tell(&away, 1, &running).phase, running.phase, "the last that is known");
        assert_eq!(tell(&away, 2, &running).phase, Some(SourceTablePhase::Pending), "an edit");
        let gone = Standing::Unreported(Health::progressing("SourceDeleting", ""));
        assert_eq!(tell(&gone, 1, &running).phase, Some(SourceTablePhase::Pending));
    }

    #[test]
    fn drift_is_told_once_and_an_equal_report_makes_an_equal_status() {
        let drift = offtake_contract::Drift {
            change: DriftChange::ColumnAdded,
            column: Some("c".into()),
            lsn: Some(Lsn(16)),
            observed_at: "2026-01-01T00:00:00Z".into(),
            breaking: false,
            message: "column c was added".into(),
        };
        let another = offtake_contract::Drift { message: "column d was added".into(), ..drift.clone() };
        let standing = reported(TableStatus { drift: vec![drift, another], ..report(TablePhase::Running) });
        let first = SourceTableStatus::default();
        let told = status(&health(&standing), &standing, Some(2), &first, Timestamp::UNIX_EPOCH);
        assert_eq!(
            notices(&first, &told),
            [Notice::normal("ColumnAdded", "column c was added; column d was added")]
        );
        assert_eq!(notices(&told, &told), []);
        assert_eq!(status(&health(&standing), &standing, Some(2), &told, Timestamp::now()), told);
        assert_eq!(told.drift[0].lsn.as_deref(), Some("0/10"));
    }
}
