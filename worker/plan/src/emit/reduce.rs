//! Grouping: aggregates that nobody reads are not kept, and the input gives what is read of it.

use std::collections::BTreeSet;

use offtake_lir::{Aggregate, Lir, Scalar};

use super::{
    Input, exactly,
    step::{place, places},
};
use crate::{error::PlanError, rel::Rel};

pub(super) fn emit(
    input: Rel,
    mut key: Vec<Scalar>,
    aggregates: Vec<Aggregate>,
    needed: &BTreeSet<usize>,
) -> Result<Input, PlanError> {
    let keys = key.len();
    let mut layout: Vec<usize> = (0..keys).collect();
    let mut kept = Vec::with_capacity(aggregates.len());
    for (position, aggregate) in aggregates.into_iter().enumerate() {
        // A plan without keys needs something to show.
        if needed.contains(&(keys + position)) || (keys == 0 && position == 0) {
            layout.push(keys + position);
            kept.push(aggregate);
        }
    }
    let mut read = BTreeSet::new();
    key.iter().for_each(|scalar| scalar.collect_columns(&mut read));
    for aggregate in &mut kept {
        aggregate.scalars_mut().for_each(|scalar| scalar.collect_columns(&mut read));
    }
    // A plain table stays as it is, so that its rows need not be rewritten.
    let lir = if let Rel::Get { id, .. } = input {
        Lir::Get { id }
    } else {
        let columns: Vec<usize> = read.into_iter().collect();
        let places = places(&columns);
        let moved = |scalar: &mut Scalar| scalar.remap(&|column| place(&places, column));
        key.iter_mut().for_each(moved);
        for aggregate in &mut kept {
            aggregate.scalars_mut().for_each(moved);
        }
        exactly(input, &columns)?
    };
    Ok(Input { lir: Lir::Reduce { input: Box::new(lir), key, aggregates: kept }, layout })
}
