//! Emission: a decorrelated [`Rel`] becomes LIR, with what is not needed left out, joins in order and steps fused.

mod cluster;
mod join;
mod order;
mod reduce;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{Lir, Mfp, Scalar};

use self::step::{apply, place, places};
use crate::{error::PlanError, rel::Rel};

/// Most rounds of a recursive query.
const ROUND_LIMIT: u64 = 10_000;

/// A relation's plan: which of its columns it gives, in order.
struct Input {
    lir: Lir,
    layout: Vec<usize>,
}

/// Plans a relation: all its columns, in order.
pub(crate) fn emit(rel: Rel) -> Result<Lir, PlanError> {
    let columns: Vec<usize> = (0..rel.arity()).collect();
    exactly(rel, &columns)
}

/// Plans these columns of a relation, in this order.
fn exactly(rel: Rel, columns: &[usize]) -> Result<Lir, PlanError> {
    let outputs = columns.iter().map(|column| Scalar::Column(*column)).collect();
    let arity = rel.arity();
    let rel = if columns.iter().copied().eq(0..arity) { rel } else { rel.project(outputs) };
    let all: BTreeSet<usize> = (0..columns.len()).collect();
    let Input { lir, layout } = input(rel, &all)?;
    Ok(narrowed(lir, &layout, &(0..columns.len()).collect::<Vec<_>>()))
}

/// Puts a plan's columns into an order.
fn narrowed(lir: Lir, layout: &[usize], columns: &[usize]) -> Lir {
    if layout == columns {
        return lir;
    }
    let places = places(layout);
    let projection = columns.iter().map(|column| place(&places, *column)).collect();
    apply(lir, Mfp { input_arity: layout.len(), expressions: Vec::new(), predicates: Vec::new(), projection })
}

/// Plans a relation so that it gives at least the needed columns.
fn input(rel: Rel, needed: &BTreeSet<usize>) -> Result<Input, PlanError> {
    let all = |arity: usize| (0..arity).collect::<Vec<usize>>();
    Ok(match rel {
        rel @ (Rel::Filter { .. } | Rel::Project { .. }) => cluster::emit(rel, needed)?,
        rel @ Rel::Join { .. } => join::emit(rel, needed)?,
        Rel::Constant { rows, arity } => {
            let rows = rows.into_iter().map(|row| (row, 1)).collect();
            Input { lir: Lir::Constant { rows }, layout: all(arity) }
        }
        Rel::Get { id, arity, .. } => Input { lir: Lir::Get { id }, layout: all(arity) },
        Rel::Local { id, arity } => Input { lir: Lir::Local { id }, layout: all(arity) },
        Rel::Let { id, value, body } => {
            let value = Box::new(emit(*value)?);
            let Input { lir, layout } = input(*body, needed)?;
            Input { lir: Lir::Let { id, value, body: Box::new(lir) }, layout }
        }
        Rel::Recursive { id, base, step, distinct } => {
            let arity = base.arity();
            let (base, step) = (Box::new(emit(*base)?), Box::new(emit(*step)?));
            let lir = Lir::Recursive { id, base, step, distinct, limit: ROUND_LIMIT };
            Input { lir, layout: all(arity) }
        }
        Rel::Apply { .. } => return Err(PlanError::internal("a correlated subquery is left")),
        Rel::Aggregate { input, keys, aggregates, .. } => reduce::emit(*input, keys, aggregates, needed)?,
        Rel::Distinct { input } => {
            let arity = input.arity();
            Input { lir: Lir::Distinct { input: Box::new(emit(*input)?) }, layout: all(arity) }
        }
        Rel::Top { input: below, mut top } => {
            let mut read = needed.clone();
            top.group.iter().for_each(|scalar| scalar.collect_columns(&mut read));
            read.extend(top.order_by.iter().map(|order| order.column));
            let Input { lir, layout } = input(*below, &read)?;
            let places = places(&layout);
            top.group.iter_mut().for_each(|scalar| scalar.remap(&|column| place(&places, column)));
            top.order_by.iter_mut().for_each(|order| order.column = place(&places, order.column));
            Input { lir: Lir::TopK { input: Box::new(lir), top }, layout }
        }
        rel @ Rel::Window { .. } => window(rel, needed)?,
        Rel::FlatMap { input: below, function, mut args, ordinality } => {
            let arity = below.arity();
            let mut read: BTreeSet<usize> = needed.range(..arity).copied().collect();
            args.iter().for_each(|arg| arg.collect_columns(&mut read));
            let Input { lir, mut layout } = input(*below, &read)?;
            let places = places(&layout);
            args.iter_mut().for_each(|arg| arg.remap(&|column| place(&places, column)));
            layout.extend(arity..arity + function.arity() + usize::from(ordinality));
            Input { lir: Lir::FlatMap { input: Box::new(lir), function, args, ordinality }, layout }
        }
        Rel::Union { inputs, .. } => {
            let layout: Vec<usize> = needed.iter().copied().collect();
            let inputs =
                inputs.into_iter().map(|branch| exactly(branch, &layout)).collect::<Result<_, _>>()?;
            Input { lir: union(inputs), layout }
        }
        Rel::Negate { input: below } => {
            let Input { lir, layout } = input(*below, needed)?;
            Input { lir: Lir::Negate { input: Box::new(lir) }, layout }
        }
        Rel::Threshold { input } => {
            let arity = input.arity();
            Input { lir: Lir::Threshold { input: Box::new(emit(*input)?) }, layout: all(arity) }
        }
    })
}

/// A union; rows that are all known become one constant.
fn union(inputs: Vec<Lir>) -> Lir {
    let mut constant = Vec::new();
    for input in &inputs {
        match input {
            Lir::Constant { rows } => constant.extend(rows.iter().cloned()),
            _ => return Lir::Union { inputs },
        }
    }
    Lir::Constant { rows: constant }
}

fn window(rel: Rel, needed: &BTreeSet<usize>) -> Result<Input, PlanError> {
    let Rel::Window { input: below, window } = rel else {
        return Err(PlanError::internal("not a window"));
    };
    let arity = below.arity();
    // Calls that nobody reads are not made.
    let mut kept = Vec::new();
    let mut shown = Vec::new();
    for (position, call) in window.calls.into_iter().enumerate() {
        if needed.contains(&(arity + position)) {
            shown.push(arity + position);
            kept.push(call);
        }
    }
    let mut node = Rel::Window {
        input: Box::new(Rel::nothing(arity)),
        window: offtake_lir::Window { partition: window.partition, order_by: window.order_by, calls: kept },
    };
    let mut read: BTreeSet<usize> = needed.range(..arity).copied().collect();
    node.each_scalar_mut(&mut |scalar| scalar.collect_columns(&mut read));
    let Rel::Window { window, .. } = &mut node else {
        return Err(PlanError::internal("not a window"));
    };
    if window.calls.is_empty() {
        return input(*below, needed);
    }
    read.extend(window.order_by.iter().map(|order| order.column));
    let Input { lir, mut layout } = input(*below, &read)?;
    let places: BTreeMap<usize, usize> = places(&layout);
    window.order_by.iter_mut().for_each(|order| order.column = place(&places, order.column));
    node.each_scalar_mut(&mut |scalar| scalar.remap(&|column| place(&places, column)));
    let Rel::Window { window, .. } = node else { return Err(PlanError::internal("not a window")) };
    layout.extend(shown);
    Ok(Input { lir: Lir::Window { input: Box::new(lir), window }, layout })
}
