//! A View's status: the worker's report in the words of the API.

use jiff::Timestamp;
use offtake_contract::{ViewPhase, ViewStatus as Reported};
use offtake_crds::ViewStatus;

use crate::{
    membership::Standing,
    status::{
        conditions::{Health, conditions},
        numbers::{seconds, signed},
    },
    table::columns,
};

pub fn health(standing: &Standing<Reported>) -> Health {
    let report = match standing {
        Standing::Unheard(health) | Standing::Unreported(health) => return health.clone(),
        Standing::Unknown => return Health::progressing("Pending", "it was not looked at yet"),
        Standing::Reported(report) => &report.status,
    };
    match (report.phase, &report.problem) {
        (ViewPhase::Pending, Some(problem)) | (ViewPhase::Hydrating, Some(problem)) => {
            Health::retrying(problem)
        }
        (ViewPhase::Pending, None) => Health::progressing("Pending", "the worker has not looked at it yet"),
        (ViewPhase::Hydrating, None) => {
            Health::progressing("Hydrating", "its first contents are being computed")
        }
        (ViewPhase::Running, _) if report.errors > 0 => erroneous(report),
        (ViewPhase::Running, _) => Health::ready("Running", "the view is exact and readable"),
        (ViewPhase::SchemaAltered | ViewPhase::Failed, Some(problem)) => Health::stalled(problem),
        (ViewPhase::SchemaAltered, None) => Health::Stalled {
            reason: "SchemaAltered".into(),
            message: "source table schema has been altered".into(),
        },
        (ViewPhase::Failed, None) => Health::Stalled {
            reason: "Failed".into(),
            message: "the worker gives no reason: look at its log".into(),
        },
    }
}

/// Reads fail while a row is in error, and heal when it is gone: the data has to change, not the View.
fn erroneous(report: &Reported) -> Health {
    let why = report.problem.as_ref().map_or_else(
        || "reads fail until the rows are gone or the query avoids them".to_owned(),
        crate::status::conditions::sentence,
    );
    Health::Stalled { reason: "RowsInError".into(), message: format!("rows are in error: {why}") }
}

pub fn status(
    health: &Health,
    standing: &Standing<Reported>,
    generation: Option<i64>,
    before: &ViewStatus,
    now: Timestamp,
) -> ViewStatus {
    let conditions = conditions(health, generation, &before.conditions, now);
    let report = match standing {
        // What the worker said last stays, but for the lag, which was that moment's, and for a view that it does not know as it is.
        Standing::Unheard(_) | Standing::Unreported(_) | Standing::Unknown => {
            let holds =
                !matches!(standing, Standing::Unreported(_)) && before.observed_generation == generation;
            return ViewStatus {
                observed_generation: generation,
                conditions,
                hydrated: before.hydrated.map(|hydrated| hydrated && holds),
                lag_seconds: None,
                ..before.clone()
            };
        }
        Standing::Reported(report) => report,
    };
    let hydrated = report.status.phase == ViewPhase::Running;
    ViewStatus {
        observed_generation: generation,
        conditions,
        columns: columns(&report.status.columns),
        hydrated: Some(hydrated),
        rows: report.status.rows.map(signed),
        lsn: report.lsn.filter(|_| hydrated).map(|lsn| lsn.to_string()),
        lag_seconds: report.lag_seconds.filter(|_| hydrated).map(seconds),
        memory_bytes: report.status.memory_bytes.map(signed),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use offtake_contract::{Lsn, Problem};

    use super::*;
    use crate::worker::reports::Report;

    fn standing(phase: ViewPhase, errors: u64, problem: Option<Problem>) -> Standing<Reported> {
        let status = Reported {
            object: "default/v".into(),
            schema: "public".into(),
            name: "v".into(),
            phase,
            problem,
            columns: Vec::new(),
            rows: Some(3),
            memory_bytes: Some(100),
            errors,
        };
        Standing::Reported(Arc::new(Report {
            generation: 1,
            status,
            lsn: Some(Lsn(16)),
            lag_seconds: Some(0.123),
        }))
    }

    #[test]
    fn a_view_is_ready_when_it_is_exact() {
        let running = standing(ViewPhase::Running, 0, None);
        let status =
            status(&health(&running), &running, Some(1), &ViewStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(
            (status.hydrated, status.lsn.as_deref(), status.lag_seconds),
            (Some(true), Some("0/10"), Some(0.1))
        );
        assert!(health(&running).is_ready());
        assert!(!health(&standing(ViewPhase::Hydrating, 0, None)).is_ready());
        assert_eq!(health(&standing(ViewPhase::Running, 2, None)).reason(), "RowsInError");
        let waits = Problem::new("WaitingForTable", "it reads orders", "wait");
        assert_eq!(health(&standing(ViewPhase::Pending, 0, Some(waits.clone()))), Health::retrying(&waits));
    }
}
