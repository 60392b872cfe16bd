//! The one-off executor: evaluates a plan once, over collections that can be scanned and looked up.
//!
//! It answers ad-hoc queries. The dataflow engine answers the same plans incrementally, with the same scalars and aggregates.

mod finish;
mod join;
mod look_up;
mod reduce;

use std::collections::HashSet;

use offtake_row::Row;

pub use finish::{Finish, Order};

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
}

/// Rows handed from one node to the next, with their multiplicities.
type Emit<'e> = dyn FnMut(Row, i64) -> Result<(), EvalError> + 'e;

/// Evaluates a plan. The rows come in no particular order and a row may come several times; multiplicities are to be added up. The
/// first row without a value ends it with that error.
pub fn evaluate(lir: &Lir, source: &dyn Source) -> Result<Vec<(Row, i64)>, EvalError> {
    let mut rows = Vec::new();
    run(lir, source, &mut |row, diff| {
        source.keep(size(&row))?;
        rows.push((row, diff));
        Ok(())
    })?;
    Ok(rows)
}

/// What a row takes in a list or set, which doubles as it grows, in bytes. What it shares with the collection it came from is there anyway.
fn size(row: &Row) -> usize {
    2 * size_of::<(Row, i64)>() + row.own_bytes()
}

fn run(lir: &Lir, source: &dyn Source, emit: &mut Emit<'_>) -> Result<(), EvalError> {
    match lir {
        Lir::Constant { rows } => rows.iter().try_for_each(|(row, diff)| emit(row.clone(), *diff)),
        Lir::Get { id } => {
            let mut result = Ok(());
            source.scan(*id, &mut |row, diff| {
                if result.is_ok() {
                    result = emit(row.clone(), diff);
                }
            })?;
            result
        }
        Lir::Mfp { input, mfp } => {
            let mut scratch = Scratch::new();
            let Lir::Get { id } = &**input else {
                return run(input, source, &mut |row, diff| match mfp.eval(&row, &mut scratch)? {
                    Some(row) => emit(row, diff),
                    None => Ok(()),
                });
            };
            // Rows that the predicates drop are never cloned.
            let mut result = Ok(());
            let mut visit = |row: &Row, diff: i64| {
                if result.is_ok() {
                    result =
                        mfp.eval(row, &mut scratch).and_then(|row| row.map_or(Ok(()), |row| emit(row, diff)));
                }
            };
            match look_up::plan(&source.indexes(*id), &mfp.predicates) {
                Some(look_up) => {
                    for key in &look_up.keys {
                        if let Some(answer) = source.lookup(*id, &look_up.columns, key, &mut visit) {
                            answer?;
                        }
                    }
                }
                None => source.scan(*id, &mut visit)?,
            }
            result
        }
        Lir::Join { inputs, stages } => join::run(inputs, stages, source, emit),
        Lir::Reduce { input, key, aggregates } => reduce::run(input, key, aggregates, source, emit),
        Lir::Distinct { input } => {
            let mut seen = HashSet::new();
            run(input, source, &mut |row, _| {
                let size = size(&row);
                if !seen.insert(row.clone()) {
                    return Ok(());
                }
                source.keep(size)?;
                emit(row, 1)
            })
        }
        Lir::Union { inputs } => inputs.iter().try_for_each(|input| run(input, source, emit)),
    }
}

#[cfg(test)]
mod tests;
