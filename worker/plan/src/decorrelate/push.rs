//! Pushing a domain into a relation: the relation is computed for each row of the domain, whose columns come first in the result.

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{Aggregate, CollectionId, EvalError, Func, JoinKind, Lir, LocalId, Scalar, Source};
use offtake_row::{Datum, Row, Type};

use super::same;
use crate::{
    bind::no_value,
    error::PlanError,
    rel::{Predicate, Rel, substitute},
};

pub(super) struct Pusher {
    domain: LocalId,
    /// The parameters that the domain's columns stand for.
    parameters: BTreeMap<usize, usize>,
    /// The domain's columns.
    width: usize,
    /// What is bound within and has the domain's columns by now.
    locals: BTreeSet<LocalId>,
}

impl Pusher {
    pub(super) fn new(domain: LocalId, parameters: BTreeMap<usize, usize>, width: usize) -> Pusher {
        Pusher { domain, parameters, width, locals: BTreeSet::new() }
    }

    fn domain(&self) -> Rel {
        Rel::Local { id: self.domain, arity: self.width }
    }

    /// Whether a relation reads the domain's values, or something bound that has them.
    fn is_tied(&self, rel: &Rel) -> bool {
        let read = rel.outer_parameters();
        read.iter().any(|parameter| self.parameters.contains_key(parameter)) || self.reads_local(rel)
    }

    fn reads_local(&self, rel: &Rel) -> bool {
        match rel {
            Rel::Local { id, .. } => self.locals.contains(id),
            other => other.inputs().into_iter().any(|input| self.reads_local(input)),
        }
    }

    /// An expression over a pushed relation.
    fn moved(&self, scalar: &mut Scalar) {
        scalar.remap(&|column| column + self.width);
        let values =
            self.parameters.iter().map(|(parameter, place)| (*parameter, Scalar::Column(*place))).collect();
        substitute(scalar, &values);
    }

    fn own(&self) -> impl Iterator<Item = Scalar> + use<> {
        (0..self.width).map(Scalar::Column)
    }

    fn refused(&self, what: &str) -> PlanError {
        PlanError::unsupported(
            format!("{what} that reads an outer query's columns is"),
            "write it as a join in FROM",
        )
    }

    /// The relation for each row of the domain.
    pub(super) fn push(&mut self, rel: Rel) -> Result<Rel, PlanError> {
        if !self.is_tied(&rel) {
            return Ok(self.domain().join(JoinKind::Inner, rel, Vec::new()));
        }
        Ok(match rel {
            Rel::Local { id, arity } => Rel::Local { id, arity: arity + self.width },
            Rel::Constant { .. } | Rel::Get { .. } => {
                return Err(PlanError::internal("a leaf that reads an outer query"));
            }
            Rel::Let { id, value, body } => {
                let value = if self.is_tied(&value) {
                    let value = self.push(*value)?;
                    self.locals.insert(id);
                    value
                } else {
                    *value
                };
                Rel::Let { id, value: Box::new(value), body: Box::new(self.push(*body)?) }
            }
            Rel::Recursive { id, base, step, distinct } => {
                let base = self.push(*base)?;
                self.locals.insert(id);
                let step = self.push(*step)?;
                Rel::Recursive { id, base: Box::new(base), step: Box::new(step), distinct }
            }
            Rel::Filter { input, mut predicates } => {
                let input = self.push(*input)?;
                predicates.iter_mut().for_each(|predicate| predicate.each(&mut |scalar| self.moved(scalar)));
                input.filter(predicates)
            }
            Rel::Project { input, mut outputs } => {
                let input = self.push(*input)?;
                outputs.iter_mut().for_each(|output| self.moved(output));
                input.project(self.own().chain(outputs).collect())
            }
            Rel::Join { kind, left, right, on } => self.join(kind, *left, *right, on)?,
            Rel::Apply { kind, left, right, mut bindings, mut on } => {
                let left = self.push(*left)?;
                bindings.iter_mut().for_each(|(_, value)| self.moved(value));
                on.iter_mut().for_each(|predicate| predicate.each(&mut |scalar| self.moved(scalar)));
                // What the right side reads of the domain itself, it reads of the pushed left side.
                for parameter in right.outer_parameters() {
                    if let Some(place) = self.parameters.get(&parameter) {
                        bindings.push((parameter, Scalar::Column(*place)));
                    }
                }
                if self.reads_local(&right) {
                    return Err(self.refused("a WITH query in a nested subquery"));
                }
                Rel::Apply { kind, left: Box::new(left), right, bindings, on }
            }
            Rel::Aggregate { input, mut keys, mut aggregates, shown } => {
                let all_rows = keys.is_empty();
                let input = self.push(*input)?;
                keys.iter_mut().for_each(|key| self.moved(key));
                for aggregate in &mut aggregates {
                    aggregate.scalars_mut().for_each(|scalar| self.moved(scalar));
                }
                let of_nothing = all_rows.then(|| over_nothing(&aggregates)).transpose()?;
                let shown = (0..self.width).chain(shown.into_iter().map(|column| column + self.width));
                let grouped = Rel::Aggregate {
                    input: Box::new(input),
                    keys: self.own().chain(keys).collect(),
                    aggregates,
                    shown: shown.collect(),
                };
                match of_nothing {
                    Some(of_nothing) => self.every_row(grouped, of_nothing),
                    None => grouped,
                }
            }
            Rel::Distinct { input } => self.push(*input)?.distinct(),
            Rel::Top { input, mut top } => {
                let input = self.push(*input)?;
                top.group.iter_mut().for_each(|scalar| self.moved(scalar));
                top.group.splice(0..0, self.own());
                top.order_by.iter_mut().for_each(|order| order.column += self.width);
                Rel::Top { input: Box::new(input), top }
            }
            Rel::Window { input, window } => {
                let input = self.push(*input)?;
                let mut node = Rel::Window { input: Box::new(input), window };
                node.each_scalar_mut(&mut |scalar| self.moved(scalar));
                if let Rel::Window { window, .. } = &mut node {
                    window.partition.splice(0..0, self.own());
                    window.order_by.iter_mut().for_each(|order| order.column += self.width);
                }
                node
            }
            Rel::FlatMap { input, function, mut args, ordinality } => {
                let input = self.push(*input)?;
                args.iter_mut().for_each(|arg| self.moved(arg));
                Rel::FlatMap { input: Box::new(input), function, args, ordinality }
            }
            Rel::Union { inputs, arity } => {
                let inputs = inputs.into_iter().map(|input| self.push(input)).collect::<Result<_, _>>()?;
                Rel::Union { inputs, arity: arity + self.width }
            }
            Rel::Negate { input } => Rel::Negate { input: Box::new(self.push(*input)?) },
            Rel::Threshold { input } => Rel::Threshold { input: Box::new(self.push(*input)?) },
        })
    }

    /// Aggregates without keys have a row for every row of the domain, over no input, too.
    fn every_row(&self, grouped: Rel, of_nothing: Vec<Scalar>) -> Rel {
        let width = self.width;
        let marked = grouped.extend(vec![Scalar::literal(Datum::Bool(true), Type::Bool)]);
        let on = (0..width).map(|place| same(Scalar::Column(place), Scalar::Column(width + place))).collect();
        let (first, mark) = (2 * width, 2 * width + of_nothing.len());
        let results = of_nothing.into_iter().enumerate().map(|(position, value)| {
            let column = Scalar::Column(first + position);
            if value.is_null_literal() {
                return column;
            }
            let found = Scalar::call(Func::IsNotNull, [Scalar::Column(mark)]);
            Scalar::Case { branches: vec![(found, column)], otherwise: Box::new(value) }
        });
        let outputs = self.own().chain(results).collect();
        self.domain().join(JoinKind::Left, marked, on).project(outputs)
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: Rel,
        right: Rel,
        mut on: Vec<Predicate>,
    ) -> Result<Rel, PlanError> {
        let width = self.width;
        let (left_arity, right_arity) = (left.arity(), right.arity());
        let (left_tied, right_tied) = (self.is_tied(&left), self.is_tied(&right));
        if kind == JoinKind::Full {
            return Err(self.refused("a FULL JOIN in a subquery"));
        }
        on.iter_mut().for_each(|predicate| predicate.each(&mut |scalar| self.moved(scalar)));
        if !right_tied {
            return Ok(self.push(left)?.join(kind, right, on));
        }
        if kind == JoinKind::Inner && !left_tied {
            // The domain comes in with the right side; the columns are put into the written order.
            let pushed = self.push(right)?;
            let place = |column: usize| {
                if column < width {
                    left_arity + column
                } else if column < width + left_arity {
                    column - width
                } else {
                    column
                }
            };
            on.iter_mut().for_each(|predicate| predicate.remap(&place));
            let outputs = (0..width + left_arity + right_arity).map(|column| Scalar::Column(place(column)));
            return Ok(left.join(kind, pushed, on).project(outputs.collect()));
        }
        // Both sides have the domain's columns: rows of one domain row meet.
        let (left, right) = (self.push(left)?, self.push(right)?);
        let shift = |column: usize| if column < width + left_arity { column } else { column + width };
        on.iter_mut().for_each(|predicate| predicate.remap(&shift));
        for place in 0..width {
            on.push(same(Scalar::Column(place), Scalar::Column(width + left_arity + place)));
        }
        let joined = left.join(kind, right, on);
        Ok(match kind {
            JoinKind::Semi | JoinKind::Anti => joined,
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                let columns = (0..width + left_arity)
                    .chain(2 * width + left_arity..2 * width + left_arity + right_arity);
                joined.project(columns.map(Scalar::Column).collect())
            }
        })
    }
}

/// What aggregates without GROUP BY say of no rows.
fn over_nothing(aggregates: &[Aggregate]) -> Result<Vec<Scalar>, PlanError> {
    let mut plan: Lir = Lir::Reduce {
        input: Box::new(Lir::Constant { rows: Vec::new() }),
        key: Vec::new(),
        aggregates: aggregates.to_vec(),
    };
    for scalar in plan.scalars_mut() {
        scalar.substitute_columns(&|_| Scalar::null(Type::Text));
    }
    let rows = offtake_lir::evaluate(&plan, &Nothing).map_err(|error| no_value(&error))?;
    let Some((row, _)) = rows.first() else {
        return Err(PlanError::internal("aggregates without a row"));
    };
    let literal = |datum| {
        let ty = match datum {
            Datum::Int(_) => Type::Int8,
            _ => Type::Text,
        };
        Scalar::literal(datum, ty)
    };
    Ok(row.iter().map(literal).collect())
}

/// No collections.
struct Nothing;

impl Source for Nothing {
    fn scan(&self, _: CollectionId, _: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        Ok(())
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
