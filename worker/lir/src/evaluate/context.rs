//! What one evaluation has at hand: the collections, what is bound by name, and how much was done since the last look at an interrupt.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use offtake_row::Row;

use super::{Source, hash_table::Lookup};
use crate::{
    error::EvalError,
    node::{CollectionId, JoinStage, Lir, LocalId},
};

/// Rows that are worked on between two looks at an interrupt: well under a millisecond where a row is cheap.
const ROWS: u32 = 512;

/// Rows that are held in memory.
pub(super) type Kept = Rc<Vec<(Row, i64)>>;

pub(super) struct Context<'a> {
    source: &'a dyn Source,
    /// What [`Lir::Let`]s bind.
    values: BTreeMap<LocalId, &'a Lir>,
    /// Rows that names stand for, as far as they were read.
    locals: RefCell<BTreeMap<LocalId, Kept>>,
    worked: Cell<u32>,
    rounds: RefCell<Rounds>,
}

/// What the rounds of a recursion have in common.
#[derive(Default)]
struct Rounds {
    /// Names that stand for other rows in each round.
    varying: BTreeSet<LocalId>,
    /// What stages look up where that is the same in each round, by where they are in the plan.
    lookups: BTreeMap<*const JoinStage, Lookup>,
}

impl Rounds {
    /// Whether a part of the plan makes the same rows in each round, and there are several.
    fn repeats(&self, lir: &Lir) -> bool {
        !self.varying.is_empty() && lir.names().is_disjoint(&self.varying)
    }
}

impl<'a> Context<'a> {
    pub fn new(plan: &'a Lir, source: &'a dyn Source) -> Context<'a> {
        let mut values = BTreeMap::new();
        bound(plan, &mut values);
        let (locals, worked, rounds) = Default::default();
        Context { source, values, locals, worked, rounds }
    }

    /// Every operator calls this for each row that it takes, makes or looks at: an interrupt ends the evaluation here.
    #[inline]
    pub fn work(&self) -> Result<(), EvalError> {
        let worked = self.worked.get() + 1;
        if worked < ROWS {
            self.worked.set(worked);
            return Ok(());
        }
        self.worked.set(0);
        self.source.interrupted()
    }

    /// An interrupt ends the evaluation here.
    pub fn interrupted(&self) -> Result<(), EvalError> {
        self.source.interrupted()
    }

    /// [`Source::keep`].
    pub fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        self.source.keep(bytes)
    }

    /// [`Source::indexes`].
    pub fn indexes(&self, id: CollectionId) -> Vec<Vec<usize>> {
        self.source.indexes(id)
    }

    /// [`Source::scan`] up to the first error.
    pub fn scan(
        &self,
        id: CollectionId,
        f: &mut dyn FnMut(&Row, i64) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let mut result = Ok(());
        self.source.scan(id, &mut |row, diff| {
            if result.is_ok() {
                result = self.work().and_then(|()| f(row, diff));
            }
        })?;
        result
    }

    /// [`Source::lookup`] in one of the collection's indexes, up to the first error.
    pub fn lookup(
        &self,
        id: CollectionId,
        columns: &[usize],
        key: &Row,
        f: &mut dyn FnMut(&Row, i64) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        self.work()?;
        let mut result = Ok(());
        let answer = self.source.lookup(id, columns, key, &mut |row, diff| {
            if result.is_ok() {
                result = self.work().and_then(|()| f(row, diff));
            }
        });
        answer.unwrap_or_else(|| Err(EvalError::internal("an index went away during a query")))?;
        result
    }

    /// The rows that a name stands for; evaluated where it is read first.
    pub fn local(&self, id: LocalId) -> Result<Kept, EvalError> {
        if let Some(rows) = self.locals.borrow().get(&id) {
            return Ok(rows.clone());
        }
        let Some(value) = self.values.get(&id) else {
            return Err(EvalError::internal(format!("a plan reads {id}, which nothing binds")));
        };
        let rows = Rc::new(super::materialise(value, self)?);
        self.bind(id, Some(rows.clone()));
        Ok(rows)
    }

    /// Binds a name to rows, or to none that are known; answers what it stood for.
    pub fn bind(&self, id: LocalId, rows: Option<Kept>) -> Option<Kept> {
        let mut locals = self.locals.borrow_mut();
        match rows {
            Some(rows) => locals.insert(id, rows),
            None => locals.remove(&id),
        }
    }

    /// Comes to what a [`Lir::Let`] binds, which is kept where it is the same in each round of a recursion.
    pub fn define(&self, id: LocalId, value: &Lir) {
        let mut rounds = self.rounds.borrow_mut();
        if !rounds.repeats(value) {
            self.bind(id, None);
            if !rounds.varying.is_empty() {
                rounds.varying.insert(id);
            }
        }
    }

    /// Whether some of a plan's rows may be missing (of negative multiplicity), as far as the plan tells.
    pub fn may_miss(&self, lir: &Lir) -> bool {
        let missing = |rows: &[(Row, i64)]| rows.iter().any(|(_, diff)| *diff <= 0);
        match lir {
            Lir::Constant { rows } => missing(rows),
            Lir::Local { id } => match self.locals.borrow().get(id) {
                Some(rows) => missing(rows),
                // The rows of a recursion's round are not known before it.
                None => self.values.get(id).is_some_and(|value| self.may_miss(value)),
            },
            Lir::Negate { .. } => true,
            Lir::Get { .. }
            | Lir::Reduce { .. }
            | Lir::Distinct { .. }
            | Lir::Window { .. }
            | Lir::Threshold { .. } => false,
            Lir::Let { .. }
            | Lir::Recursive { .. }
            | Lir::Mfp { .. }
            | Lir::FlatMap { .. }
            | Lir::Join { .. }
            | Lir::TopK { .. }
            | Lir::Union { .. } => lir.inputs().into_iter().any(|input| self.may_miss(input)),
        }
    }

    /// Makes what a stage looks its rows up in; once where it is the same in each round of a recursion.
    pub fn remembered(
        &self,
        stage: &JoinStage,
        input: &Lir,
        make: impl FnOnce(&Context<'a>) -> Result<Lookup, EvalError>,
    ) -> Result<Lookup, EvalError> {
        let place = std::ptr::from_ref(stage);
        if let Some(known) = self.rounds.borrow().lookups.get(&place) {
            return Ok(known.clone());
        }
        let lookup = make(self)?;
        let mut rounds = self.rounds.borrow_mut();
        if rounds.repeats(input) {
            rounds.lookups.insert(place, lookup.clone());
        }
        Ok(lookup)
    }

    /// Runs a recursion, in whose rounds `id` stands for other rows each time.
    pub fn recur(
        &self,
        id: LocalId,
        rounds: impl FnOnce(&Context<'a>) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let outer = std::mem::take(&mut *self.rounds.borrow_mut());
        self.rounds.borrow_mut().varying = outer.varying.iter().copied().chain([id]).collect();
        let result = rounds(self);
        *self.rounds.borrow_mut() = outer;
        result
    }
}

/// Collects what a plan binds.
fn bound<'a>(lir: &'a Lir, values: &mut BTreeMap<LocalId, &'a Lir>) {
    if let Lir::Let { id, value, .. } = lir {
        values.insert(*id, value);
    }
    lir.inputs().into_iter().for_each(|input| bound(input, values));
}
