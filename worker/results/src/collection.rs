//! One table or view at one time: its rows under every index, and its errors.

use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;
use offtake_lir::{Arena, EvalError, equality_key};
use offtake_row::{Row, RowPacker, Type};

/// What an entry takes in a map beside the heap bytes of its rows, measured over bulk-loaded and then randomly updated maps of 56-byte
/// entries.
const ENTRY_BYTES: u64 = 80;

/// A table's or view's rows, with multiplicities, and its errors. Cloning is cheap and shares everything.
#[derive(Clone, Debug)]
pub struct Collection {
    shape: Arc<Shape>,
    /// One map per index of the shape, each with all rows.
    indexes: Vec<OrdMap<Entry, i64>>,
    errors: OrdMap<EvalError, i64>,
    rows: i64,
    error_count: i64,
    /// Rows and errors that are there a negative number of times.
    negative: u64,
    memory: u64,
    /// Why the contents can't be trusted.
    internal: Option<Arc<EvalError>>,
    /// Whether `internal` stays, whatever later updates say.
    lasting: bool,
}

#[derive(Debug)]
struct Shape {
    types: Vec<Type>,
    indexes: Vec<Vec<usize>>,
}

/// Orders rows by their key columns, then by the rest. The key is packed of canonical datums, so that SQL-equal keys are equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: Row,
    row: Row,
}

/// An entry on its way into a map.
struct Update {
    /// The first bytes of what the entry is sorted by, as a number of the same order.
    prefix: u64,
    entry: Entry,
    diff: i64,
}

impl Collection {
    /// An empty collection. `indexes` lists the key columns of each index, the primary one first; without any there is one that orders
    /// whole rows.
    pub(crate) fn new(types: Vec<Type>, mut indexes: Vec<Vec<usize>>) -> Collection {
        if indexes.is_empty() {
            indexes.push(Vec::new());
        }
        let maps = indexes.iter().map(|_| OrdMap::new()).collect();
        Collection {
            shape: Arc::new(Shape { types, indexes }),
            indexes: maps,
            errors: OrdMap::new(),
            rows: 0,
            error_count: 0,
            negative: 0,
            memory: 0,
            internal: None,
            lasting: false,
        }
    }

    /// All rows with their multiplicities, ordered by the packed bytes of the primary index's columns.
    ///
    /// Look at [`Collection::error`] first: with an error the rows are not the answer to anything.
    pub fn scan(&self) -> impl Iterator<Item = (&Row, i64)> + '_ {
        self.indexes[0].iter().map(|(entry, count)| (&entry.row, *count))
    }

    /// The key columns of each index, the primary one first.
    pub fn indexes(&self) -> impl Iterator<Item = &[usize]> + '_ {
        self.shape.indexes.iter().map(Vec::as_slice)
    }

    /// The rows whose `columns` equal the datums of `key` in SQL's sense, through an index whose key columns start with `columns`;
    /// `None` where there is no such index. A NULL in the key finds the rows with NULL there: a caller that means `=` must not ask.
    pub fn lookup(&self, columns: &[usize], key: &Row) -> Option<impl Iterator<Item = (&Row, i64)> + '_> {
        let index = self.shape.indexes.iter().position(|index| index.starts_with(columns))?;
        let mut packer = RowPacker::new();
        let (arena, mut datums) = (Arena::new(), key.iter());
        for column in columns {
            let datum = datums.next().unwrap_or(offtake_row::Datum::Null);
            packer.push(self.shape.canonical(*column, datum, &arena));
        }
        let key = packer.finish();
        // Packed datums delimit themselves: a key that starts with the bytes starts with the datums.
        let start = Entry { key: key.clone(), row: Row::empty() };
        let entries = self.indexes[index].range((Bound::Included(start), Bound::Unbounded));
        Some(
            entries
                .take_while(move |(entry, _)| entry.key.as_bytes().starts_with(key.as_bytes()))
                .map(|(entry, count)| (&entry.row, *count)),
        )
    }

    /// The first of the errors; while there is one, a read must report it instead of rows. An internal one (SQLSTATE XX000) where the
    /// updates did not add up.
    pub fn error(&self) -> Option<&EvalError> {
        self.internal
            .as_deref()
            .or_else(|| self.errors.iter().find(|(_, count)| **count > 0).map(|(error, _)| error))
    }

    /// How many errors there are, counting each as often as it occurs.
    pub fn errors(&self) -> u64 {
        self.error_count.max(0) as u64 + u64::from(self.internal.is_some())
    }

    /// How many rows there are, counting each as often as it occurs.
    pub fn rows(&self) -> u64 {
        self.rows.max(0) as u64
    }

    /// Bytes of memory that the contents take, roughly; what is shared with other versions is counted in each.
    pub fn memory_bytes(&self) -> u64 {
        self.memory
    }

    /// Adds rows, or takes them away where the number is negative.
    pub(crate) fn apply(&mut self, rows: &[(Row, i64)]) {
        for index in 0..self.indexes.len() {
            let updates = self.shape.updates(index, rows);
            self.apply_index(index, updates);
        }
        self.judge();
    }

    pub(crate) fn apply_errors(&mut self, errors: Vec<(EvalError, i64)>) {
        for (error, diff) in errors {
            let before = self.errors.get(&error).copied().unwrap_or(0);
            let after = before.saturating_add(diff);
            self.count(before, after);
            self.error_count += after.max(0) - before.max(0);
            if after == 0 {
                self.errors.remove(&error);
            } else {
                self.errors.insert(error, after);
            }
        }
        self.judge();
    }

    /// Marks the contents as not to be trusted, for good.
    pub(crate) fn distrust(&mut self, why: String) {
        if !self.lasting {
            self.internal = Some(Arc::new(EvalError::internal(why)));
            self.lasting = true;
        }
    }

    fn apply_index(&mut self, index: usize, updates: Vec<Update>) {
        // A node of the maps is split in halves when it overflows. First away with what goes, so that an UPDATE (one row out, one with
        // the same key in) does not overflow a full leaf. Then every second of the new rows, then the others: ascending insertion leaves
        // the leaves half full, and the second round fills the halves up. Both keep the memory at half of what the plain order needs.
        let mut second = Vec::with_capacity(updates.len() / 2);
        let mut first = Vec::with_capacity(updates.len() / 2 + 1);
        for Update { entry, diff, .. } in updates {
            if diff < 0 {
                self.change(index, entry, diff);
            } else if first.len() == second.len() {
                first.push((entry, diff));
            } else {
                second.push((entry, diff));
            }
        }
        for (entry, diff) in first.into_iter().chain(second) {
            self.change(index, entry, diff);
        }
    }

    fn change(&mut self, index: usize, entry: Entry, diff: i64) {
        let map = &mut self.indexes[index];
        let size = ENTRY_BYTES
            + entry.key.heap_bytes() as u64
            + if index == 0 { entry.row.heap_bytes() as u64 } else { 0 };
        // One descent where the row was not there, or goes away altogether; a second one where its number changes.
        let before = if diff > 0 { map.insert(entry.clone(), diff) } else { map.remove(&entry) };
        let (before, after) = (before.unwrap_or(0), before.unwrap_or(0).saturating_add(diff));
        if after == 0 {
            if diff > 0 {
                map.remove(&entry);
            }
        } else if diff < 0 || before != 0 {
            map.insert(entry, after);
        }
        match (before, after) {
            (0, _) => self.memory += size,
            (_, 0) => self.memory = self.memory.saturating_sub(size),
            _ => {}
        }
        if index == 0 {
            self.count(before, after);
            self.rows += after.max(0) - before.max(0);
        }
    }

    fn count(&mut self, before: i64, after: i64) {
        match (before < 0, after < 0) {
            (false, true) => self.negative += 1,
            (true, false) => self.negative = self.negative.saturating_sub(1),
            _ => {}
        }
    }

    /// Sets or takes back the internal error for rows that are there less than not at all.
    fn judge(&mut self) {
        if self.lasting || (self.negative > 0) == self.internal.is_some() {
            return;
        }
        self.internal = (self.negative > 0).then(|| {
            Arc::new(EvalError::internal(
                "the maintained rows do not add up: a row was removed that was not there",
            ))
        });
    }
}

impl Shape {
    fn canonical<'a>(
        &self,
        column: usize,
        datum: offtake_row::Datum<'a>,
        arena: &'a Arena,
    ) -> offtake_row::Datum<'a> {
        match self.types.get(column) {
            Some(ty) => equality_key(*ty, datum, arena),
            None => datum,
        }
    }

    /// The updates of one index: sorted, each entry once, without those that cancel out.
    fn updates(&self, index: usize, rows: &[(Row, i64)]) -> Vec<Update> {
        let columns = &self.indexes[index];
        let mut packer = RowPacker::new();
        let mut updates = Vec::with_capacity(rows.len());
        let mut arena = Arena::new();
        for (row, diff) in rows {
            arena.reset();
            let mut datums = row.iter();
            let mut at = 0;
            for column in columns {
                if *column < at {
                    datums = row.iter();
                    at = 0;
                }
                let datum = datums.nth(column - at).unwrap_or(offtake_row::Datum::Null);
                at = column + 1;
                packer.push(self.canonical(*column, datum, &arena));
            }
            let key = packer.finish();
            let leading = if columns.is_empty() { row.as_bytes() } else { key.as_bytes() };
            let mut prefix = [0; 8];
            let known = leading.len().min(8);
            prefix[..known].copy_from_slice(&leading[..known]);
            updates.push(Update {
                prefix: u64::from_be_bytes(prefix),
                entry: Entry { key, row: row.clone() },
                diff: *diff,
            });
        }
        updates.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| a.entry.cmp(&b.entry)));
        updates.dedup_by(|later, first| {
            let same = later.prefix == first.prefix && later.entry == first.entry;
            if same {
                first.diff = first.diff.saturating_add(later.diff);
            }
            same
        });
        updates.retain(|update| update.diff != 0);
        updates
    }
}
