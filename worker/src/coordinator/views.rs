//! The life of views: planned as soon as what they name is known, installed once it can be read, dropped when it cannot.
//!
//! [`Views::settle`] decides and is pure; the coordinator carries out what it says.

use std::collections::{BTreeMap, BTreeSet};

use offtake_contract::{Problem, View, ViewPhase, ViewStatus};
use offtake_engine::Snapshot;
use offtake_lir::{CollectionId, EvalError, Lir};
use offtake_plan::{PlanError, Relation, RelationKind, RelationProblem, Relations, ViewPlan};
use offtake_results::{CollectionSnapshot, Writer};
use offtake_row::{Row, Type};
use offtake_serve::ViewText;

use super::handle::{Availability, Declaration};
use crate::{board::Board, ingest};

/// Views take their ids from here up; tables, which are numbered in the store, stay below.
const FIRST_VIEW: u64 = 1 << 30;

/// The error that reads of a table get, and of the views on it, once a column that is used was altered.
const SCHEMA_ALTERED: &str = "source table schema has been altered";

/// The reason word of a view whose table is not there yet, which passes by itself.
const WAITING_FOR_TABLE: &str = "WaitingForTable";

/// The reason word of a view that reads another one which is not there.
const WAITING_FOR_VIEW: &str = "WaitingForView";

/// The reason word of a view that names what is neither a table nor a view.
const UNKNOWN_RELATION: &str = "UnknownRelation";

/// A table, as views see it.
pub struct Known<'a> {
    pub declaration: &'a Declaration,
    /// Its contents are complete, so that views can be installed on it.
    pub live: bool,
    /// It is in a published version.
    pub visible: bool,
}

/// What is to be done for the views to be settled, in this order.
#[derive(Default)]
pub struct Settled {
    pub dropped: Vec<CollectionId>,
    pub installed: Vec<ToInstall>,
}

pub struct ToInstall {
    pub id: CollectionId,
    pub lir: Lir,
    pub types: Vec<Type>,
    pub indexes: Vec<Vec<usize>>,
}

/// All wanted views and their states.
#[derive(Default)]
pub struct Views {
    entries: Vec<Entry>,
    given_out: u64,
}

struct Entry {
    definition: View,
    id: CollectionId,
    state: State,
}

enum State {
    /// The query cannot be planned against what is there now.
    Refused(Problem),
    /// Planned, but something that it reads is not there to be read.
    Waiting {
        plan: Box<Planned>,
        problem: Problem,
        altered: bool,
    },
    Installed {
        plan: Box<Planned>,
    },
}

struct Planned {
    plan: ViewPlan,
    indexes: Vec<Vec<usize>>,
}

impl Entry {
    fn plan(&self) -> Option<&Planned> {
        match &self.state {
            State::Refused(_) => None,
            State::Waiting { plan, .. } | State::Installed { plan } => Some(plan),
        }
    }

    fn is_installed(&self) -> bool {
        matches!(self.state, State::Installed { .. })
    }
}

impl Views {
    /// Takes up what is wanted. A changed definition is a new view; [`Views::settle`] does the rest.
    pub fn want(&mut self, wanted: Vec<View>) -> Vec<CollectionId> {
        let (kept, gone): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| wanted.contains(&entry.definition));
        self.entries = kept;
        for definition in wanted {
            if !self.entries.iter().any(|entry| entry.definition == definition) {
                let id = CollectionId(FIRST_VIEW + self.given_out);
                self.given_out += 1;
                let state = State::Refused(Problem::new("Pending", "not looked at yet", ""));
                self.entries.push(Entry { definition, id, state });
            }
        }
        gone.iter().filter(|entry| entry.is_installed()).map(|entry| entry.id).collect()
    }

    /// Plans what can be planned, and says what is to be dropped and, where it may be now (`install`), installed.
    pub fn settle(&mut self, tables: &[Known<'_>], install: bool) -> Settled {
        let mut settled = Settled::default();
        let live: BTreeSet<CollectionId> =
            tables.iter().filter(|table| table.live).map(|table| table.declaration.id).collect();

        // An installed view whose input went away is dropped, and then those on it.
        loop {
            let there: BTreeSet<CollectionId> = self.installed().chain(live.iter().copied()).collect();
            let orphan = self.entries.iter_mut().find(|entry| match &entry.state {
                State::Installed { plan } => !plan.plan.depends_on.is_subset(&there),
                _ => false,
            });
            let Some(entry) = orphan else { break };
            settled.dropped.push(entry.id);
            // A new id: what the engine still says of the old installation must not be taken for the new one's.
            entry.id = CollectionId(FIRST_VIEW + self.given_out);
            self.given_out += 1;
            entry.state = State::Refused(Problem::new("Pending", "not looked at yet", ""));
        }

        let planned = self.plan(tables);
        let mut there: BTreeSet<CollectionId> = self.installed().chain(live.iter().copied()).collect();
        // A view can be installed once all that it reads can; installing it may make way for the next.
        let mut waiting = planned;
        loop {
            let ready = waiting.iter().position(|(_, plan)| plan.plan.depends_on.is_subset(&there));
            let Some(ready) = ready.filter(|_| install) else { break };
            let (place, plan) = waiting.swap_remove(ready);
            let entry = &mut self.entries[place];
            there.insert(entry.id);
            settled.installed.push(ToInstall {
                id: entry.id,
                lir: plan.plan.lir.clone(),
                types: plan.plan.columns.iter().map(|column| column.ty).collect(),
                indexes: plan.indexes.clone(),
            });
            entry.state = State::Installed { plan };
        }
        for (place, plan) in waiting {
            let (problem, altered) = self.why_waiting(&plan, tables, &mut BTreeSet::new());
            self.entries[place].state = State::Waiting { plan, problem, altered };
        }
        settled
    }

    /// Plans every view that is not installed, in whatever order their names allow.
    fn plan(&mut self, tables: &[Known<'_>]) -> Vec<(usize, Box<Planned>)> {
        let mut relations: Vec<Relation> =
            tables.iter().filter(|table| !table.declaration.columns.is_empty()).map(table_relation).collect();
        relations.extend(self.entries.iter().filter(|entry| entry.is_installed()).filter_map(view_relation));
        let mut open: Vec<usize> =
            (0..self.entries.len()).filter(|place| !self.entries[*place].is_installed()).collect();
        let mut planned = Vec::new();
        loop {
            let known = Relations::new(relations.clone());
            let mut progress = false;
            open.retain(|&place| {
                let entry = &mut self.entries[place];
                match plan_one(&entry.definition, &known, tables) {
                    Ok(plan) => {
                        relations.push(planned_relation(entry, &plan));
                        planned.push((place, Box::new(plan)));
                        progress = true;
                        false
                    }
                    Err(problem) => {
                        entry.state = State::Refused(problem);
                        true
                    }
                }
            });
            if !progress || open.is_empty() {
                self.wait_for_views(&open);
                return planned;
            }
        }
    }

    /// Of the views that cannot be planned: one that names another is told so, whose problem is the one to mend.
    fn wait_for_views(&mut self, open: &[usize]) {
        for &place in open {
            let State::Refused(problem) = &self.entries[place].state else { continue };
            if problem.reason != UNKNOWN_RELATION {
                continue;
            }
            let named = |other: &&usize| {
                let View { schema, name, .. } = &self.entries[**other].definition;
                let quoted = |name: &str| problem.message.contains(&format!("\"{name}\""));
                **other != place && (quoted(name) || quoted(&format!("{schema}.{name}")))
            };
            let Some(other) = open.iter().find(named) else { continue };
            let message = format!(
                "View {}: waits for View {}, which is not in order",
                self.entries[place].definition.object, self.entries[*other].definition.object
            );
            self.entries[place].state =
                State::Refused(Problem::new(WAITING_FOR_VIEW, message, "see that view"));
        }
    }

    /// Why a planned view cannot be installed: the problem of the first thing below it that is not there.
    fn why_waiting(
        &self,
        plan: &Planned,
        tables: &[Known<'_>],
        seen: &mut BTreeSet<CollectionId>,
    ) -> (Problem, bool) {
        for id in &plan.plan.depends_on {
            if let Some(table) = tables.iter().find(|table| table.declaration.id == *id) {
                match &table.declaration.availability {
                    Availability::Stopped { problem, altered } => return (problem.clone(), *altered),
                    _ if !table.live => {
                        let message = format!(
                            "waits for SourceTable {}, which is being copied",
                            table.declaration.object
                        );
                        return (Problem::new(WAITING_FOR_TABLE, message, ""), false);
                    }
                    _ => {}
                }
            } else if let Some(entry) = self.entries.iter().find(|entry| entry.id == *id && seen.insert(*id))
            {
                match &entry.state {
                    State::Refused(problem) => {
                        let message =
                            format!("waits for View {}: {}", entry.definition.object, problem.message);
                        return (Problem::new(WAITING_FOR_VIEW, message, problem.remedy.clone()), false);
                    }
                    State::Waiting { plan, .. } => return self.why_waiting(plan, tables, seen),
                    State::Installed { .. } => {}
                }
            }
        }
        (Problem::new("Waiting", "waits for what it reads", ""), false)
    }

    pub fn is_installed(&self, id: CollectionId) -> bool {
        self.entries.iter().any(|entry| entry.id == id && entry.is_installed())
    }

    pub fn installed(&self) -> impl Iterator<Item = CollectionId> + '_ {
        self.entries.iter().filter(|entry| entry.is_installed()).map(|entry| entry.id)
    }

    /// Whether an installed view reads the table or view.
    pub fn reads(&self, id: CollectionId) -> bool {
        self.entries
            .iter()
            .filter(|entry| entry.is_installed())
            .any(|entry| entry.plan().is_some_and(|plan| plan.plan.depends_on.contains(&id)))
    }

    pub fn id_of(&self, object: &str) -> Option<CollectionId> {
        self.entries.iter().find(|entry| entry.definition.object == object).map(|entry| entry.id)
    }

    /// Every table and view for readers, each with the reason why it cannot be read where it cannot.
    pub fn relations(&self, tables: &[Known<'_>], visible: &dyn Fn(CollectionId) -> bool) -> Vec<Relation> {
        let mut relations: Vec<Relation> = tables.iter().map(table_relation).collect();
        for entry in &self.entries {
            let mut relation = view_relation(entry).unwrap_or_else(|| Relation {
                id: entry.id,
                schema: entry.definition.schema.clone(),
                name: entry.definition.name.clone(),
                columns: Vec::new(),
                key: None,
                kind: RelationKind::View,
                problem: None,
                indexes: Vec::new(),
            });
            relation.problem = match &entry.state {
                State::Refused(problem) => Some(unreadable(problem)),
                State::Waiting { problem, altered: true, .. } => Some(schema_altered(problem)),
                State::Waiting { problem, altered: false, .. } => Some(unreadable(problem)),
                State::Installed { .. } if visible(entry.id) => None,
                State::Installed { .. } => Some(unreadable(&hydrating(entry))),
            };
            relations.push(relation);
        }
        relations
    }

    /// Definitions and plans, for EXPLAIN and clients that show a view's definition.
    pub fn texts(&self) -> BTreeMap<CollectionId, ViewText> {
        let text = |entry: &Entry| {
            let planned = &entry.plan()?.plan;
            let reads = planned.depends_on.iter().copied().collect();
            Some((
                entry.id,
                ViewText { query: entry.definition.query.clone(), plan: planned.explain(), reads },
            ))
        };
        self.entries.iter().filter_map(text).collect()
    }

    /// Posts every view's state; rows and memory are posted as they change.
    pub fn post(&self, board: &Board, visible: &dyn Fn(CollectionId) -> bool) {
        board.post(|status| {
            let before = std::mem::take(&mut status.views);
            status.views = self
                .entries
                .iter()
                .map(|entry| {
                    let (phase, problem) = match &entry.state {
                        State::Refused(problem)
                            if [WAITING_FOR_TABLE, WAITING_FOR_VIEW].contains(&problem.reason.as_str()) =>
                        {
                            (ViewPhase::Pending, Some(problem.clone()))
                        }
                        State::Refused(problem) => (ViewPhase::Failed, Some(problem.clone())),
                        State::Waiting { problem, altered: true, .. } => {
                            (ViewPhase::SchemaAltered, Some(problem.clone()))
                        }
                        State::Waiting { problem, altered: false, .. } => {
                            (ViewPhase::Pending, Some(problem.clone()))
                        }
                        // Rows in error are posted with the numbers.
                        State::Installed { .. } if visible(entry.id) => (ViewPhase::Running, None),
                        State::Installed { .. } => (ViewPhase::Hydrating, None),
                    };
                    let was = before.iter().find(|was| was.object == entry.definition.object);
                    ViewStatus {
                        object: entry.definition.object.clone(),
                        schema: entry.definition.schema.clone(),
                        name: entry.definition.name.clone(),
                        phase,
                        problem,
                        columns: entry
                            .plan()
                            .map(|plan| plan.plan.columns.iter().map(ingest::column_status).collect())
                            .unwrap_or_default(),
                        rows: was.and_then(|was| was.rows),
                        memory_bytes: was.and_then(|was| was.memory_bytes),
                        errors: was.map_or(0, |was| was.errors),
                    }
                })
                .collect();
        });
    }
}

/// What is wrong with a view of which rows are in error; the first stands for all.
pub fn rows_in_error(error: &EvalError) -> Problem {
    Problem::new(
        "RowsInError",
        format!("reads fail with {} (SQLSTATE {})", error.message, error.code),
        "change the rows upstream that cause it, or the query so that it avoids them",
    )
}

/// What is wrong with views over tables of these columns, without running anything. A table without columns is one that nobody looked at:
/// what is said of it cannot be judged, and is not.
pub fn findings(views: &[View], tables: &[Declaration]) -> Vec<Problem> {
    let known: Vec<Known<'_>> =
        tables.iter().map(|declaration| Known { declaration, live: true, visible: true }).collect();
    let mut all = Views::default();
    all.want(views.to_vec());
    all.settle(&known, true);
    let problem = |entry: Entry| match entry.state {
        State::Refused(problem) if problem.reason != WAITING_FOR_TABLE => Some(problem),
        _ => None,
    };
    all.entries.into_iter().filter_map(problem).collect()
}

fn plan_one(view: &View, known: &Relations, tables: &[Known<'_>]) -> Result<Planned, Problem> {
    if known.lookup(&[], Some(&view.schema), &view.name).is_some()
        || tables.iter().any(|t| t.declaration.schema == view.schema && t.declaration.name == view.name)
    {
        return Err(Problem::new(
            "NameTaken",
            format!(
                "View {}: the name {}.{} is taken by another table or view",
                view.object, view.schema, view.name
            ),
            "give it another spec.name or spec.schema",
        ));
    }
    let mut search_path = vec![view.schema.clone()];
    if view.schema != "public" {
        search_path.push("public".to_owned());
    }
    let plan = offtake_plan::plan_view_in(&view.query, known, &search_path)
        .map_err(|error| refused(view, &error, tables))?;
    for notice in &plan.notices {
        tracing::warn!(view = view.object, "{notice}");
    }
    let mut indexes = Vec::new();
    for columns in &view.indexes {
        let positions = columns.iter().map(|name| {
            plan.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                let have: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
                Problem::new(
                    "InvalidIndex",
                    format!(
                        "View {}: spec.indexes names column \"{name}\", which the query does not return",
                        view.object
                    ),
                    format!("name one of: {}", have.join(", ")),
                )
            })
        });
        indexes.push(positions.collect::<Result<Vec<usize>, Problem>>()?);
    }
    if indexes.is_empty() {
        indexes.push(plan.key.clone().unwrap_or_default());
    }
    Ok(Planned { plan, indexes })
}

fn refused(view: &View, error: &PlanError, tables: &[Known<'_>]) -> Problem {
    let at = error.position.map(|position| format!(" at character {position}")).unwrap_or_default();
    // A table that was not described yet has no columns and so is unknown to the planner: that passes by itself.
    let nameless: Vec<&str> = tables
        .iter()
        .filter(|table| table.declaration.columns.is_empty())
        .map(|table| table.declaration.object.as_str())
        .collect();
    if error.sqlstate == "42P01" && !nameless.is_empty() {
        let message =
            format!("View {}: {}; not described yet: {}", view.object, error.message, nameless.join(", "));
        return Problem::new(WAITING_FOR_TABLE, message, "");
    }
    Problem::new(
        if error.sqlstate == "42P01" { UNKNOWN_RELATION } else { "InvalidQuery" },
        format!("View {}: spec.query{at}: {}", view.object, error.message),
        error.hint.clone().unwrap_or_else(|| "correct spec.query".to_owned()),
    )
}

fn hydrating(entry: &Entry) -> Problem {
    Problem::new(
        "Hydrating",
        format!("View {}: its first contents are being computed", entry.definition.object),
        "try again in a moment; offtake.views tells when it is Running",
    )
}

/// A table as a relation.
fn table_relation(table: &Known<'_>) -> Relation {
    let declaration = table.declaration;
    let problem = match &declaration.availability {
        Availability::Stopped { problem, altered: true } => Some(schema_altered(problem)),
        Availability::Stopped { problem, altered: false } => Some(unreadable(problem)),
        Availability::Live | Availability::Copying if table.visible => None,
        Availability::Live | Availability::Copying => Some(unreadable(&Problem::new(
            "Snapshotting",
            format!("source table {} is being copied", declaration.object),
            "try again in a moment; offtake.tables tells how far it is",
        ))),
    };
    let key = (!declaration.key.is_empty()).then(|| declaration.key.clone());
    Relation {
        id: declaration.id,
        schema: declaration.schema.clone(),
        name: declaration.name.clone(),
        columns: declaration.columns.clone(),
        indexes: key.iter().cloned().collect(),
        key,
        kind: RelationKind::Table,
        problem,
    }
}

fn view_relation(entry: &Entry) -> Option<Relation> {
    entry.plan().map(|plan| planned_relation(entry, plan))
}

fn planned_relation(entry: &Entry, plan: &Planned) -> Relation {
    Relation {
        id: entry.id,
        schema: entry.definition.schema.clone(),
        name: entry.definition.name.clone(),
        columns: plan.plan.columns.clone(),
        key: plan.plan.key.clone(),
        kind: RelationKind::View,
        problem: None,
        indexes: plan.indexes.iter().filter(|columns| !columns.is_empty()).cloned().collect(),
    }
}

fn schema_altered(problem: &Problem) -> RelationProblem {
    RelationProblem {
        sqlstate: "0A000",
        message: SCHEMA_ALTERED.to_owned(),
        detail: Some(problem.message.clone()),
        hint: Some(problem.remedy.clone()).filter(|hint| !hint.is_empty()),
    }
}

fn unreadable(problem: &Problem) -> RelationProblem {
    RelationProblem {
        sqlstate: "55000",
        message: problem.message.clone(),
        detail: None,
        hint: Some(problem.remedy.clone()).filter(|hint| !hint.is_empty()),
    }
}

/// The tables' contents at one time, from which views are hydrated.
pub struct Tables(BTreeMap<CollectionId, CollectionSnapshot>);

impl Tables {
    /// Of these tables, which are all complete up to the same time.
    pub fn of(results: &Writer, tables: impl Iterator<Item = CollectionId>) -> Tables {
        Tables(tables.filter_map(|id| Some((id, results.snapshot(id)?))).collect())
    }
}

impl Snapshot for Tables {
    fn rows(&self, table: CollectionId, f: &mut dyn FnMut(&Row, i64)) {
        if let Some(snapshot) = self.0.get(&table) {
            snapshot.scan().for_each(|(row, count)| f(row, count));
        }
    }
}
