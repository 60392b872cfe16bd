//! A writer whose every step follows from its number, and the model that says what the store must hold after it.

use std::collections::BTreeMap;

use offtake_store::{Options, Store, StoreError, TableId, WriteBatch};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Always there.
const TABLES: u64 = 3;
/// Comes and goes.
const GUEST: u64 = 9;

type Row = (Vec<u8>, Vec<u8>);
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    pub rows: Rows,
    pub pending: BTreeMap<u64, Vec<u8>>,
}

/// What the store holds after `step` steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub step: u64,
    pub tables: BTreeMap<u64, Contents>,
}

/// Small limits, so that memtables are written out, files are merged and journals are rotated within a second.
pub fn options() -> Options {
    Options {
        cache_bytes: 4 << 20,
        memtable_bytes: 512 << 10,
        write_buffer_bytes: 1 << 20,
        journal_bytes: 64 << 20,
        load_chunk_bytes: 64 << 10,
        reserve_bytes: 0,
    }
}

enum Change {
    Put(u64, Vec<u8>, Vec<u8>),
    Delete(u64, Vec<u8>),
    Clear(u64),
    AppendPending(u64, u64, Vec<u8>),
    ClearPending(u64),
}

struct Step {
    create: bool,
    drop: bool,
    /// A table to load, and its new rows.
    load: Option<(u64, Vec<Row>)>,
    changes: Vec<Change>,
}

fn row(random: &mut StdRng) -> Row {
    let value = random.random_range(0..1500);
    (key(random), vec![random.random(); value])
}

fn key(random: &mut StdRng) -> Vec<u8> {
    let number: u32 = random.random_range(0..3000);
    let mut key = number.to_le_bytes().to_vec();
    key.resize(4 + (number % 20) as usize, b'.');
    key
}

impl Step {
    fn of(seed: u64, number: u64) -> Step {
        let mut random = StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let random = &mut random;
        let guest = number / 50 % 2 == 1;
        let tables: Vec<u64> = if guest { vec![1, 2, 3, GUEST] } else { vec![1, 2, 3] };
        let mut step = Step {
            create: number % 100 == 50,
            drop: number.is_multiple_of(100),
            load: None,
            changes: Vec::new(),
        };
        if random.random_ratio(1, 40) {
            let table = tables[random.random_range(0..tables.len())];
            let count = random.random_range(0..600);
            step.load = Some((table, (0..count).map(|_| row(random)).collect()));
        }
        let count = if random.random_ratio(1, 20) { 2000 } else { random.random_range(0..12) };
        for _ in 0..count {
            let table = tables[random.random_range(0..tables.len())];
            step.changes.push(match random.random_range(0..1000) {
                0 => Change::Clear(table),
                1 => Change::ClearPending(table),
                2..200 => {
                    let (_, value) = row(random);
                    Change::AppendPending(table, random.random_range(0..5000), value)
                }
                200..500 => Change::Delete(table, key(random)),
                _ => {
                    let (key, value) = row(random);
                    Change::Put(table, key, value)
                }
            });
        }
        step
    }
}

impl Model {
    pub fn advance(&mut self, seed: u64, to: u64) {
        for table in 1..=TABLES {
            self.tables.entry(table).or_default();
        }
        while self.step < to {
            self.step += 1;
            let step = Step::of(seed, self.step);
            if step.drop {
                self.tables.remove(&GUEST);
            }
            if step.create {
                self.tables.entry(GUEST).or_default();
            }
            if let Some((table, rows)) = step.load {
                self.table(table).rows = rows.into_iter().collect();
            }
            for change in step.changes {
                match change {
                    Change::Put(table, key, value) => drop(self.table(table).rows.insert(key, value)),
                    Change::Delete(table, key) => drop(self.table(table).rows.remove(&key)),
                    Change::Clear(table) => self.table(table).rows.clear(),
                    Change::AppendPending(table, sequence, value) => {
                        self.table(table).pending.insert(sequence, value);
                    }
                    Change::ClearPending(table) => self.table(table).pending.clear(),
                }
            }
        }
    }

    fn table(&mut self, table: u64) -> &mut Contents {
        self.tables.get_mut(&table).expect("the step names tables that are there")
    }
}

/// The number of the last step that the store holds.
pub fn position(store: &Store) -> Result<u64, StoreError> {
    Ok(store.meta("step")?.map_or(0, |value| u64::from_be_bytes((&*value).try_into().expect("eight bytes"))))
}

pub fn prepare(store: &Store) -> Result<(), StoreError> {
    (1..=TABLES).try_for_each(|table| store.create_table(TableId(table)))
}

/// Does one step. Creating and dropping the guest are steps of their own in the store, repeated after a crash between.
pub fn perform(store: &Store, seed: u64, number: u64) -> Result<(), StoreError> {
    let step = Step::of(seed, number);
    if step.drop {
        store.drop_table(TableId(GUEST))?;
    }
    if step.create {
        store.create_table(TableId(GUEST))?;
    }
    let mut batch = WriteBatch::new();
    batch.put_meta("step", number.to_be_bytes());
    for change in step.changes {
        match change {
            Change::Put(table, key, value) => batch.put(TableId(table), key, value),
            Change::Delete(table, key) => batch.delete(TableId(table), key),
            Change::Clear(table) => batch.clear(TableId(table)),
            Change::AppendPending(table, sequence, value) => {
                batch.append_pending(TableId(table), sequence, value)
            }
            Change::ClearPending(table) => batch.clear_pending(TableId(table)),
        }
    }
    match step.load {
        None => store.write(batch),
        Some((table, rows)) => {
            let mut loader = store.load(TableId(table))?;
            for (key, value) in rows {
                loader.add(&key, &value)?;
            }
            loader.finish_with(batch).map(drop)
        }
    }
}

/// Reads the whole store.
pub fn read(store: &Store) -> Result<Model, StoreError> {
    let mut model = Model { step: position(store)?, ..Model::default() };
    for table in store.tables() {
        let mut contents = Contents::default();
        for row in store.scan(table)? {
            let (key, value) = row?;
            contents.rows.insert(key.to_vec(), value.to_vec());
        }
        for change in store.pending(table)? {
            let (sequence, value) = change?;
            contents.pending.insert(sequence, value.to_vec());
        }
        model.tables.insert(table.0, contents);
    }
    Ok(model)
}

/// Panics with few words where the two differ, rather than with megabytes of rows.
pub fn compare(seed: u64, stored: &Model, expected: &Model) {
    assert_eq!(stored.step, expected.step, "seed {seed}");
    let names = |model: &Model| model.tables.keys().copied().collect::<Vec<_>>();
    assert_eq!(names(stored), names(expected), "seed {seed}, step {}", stored.step);
    for (table, contents) in &stored.tables {
        let wanted = &expected.tables[table];
        let keys = contents.rows.keys().chain(wanted.rows.keys());
        let wrong = keys.filter(|key| contents.rows.get(*key) != wanted.rows.get(*key)).count();
        assert_eq!(wrong, 0, "seed {seed}, step {}, table {table}: rows differ", stored.step);
        assert!(
            contents.pending == wanted.pending,
            "seed {seed}, step {}, table {table}: pending",
            stored.step
        );
    }
}
