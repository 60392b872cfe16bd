//! Map, filter and project, fused into one step over a row.

use offtake_row::{Datum, Row, RowPacker};
use serde::{Deserialize, Serialize};

use crate::{arena::Arena, error::EvalError, scalar::Scalar};

/// Appends computed columns to a row, drops rows that fail a predicate, then picks columns.
///
/// Predicates run in order, each as soon as the columns it reads are there, so that a row dropped by one predicate raises no
/// error from an expression that the predicate does not read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mfp {
    /// Columns of the input.
    pub input_arity: usize,
    /// Computed columns, appended to the input's; each may read the ones before it.
    pub expressions: Vec<Scalar>,
    /// Booleans over input and computed columns; a row stays if all are true (NULL is not).
    pub predicates: Vec<Scalar>,
    /// The output's columns, among input and computed ones.
    pub projection: Vec<usize>,
}

/// Buffers that evaluation reuses from row to row. One per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Arena,
    datums: Vec<Datum<'static>>,
    packer: RowPacker,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

/// Empties a buffer of datums and gives it a new lifetime; its memory is kept (the standard library collects in place).
pub(crate) fn recycle<'a>(mut datums: Vec<Datum<'_>>) -> Vec<Datum<'a>> {
    datums.clear();
    datums.into_iter().map(|_| Datum::Null).collect()
}

impl Mfp {
    /// Passes rows of `arity` columns on.
    pub fn identity(arity: usize) -> Mfp {
        Mfp {
            input_arity: arity,
            expressions: Vec::new(),
            predicates: Vec::new(),
            projection: (0..arity).collect(),
        }
    }

    /// Passes every row on as it is.
    pub fn is_identity(&self) -> bool {
        self.predicates.is_empty() && self.keeps_columns()
    }

    /// Whether the output's columns are the input's.
    fn keeps_columns(&self) -> bool {
        self.projection.len() == self.input_arity
            && self.projection.iter().enumerate().all(|(position, column)| position == *column)
    }

    /// Columns of the output.
    pub fn output_arity(&self) -> usize {
        self.projection.len()
    }

    /// Only picks columns: no expression, no predicate.
    pub fn is_projection(&self) -> bool {
        self.expressions.is_empty() && self.predicates.is_empty()
    }

    /// The row's output; `None` if a predicate drops it.
    pub fn eval(&self, row: &Row, scratch: &mut Scratch) -> Result<Option<Row>, EvalError> {
        if self.keeps_columns() {
            if self.predicates.is_empty() {
                return Ok(Some(row.clone()));
            }
            // Nothing to pack: the row itself is the output.
            if self.expressions.is_empty() {
                return self.eval_with(row.iter(), scratch, |_, _| row.clone());
            }
        }
        self.eval_iter(row.iter(), scratch)
    }

    /// As [`Mfp::eval`] over the columns of `left` followed by those of `right`, without copying them together first.
    pub fn eval_pair(
        &self,
        left: &Row,
        right: &Row,
        scratch: &mut Scratch,
    ) -> Result<Option<Row>, EvalError> {
        self.eval_iter(left.iter().chain(right.iter()), scratch)
    }

    /// As [`Mfp::eval`] over datums, from wherever they come.
    pub fn eval_iter<'a>(
        &self,
        input: impl Iterator<Item = Datum<'a>>,
        scratch: &mut Scratch,
    ) -> Result<Option<Row>, EvalError> {
        self.eval_with(input, scratch, |datums, packer| {
            for column in &self.projection {
                packer.push(datums.get(*column).copied().unwrap_or(Datum::Null));
            }
            packer.finish()
        })
    }

    /// Evaluates over datums; `output` makes the row of those that stay.
    fn eval_with<'a>(
        &self,
        input: impl Iterator<Item = Datum<'a>>,
        scratch: &mut Scratch,
        output: impl FnOnce(&[Datum<'_>], &mut RowPacker) -> Row,
    ) -> Result<Option<Row>, EvalError> {
        scratch.arena.reset();
        let mut datums: Vec<Datum<'_>> = std::mem::take(&mut scratch.datums);
        // Columns after the last one that is read are not even looked at. Each datum may outlive the buffer it is put in.
        input.take(self.input_end()).for_each(|datum| datums.push(datum));
        // A row shorter than the plan says (it was not written by this plan's input) reads as NULLs.
        datums.resize(self.input_arity, Datum::Null);
        let kept = self.eval_datums(&mut datums, &scratch.arena);
        let result = kept.map(|kept| kept.then(|| output(&datums, &mut scratch.packer)));
        scratch.datums = recycle(datums);
        result
    }

    /// One more than the last of the input's columns that is read.
    fn input_end(&self) -> usize {
        let projected =
            self.projection.iter().filter(|column| **column < self.input_arity).map(|column| column + 1);
        let scalars = self.expressions.iter().chain(&self.predicates).map(Scalar::columns_end);
        projected.chain(scalars).max().unwrap_or(0).min(self.input_arity)
    }

    /// Appends the computed columns to `datums` (which holds the input's) and says whether the row stays; the caller projects.
    pub fn eval_datums<'a>(
        &'a self,
        datums: &mut Vec<Datum<'a>>,
        arena: &'a Arena,
    ) -> Result<bool, EvalError> {
        let mut pending = None;
        for predicate in &self.predicates {
            if !self.expressions.is_empty() {
                let needed = predicate.columns_end();
                self.extend(datums, needed, arena, &mut pending);
            }
            if let Some((first, error)) = &pending
                && predicate.columns_end() > *first
                && self.reads_error(predicate, *first, datums, arena)
            {
                return Err(EvalError::clone(error));
            }
            match predicate.eval(datums, arena)? {
                Datum::Bool(true) => {}
                _ => return Ok(false),
            }
        }
        self.extend(datums, self.input_arity + self.expressions.len(), arena, &mut pending);
        match pending {
            Some((_, error)) => Err(error),
            None => Ok(true),
        }
    }

    /// Computes columns up to `end`. An error is kept until something needs it: the first column without a value, and why.
    fn extend<'a>(
        &'a self,
        datums: &mut Vec<Datum<'a>>,
        end: usize,
        arena: &'a Arena,
        pending: &mut Option<(usize, EvalError)>,
    ) {
        while datums.len() < end {
            let Some(expression) =
                datums.len().checked_sub(self.input_arity).and_then(|i| self.expressions.get(i))
            else {
                return;
            };
            let datum = expression.eval(datums, arena).unwrap_or_else(|error| {
                pending.get_or_insert((datums.len(), error));
                Datum::Null
            });
            datums.push(datum);
        }
    }

    /// Whether `predicate` reads, itself or through other computed columns, a column that has no value. Only on the way to an error.
    fn reads_error<'a>(
        &'a self,
        predicate: &Scalar,
        first: usize,
        datums: &[Datum<'a>],
        arena: &'a Arena,
    ) -> bool {
        let mut unread: Vec<usize> = predicate.columns().into_iter().collect();
        while let Some(column) = unread.pop() {
            if column < first {
                continue;
            }
            let Some(expression) = self.expressions.get(column - self.input_arity) else { continue };
            if expression.eval(datums, arena).is_err() {
                return true;
            }
            unread.extend(expression.columns());
        }
        false
    }

    /// `self`, then `next` over its output, as one step. Answers what the two in sequence answer wherever that is no error; it may
    /// raise fewer errors, because a row that `next` drops no longer needs all of `self`'s columns.
    pub fn compose(self, next: Mfp) -> Mfp {
        let computed = self.input_arity + self.expressions.len();
        let map = |column: usize| {
            if column < next.input_arity {
                self.projection.get(column).copied().unwrap_or(column)
            } else {
                column - next.input_arity + computed
            }
        };
        let moved = |expressions: Vec<Scalar>| {
            expressions.into_iter().map(|mut expression| {
                expression.remap(&map);
                expression
            })
        };
        let projection = next.projection.iter().map(|column| map(*column)).collect();
        let mut fused = Mfp {
            input_arity: self.input_arity,
            expressions: self.expressions.iter().cloned().chain(moved(next.expressions)).collect(),
            predicates: self.predicates.iter().cloned().chain(moved(next.predicates)).collect(),
            projection,
        };
        fused.prune();
        fused
    }

    /// Drops computed columns that nothing reads.
    pub fn prune(&mut self) {
        let mut used = std::collections::BTreeSet::new();
        used.extend(self.projection.iter().copied());
        self.predicates.iter().for_each(|predicate| predicate.collect_columns(&mut used));
        for (position, expression) in self.expressions.iter().enumerate().rev() {
            if used.contains(&(self.input_arity + position)) {
                expression.collect_columns(&mut used);
            }
        }
        let mut places = Vec::with_capacity(self.input_arity + self.expressions.len());
        places.extend(0..self.input_arity);
        let mut next = self.input_arity;
        for position in 0..self.expressions.len() {
            places.push(next);
            next += usize::from(used.contains(&(self.input_arity + position)));
        }
        let map = |column: usize| places.get(column).copied().unwrap_or(column);
        let mut position = self.input_arity;
        self.expressions.retain(|_| {
            position += 1;
            used.contains(&(position - 1))
        });
        self.expressions.iter_mut().chain(&mut self.predicates).for_each(|scalar| scalar.remap(&map));
        self.projection.iter_mut().for_each(|column| *column = map(*column));
    }

    /// The input's columns that the step reads.
    pub fn demand(&self) -> std::collections::BTreeSet<usize> {
        let mut used: std::collections::BTreeSet<usize> = self.projection.iter().copied().collect();
        self.expressions.iter().chain(&self.predicates).for_each(|scalar| scalar.collect_columns(&mut used));
        used.retain(|column| *column < self.input_arity);
        used
    }

    /// Its expressions, to be changed.
    pub(crate) fn scalars_mut(&mut self) -> impl Iterator<Item = &mut Scalar> {
        self.expressions.iter_mut().chain(&mut self.predicates)
    }
}

#[cfg(test)]
mod tests;
