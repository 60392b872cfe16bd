//! Random views over random histories, held against the one-off evaluator at every time.
//!
//! `OFFTAKE_SEED=n` runs that one history; `OFFTAKE_ROUNDS=n` sets how many histories each number of workers gets.

// A test that unwraps in vain has failed, as it should.
#![allow(clippy::unwrap_used)]

mod plans;
mod recorder;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use offtake_engine::{Batch, Engine, EngineError, Install, Snapshot};
use offtake_lir::{CollectionId, EvalError, Lir, Source};
use offtake_row::{Row, Type};
use plans::{NUMERIC, Relation};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use recorder::Recorder;

/// Rows with how often each is there.
type Bag = BTreeMap<Row, i64>;
/// The tables at one time.
type Tables = BTreeMap<CollectionId, Bag>;

struct Frozen {
    tables: Tables,
    pause: Duration,
}

impl Snapshot for Frozen {
    fn rows(&self, table: CollectionId, f: &mut dyn FnMut(&Row, i64)) {
        // Lets pushes overtake the hydration.
        std::thread::sleep(self.pause);
        for (row, count) in &self.tables[&table] {
            f(row, *count);
        }
    }
}

/// What the histories had in them, so that a generator that has become tame is noticed.
#[derive(Debug, Default)]
struct Seen {
    rows: usize,
    nothing: usize,
    errors: usize,
    refused: usize,
    /// Errors that are gone at the next time.
    healed: usize,
}

/// The oracle: all collections at one time.
struct Moment<'a> {
    tables: &'a Tables,
    views: &'a BTreeMap<CollectionId, Lir>,
}

impl Source for Moment<'_> {
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        match self.views.get(&id) {
            Some(lir) => {
                let mut bag = Bag::new();
                offtake_lir::evaluate(lir, self)?
                    .into_iter()
                    .for_each(|(row, count)| add(&mut bag, row, count));
                bag.iter().for_each(|(row, count)| f(row, *count));
            }
            None => self.tables[&id].iter().for_each(|(row, count)| f(row, *count)),
        }
        Ok(())
    }

    fn indexes(&self, _: CollectionId) -> Vec<Vec<usize>> {
        Vec::new()
    }

    fn lookup(
        &self,
        _: CollectionId,
        _: &[usize],
        _: &Row,
        _: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        None
    }
}

fn add(bag: &mut Bag, row: Row, diff: i64) {
    let count = bag.entry(row).or_default();
    *count += diff;
    if *count == 0 {
        bag.retain(|_, count| *count != 0);
    }
}

/// Random updates that never take away what is not there.
fn updates(rng: &mut StdRng, types: &[Type], bag: &mut Bag) -> Vec<(Row, i64)> {
    let mut updates = Vec::new();
    for _ in 0..rng.random_range(0..8) {
        let present: Vec<Row> = bag.keys().cloned().collect();
        let (row, diff) = match present.choose(rng) {
            // Shrinks what has grown, so that errors heal and groups go away.
            Some(row) if rng.random_range(0..20) < present.len() => {
                let count = bag[row];
                (row.clone(), -rng.random_range(1..=count))
            }
            _ => (plans::row(rng, types), if rng.random_ratio(1, 5) { 2 } else { 1 }),
        };
        add(bag, row.clone(), diff);
        updates.push((row, diff));
    }
    updates
}

/// Plans that are likely to make more rows are not tried.
const MOST_ROWS: f64 = 10_000.0;
/// Where a table levels off (see [`updates`]).
const TABLE_ROWS: f64 = 15.0;

fn size(lir: &Lir, views: &BTreeMap<CollectionId, f64>) -> f64 {
    plans::size::size(lir, &|id| views.get(&id).copied().unwrap_or(TABLE_ROWS))
}

fn history(seed: u64, workers: usize, seen: &mut Seen) {
    let mut rng = StdRng::seed_from_u64(seed);
    let recorder = Arc::new(Recorder::default());
    let engine = Engine::start(workers, recorder.clone()).unwrap();

    let types = [
        vec![Type::Int8, Type::Int8, NUMERIC],
        vec![Type::Int8, Type::Text, Type::Float8, Type::Bool],
        vec![NUMERIC, Type::Int8],
    ];
    let declared: Vec<(CollectionId, Vec<Type>)> =
        types.iter().enumerate().map(|(i, types)| (CollectionId(i as u64), types.clone())).collect();
    let mut tables = Tables::new();
    for (id, _) in &declared {
        engine.create_table(*id).unwrap();
        tables.insert(*id, Bag::new());
    }

    let mut definitions: BTreeMap<CollectionId, Lir> = BTreeMap::new();
    let mut output_types: BTreeMap<CollectionId, Vec<Type>> = BTreeMap::new();
    let mut sizes: BTreeMap<CollectionId, f64> = BTreeMap::new();
    let mut alive: BTreeSet<CollectionId> = BTreeSet::new();
    // Of each view, the times from which and up to which it was there.
    let mut lives: BTreeMap<CollectionId, (u64, Option<u64>)> = BTreeMap::new();
    let mut moments: BTreeMap<u64, Tables> = BTreeMap::new();
    let mut next_id = 100;
    let mut time = rng.random_range(0..3);
    moments.insert(time, tables.clone());
    engine.advance(time).unwrap();

    for _ in 0..rng.random_range(8..16) {
        for _ in 0..rng.random_range(0..3) {
            let views = alive.iter().map(|id| (*id, output_types[id].clone()));
            let readable: Vec<Relation> =
                declared.iter().cloned().chain(views).map(|(id, types)| (Lir::Get { id }, types)).collect();
            let id = CollectionId(next_id);
            next_id += 1;
            let dropped: Vec<_> = definitions
                .iter()
                .filter(|(id, lir)| {
                    !alive.contains(id) && lir.depends_on().iter().all(|id| id.0 < 100 || alive.contains(id))
                })
                .map(|(id, _)| *id)
                .collect();
            let (lir, types) = match dropped.choose(&mut rng) {
                // Again what was there before.
                Some(dropped) if rng.random_ratio(1, 3) => {
                    (definitions[dropped].clone(), output_types[dropped].clone())
                }
                _ => loop {
                    let plan = plans::plan(&mut rng, 3, &readable);
                    if size(&plan.0, &sizes) <= MOST_ROWS {
                        break plan;
                    }
                },
            };
            let estimate = size(&lir, &sizes);
            let pause = Duration::from_millis(if rng.random_ratio(1, 3) { 3 } else { 0 });
            let snapshot = Arc::new(Frozen { tables: tables.clone(), pause });
            match engine.install(Install { id, lir: lir.clone(), as_of: time, snapshot }) {
                Ok(()) => {}
                // What stands in a recursion's step is random, and some of it is refused.
                Err(EngineError::Malformed { what, .. }) if what.contains("recursion") => {
                    seen.refused += 1;
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            sizes.insert(id, estimate);
            definitions.insert(id, lir);
            output_types.insert(id, types);
            alive.insert(id);
            lives.insert(id, (time, None));
        }
        while alive.len() > 6 || (!alive.is_empty() && rng.random_ratio(1, 5)) {
            let ids: Vec<_> = alive.iter().copied().collect();
            let id = *ids.choose(&mut rng).unwrap();
            // Sometimes when all is done, sometimes in the midst of it.
            if rng.random() {
                recorder.wait(id, time);
                lives.get_mut(&id).unwrap().1 = Some(time);
            } else {
                lives.remove(&id);
            }
            engine.drop(id).unwrap();
            alive.remove(&id);
        }
        for _ in 0..rng.random_range(1..4) {
            time += rng.random_range(1..4);
            if rng.random_ratio(1, 6) {
                engine.advance(time).unwrap();
            } else {
                let mut batch = Vec::new();
                for (id, types) in &declared {
                    if rng.random_ratio(2, 3) {
                        let updates = updates(&mut rng, types, tables.get_mut(id).unwrap());
                        batch.push((*id, Arc::new(updates)));
                    }
                }
                engine.push(Batch { time, tables: batch }).unwrap();
            }
            moments.insert(time, tables.clone());
        }
    }
    for id in &alive {
        recorder.wait(*id, time);
    }
    for (id, (from, to)) in &lives {
        let mut failing = false;
        for (moment, tables) in moments.range(from..=&to.unwrap_or(time)) {
            let rows = check(seed, workers, *id, *moment, &Moment { tables, views: &definitions }, &recorder);
            seen.healed += usize::from(failing && rows.is_some());
            failing = rows.is_none();
            match rows {
                None => seen.errors += 1,
                Some(0) => seen.nothing += 1,
                Some(_) => seen.rows += 1,
            }
        }
    }
    let mut ids: Vec<_> = alive.into_iter().collect();
    while !ids.is_empty() {
        engine.drop(ids.remove(rng.random_range(0..ids.len()))).unwrap();
    }
    assert_eq!(engine.failed(), None);
    engine.stop();
    recorder.assert_sound();
}

/// A plan with those of the views that it reads.
fn text(lir: &Lir, views: &BTreeMap<CollectionId, Lir>) -> String {
    let mut text = offtake_lir::explain::explain(lir, &|id| id.to_string());
    for id in lir.depends_on() {
        if let Some(view) = views.get(&id) {
            text += &format!("where {id} is\n{}", self::text(view, views));
        }
    }
    text
}

/// Compares a view with its query at one time: how many rows it has, `None` for an error.
fn check(
    seed: u64,
    workers: usize,
    id: CollectionId,
    time: u64,
    moment: &Moment<'_>,
    recorder: &Recorder,
) -> Option<usize> {
    let lir = &moment.views[&id];
    let context = || {
        format!("OFFTAKE_SEED={seed}, {workers} workers, view {id} at {time}:\n{}", text(lir, moment.views))
    };
    let (rows, errors) = recorder.at(id, time);
    assert!(errors.values().all(|count| *count > 0), "negative errors {errors:?}, {}", context());
    match offtake_lir::evaluate(lir, moment) {
        Err(error) => {
            assert!(!errors.is_empty(), "no error, but should have {error:?}, {}", context());
            None
        }
        Ok(expected) => {
            assert!(errors.is_empty(), "errors {errors:?}, {}", context());
            let mut bag = Bag::new();
            expected.into_iter().for_each(|(row, count)| add(&mut bag, row, count));
            assert_eq!(rows, bag, "{}", context());
            Some(rows.len())
        }
    }
}

#[test]
fn views_equal_their_queries_at_every_time() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let rounds = number("OFFTAKE_ROUNDS").unwrap_or(25);
    let mut seen = Seen::default();
    for workers in 1..=3 {
        match number("OFFTAKE_SEED") {
            Some(seed) => history(seed, workers, &mut seen),
            None => {
                let first: u64 = rand::rng().random_range(0..1_000_000_000);
                println!("{workers} workers: seeds {first} to {}", first + rounds - 1);
                (first..first + rounds).for_each(|seed| history(seed, workers, &mut seen));
            }
        }
    }
    println!("{seen:?}");
    if number("OFFTAKE_SEED").is_none() && rounds >= 25 {
        assert!(
            seen.rows > 500 && seen.errors > 50 && seen.healed > 3,
            "the histories are too tame: {seen:?}"
        );
    }
}

fn get(id: u64) -> Lir {
    Lir::Get { id: CollectionId(id) }
}

#[test]
fn calls_out_of_order_are_refused() {
    let recorder = Arc::new(Recorder::default());
    let engine = Engine::start(2, recorder.clone()).unwrap();
    let id = CollectionId;
    let empty = || Arc::new(Frozen { tables: Tables::from([(id(1), Bag::new())]), pause: Duration::ZERO });
    let install = |view, lir, as_of| engine.install(Install { id: id(view), lir, as_of, snapshot: empty() });
    engine.create_table(id(1)).unwrap();
    assert_eq!(engine.create_table(id(1)), Err(EngineError::Duplicate { id: id(1) }));
    assert_eq!(install(2, get(9), 5), Err(EngineError::Unknown { id: id(9) }));
    install(2, get(1), 5).unwrap();
    assert_eq!(engine.now(), 5);
    assert_eq!(install(3, get(1), 4), Err(EngineError::Passed { time: 4, now: 5 }));
    assert_eq!(install(2, get(1), 5), Err(EngineError::Duplicate { id: id(2) }));
    assert_eq!(engine.push(Batch { time: 5, tables: vec![] }), Err(EngineError::Passed { time: 5, now: 5 }));
    // A view of constants can never change.
    install(4, Lir::Constant { rows: vec![(Row::empty(), 3)] }, 5).unwrap();
    recorder.wait(id(4), u64::MAX - 1);
    assert_eq!(recorder.at(id(4), 5).0, Bag::from([(Row::empty(), 3)]));

    // The readers of a dropped table keep what it had; new ones are refused, also through a view.
    let row = Row::pack([offtake_row::Datum::Int(1)]);
    let push = |time| engine.push(Batch { time, tables: vec![(id(1), Arc::new(vec![(row.clone(), 1)]))] });
    push(6).unwrap();
    engine.drop(id(1)).unwrap();
    push(7).unwrap();
    recorder.wait(id(2), 7);
    assert_eq!(recorder.at(id(2), 7).0, Bag::from([(row.clone(), 1)]));
    assert_eq!(install(5, get(2), 7), Err(EngineError::Unknown { id: id(1) }));
    assert_eq!(engine.drop(id(1)), Err(EngineError::Unknown { id: id(1) }));
    recorder.assert_sound();
}

#[test]
fn a_panic_in_a_worker_is_told_and_ends_the_engine() {
    for workers in 1..=2 {
        let recorder = Arc::new(Recorder::panicking());
        let engine = Engine::start(workers, recorder.clone()).unwrap();
        let snapshot = Arc::new(Frozen { tables: Tables::new(), pause: Duration::ZERO });
        let lir = Lir::Constant { rows: vec![(Row::empty(), 1)] };
        engine.install(Install { id: CollectionId(1), lir, as_of: 0, snapshot }).unwrap();
        let reason = recorder.wait_failed();
        assert!(reason.contains("asked to"), "{reason}");
        assert_eq!(engine.failed(), Some(reason.clone()));
        assert_eq!(engine.advance(1), Err(EngineError::Failed { reason }));
        engine.stop();
    }
}
