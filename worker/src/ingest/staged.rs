//! The changes of one batch on top of the store, not written yet.
//!
//! Every key that the batch touches has its row before the batch and its row now. What is written and what is handed on is the
//! difference of the two, so a row changed ten times in a batch costs one write and one update. Pure but for the [`Before`] look-ups.

use std::collections::HashMap;

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
    /// Keyed tables: key → row. Tables without a key: row → count.
    entries: HashMap<Row, Entry>,
}

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
    /// The stored bytes are not what this version writes.
    UnreadableCount,
}

/// A write to the store: a value, or its removal.
pub struct Write<'a> {
    pub table: u64,
    pub key: &'a [u8],
    pub value: Option<Vec<u8>>,
}

/// The changes of one batch, all tables.
#[derive(Debug, Default)]
pub struct Staged {
    tables: HashMap<u64, TableChanges>,
    /// Row changes taken in, counting each insert, update and delete once.
    changes: u64,
}

impl Staged {
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Drops what was staged for one table (it stopped, or it was removed).
    pub fn forget(&mut self, table: u64) {
        self.tables.remove(&table);
    }

    /// The row under a key as the batch has it so far.
    pub fn row<B: Before>(&mut self, before: &B, table: u64, key: &Row) -> Result<Option<Row>, B::Error> {
        let entry = self.entry(before, table, key, false)?;
        Ok(match &entry.now {
            Some(Value::Row(row)) => Some(row.clone()),
            _ => None,
        })
    }

    /// Sets or removes the row under a key.
    pub fn set<B: Before>(
        &mut self,
        before: &B,
        table: u64,
        key: &Row,
        row: Option<Row>,
    ) -> Result<(), B::Error> {
        self.entry(before, table, key, false)?.now = row.map(Value::Row);
        self.changes += 1;
        Ok(())
    }

    /// Adds `delta` occurrences of a row to a table without a key.
    pub fn add<B: Before>(
        &mut self,
        before: &B,
        table: u64,
        row: &Row,
        delta: i64,
    ) -> Result<Result<(), Mismatch>, B::Error> {
        let entry = self.entry(before, table, row, true)?;
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
        let entries = &mut self.tables.entry(table).or_default().entries;
        for entry in entries.values_mut() {
            entry.now = None;
        }
        before.scan(table, &mut |key, value| {
            entries
                .entry(Row::from_bytes(key))
                .or_insert_with(|| Entry { before: Value::read(value, bag), now: None });
        })?;
        self.changes += 1;
        Ok(())
    }

    fn entry<B: Before>(
        &mut self,
        before: &B,
        table: u64,
        key: &Row,
        bag: bool,
    ) -> Result<&mut Entry, B::Error> {
        use std::collections::hash_map::Entry as Slot;
        Ok(match self.tables.entry(table).or_default().entries.entry(key.clone()) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                let value = before.get(table, key.as_bytes())?.and_then(|value| Value::read(&value, bag));
                slot.insert(Entry { before: value.clone(), now: value })
            }
        })
    }

    /// Calls `f` for everything that must be written so that the store is as the batch left it.
    pub fn writes<'a>(&'a self, mut f: impl FnMut(Write<'a>)) {
        for (&table, changes) in &self.tables {
            let mut changed: Vec<_> =
                changes.entries.iter().filter(|(_, entry)| entry.before != entry.now).collect();
            // The store takes keys in order far faster than in a hash map's order.
            changed.sort_unstable_by_key(|(a, _)| *a);
            for (key, entry) in changed {
                f(Write { table, key: key.as_bytes(), value: entry.now.as_ref().map(Value::write) });
            }
        }
    }

    /// Turns the batch into row updates by table: rows that went with -1, rows that came with +1 (or their counts).
    pub fn into_updates(self) -> Vec<(u64, Vec<(Row, i64)>)> {
        self.tables
            .into_iter()
            .filter_map(|(table, changes)| {
                let mut updates = Vec::with_capacity(changes.entries.len() * 2);
                for (key, entry) in changes.entries {
                    if entry.before == entry.now {
                        continue;
                    }
                    for (value, sign) in [(entry.before, -1), (entry.now, 1)] {
                        match value {
                            Some(Value::Row(row)) => updates.push((row, sign)),
                            Some(Value::Count(count)) => {
                                updates.push((key.clone(), sign * i64::try_from(count).unwrap_or(i64::MAX)));
                            }
                            None => {}
                        }
                    }
                }
                (!updates.is_empty()).then_some((table, updates))
            })
            .collect()
    }
}

impl Value {
    fn read(bytes: &[u8], bag: bool) -> Option<Value> {
        if bag { read_count(bytes).map(Value::Count) } else { Some(Value::Row(Row::from_bytes(bytes))) }
    }

    fn write(&self) -> Vec<u8> {
        match self {
            Value::Row(row) => row.as_bytes().to_vec(),
            Value::Count(count) => count.to_le_bytes().to_vec(),
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

    fn apply(memory: &mut Memory, staged: Staged) -> Vec<(u64, Vec<(Row, i64)>)> {
        staged.writes(|write| {
            let key = (write.table, write.key.to_vec());
            match write.value {
                Some(value) => memory.0.insert(key, value),
                None => memory.0.remove(&key),
            };
        });
        staged.into_updates()
    }

    fn row(values: &[i64]) -> Row {
        Row::pack(values.iter().map(|value| Datum::Int(*value)))
    }

    #[test]
    fn a_batch_hands_on_only_the_difference() {
        let mut memory = Memory::default();
        let mut staged = Staged::default();
        staged.set(&memory, 1, &row(&[1]), Some(row(&[1, 10]))).unwrap();
        staged.set(&memory, 1, &row(&[1]), Some(row(&[1, 11]))).unwrap();
        staged.set(&memory, 1, &row(&[2]), Some(row(&[2, 20]))).unwrap();
        staged.set(&memory, 1, &row(&[2]), None).unwrap();
        assert_eq!(apply(&mut memory, staged), vec![(1, vec![(row(&[1, 11]), 1)])]);

        let mut staged = Staged::default();
        assert_eq!(staged.row(&memory, 1, &row(&[1])).unwrap(), Some(row(&[1, 11])));
        staged.truncate(&memory, 1, false).unwrap();
        assert_eq!(staged.row(&memory, 1, &row(&[1])).unwrap(), None);
        staged.set(&memory, 1, &row(&[3]), Some(row(&[3, 30]))).unwrap();
        let mut updates = apply(&mut memory, staged);
        updates[0].1.sort();
        let mut expected = vec![(row(&[1, 11]), -1), (row(&[3, 30]), 1)];
        expected.sort();
        assert_eq!(updates, vec![(1, expected)]);
        assert_eq!(memory.0.len(), 1);
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
