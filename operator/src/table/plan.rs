//! Whether the worker's report is about the table as it is, and what keeps the worker from it.

use std::sync::Arc;

use offtake_contract::{Problem, TablePhase, TableStatus};

use super::inputs::Inputs;
use crate::{membership::Standing, worker::reports::Report};

pub fn plan(inputs: &Inputs) -> Standing<TableStatus> {
    let standing = inputs.membership.standing(inputs.report.as_ref());
    match (standing, inputs.membership.source_problem()) {
        (Standing::Reported(report), Some(problem)) => Standing::Reported(held_up(report, problem)),
        (standing, _) => standing,
    }
}

/// A table that was not begun with tells why its source cannot.
fn held_up(report: Arc<Report<TableStatus>>, problem: Problem) -> Arc<Report<TableStatus>> {
    if report.status.phase != TablePhase::Pending || report.status.problem.is_some() {
        return report;
    }
    let mut report = Report::clone(&report);
    report.status.problem = Some(problem);
    Arc::new(report)
}
