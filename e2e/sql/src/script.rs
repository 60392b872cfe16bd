//! Runs a file: every query at every moment, in all ways.

use std::{collections::BTreeMap, fmt::Write as _};

use offtake_plan::{PlanError, QueryPlan, ViewPlan, plan_view};

use crate::{
    answer::Answer,
    file::{Case, Script},
    judge,
    kept::History,
    once,
    oracle::Database,
    world::{Moment, Reading, World},
};

/// How many faults are told before the rest is only counted.
const TOLD: usize = 60;

/// What a run had in it.
#[derive(Debug, Default)]
pub struct Seen {
    pub queries: usize,
    /// Of them as views.
    pub views: usize,
    pub comparisons: usize,
    pub errors: usize,
}

/// Runs a file in a database of its own.
///
/// # Errors
///
/// What is wrong, in words.
pub fn run(database: &Database<'_>, script: &Script, workers: &[usize]) -> Result<Seen, String> {
    for sql in &script.setup {
        database.run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    let mut world = World::new(database.tables());
    for (name, sql) in &script.views {
        database.run(&format!("CREATE VIEW {name} AS {sql}")).unwrap();
        let plan = plan_view(sql, &world.relations()).unwrap_or_else(|error| panic!("{name}: {error}"));
        world.add_view(name, plan);
    }
    let mut run = Run::new(&world, &script.cases, database);
    run.moment(database);
    for step in &script.steps {
        database.run(step).unwrap_or_else(|error| panic!("{step}: {error:?}"));
        run.moment(database);
    }
    for workers in workers {
        run.keep(*workers);
    }
    run.result()
}

struct Run<'a> {
    world: &'a World,
    cases: &'a [Case],
    once: Vec<Result<QueryPlan, PlanError>>,
    views: Vec<Result<ViewPlan, PlanError>>,
    moments: Vec<Moment>,
    /// PostgreSQL's answers at each moment.
    theirs: Vec<Vec<Answer>>,
    /// By case.
    faults: BTreeMap<usize, Vec<String>>,
    seen: Seen,
}

impl<'a> Run<'a> {
    fn new(world: &'a World, cases: &'a [Case], database: &Database<'_>) -> Run<'a> {
        let relations = world.relations();
        let once = cases.iter().map(|case| once::plan(&case.sql, world)).collect();
        let views: Vec<_> = cases.iter().map(|case| plan_view(&case.sql, &relations)).collect();
        let seen = Seen { queries: cases.len(), ..Seen::default() };
        let mut run = Run {
            world,
            cases,
            once,
            views,
            moments: Vec::new(),
            theirs: Vec::new(),
            faults: BTreeMap::new(),
            seen,
        };
        run.refused_views(database);
        run
    }

    /// A query that can be asked can be a view, unless it is noted or PostgreSQL refuses the view, too.
    fn refused_views(&mut self, database: &Database<'_>) {
        for (number, case) in self.cases.iter().enumerate() {
            let (Ok(_), view) = (&self.once[number], &self.views[number]) else { continue };
            let state = view.as_ref().err().map(|error| error.sqlstate);
            let noted = case.notes.view_refused.as_deref();
            if state == noted || (noted.is_none() && state == database.refuses_view(&case.sql).as_deref()) {
                continue;
            }
            let told = view.as_ref().err().map(ToString::to_string);
            self.fault(number, format!("as a view: {state:?} {told:?}, noted {noted:?}"));
        }
    }

    fn fault(&mut self, case: usize, what: String) {
        self.faults.entry(case).or_default().push(what);
    }

    /// Asks everything once at the present moment.
    fn moment(&mut self, database: &Database<'_>) {
        let tables = self.world.tables.iter();
        let moment = Moment(tables.map(|(id, table)| (*id, database.contents(table))).collect());
        let number = self.moments.len();
        let theirs: Vec<Answer> = self.cases.iter().map(|case| database.ask(&case.sql)).collect();
        for (position, case) in self.cases.iter().enumerate() {
            let reading = Reading { world: self.world, moment: &moment };
            let ours = once::answer(&self.once[position], &reading);
            self.seen.comparisons += 1;
            self.seen.errors += usize::from(theirs[position].state().is_some());
            let fault = match &case.notes.refused {
                Some(state) => judge::unrefused(state, &theirs[position], &ours),
                None => judge::fault(&case.notes, &theirs[position], &ours, case.notes.ordered),
            };
            if let Some(fault) = fault {
                let plan = self.once[position].as_ref().map(QueryPlan::explain).unwrap_or_default();
                self.fault(position, format!("once, moment {number}:\n{fault}\n{}", indented(&plan)));
            }
        }
        self.moments.push(moment);
        self.theirs.push(theirs);
    }

    /// Lets the engine keep everything that can be a view.
    fn keep(&mut self, workers: usize) {
        let planned = self.views.iter().enumerate();
        let plans: BTreeMap<usize, &ViewPlan> =
            planned.filter_map(|(number, plan)| plan.as_ref().ok().map(|plan| (number, plan))).collect();
        self.seen.views = plans.len();
        let mut faults = Vec::new();
        let history = History::run(self.world, &self.moments, plans, workers);
        for (position, case) in self.cases.iter().enumerate() {
            'moments: for (number, theirs) in self.theirs.iter().enumerate() {
                let theirs = &theirs[position];
                for (installed, ours) in history.answers(position, number, theirs) {
                    self.seen.comparisons += 1;
                    if let Some(fault) = judge::fault(&case.notes, theirs, &ours, false) {
                        let plan = self.views[position].as_ref().map(ViewPlan::explain).unwrap_or_default();
                        let what = format!(
                            "kept since {installed:?} by {workers} workers, moment {number}:\n{fault}\n{}",
                            indented(&plan)
                        );
                        faults.push((position, what));
                        break 'moments;
                    }
                }
            }
        }
        faults.into_iter().for_each(|(position, what)| self.fault(position, what));
    }

    fn result(mut self) -> Result<Seen, String> {
        for (number, case) in self.cases.iter().enumerate() {
            if case.notes.broken && self.faults.remove(&number).is_none() {
                self.faults.insert(number, vec!["noted as broken, but right".to_owned()]);
            }
        }
        if self.faults.is_empty() {
            return Ok(self.seen);
        }
        let mut text = String::new();
        for (number, faults) in self.faults.iter().take(TOLD) {
            let case = &self.cases[*number];
            writeln!(text, "line {}: {}", case.line, case.sql).unwrap();
            // The first one tells most.
            writeln!(text, "  {}", faults[0]).unwrap();
            for more in faults.iter().skip(1).take(3) {
                writeln!(text, "  also {}", more.lines().next().unwrap_or_default()).unwrap();
            }
        }
        let (wrong, all) = (self.faults.len(), self.cases.len());
        writeln!(text, "{wrong} of {all} queries; {:?}", self.seen).unwrap();
        Err(text)
    }
}

fn indented(plan: &str) -> String {
    plan.lines().map(|line| format!("      {line}\n")).collect()
}
