//! The step of a recursion. Parts that do not see a round's rows are rendered outside, once for all rounds.

use std::{cell::RefCell, collections::BTreeMap};

use offtake_lir::{CollectionId, EvalError, KeyOf, Lir, LocalId, Scalar, Source};
use offtake_row::Row;
use timely::dataflow::Scope;

use super::rounds::{Entered, Rounds};
use crate::{
    command::{Key, Plan},
    render::{
        Bundle, Collection, Renderer, arrange, flat_map,
        join::{self, Errors, Keyed, Side, Sides},
        map::{self, fallible},
        moment::Moment,
        set, top_k,
    },
};

pub(super) struct Step<'r, 'o, 'i> {
    outer: &'r Renderer<'o>,
    scope: Scope<'i, Rounds>,
    /// Names that stand for other rows in each round.
    varying: RefCell<BTreeMap<LocalId, Bundle<'i, Rounds>>>,
    /// Errors of what is rendered outside.
    errors: RefCell<Errors<'o>>,
}

impl<'r, 'o, 'i> Step<'r, 'o, 'i> {
    pub fn new(outer: &'r Renderer<'o>, scope: Scope<'i, Rounds>) -> Step<'r, 'o, 'i> {
        Step { outer, scope, varying: RefCell::default(), errors: RefCell::default() }
    }

    /// Renders the step over a round's rows.
    pub fn render_with(
        &self,
        id: LocalId,
        rows: Collection<'i, Row, i64, Rounds>,
        plan: &Plan,
    ) -> Bundle<'i, Rounds> {
        self.varying.borrow_mut().insert(id, Bundle { oks: rows, errs: self.nothing() });
        self.render(plan)
    }

    /// Errors of what is the same in each round.
    pub fn into_errors(self) -> Errors<'o> {
        self.errors.into_inner()
    }

    fn nothing(&self) -> Collection<'i, Row, i64, Rounds> {
        self.outer.constant::<Row, i64>(Vec::new()).enter(self.scope)
    }

    fn varies(&self, plan: &Plan) -> bool {
        let varying = self.varying.borrow();
        plan.names().iter().any(|name| varying.contains_key(name))
    }

    /// Renders what is the same in each round.
    fn fixed(&self, plan: &Plan) -> Collection<'o, Row> {
        let Bundle { oks, errs } = self.outer.render(plan);
        self.errors.borrow_mut().push(errs);
        oks
    }

    /// Brings an arrangement in.
    fn enter(&self, keyed: Keyed<'o>) -> Keyed<'i, Rounds> {
        Keyed::Foreign(match keyed {
            Keyed::Own(rows) => Entered::Own(rows.enter(self.scope)),
            Keyed::Foreign(rows) => Entered::Shared(rows.enter(self.scope)),
        })
    }

    fn join(&self, inputs: &[Plan], stages: &[offtake_lir::JoinStage]) -> Bundle<'i, Rounds> {
        // What stands before the first input that varies is joined outside.
        let fixed = inputs.iter().take_while(|input| !self.varies(input)).count();
        match fixed {
            0 | 1 => join::join(self, &inputs[0], &inputs[1..], stages),
            _ => {
                let first =
                    Lir::Join { inputs: inputs[..fixed].to_vec(), stages: stages[..fixed - 1].to_vec() };
                join::join(self, &first, &inputs[fixed..], &stages[fixed - 1..])
            }
        }
    }

    /// A node that looks at groups of rows: each is handed to the one-off executor. `node` makes the node over a group's rows.
    fn grouped(
        &self,
        input: &Plan,
        key: &[Scalar],
        node: impl Fn(Lir) -> Lir + 'static,
    ) -> Bundle<'i, Rounds> {
        let Bundle { oks, errs } = self.render(input);
        let mut key = KeyOf::grouping(key);
        let (keyed, key_errs) = fallible("Group key", oks, move |row: Row, diff| match key.of(&row) {
            Ok(key) => Ok(key.map(|key| ((key, row), diff))),
            Err(error) => Err(error.to_row()),
        });
        let made = Rounds::group(arrange(keyed, "Groups"), "Groups", move |_, members, made| {
            let rows = members.map(|(row, count)| (row.clone(), count)).collect();
            match offtake_lir::evaluate(&node(Lir::Constant { rows }), &Nothing) {
                Ok(rows) => made.extend(rows.into_iter().map(|(row, count)| (tagged(OK, &row), count))),
                Err(error) => made.push((tagged(ERROR, &error.to_row()), 1)),
            }
        });
        let (oks, failures) =
            fallible("Group results", made, |tagged: Row, diff| match tagged.as_bytes().split_first() {
                Some((&OK, row)) => Ok(Some((Row::from_bytes(row), diff))),
                Some((_, error)) => Err(Row::from_bytes(error)),
                None => Ok(None),
            });
        Bundle { oks, errs: errs.concat(key_errs).concat(failures) }
    }
}

impl<'i> Sides<'i, Rounds> for Step<'_, '_, 'i> {
    fn scope(&self) -> Scope<'i, Rounds> {
        self.scope
    }

    fn render(&self, plan: &Plan) -> Bundle<'i, Rounds> {
        if !self.varies(plan) {
            return Bundle { oks: self.fixed(plan).enter(self.scope), errs: self.nothing() };
        }
        match plan {
            Lir::Local { id } => self.varying.borrow()[id].clone(),
            Lir::Let { id, value, body } => {
                if !body.names().contains(id) {
                    // Nothing of it is seen, not even its errors.
                } else if self.varies(value) {
                    let value = self.render(value);
                    self.varying.borrow_mut().insert(*id, value);
                } else {
                    self.outer.bind(*id, value);
                }
                self.render(body)
            }
            Lir::Mfp { input, mfp } => map::mfp(self.render(input), mfp.clone()),
            Lir::Join { inputs, stages } => self.join(inputs, stages),
            Lir::Union { inputs } => set::union(self.scope, inputs.iter().map(|input| self.render(input))),
            Lir::Negate { input } => set::negate(self.render(input)),
            Lir::Distinct { input } => {
                let Bundle { oks, errs } = self.render(input);
                Bundle { oks: set::distinct(oks), errs }
            }
            Lir::Threshold { input } => {
                let Bundle { oks, errs } = self.render(input);
                Bundle { oks: set::threshold(oks), errs }
            }
            Lir::Reduce { input, key, aggregates } => {
                let (own_key, aggregates) = (key.clone(), aggregates.clone());
                self.grouped(input, key, move |rows| Lir::Reduce {
                    input: Box::new(rows),
                    key: own_key.clone(),
                    aggregates: aggregates.clone(),
                })
            }
            Lir::Window { input, window } => {
                let own = window.clone();
                self.grouped(input, &window.partition, move |rows| Lir::Window {
                    input: Box::new(rows),
                    window: own.clone(),
                })
            }
            Lir::TopK { input, top } => top_k::top_k(self, input, top),
            Lir::Constant { .. } | Lir::Get { .. } => unreachable!("it is the same in each round"),
            Lir::FlatMap { input, function, args, ordinality } => {
                flat_map::flat_map(self.render(input), *function, args, *ordinality)
            }
            Lir::Recursive { .. } => unreachable!("the registry takes no such step"),
        }
    }

    fn side<'r>(&'r self, plan: &Plan, key: &Key, errors: &mut Errors<'i, Rounds>) -> Side<'r, 'i, Rounds>
    where
        'i: 'r,
    {
        if self.varies(plan) {
            let Bundle { oks, errs } = self.render(plan);
            errors.push(errs);
            return Side::new(oks, key, errors);
        }
        let Side { keyed, all, keys } = self.outer.side(plan, key, &mut self.errors.borrow_mut());
        Side {
            keyed: self.enter(keyed),
            all: Box::new(move || all().enter(self.scope)),
            keys: Box::new(move || self.enter(keys())),
        }
    }

    fn keys(&self, plan: &Plan, key: &Key, errors: &mut Errors<'i, Rounds>) -> Keyed<'i, Rounds> {
        if self.varies(plan) {
            return join::keys(self, plan, key, errors);
        }
        self.enter(self.outer.keys(plan, key, &mut self.errors.borrow_mut()))
    }

    fn error(&self, error: &EvalError) -> Bundle<'i, Rounds> {
        let Bundle { oks, errs } = self.outer.error(error);
        self.errors.borrow_mut().push(errs);
        Bundle { oks: oks.enter(self.scope), errs: self.nothing() }
    }
}

// What stands before a group's result.
const OK: u8 = 0;
const ERROR: u8 = 1;

fn tagged(tag: u8, row: &Row) -> Row {
    Row::from_bytes(&[&[tag], row.as_bytes()].concat())
}

/// A group's rows are all that is read.
struct Nothing;

impl Source for Nothing {
    fn scan(&self, _: CollectionId, _: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        Err(EvalError::internal("a group reads a collection"))
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
