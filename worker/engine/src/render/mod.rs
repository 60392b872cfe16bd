//! Plans to dataflows. Straight-line: every choice is in the plan.
//!
//! One row type and, where it can be, one arrangement type hold the number of compiled operators down.

mod flat_map;
mod group;
mod index;
mod join;
mod key;
mod map;
mod moment;
mod order;
mod recursive;
mod reduce;
mod set;
mod top_k;
mod window;

use std::{cell::RefCell, collections::BTreeMap};

use differential_dataflow::{
    AsCollection, ExchangeData, VecCollection,
    difference::Semigroup,
    lattice::Lattice,
    operators::arrange::{Arranged, TraceAgent},
    trace::implementations::{ValBatcher, ValSpine},
};
use offtake_lir::{Lir, LocalId};
use offtake_row::{Datum, Row};
use timely::{
    dataflow::{Scope, operators::ToStream},
    progress::Timestamp,
};

pub(crate) use self::index::{Import, Index};
use self::recursive::Recursion;
use crate::command::{CollectionKey, DataflowId, Leaf, Plan};

pub(crate) type Collection<'s, D, R = i64, T = u64> = VecCollection<'s, T, D, R>;
/// An arrangement's trace: key, value, and how often.
pub(crate) type Trace<R, T = u64> = TraceAgent<ValSpine<Row, Row, T, R>>;
/// The trace of an index: the value is the whole row.
pub(crate) type Rows = Trace<i64>;

/// A collection in its two halves.
#[derive(Clone)]
pub(crate) struct Bundle<'s, T: Timestamp = u64> {
    pub oks: Collection<'s, Row, i64, T>,
    /// Errors, as rows: [`offtake_lir::EvalError::to_row`].
    pub errs: Collection<'s, Row, i64, T>,
}

/// Tells errors from rows where both are in one arrangement.
pub(crate) fn err_mark() -> Row {
    Row::pack([Datum::Bool(true)])
}

/// Arranges by key, distributed over the workers by the key's hash.
pub(crate) fn arrange<'s, T: Timestamp + Lattice, R: ExchangeData + Semigroup>(
    input: Collection<'s, (Row, Row), R, T>,
    name: &str,
) -> Arranged<'s, Trace<R, T>> {
    input.arrange_named::<ValBatcher<Row, Row, T, R>, ValSpine<Row, Row, T, R>>(name, ValBatcher::new)
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
    /// What the plan's names stand for.
    locals: RefCell<BTreeMap<LocalId, Bundle<'s>>>,
}

impl<'s> Renderer<'s> {
    pub fn new(scope: Scope<'s, u64>, as_of: u64, first: bool) -> Renderer<'s> {
        let (tables, views, imports, locals) = Default::default();
        Renderer { scope, as_of, first, tables, views, imports, locals }
    }

    pub fn render(&self, plan: &Plan) -> Bundle<'s> {
        match plan {
            Lir::Constant { rows } => {
                Bundle { oks: self.constant(rows.clone()), errs: self.constant(Vec::new()) }
            }
            Lir::Get { id: Leaf::Table(key) } => {
                Bundle { oks: self.tables[key].clone(), errs: self.constant(Vec::new()) }
            }
            Lir::Get { id: Leaf::View(key) } => self.views[key].clone(),
            Lir::Get { id: Leaf::Index(id) } => self.imports[id].bundle(),
            Lir::Local { id } => self.locals.borrow()[id].clone(),
            Lir::Let { id, value, body } => {
                if body.names().contains(id) {
                    self.bind(*id, value);
                }
                self.render(body)
            }
            Lir::Mfp { input, mfp } => map::mfp(self.render(input), mfp.clone()),
            Lir::Join { inputs, stages } => match inputs.split_first() {
                Some((first, others)) => join::join(self, first, others, stages),
                None => unreachable!("the registry takes no join of nothing"),
            },
            Lir::Reduce { input, key, aggregates } => self.reduce(self.render(input), key, aggregates),
            Lir::Distinct { input } => {
                let Bundle { oks, errs } = self.render(input);
                Bundle { oks: set::distinct(oks), errs }
            }
            Lir::Threshold { input } => {
                let Bundle { oks, errs } = self.render(input);
                Bundle { oks: set::threshold(oks), errs }
            }
            Lir::Union { inputs } => set::union(self.scope, inputs.iter().map(|input| self.render(input))),
            Lir::Negate { input } => set::negate(self.render(input)),
            Lir::TopK { input, top } => top_k::top_k(self, input, top),
            Lir::Recursive { id, base, step, distinct, limit } => {
                let (distinct, limit) = (*distinct, (*limit).min(u64::MAX - 2));
                self.recursive(&Recursion { id: *id, base, step, distinct, limit })
            }
            Lir::Window { input, window } => self.window(input, window),
            Lir::FlatMap { input, function, args, ordinality } => {
                flat_map::flat_map(self.render(input), *function, args, *ordinality)
            }
        }
    }

    /// Renders what a name stands for.
    fn bind(&self, id: LocalId, value: &Plan) {
        let value = self.render(value);
        self.locals.borrow_mut().insert(id, value);
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
}
