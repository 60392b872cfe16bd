//! An output that keeps everything, and notes what an output must never see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex},
    time::Duration,
};

use offtake_engine::Output;
use offtake_lir::{CollectionId, EvalError};
use offtake_row::Row;

#[derive(Default)]
pub struct Recorder {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<CollectionId, Vec<(u64, Row, i64)>>,
    errors: BTreeMap<CollectionId, Vec<(u64, EvalError, i64)>>,
    uppers: BTreeMap<CollectionId, u64>,
    seen: BTreeSet<(CollectionId, u64, Row)>,
    faults: Vec<String>,
    failure: Option<String>,
}

impl Output for Recorder {
    fn updates(&self, id: CollectionId, time: u64, rows: Vec<(Row, i64)>, errors: Vec<(EvalError, i64)>) {
        let mut state = self.state.lock().unwrap();
        if state.uppers.get(&id).is_some_and(|upper| time < *upper) {
            state.faults.push(format!("{id}: an update at {time} after the frontier passed it"));
        }
        for (row, diff) in rows {
            if diff == 0 || !state.seen.insert((id, time, row.clone())) {
                state.faults.push(format!("{id}: {row:?} at {time} is not consolidated"));
            }
            state.rows.entry(id).or_default().push((time, row, diff));
        }
        for (error, diff) in errors {
            state.errors.entry(id).or_default().push((time, error, diff));
        }
    }

    fn frontier(&self, id: CollectionId, upper: u64) {
        let mut state = self.state.lock().unwrap();
        if state.uppers.insert(id, upper).is_some_and(|before| before >= upper) {
            state.faults.push(format!("{id}: the frontier {upper} is not news"));
        }
        self.changed.notify_all();
    }

    fn failed(&self, reason: &str) {
        self.state.lock().unwrap().failure = Some(reason.to_owned());
        self.changed.notify_all();
    }
}

impl Recorder {
    /// Waits until a view is complete up to and including `time`.
    pub fn wait(&self, id: CollectionId, time: u64) {
        let state = self.state.lock().unwrap();
        let (state, timeout) = self
            .changed
            .wait_timeout_while(state, Duration::from_secs(60), |state| {
                state.failure.is_none() && state.uppers.get(&id).is_none_or(|upper| *upper <= time)
            })
            .unwrap();
        assert_eq!(state.failure, None);
        assert!(!timeout.timed_out(), "{id} stays at {:?}, not past {time}", state.uppers.get(&id));
    }

    /// A view's rows and errors at a time.
    pub fn at(&self, id: CollectionId, time: u64) -> (BTreeMap<Row, i64>, BTreeMap<EvalError, i64>) {
        let state = self.state.lock().unwrap();
        let mut rows = BTreeMap::new();
        for (_, row, diff) in state.rows.get(&id).into_iter().flatten().filter(|(of, _, _)| *of <= time) {
            *rows.entry(row.clone()).or_default() += diff;
        }
        let mut errors = BTreeMap::new();
        for (_, error, diff) in state.errors.get(&id).into_iter().flatten().filter(|(of, _, _)| *of <= time) {
            *errors.entry(error.clone()).or_default() += diff;
        }
        rows.retain(|_, count: &mut i64| *count != 0);
        errors.retain(|_, count: &mut i64| *count != 0);
        (rows, errors)
    }

    pub fn assert_sound(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.faults.is_empty(), "{:#?}", state.faults);
        assert_eq!(state.failure, None);
    }
}
