//! The way of a view: planned, installed before, amid and after the data, and kept by the engine.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use offtake_engine::{Batch, Engine, Install, Snapshot};
use offtake_lir::{CollectionId, EvalError};
use offtake_plan::ViewPlan;
use offtake_row::{Column, Row};

use crate::{
    answer::Answer,
    recorder::Recorder,
    world::{Bag, Moment, World},
};

/// When a view is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Installed {
    Before,
    Amid,
    After,
}

const ALL: [Installed; 3] = [Installed::Before, Installed::Amid, Installed::After];

struct Frozen {
    moment: Moment,
    pause: Duration,
}

impl Snapshot for Frozen {
    fn rows(&self, table: CollectionId, f: &mut dyn FnMut(&Row, i64)) {
        // Lets pushes overtake the hydration.
        std::thread::sleep(self.pause);
        self.moment.0[&table].iter().for_each(|(row, count)| f(row, *count));
    }
}

/// What became of views under a history.
pub struct History<'p> {
    plans: BTreeMap<usize, &'p ViewPlan>,
    recorder: Arc<Recorder>,
    /// Of each view and installation, since which moment it is there.
    since: BTreeMap<(usize, Installed), usize>,
}

fn id(view: usize, installed: Installed) -> CollectionId {
    CollectionId(100_000 + 4 * view as u64 + installed as u64)
}

/// A moment's time.
fn time(moment: usize) -> u64 {
    moment as u64 + 1
}

impl<'p> History<'p> {
    /// Keeps the views while the world goes from moment to moment.
    pub fn run(
        world: &World,
        moments: &[Moment],
        plans: BTreeMap<usize, &'p ViewPlan>,
        workers: usize,
    ) -> History<'p> {
        let recorder = Arc::new(Recorder::default());
        let engine = Engine::start(workers, recorder.clone()).unwrap();
        let mut history = History { plans, recorder, since: BTreeMap::new() };
        for (table, _) in &world.tables {
            engine.create_table(*table).unwrap();
        }
        engine.advance(time(0)).unwrap();
        for view in &world.views {
            let snapshot = Arc::new(Frozen { moment: moments[0].clone(), pause: Duration::ZERO });
            engine.install(Install { id: view.id, lir: view.lir.clone(), as_of: time(0), snapshot }).unwrap();
        }
        let last = moments.len() - 1;
        for (number, moment) in moments.iter().enumerate() {
            if number > 0 {
                let changes = moments[number - 1].changes(moment).into_iter();
                let tables = changes.map(|(id, rows)| (id, Arc::new(rows))).collect();
                engine.push(Batch { time: time(number), tables }).unwrap();
            }
            for (installed, when) in ALL.into_iter().zip([0, last.div_ceil(2), last]) {
                // One installation is enough where there is but one moment.
                if number == when && (installed == Installed::Before || when > 0) {
                    history.install(&engine, installed, number, moment);
                }
            }
        }
        for (view, installed) in history.since.keys() {
            history.recorder.wait(id(*view, *installed), time(last));
        }
        assert_eq!(engine.failed(), None);
        engine.stop();
        history.recorder.assert_sound();
        history
    }

    fn install(&mut self, engine: &Engine, installed: Installed, number: usize, moment: &Moment) {
        let pause = Duration::from_millis(if installed == Installed::Amid { 3 } else { 0 });
        let snapshot = Arc::new(Frozen { moment: moment.clone(), pause });
        for (view, plan) in &self.plans {
            let (id, lir, snapshot) = (id(*view, installed), plan.lir.clone(), snapshot.clone());
            match engine.install(Install { id, lir, as_of: time(number), snapshot }) {
                Ok(()) => {
                    self.since.insert((*view, installed), number);
                }
                Err(error) => panic!("view {view}: {error}\n{}", plan.explain()),
            }
        }
    }

    /// What a view says at a moment, once for each installation. Of several errors the expected one, if it is among them.
    pub fn answers(&self, view: usize, moment: usize, expected: &Answer) -> Vec<(Installed, Answer)> {
        let here = ALL
            .into_iter()
            .filter(|installed| self.since.get(&(view, *installed)).is_some_and(|since| *since <= moment));
        here.map(|installed| {
            let (rows, errors) = self.recorder.at(id(view, installed), time(moment));
            (installed, self.answer(view, &rows, &errors, expected))
        })
        .collect()
    }

    fn answer(
        &self,
        view: usize,
        rows: &Bag,
        errors: &BTreeMap<EvalError, i64>,
        expected: &Answer,
    ) -> Answer {
        let fault = |message: String| Answer::Error { state: "fault".to_owned(), message };
        if errors.values().any(|count| *count <= 0) || rows.values().any(|count| *count <= 0) {
            return fault(format!("what is not there is taken away: {rows:?} {errors:?}"));
        }
        let wanted = errors.keys().find(|error| Some(error.code.as_str()) == expected.state());
        if let Some(error) = wanted.or(errors.keys().next()) {
            return error.clone().into();
        }
        let plan = self.plans[&view];
        if let Some(claim) = broken_claim(&plan.columns, plan.key.as_deref(), rows) {
            return fault(claim);
        }
        let copies = rows.iter().flat_map(|(row, count)| std::iter::repeat_n(row.clone(), *count as usize));
        Answer::rows(&plan.columns, copies)
    }
}

/// What a plan says of its rows and that is not so: a NULL, a value that comes twice.
fn broken_claim(columns: &[Column], key: Option<&[usize]>, rows: &Bag) -> Option<String> {
    for row in rows.keys() {
        let datums = row.unpack();
        if datums.len() != columns.len() {
            return Some(format!("a row of {} columns, not {}", datums.len(), columns.len()));
        }
        for (datum, column) in datums.iter().zip(columns) {
            if datum.is_null() && !column.nullable {
                return Some(format!("column {} is not to be NULL, but is", column.name));
            }
        }
    }
    let key = key?;
    let mut seen = std::collections::BTreeSet::new();
    for (row, count) in rows {
        let values = Row::pack(key.iter().map(|column| row.datum(*column)));
        if *count > 1 || !seen.insert(values) {
            return Some(format!("the key {key:?} is there twice: {row:?}"));
        }
    }
    None
}
