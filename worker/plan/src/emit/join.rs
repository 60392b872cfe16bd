//! Joins: inner ones as clusters, the others as a stage on their left side's plan.

use std::collections::BTreeSet;

use offtake_lir::{JoinKind, JoinStage, Lir, Mfp, Scalar};

use super::{
    Input,
    cluster::{self, Keys},
    input,
    step::{place, places},
};
use crate::{error::PlanError, rel::Rel};

pub(super) fn emit(rel: Rel, needed: &BTreeSet<usize>) -> Result<Input, PlanError> {
    let (kind, left, right, mut on) = match rel {
        Rel::Join { kind, left, right, on } if kind != JoinKind::Inner => (kind, *left, *right, on),
        inner => return cluster::emit(inner, needed),
    };
    let shift = left.arity();
    let mut read = needed.clone();
    on.iter().for_each(|predicate| read.extend(predicate.columns()));
    let of_left: BTreeSet<usize> = read.range(..shift).copied().collect();
    let of_right: BTreeSet<usize> = read.range(shift..).map(|column| column - shift).collect();
    let left = input(left, &of_left)?;
    let mut right = input(right, &of_right)?;
    right.layout.iter_mut().for_each(|column| *column += shift);
    let Keys { stream, lookup, nulls_meet } = Keys::taken(&mut on, &left.layout, &right.layout);
    let both: Vec<usize> = left.layout.iter().chain(&right.layout).copied().collect();
    let places = places(&both);
    let on: Vec<Scalar> = on
        .into_iter()
        .map(|predicate| {
            let mut scalar = predicate.scalar;
            scalar.remap(&|column| place(&places, column));
            scalar
        })
        .collect();
    let visible = match kind {
        JoinKind::Inner | JoinKind::Left | JoinKind::Full => &both,
        JoinKind::Semi | JoinKind::Anti => &left.layout,
    };
    let layout: Vec<usize> = visible.iter().copied().filter(|column| needed.contains(column)).collect();
    let closure = Mfp {
        input_arity: visible.len(),
        expressions: Vec::new(),
        predicates: Vec::new(),
        projection: layout.iter().map(|column| place(&places, *column)).collect(),
    };
    let stage = JoinStage {
        kind,
        stream_key: stream,
        lookup_key: lookup,
        nulls_meet,
        on,
        lookup_arity: right.layout.len(),
        closure,
    };
    let lir = match left.lir {
        Lir::Join { mut inputs, mut stages } => {
            inputs.push(right.lir);
            stages.push(stage);
            Lir::Join { inputs, stages }
        }
        lir => Lir::Join { inputs: vec![lir, right.lir], stages: vec![stage] },
    };
    Ok(Input { lir, layout })
}
