//! The way of a query that is asked once: parse, plan, evaluate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use offtake_lir::evaluate;
use offtake_plan::{PlanError, QueryPlan, Session, Statement, parse, plan_query};

use crate::{
    answer::Answer,
    world::{Reading, World},
};

/// Plans a query.
///
/// # Errors
///
/// The planner's.
pub fn plan(sql: &str, world: &World) -> Result<QueryPlan, PlanError> {
    let session = Session { backend_pid: 7, now: Some(0), ..Session::default() };
    match parse(sql)?.as_slice() {
        [Statement::Query(query)] => plan_query(query, &world.relations(), &session, &[]),
        other => panic!("{sql}: {other:?}"),
    }
}

/// Evaluates a plan; a panic is an answer, too.
pub fn answer(plan: &Result<QueryPlan, PlanError>, reading: &Reading<'_>) -> Answer {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return error.clone().into(),
    };
    let evaluated = catch_unwind(AssertUnwindSafe(|| match evaluate(&plan.lir, reading) {
        Ok(rows) => Answer::rows(&plan.columns, plan.finish.apply(rows)),
        Err(error) => error.into(),
    }));
    evaluated.unwrap_or_else(|_| Answer::Error { state: "panic".to_owned(), message: String::new() })
}
