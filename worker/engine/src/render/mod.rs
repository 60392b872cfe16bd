//! Plans to dataflows. Straight-line: every choice is in the plan.
//!
//! One row type and, where it can be, one arrangement type hold the number of compiled operators down.

mod group;
mod join;
mod map;
mod order;
mod reduce;

use std::collections::BTreeMap;

use differential_dataflow::{
    AsCollection, ExchangeData, VecCollection,
    difference::Semigroup,
    operators::arrange::{Arranged, ShutdownButton, TraceAgent},
    trace::{
        implementations::{ValBatcher, ValSpine},
        wrappers::frontier::TraceFrontier,
    },
};
use offtake_lir::Scalar;
use offtake_row::{Datum, Row};
use timely::{
    dataflow::{
        ProbeHandle, Scope,
        operators::{CapabilitySet, Probe, ToStream},
    },
    progress::Antichain,
};

use crate::{
    command::{CollectionKey, DataflowId, Plan},
    host,
};

pub(crate) type Collection<'s, D, R = i64> = VecCollection<'s, u64, D, R>;
/// An arrangement's trace: key, value, and how often.
pub(crate) type Trace<R> = TraceAgent<ValSpine<Row, Row, u64, R>>;
/// The trace of an index: the value is the whole row.
pub(crate) type Rows = Trace<i64>;

/// A collection in its two halves.
#[derive(Clone)]
pub(crate) struct Bundle<'s> {
    pub oks: Collection<'s, Row>,
    /// Errors, as rows: [`offtake_lir::EvalError::to_row`].
    pub errs: Collection<'s, Row>,
}

/// Tells errors from rows where both are in one arrangement.
pub(crate) fn err_mark() -> Row {
    Row::pack([Datum::Bool(true)])
}

/// Arranges by key, distributed over the workers by the key's hash.
pub(crate) fn arrange<'s, R: ExchangeData + Semigroup>(
    input: Collection<'s, (Row, Row), R>,
    name: &str,
) -> Arranged<'s, Trace<R>> {
    input.arrange_named::<ValBatcher<Row, Row, u64, R>, ValSpine<Row, Row, u64, R>>(name, ValBatcher::new)
}

/// A shared index as its dataflow exports it.
pub(crate) struct Index {
    rows: Rows,
    errors: Rows,
}

impl Index {
    /// Arranges a collection by a key.
    pub fn new(bundle: Bundle<'_>, key: Vec<Scalar>, probe: &ProbeHandle<u64>) -> Index {
        let (rows, errs) = join::keyed(bundle.oks, key);
        let rows = arrange(rows, "Index");
        rows.stream.probe_with(probe);
        let errors = arrange(bundle.errs.concat(errs).map(|error| (error, Row::empty())), "Index errors");
        errors.stream.probe_with(probe);
        Index { rows: rows.trace, errors: errors.trace }
    }

    /// Forgets the difference of times before `since`.
    pub fn compact(&mut self, since: u64) {
        host::compact(&mut self.rows, since);
        host::compact(&mut self.errors, since);
    }
}

/// An index in a dataflow that uses it.
pub(crate) struct Import<'s> {
    rows: Arranged<'s, TraceFrontier<Rows>>,
    errors: Collection<'s, Row>,
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
        let errors = import(&mut index.errors).as_collection(|error, _| error.clone());
        Import { rows, errors }
    }
}

/// Renders the plans of one dataflow.
pub(crate) struct Renderer<'s> {
    scope: Scope<'s, u64>,
    as_of: u64,
    /// Whether this worker is the one that puts in what must be there once.
    first: bool,
    pub tables: BTreeMap<CollectionKey, Collection<'s, Row>>,
    pub views: BTreeMap<CollectionKey, Bundle<'s>>,
    pub imports: BTreeMap<DataflowId, Import<'s>>,
}

impl<'s> Renderer<'s> {
    pub fn new(scope: Scope<'s, u64>, as_of: u64, first: bool) -> Renderer<'s> {
        let (tables, views, imports) = Default::default();
        Renderer { scope, as_of, first, tables, views, imports }
    }

    pub fn render(&self, plan: &Plan) -> Bundle<'s> {
        match plan {
            Plan::Constant(rows) => {
                Bundle { oks: self.constant(rows.clone()), errs: self.constant(Vec::new()) }
            }
            Plan::Table(key) => Bundle { oks: self.tables[key].clone(), errs: self.constant(Vec::new()) },
            Plan::View(key) => self.views[key].clone(),
            Plan::Mfp { input, mfp } => map::mfp(self.render(input), mfp.clone()),
            Plan::Join { first, stages } => self.join(first, stages),
            Plan::Reduce { input, key, aggregates } => self.reduce(self.render(input), key, aggregates),
            Plan::Distinct(input) => reduce::distinct(self.render(input)),
            Plan::Union(inputs) => self.union(inputs),
            Plan::Index(_) => unreachable!("the registry puts indexes only below joins"),
        }
    }

    /// Records that are there from the start.
    fn constant<D: ExchangeData, R: Semigroup + 'static>(
        &self,
        records: Vec<(D, R)>,
    ) -> Collection<'s, D, R> {
        let as_of = self.as_of;
        let records = if self.first { records } else { Vec::new() };
        let records: Vec<_> = records.into_iter().map(|(data, diff)| (data, as_of, diff)).collect();
        records.to_stream(self.scope).as_collection()
    }

    fn union(&self, inputs: &[Plan]) -> Bundle<'s> {
        let (oks, errs): (Vec<_>, Vec<_>) = inputs
            .iter()
            .map(|input| {
                let Bundle { oks, errs } = self.render(input);
                (oks, errs)
            })
            .unzip();
        let scope = self.scope;
        Bundle {
            oks: differential_dataflow::collection::concatenate(scope, oks),
            errs: differential_dataflow::collection::concatenate(scope, errs),
        }
    }
}
