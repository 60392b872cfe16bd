//! GROUP BY: what groups are told apart by, what of their keys is shown, and grouping sets.

use std::collections::BTreeMap;

use offtake_lir::{Aggregate, AggregateFunction, Blanks, LocalId, Scalar};
use offtake_row::{Datum, Type};

use super::{
    Binder,
    aggregate::AggregateCall,
    place::Place,
    scope::Scope,
    typed::{Known, Typed},
};
use crate::{error::PlanError, rel::Rel};

/// Grouped rows: which column shows a key, and which is an aggregate's result.
pub(super) struct Grouped {
    pub(super) rel: Rel,
    pub(super) keys: Vec<usize>,
    pub(super) aggregates: Vec<usize>,
}

/// Groups by `keys`.
///
/// Groups are told apart by the canonical form of a key. Where a key's type has others, one of the group's own is shown, as PostgreSQL
/// shows that of the group's first row: `20.00`, where all are `20.00`.
pub(super) fn by(input: Rel, keys: &[Known], mut aggregates: Vec<Aggregate>) -> Grouped {
    let (mut key, mut shown, mut forms) = (Vec::new(), Vec::new(), Vec::new());
    let end = keys.len() + aggregates.len();
    for (position, Known { scalar, ty, .. }) in keys.iter().enumerate() {
        // A constant is the same in every row, whatever its form.
        let (column, canonical) = if ty.has_one_form() || scalar.is_literal() {
            (position, scalar.clone())
        } else {
            forms.push(form(scalar.clone(), *ty));
            (end + forms.len() - 1, scalar.clone().group_key(*ty))
        };
        key.push(canonical);
        shown.push(column);
    }
    let results = (keys.len()..end).collect();
    aggregates.append(&mut forms);
    let rel = Rel::Aggregate { input: Box::new(input), keys: key, aggregates, shown: shown.clone() };
    Grouped { rel, keys: shown, aggregates: results }
}

/// Of a group's forms the shortest: of the smallest scale, without a sign at zero, with the fewest blanks. It is the same in whatever
/// order the rows come.
fn form(scalar: Scalar, ty: Type) -> Aggregate {
    Aggregate {
        function: AggregateFunction::Min(Blanks::of(ty)),
        args: vec![scalar],
        order_by: Vec::new(),
        filter: None,
        distinct: false,
    }
}

/// Each row once, as `SELECT DISTINCT` and UNION take rows for equal.
pub(super) fn distinct(rel: Rel, types: &[Type]) -> Result<Rel, PlanError> {
    types.iter().try_for_each(|ty| super::coerce::needs_equality(*ty))?;
    if types.iter().all(|ty| ty.has_one_form()) {
        return Ok(rel.distinct());
    }
    let columns = types.iter().enumerate();
    let keys: Vec<Known> =
        columns.map(|(position, ty)| Known::new(Scalar::Column(position), *ty, true)).collect();
    let Grouped { rel, keys, .. } = by(rel, &keys, Vec::new());
    Ok(rel.project(keys.into_iter().map(Scalar::Column).collect()))
}

/// GROUP BY's keys, and the sets of them (as positions) by which rows are grouped, one after another.
pub(super) struct Grouping {
    pub(super) keys: Vec<Known>,
    pub(super) sets: Vec<Vec<usize>>,
}

impl Grouping {
    /// The columns of tables that are grouped by their primary key are one value a group: they are keys, too.
    pub(super) fn complete(&mut self, used: &[&Scalar], scope: &Scope) {
        let [set] = self.sets.as_mut_slice() else { return };
        for item in &scope.items {
            let Some(key) = &item.key else { continue };
            let keyed = |position: &usize| {
                item.columns
                    .get(*position)
                    .is_some_and(|column| self.keys.iter().any(|key| key.scalar == column.known.scalar))
            };
            if key.is_empty() || !key.iter().all(keyed) {
                continue;
            }
            for column in &item.columns {
                let Known { scalar, .. } = &column.known;
                let known = self.keys.iter().any(|key| key.scalar == *scalar);
                if !known && used.iter().any(|used| reads(used, scalar, &self.keys)) {
                    set.push(self.keys.len());
                    self.keys.push(column.known.clone());
                }
            }
        }
    }
}

/// Whether `expr` reads `column` outside of grouped expressions.
fn reads(expr: &Scalar, column: &Scalar, keys: &[Known]) -> bool {
    if expr == column {
        return true;
    }
    if keys.iter().any(|key| key.scalar == *expr) {
        return false;
    }
    let mut found = false;
    expr.for_each_operand(&mut |operand| found |= reads(operand, column, keys));
    found
}

/// Puts the columns of grouped rows into expressions over what was grouped.
pub(super) struct Regrouped<'s> {
    /// By key expression: its column.
    keys: Vec<(Scalar, usize)>,
    /// By aggregate's number: its column.
    aggregates: Vec<usize>,
    scope: &'s Scope,
}

impl Regrouped<'_> {
    /// # Errors
    ///
    /// 42803 for a column that is neither grouped nor aggregated.
    pub(super) fn apply(&self, scalar: &mut Scalar) -> Result<(), PlanError> {
        if let Some((_, column)) = self.keys.iter().find(|(key, _)| key == scalar) {
            *scalar = Scalar::Column(*column);
            return Ok(());
        }
        if let Scalar::Column(column) = scalar {
            return match Place::of(*column) {
                Place::Input(column) => Err(PlanError::new(
                    "42803",
                    format!(
                        "column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                        self.scope.describe(column)
                    ),
                )),
                Place::Aggregate(number) => match self.aggregates.get(number) {
                    Some(result) => {
                        *column = *result;
                        Ok(())
                    }
                    None => Err(PlanError::internal("an aggregate without a column")),
                },
                Place::Window(_) | Place::Subquery(_) | Place::Set(_) | Place::Right(_) => Ok(()),
            };
        }
        let mut result = Ok(());
        scalar.for_each_operand_mut(&mut |operand| {
            if result.is_ok() {
                result = self.apply(operand);
            }
        });
        result
    }

    pub(super) fn apply_typed(&self, typed: &mut Typed) -> Result<(), PlanError> {
        typed.scalar_mut().map_or(Ok(()), |scalar| self.apply(scalar))
    }
}

impl Binder<'_> {
    /// Groups rows by one set of keys or by several.
    pub(super) fn group<'s>(
        &mut self,
        rel: Rel,
        grouping: &Grouping,
        calls: &[AggregateCall],
        scope: &'s Scope,
    ) -> Result<(Rel, Regrouped<'s>), PlanError> {
        let Grouping { keys, sets } = grouping;
        for key in keys {
            super::coerce::needs_equality(key.ty)?;
        }
        let mut aggregates = Vec::new();
        for call in calls {
            if let AggregateCall::Aggregate(aggregate) = call {
                aggregates.push(aggregate.clone());
            }
        }
        let plain = sets.len() == 1 && aggregates.len() == calls.len();
        if plain {
            let Grouped { rel, keys: shown, aggregates } = by(rel, keys, aggregates);
            let keys = keys
                .iter()
                .zip(shown)
                .filter(|(key, _)| !key.scalar.is_literal())
                .map(|(key, column)| (key.scalar.clone(), column))
                .collect();
            return Ok((rel, Regrouped { keys, aggregates, scope }));
        }
        // Each set gives all keys (those it lacks are NULL), then the calls' results.
        let arity = keys.len() + calls.len();
        let id = LocalId(self.next_local);
        self.next_local += 1;
        let input = Rel::Local { id, arity: rel.arity() };
        let mut branches = Vec::with_capacity(sets.len());
        for set in sets {
            let own: Vec<Known> = set.iter().filter_map(|key| keys.get(*key).cloned()).collect();
            let grouped = by(input.clone(), &own, aggregates.clone());
            let shown: BTreeMap<usize, usize> = set.iter().copied().zip(grouped.keys).collect();
            let mut outputs: Vec<Scalar> = keys
                .iter()
                .enumerate()
                .map(|(key, known)| match shown.get(&key) {
                    Some(column) => Scalar::Column(*column),
                    None => Scalar::null(known.ty),
                })
                .collect();
            let mut results = grouped.aggregates.into_iter();
            for call in calls {
                outputs.push(match call {
                    AggregateCall::Aggregate(_) => results
                        .next()
                        .map(Scalar::Column)
                        .ok_or_else(|| PlanError::internal("an aggregate without a column"))?,
                    AggregateCall::Grouping(args) => bits(args, keys, set)?,
                });
            }
            branches.push(grouped.rel.project(outputs));
        }
        let body = Rel::union(branches, arity);
        let rel = Rel::Let { id, value: Box::new(rel), body: Box::new(body) };
        let columns = keys.iter().enumerate();
        let regrouped = Regrouped {
            keys: columns.map(|(column, key)| (key.scalar.clone(), column)).collect(),
            aggregates: (keys.len()..arity).collect(),
            scope,
        };
        Ok((rel, regrouped))
    }
}

/// The value of `GROUPING (…)` for a set.
fn bits(args: &[Scalar], keys: &[Known], set: &[usize]) -> Result<Scalar, PlanError> {
    let mut value = 0_i64;
    for arg in args {
        let Some(key) = keys.iter().position(|key| key.scalar == *arg) else {
            return Err(PlanError::new(
                "42803",
                "arguments to GROUPING must be grouping expressions of the associated query level",
            ));
        };
        value = value << 1 | i64::from(!set.contains(&key));
    }
    Ok(Scalar::literal(Datum::Int(value), Type::Int4))
}
