//! The changes of one batch on top of the store, not written yet.
//!
//! Every key that the batch touches has its row before the batch and its row now. What is written and what is handed on is the
//! difference of the two, so a row changed ten times in a batch costs one write and one update. A big transaction hands its changes on
//! in pieces before it is written ([`Staged::hand_on`]); then there is a third state between the two, the one handed on last.
//! Pure but for the [`Before`] look-ups.

use std::{borrow::Cow, collections::HashMap};

use foldhash::fast::RandomState;
use offtake_row::Row;

/// Rows as they were before the batch: the store.
pub trait Before {
    type Error;
    /// A stored value.
    type Bytes: std::ops::Deref<Target = [u8]>;

    /// The value kept under a key.
    fn get(&self, table: u64, key: &[u8]) -> Result<Option<Self::Bytes>, Self::Error>;

    /// Every key and value of a table.
    fn scan(&self, table: u64, f: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Self::Error>;
}

/// One table's changes.
#[derive(Debug, Default)]
struct TableChanges {
    /// What was not handed on yet; `before` is what was handed on last, or else stored. Keyed tables: key → row. Tables without a key:
    /// row → count.
    entries: Entries,
    /// What was handed on; `before` is what is stored.
    handed_on: Entries,
}

type Entries = HashMap<Row, Entry, RandomState>;

#[derive(Debug)]
struct Entry {
    before: Option<Value>,
    now: Option<Value>,
}

/// What a key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Row(Row),
    /// A table without a key is a bag: the key is the row itself and the value its multiplicity.
    Count(u64),
}

/// A change that does not fit what is stored: something was missed. The table must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// An UPDATE or DELETE of a key that is not there.
    MissingRow,
    /// An INSERT of a key, or an UPDATE to a key, that is there already.
    DuplicateKey,
    /// An UPDATE without the old row in a table that has no key.
    NoOldRow,
    /// A change under a description that does not fit the table.
    Undescribed,
    /// The stored bytes are not what this version writes.
    UnreadableCount,
}

/// A write to the store: a value, or its removal.
pub struct Write<'a> {
    pub table: u64,
    pub key: &'a [u8],
    pub value: Option<Cow<'a, [u8]>>,
}

/// The changes of one batch, all tables.
#[derive(Debug, Default)]
pub struct Staged {
    tables: HashMap<u64, TableChanges, RandomState>,
    /// Row changes taken in, counting each insert, update and delete once.
    changes: u64,
    /// As many of them are handed on.
    handed_on: u64,
}

/// Row updates by table: rows that went with -1, rows that came with +1 (or their counts).
pub type Updates = Vec<(u64, Vec<(Row, i64)>)>;

/// The place of one key of a table with a key.
pub struct Slot<'a> {
    entry: &'a mut Entry,
    changes: &'a mut u64,
}

impl Slot<'_> {
    /// The row under the key as the batch has it so far.
    pub fn row(&self) -> Option<&Row> {
        match &self.entry.now {
            Some(Value::Row(row)) => Some(row),
            _ => None,
        }
    }

    /// Sets or removes the row.
    pub fn set(&mut self, row: Option<Row>) {
        self.entry.now = row.map(Value::Row);
        *self.changes += 1;
    }
}

impl Staged {
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Drops what was staged for one table (it stopped, or it was removed).
    pub fn forget(&mut self, table: u64) {
        self.tables.remove(&table);
    }

    /// How many changes were not handed on yet.
    pub fn waiting(&self) -> u64 {
        self.changes - self.handed_on
    }

    /// The place of a key; looked up in the store where the batch did not touch it before.
    pub fn slot<B: Before>(&mut self, before: &B, table: u64, key: Row) -> Result<Slot<'_>, B::Error> {
        let entry = entry(&mut self.tables, before, table, key, false)?;
        Ok(Slot { entry, changes: &mut self.changes })
    }

    /// Adds `delta` occurrences of a row to a table without a key.
    pub fn add<B: Before>(
        &mut self,
        before: &B,
        table: u64,
        row: &Row,
        delta: i64,
    ) -> Result<Result<(), Mismatch>, B::Error> {
        let entry = entry(&mut self.tables, before, table, row.clone(), true)?;
        let count = match &entry.now {
            Some(Value::Count(count)) => *count,
            Some(Value::Row(_)) => return Ok(Err(Mismatch::UnreadableCount)),
            None => 0,
        };
        let Some(count) = count.checked_add_signed(delta) else { return Ok(Err(Mismatch::MissingRow)) };
        entry.now = (count > 0).then_some(Value::Count(count));
        self.changes += 1;
        Ok(Ok(()))
    }

    /// Removes every row of a table. `bag` says that the table has no key.
    pub fn truncate<B: Before>(&mut self, before: &B, table: u64, bag: bool) -> Result<(), B::Error> {
        let TableChanges { entries, handed_on } = self.tables.entry(table).or_default();
        for entry in entries.values_mut() {
            entry.now = None;
        }
        for (key, entry) in &*handed_on {
            let gone = || Entry { before: entry.now.clone(), now: None };
            entries.entry(key.clone()).or_insert_with(gone);
        }
        before.scan(table, &mut |key, value| {
            entries
                .entry(Row::from_bytes(key))
                .or_insert_with(|| Entry { before: Value::read(value, bag), now: None });
        })?;
        self.changes += 1;
        Ok(())
    }

    /// Calls `f` for everything that must be written so that the store is as the batch left it. Everything must be handed on before.
    pub fn writes<'a>(&'a self, mut f: impl FnMut(Write<'a>)) {
        debug_assert_eq!(self.waiting(), 0, "what readers are not told of is not written");
        for (&table, changes) in &self.tables {
            let mut changed: Vec<_> = [&changes.entries, &changes.handed_on]
                .into_iter()
                .flatten()
                .filter(|(_, entry)| entry.before != entry.now)
                .collect();
            // The store takes keys in order far faster than in a hash map's order.
            changed.sort_unstable_by_key(|(a, _)| *a);
            for (key, entry) in changed {
                f(Write { table, key: key.as_bytes(), value: entry.now.as_ref().map(Value::write) });
            }
        }
    }

    /// The row updates since the last call, of which more may follow before the batch is written.
    pub fn hand_on(&mut self) -> Updates {
        self.updates(true)
    }

    /// The row updates since the last [`Staged::hand_on`]; the batch is complete.
    pub fn hand_on_last(&mut self) -> Updates {
        self.updates(false)
    }

    fn updates(&mut self, more: bool) -> Updates {
        self.handed_on = self.changes;
        let mut all = Updates::new();
        for (&table, TableChanges { entries, handed_on }) in &mut self.tables {
            let mut updates = Vec::with_capacity(entries.len());
            for (key, entry) in entries.iter().filter(|(_, entry)| entry.before != entry.now) {
                for (value, sign) in [(&entry.before, -1), (&entry.now, 1)] {
                    match value {
                        Some(Value::Row(row)) => updates.push((row.clone(), sign)),
                        Some(Value::Count(count)) => {
                            updates.push((key.clone(), sign * i64::try_from(*count).unwrap_or(i64::MAX)));
                        }
                        None => {}
                    }
                }
            }
            if more || !handed_on.is_empty() {
                handed_on.reserve(entries.len());
                for (key, entry) in entries.drain() {
                    use std::collections::hash_map::Entry as Place;
                    match handed_on.entry(key) {
                        Place::Occupied(mut place) => place.get_mut().now = entry.now,
                        Place::Vacant(place) => {
                            place.insert(entry);
                        }
                    }
                }
            }
            if !updates.is_empty() {
                all.push((table, updates));
            }
        }
        all
    }
}

/// The entry of a key: the batch's own, or else what was handed on, or else what is stored.
fn entry<'a, B: Before>(
    tables: &'a mut HashMap<u64, TableChanges, RandomState>,
    before: &B,
    table: u64,
    key: Row,
    bag: bool,
) -> Result<&'a mut Entry, B::Error> {
    use std::collections::hash_map::Entry as Place;
    let TableChanges { entries, handed_on } = tables.entry(table).or_default();
    Ok(match entries.entry(key) {
        Place::Occupied(place) => place.into_mut(),
        Place::Vacant(place) => {
            let value = match handed_on.get(place.key()) {
                Some(known) => known.now.clone(),
                None => before.get(table, place.key().as_bytes())?.and_then(|value| Value::read(&value, bag)),
            };
            place.insert(Entry { before: value.clone(), now: value })
        }
    })
}

impl Value {
    fn read(bytes: &[u8], bag: bool) -> Option<Value> {
        if bag { read_count(bytes).map(Value::Count) } else { Some(Value::Row(Row::from_bytes(bytes))) }
    }

    fn write(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Row(row) => Cow::Borrowed(row.as_bytes()),
            Value::Count(count) => Cow::Owned(count.to_le_bytes().to_vec()),
        }
    }
}

/// Reads the multiplicity that is stored for a row of a table without a key.
pub fn read_count(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use offtake_row::Datum;

    use super::*;

    #[derive(Default)]
    struct Memory(BTreeMap<(u64, Vec<u8>), Vec<u8>>);

    impl Before for Memory {
        type Error = std::convert::Infallible;
        type Bytes = Vec<u8>;

        fn get(&self, table: u64, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error> {
            Ok(self.0.get(&(table, key.to_vec())).cloned())
        }

        fn scan(&self, table: u64, f: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Self::Error> {
            self.0.iter().filter(|((t, _), _)| *t == table).for_each(|((_, key), value)| f(key, value));
            Ok(())
        }
    }

    fn apply(memory: &mut Memory, mut staged: Staged) -> Updates {
        let updates = staged.hand_on_last();
        staged.writes(|write| {
            let key = (write.table, write.key.to_vec());
            match write.value {
                Some(value) => memory.0.insert(key, value.into_owned()),
                None => memory.0.remove(&key),
            };
        });
        updates
    }

    fn set(staged: &mut Staged, memory: &Memory, key: &[i64], now: Option<Row>) {
        staged.slot(memory, 1, row(key)).unwrap().set(now);
    }

    fn row(values: &[i64]) -> Row {
        Row::pack(values.iter().map(|value| Datum::Int(*value)))
    }

    #[test]
    fn a_batch_hands_on_only_the_difference() {
        let mut memory = Memory::default();
        let mut staged = Staged::default();
        set(&mut staged, &memory, &[1], Some(row(&[1, 10])));
        set(&mut staged, &memory, &[1], Some(row(&[1, 11])));
        set(&mut staged, &memory, &[2], Some(row(&[2, 20])));
        set(&mut staged, &memory, &[2], None);
        assert_eq!(apply(&mut memory, staged), vec![(1, vec![(row(&[1, 11]), 1)])]);

        let mut staged = Staged::default();
        assert_eq!(staged.slot(&memory, 1, row(&[1])).unwrap().row(), Some(&row(&[1, 11])));
        staged.truncate(&memory, 1, false).unwrap();
        assert_eq!(staged.slot(&memory, 1, row(&[1])).unwrap().row(), None);
        set(&mut staged, &memory, &[3], Some(row(&[3, 30])));
        let mut updates = apply(&mut memory, staged);
        updates[0].1.sort();
        let mut expected = vec![(row(&[1, 11]), -1), (row(&[3, 30]), 1)];
        expected.sort();
        assert_eq!(updates, vec![(1, expected)]);
        assert_eq!(memory.0.len(), 1);
    }

    /// However often a batch is handed on: the updates add up to the same, and the store is the same.
    #[test]
    fn pieces_add_up_to_the_whole() {
        for pieces in 0..256u32 {
            let mut memory = Memory::default();
            let mut first = Staged::default();
            (0..3).for_each(|key| set(&mut first, &memory, &[key], Some(row(&[key, 0]))));
            apply(&mut memory, first);
            let before = memory.0.clone();

            let mut staged = Staged::default();
            let mut sum = BTreeMap::<Row, i64>::new();
            let mut add = |updates: Updates| {
                for (row, diff) in updates.into_iter().flat_map(|(_, rows)| rows) {
                    *sum.entry(row).or_default() += diff;
                }
            };
            for step in 0..8i64 {
                match step {
                    0 => set(&mut staged, &memory, &[3], Some(row(&[3, 1]))),
                    1 => set(&mut staged, &memory, &[0], Some(row(&[0, 2]))),
                    2 => set(&mut staged, &memory, &[3], None),
                    3 => set(&mut staged, &memory, &[1], None),
                    4 if pieces % 3 == 0 => staged.truncate(&memory, 1, false).unwrap(),
                    5 => set(&mut staged, &memory, &[1], Some(row(&[1, 5]))),
                    6 => set(&mut staged, &memory, &[0], Some(row(&[0, 0]))),
                    _ => set(&mut staged, &memory, &[4 + step], Some(row(&[step, step]))),
                }
                if pieces >> step & 1 == 1 {
                    add(staged.hand_on());
                    assert_eq!(staged.waiting(), 0);
                }
            }
            add(apply(&mut memory, staged));
            let mut expected = BTreeMap::<Row, i64>::new();
            before.values().for_each(|value| *expected.entry(Row::from_bytes(value)).or_default() -= 1);
            memory.0.values().for_each(|value| *expected.entry(Row::from_bytes(value)).or_default() += 1);
            sum.retain(|_, diff| *diff != 0);
            expected.retain(|_, diff| *diff != 0);
            assert_eq!(sum, expected, "pieces {pieces:b}");
        }
    }

    #[test]
    fn a_bag_counts_and_notices_what_it_never_saw() {
        let mut memory = Memory::default();
        let mut staged = Staged::default();
        for _ in 0..3 {
            staged.add(&memory, 7, &row(&[5]), 1).unwrap().unwrap();
        }
        assert_eq!(apply(&mut memory, staged), vec![(7, vec![(row(&[5]), 3)])]);

        let mut staged = Staged::default();
        staged.add(&memory, 7, &row(&[5]), -1).unwrap().unwrap();
        assert_eq!(staged.add(&memory, 7, &row(&[6]), -1).unwrap(), Err(Mismatch::MissingRow));
        assert_eq!(apply(&mut memory, staged), vec![(7, vec![(row(&[5]), -3), (row(&[5]), 2)])]);
    }
}
