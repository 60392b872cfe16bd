//! Steps: map, filter and project, fused with what is below.

use std::collections::BTreeMap;

use offtake_lir::{Lir, Mfp, Scalar};

pub(super) fn places(layout: &[usize]) -> BTreeMap<usize, usize> {
    layout.iter().enumerate().map(|(place, column)| (*column, place)).collect()
}

/// Where a column is in a layout. All that is read is there: what is needed was collected from the same scalars.
pub(super) fn place(places: &BTreeMap<usize, usize>, column: usize) -> usize {
    places.get(&column).copied().unwrap_or(usize::MAX)
}

/// Filters by `predicates`, then computes `outputs`; equal outputs are computed once.
pub(super) fn step(input_arity: usize, predicates: Vec<Scalar>, outputs: &[Scalar]) -> Mfp {
    let mut expressions: Vec<Scalar> = Vec::new();
    let projection = outputs
        .iter()
        .map(|output| match output {
            Scalar::Column(column) => *column,
            computed => {
                let known = expressions.iter().position(|expression| expression == computed);
                input_arity
                    + known.unwrap_or_else(|| {
                        expressions.push(computed.clone());
                        expressions.len() - 1
                    })
            }
        })
        .collect();
    Mfp { input_arity, expressions, predicates, projection }
}

/// Puts a step on a plan, fused with the one below where there is one.
pub(super) fn apply(lir: Lir, mfp: Mfp) -> Lir {
    if mfp.is_identity() {
        return lir;
    }
    match lir {
        Lir::Mfp { input, mfp: below } => Lir::Mfp { input, mfp: below.compose(mfp) },
        Lir::Join { inputs, mut stages } => {
            if let Some(stage) = stages.last_mut() {
                let below = std::mem::replace(&mut stage.closure, Mfp::identity(0));
                stage.closure = below.compose(mfp);
            }
            Lir::Join { inputs, stages }
        }
        lir => Lir::Mfp { input: Box::new(lir), mfp },
    }
}
