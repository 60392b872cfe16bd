//! Shared indexes: arrangements that one dataflow exports and others import.

use differential_dataflow::{
    operators::arrange::{Arranged, ShutdownButton},
    trace::wrappers::frontier::TraceFrontier,
};
use offtake_row::Row;
use timely::{
    dataflow::{
        ProbeHandle, Scope,
        operators::{CapabilitySet, Probe},
    },
    progress::Antichain,
};

use super::{
    Bundle, Collection, Rows, arrange, err_mark,
    map::{fallible, fallible_or},
};
use crate::{command::Key, host};

/// A shared index as its dataflow exports it.
pub(crate) struct Index {
    rows: Rows,
    /// What has no place by the key: rows whose key meets nothing, and errors (marked).
    others: Rows,
}

impl Index {
    /// Arranges a collection by a key.
    pub fn new(bundle: Bundle<'_>, key: &Key, probe: &ProbeHandle<u64>) -> Index {
        let mut key = key.evaluator();
        let (rows, others) = fallible_or("Index key", bundle.oks, move |row: Row, diff| match key.of(&row) {
            Ok(Some(key)) => Ok(Some(((key, row), diff))),
            Ok(None) => Err((row, Row::empty())),
            Err(error) => Err((error.to_row(), err_mark())),
        });
        let rows = arrange(rows, "Index");
        rows.stream.probe_with(probe);
        let errors = bundle.errs.map(|error| (error, err_mark()));
        let others = arrange(others.concat(errors), "Index, others");
        others.stream.probe_with(probe);
        Index { rows: rows.trace, others: others.trace }
    }

    /// Forgets the difference of times before `since`.
    pub fn compact(&mut self, since: u64) {
        host::compact(&mut self.rows, since);
        host::compact(&mut self.others, since);
    }
}

/// An index in a dataflow that uses it.
pub(crate) struct Import<'s> {
    /// Rows by their key.
    pub rows: Arranged<'s, TraceFrontier<Rows>>,
    /// Rows whose key meets nothing.
    pub strays: Collection<'s, Row>,
    pub errors: Collection<'s, Row>,
}

impl<'s> Import<'s> {
    /// Brings an index into a dataflow, as it is from `as_of` on.
    pub fn new(
        index: &mut Index,
        scope: Scope<'s, u64>,
        as_of: u64,
        buttons: &mut Vec<ShutdownButton<CapabilitySet<u64>>>,
    ) -> Import<'s> {
        let mut import = |trace: &mut Rows| {
            let since = Antichain::from_elem(as_of);
            let (arranged, button) = trace.import_frontier_core(scope, "Import", since, Antichain::new());
            buttons.push(button);
            arranged
        };
        let rows = import(&mut index.rows);
        let others = import(&mut index.others).as_collection(|record, mark| (record.clone(), mark.clone()));
        let (strays, errors) = fallible("Others", others, |(record, mark): (Row, Row), diff| {
            if mark.as_bytes().is_empty() { Ok(Some((record, diff))) } else { Err(record) }
        });
        Import { rows, strays, errors }
    }

    /// All rows of the index's collection.
    pub fn all(&self) -> Collection<'s, Row> {
        self.rows.clone().as_collection(|_, row| row.clone()).concat(self.strays.clone())
    }

    /// The index's collection.
    pub fn bundle(&self) -> Bundle<'s> {
        Bundle { oks: self.all(), errs: self.errors.clone() }
    }
}
