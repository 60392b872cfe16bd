//! Window functions: partitions are collected, then evaluated one after the other ([`crate::window`]).

use std::collections::HashMap;

use offtake_row::Row;

use super::{Context, Emit};
use crate::{
    error::EvalError,
    key::KeyOf,
    node::{Lir, Window},
    window,
};

pub(super) fn run(
    input: &Lir,
    spec: &Window,
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    window::check(spec)?;
    let mut key = KeyOf::grouping(&spec.partition);
    let mut partitions: HashMap<Row, Vec<(Row, i64)>> = HashMap::new();
    super::settled(input, context, &mut |row, diff| {
        if diff <= 0 {
            return Ok(());
        }
        // A grouping key is never missing.
        let key = key.of(&row)?.unwrap_or_default();
        context.keep(super::size(&row) + row_work(diff))?;
        partitions.entry(key).or_default().push((row, diff));
        Ok(())
    })?;
    partitions.into_values().try_for_each(|rows| {
        window::evaluate(spec, &rows, &mut |row| {
            context.work()?;
            emit(row, 1)
        })
    })
}

/// What is kept beside a row while its partition is evaluated, in bytes: each copy's place, group and values.
fn row_work(copies: i64) -> usize {
    usize::try_from(copies).unwrap_or(0).saturating_mul(16 * size_of::<usize>())
}
