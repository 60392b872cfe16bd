//! The one-off executor: evaluates a plan once, over collections that can be scanned and looked up.
//!
//! It answers ad-hoc queries. The dataflow engine answers the same plans incrementally, with the same scalars and aggregates.

mod context;
mod finish;
mod flat_map;
mod hash_table;
mod join;
mod look_up;
mod recursive;
mod reduce;
mod sort;
mod top_k;
mod window;

use std::collections::{HashMap, hash_map::Entry};

use offtake_row::Row;

use context::Context;
pub use finish::Finish;
use recursive::Recursion;

use crate::{
    error::EvalError,
    mfp::Scratch,
    node::{CollectionId, Lir},
};

/// The collections that a plan reads, all as of one moment.
pub trait Source {
    /// Calls `f` for every row of a collection with its multiplicity.
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError>;

    /// The columns of each index that the collection has.
    fn indexes(&self, id: CollectionId) -> Vec<Vec<usize>>;

    /// Calls `f` for the rows whose values in `columns` (one of [`Source::indexes`]) are equal to `key`: the canonical values
    /// ([`crate::equality_key`]) in the order of `columns`, packed. `None`: there is no such index, `f` was not called.
    fn lookup(
        &self,
        id: CollectionId,
        columns: &[usize],
        key: &Row,
        f: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>>;

    /// Called before the evaluation keeps so many more bytes (about) to its end; an error ends it.
    fn keep(&self, bytes: usize) -> Result<(), EvalError> {
        let _ = bytes;
        Ok(())
    }

    /// Called every few hundred rows that are worked on; an error ends the evaluation.
    fn interrupted(&self) -> Result<(), EvalError> {
        Ok(())
    }
}

/// Rows handed from one node to the next, with their multiplicities.
type Emit<'e> = dyn FnMut(Row, i64) -> Result<(), EvalError> + 'e;

/// Evaluates a plan. The rows come in no particular order and a row may come several times; multiplicities are to be added up. The
/// first row without a value ends it with that error.
pub fn evaluate(lir: &Lir, source: &dyn Source) -> Result<Vec<(Row, i64)>, EvalError> {
    materialise(lir, &Context::new(lir, source))
}

/// All rows of a plan, held in memory.
fn materialise(lir: &Lir, context: &Context<'_>) -> Result<Vec<(Row, i64)>, EvalError> {
    let mut rows = Vec::new();
    run(lir, context, &mut |row, diff| {
        context.keep(size(&row))?;
        rows.push((row, diff));
        Ok(())
    })?;
    Ok(rows)
}

/// As [`run`], for nodes that look into rows: of what is missing somewhere each row comes once, with what is left of it, so that a row
/// that is taken away again raises no error and is in no group.
fn settled(lir: &Lir, context: &Context<'_>, emit: &mut Emit<'_>) -> Result<(), EvalError> {
    if !context.may_miss(lir) {
        return run(lir, context, emit);
    }
    counted(lir, context)?.into_iter().try_for_each(|(row, count)| {
        context.work()?;
        if count != 0 { emit(row, count) } else { Ok(()) }
    })
}

/// How often each row is there.
fn counted(lir: &Lir, context: &Context<'_>) -> Result<HashMap<Row, i64>, EvalError> {
    let mut counts = HashMap::new();
    run(lir, context, &mut |row, diff| {
        let size = size(&row);
        let count = match counts.entry(row) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                context.keep(size)?;
                new.insert(0_i64)
            }
        };
        *count = count.checked_add(diff).ok_or_else(EvalError::copies)?;
        Ok(())
    })?;
    Ok(counts)
}

/// What a row takes in a list or set, which doubles as it grows, in bytes. What it shares with the collection it came from is there anyway.
fn size(row: &Row) -> usize {
    2 * size_of::<(Row, i64)>() + row.own_bytes()
}

fn run(lir: &Lir, context: &Context<'_>, emit: &mut Emit<'_>) -> Result<(), EvalError> {
    match lir {
        Lir::Constant { rows } => rows.iter().try_for_each(|(row, diff)| {
            context.work()?;
            emit(row.clone(), *diff)
        }),
        Lir::Get { id } => context.scan(*id, &mut |row, diff| emit(row.clone(), diff)),
        Lir::Mfp { input, mfp } => {
            let mut scratch = Scratch::new();
            let Lir::Get { id } = &**input else {
                return settled(input, context, &mut |row, diff| match mfp.eval(&row, &mut scratch)? {
                    Some(row) => emit(row, diff),
                    None => Ok(()),
                });
            };
            // Rows that the predicates drop are never cloned.
            let mut visit = |row: &Row, diff: i64| match mfp.eval(row, &mut scratch)? {
                Some(row) => emit(row, diff),
                None => Ok(()),
            };
            match look_up::plan(&context.indexes(*id), &mfp.predicates) {
                Some(look_up) => look_up
                    .keys
                    .iter()
                    .try_for_each(|key| context.lookup(*id, &look_up.columns, key, &mut visit)),
                None => context.scan(*id, &mut visit),
            }
        }
        Lir::Join { inputs, stages } => join::run(inputs, stages, context, emit),
        Lir::Reduce { input, key, aggregates } => reduce::run(input, key, aggregates, context, emit),
        Lir::Distinct { input } => counted(input, context)?.into_iter().try_for_each(|(row, count)| {
            context.work()?;
            if count > 0 { emit(row, 1) } else { Ok(()) }
        }),
        Lir::Threshold { input } => counted(input, context)?.into_iter().try_for_each(|(row, count)| {
            context.work()?;
            if count > 0 { emit(row, count) } else { Ok(()) }
        }),
        Lir::Union { inputs } => inputs.iter().try_for_each(|input| run(input, context, emit)),
        Lir::Local { id } => context.local(*id)?.iter().try_for_each(|(row, diff)| {
            context.work()?;
            emit(row.clone(), *diff)
        }),
        Lir::Let { id, value, body } => {
            context.define(*id, value);
            run(body, context, emit)
        }
        Lir::Window { input, window } => window::run(input, window, context, emit),
        Lir::Negate { input } => run(input, context, &mut |row, diff| emit(row, -diff)),
        Lir::Recursive { id, base, step, distinct, limit } => {
            Recursion { id: *id, base, step, distinct: *distinct, limit: *limit }.run(context, emit)
        }
        Lir::TopK { input, top } => top_k::run(input, top, context, emit),
        Lir::FlatMap { input, function, args, ordinality } => {
            flat_map::run(input, *function, args, *ordinality, context, emit)
        }
    }
}

#[cfg(test)]
mod tests;
