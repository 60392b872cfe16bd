//! Reading: which version, whether it may be read, and the evaluation on a query thread.

use std::sync::Arc;

use offtake_contract::{Lsn, SourcePhase, Status};
use offtake_introspect::Moment;
use offtake_lir::{EvalError, Source, SqlState, evaluate};
use offtake_plan::{QueryPlan, RelationKind};
use offtake_results::Version;
use offtake_row::Row;

use crate::{
    error::SqlError,
    memory::{Held, Share},
    published::Published,
    source::Snapshot,
    sql::{Core, cancel::Interrupt, session::Session},
};

/// The version that the session reads: the transaction's, or the newest, once it has what `offtake.lsn` asks for.
///
/// The first read of a transaction pins it.
pub async fn version(
    core: &Core,
    session: &mut Session,
    interrupt: &mut Interrupt,
) -> Result<Arc<Version>, SqlError> {
    let wanted = session.settings.lsn;
    if let Some(pinned) = &session.pin {
        if let Some(wanted) = wanted.filter(|wanted| pinned.time() < wanted.0) {
            return Err(SqlError::new(
                "55000",
                format!("this transaction reads at LSN {}, before offtake.lsn = {wanted}", Lsn(pinned.time())),
            )
            .hint("A transaction stays at the LSN of its first read: set offtake.lsn before it, or start another transaction."));
        }
        return Ok(pinned.clone());
    }
    let version = match wanted {
        Some(wanted) => wait(core, session, wanted, interrupt).await?,
        None => core.results.current(),
    };
    session.pin = Some(version.clone());
    Ok(version)
}

/// Waits until `wanted` is readable, for as long as `offtake.wait_timeout` allows.
pub async fn wait(
    core: &Core,
    session: &Session,
    wanted: Lsn,
    interrupt: &mut Interrupt,
) -> Result<Arc<Version>, SqlError> {
    let current = core.results.current();
    if current.time() >= wanted.0 {
        return Ok(current);
    }
    let timeout = session.settings.wait_timeout;
    let reached = async {
        core.results
            .wait_for(wanted.0)
            .await
            .map_err(|_| SqlError::fatal("57P01", "the server is shutting down"))
    };
    interrupt
        .run(async {
            let Some(timeout) = timeout else { return reached.await };
            match tokio::time::timeout(timeout, reached).await {
                Ok(reached) => reached,
                Err(_) => {
                    let status = core.status.borrow().clone();
                    Err(not_reached(wanted, Lsn(core.results.current().time()), timeout.as_millis(), &status))
                }
            }
        })
        .await
}

fn not_reached(wanted: Lsn, readable: Lsn, milliseconds: u128, status: &Status) -> SqlError {
    let source = &status.source;
    let mut detail = format!("LSN {readable} is readable; the source is {:?}", source.phase);
    if let Some(seconds) = source.lag.seconds {
        detail.push_str(&format!(", {seconds:.1} s behind"));
    }
    if let Some(problem) = &source.problem {
        detail.push_str(&format!(": {}", problem.message));
    }
    detail.push('.');
    let hint = match &source.problem {
        Some(problem) if !problem.remedy.is_empty() => problem.remedy.clone(),
        _ if source.phase == SourcePhase::Streaming => "Check that the LSN is from this upstream (pg_current_wal_lsn() after the commit), or raise offtake.wait_timeout; SELECT * FROM offtake.sources shows how far it is.".to_owned(),
        _ => "SELECT * FROM offtake.sources shows why nothing arrives; RESET offtake.lsn reads what there is.".to_owned(),
    };
    SqlError::new("57014", format!("LSN {wanted} did not become readable within {milliseconds} ms"))
        .detail(detail)
        .hint(hint)
}

/// Evaluates a bound plan on a query thread.
pub async fn rows(
    core: &Arc<Core>,
    session: &mut Session,
    published: &Arc<Published>,
    plan: Arc<QueryPlan>,
    interrupt: &mut Interrupt,
) -> Result<(Vec<Row>, Held), SqlError> {
    let version = version(core, session, interrupt).await?;
    let status = core.status.borrow().clone();
    check(published, &plan, &version, &status)?;
    let memory = Share::new(core.memory.clone());
    let catalog = published.catalog().clone();
    let witness = plan
        .depends_on
        .iter()
        .any(|id| offtake_introspect::is_of_catalogs(*id))
        .then(|| (session.witness(core), session.prepared_statements(), session.cursors()));
    let (published, flag) = (published.clone(), interrupt.flag());
    let work = core.pool.run(move || {
        let moment = move || {
            Arc::new(witness.as_ref().map_or_else(Moment::default, |(witness, statements, cursors)| {
                witness.moment(&published, statements.clone(), cursors.clone())
            }))
        };
        let snapshot =
            Snapshot::new(version, &status, &catalog, &moment, plan.depends_on.iter().copied(), flag, memory);
        let rows = evaluate(&plan.lir, &snapshot)?;
        snapshot.keep(plan.finish.memory(&rows))?;
        let rows = plan.finish.apply(rows);
        let taken = rows.iter().map(|row| size_of::<Row>() + row.own_bytes()).sum();
        Ok((rows, snapshot.into_memory().answer(taken)))
    });
    interrupt.run(work).await
}

/// Every relation that is read must be readable, at this version and without an error in its rows.
fn check(
    published: &Published,
    plan: &QueryPlan,
    version: &Version,
    status: &Status,
) -> Result<(), SqlError> {
    for id in &plan.depends_on {
        let relation = published.relations.get(*id);
        if let Some(problem) = relation.and_then(|relation| relation.problem.as_ref()) {
            let mut error = SqlError::new(problem.sqlstate, problem.message.clone());
            error.detail = problem.detail.clone();
            error.hint = problem.hint.clone();
            return Err(error);
        }
        let name =
            relation.map(|relation| format!("{}.{}", relation.schema, relation.name)).unwrap_or_default();
        if relation.is_some_and(|relation| relation.kind == RelationKind::System) {
            continue;
        }
        match version.get(*id) {
            None => return Err(hydrating(&name, status)),
            Some(collection) => {
                if let Some(error) = collection.error() {
                    let rows = collection.errors();
                    return Err(SqlError::from(error.clone())
                        .detail(format!("The view {name} has {rows} row(s) in error."))
                        .hint("Reads succeed again when the offending rows are changed or deleted upstream, or when the View's query avoids the error."));
                }
            }
        }
    }
    Ok(())
}

/// The relation has no contents at this version yet.
fn hydrating(name: &str, status: &Status) -> SqlError {
    let progress = status
        .tables
        .iter()
        .find(|table| format!("{}.{}", table.schema, table.name) == name)
        .map(|table| {
            let snapshot = &table.snapshot;
            match snapshot.rows_estimated {
                Some(estimated) => format!("{} of about {estimated} rows are copied.", snapshot.rows_copied),
                None => format!("{} rows are copied.", snapshot.rows_copied),
            }
        })
        .unwrap_or_else(|| "Its first contents are being computed.".to_owned());
    SqlError::new("55000", format!("relation \"{name}\" is not readable yet"))
        .detail(progress)
        .hint("SELECT * FROM offtake.tables, or offtake.views, shows the progress; everything else can be read meanwhile. In a transaction that began before it was ready, start another one.")
}

impl From<EvalError> for SqlError {
    fn from(error: EvalError) -> SqlError {
        let answer = SqlError::new(error.code.as_str(), error.message);
        if error.code == SqlState::OUT_OF_MEMORY {
            return answer.hint("Read less at once, let a View keep the join or the sums, or start the worker with more memory (or --query-memory).");
        }
        answer
    }
}
