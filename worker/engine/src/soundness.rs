//! What a plan must be to be rendered: a bug of whoever made it is refused before any worker hears of it.

use std::collections::BTreeSet;

use offtake_lir::{CollectionId, Lir, LocalId};

use crate::engine::EngineError;

/// Refuses a plan of the view `id` that cannot be rendered.
pub(crate) fn check(id: CollectionId, lir: &Lir) -> Result<(), EngineError> {
    let mut bound = BTreeSet::new();
    node(lir, &mut bound).map_err(|what| EngineError::Malformed { id, what })
}

fn node(lir: &Lir, bound: &mut BTreeSet<LocalId>) -> Result<(), &'static str> {
    match lir {
        Lir::Join { inputs, stages } => {
            // Rows would be left out in silence.
            if inputs.len() != stages.len() + 1 {
                return Err("a join needs one stage per input after the first");
            }
            if stages.iter().any(|stage| stage.stream_key.len() != stage.lookup_key.len()) {
                return Err("a join needs as many keys of the one side as of the other");
            }
        }
        Lir::Local { id } => {
            if !bound.contains(id) {
                return Err("it reads a name that nothing binds");
            }
        }
        Lir::Let { id, value, body } => {
            node(value, bound)?;
            if !bound.insert(*id) {
                return Err("it binds a name twice");
            }
            return node(body, bound);
        }
        Lir::Recursive { id, base, step, .. } => {
            node(base, bound)?;
            if !bound.insert(*id) {
                return Err("it binds a name twice");
            }
            rounds(step, &mut BTreeSet::from([*id]))?;
            return node(step, bound);
        }
        Lir::Constant { .. }
        | Lir::FlatMap { .. }
        | Lir::Get { .. }
        | Lir::Mfp { .. }
        | Lir::Reduce { .. }
        | Lir::TopK { .. }
        | Lir::Window { .. }
        | Lir::Threshold { .. }
        | Lir::Distinct { .. }
        | Lir::Union { .. }
        | Lir::Negate { .. } => {}
    }
    lir.inputs().into_iter().try_for_each(|input| node(input, bound))
}

/// Refuses what a step cannot do with a round's rows.
fn rounds(lir: &Lir, varying: &mut BTreeSet<LocalId>) -> Result<(), &'static str> {
    if lir.names().is_disjoint(varying) {
        return Ok(());
    }
    match lir {
        Lir::Recursive { .. } => return Err("a recursion stands in another one's step and reads its rows"),
        Lir::Reduce { key, .. } if key.is_empty() => {
            return Err("the step of a recursion aggregates all of a round's rows");
        }
        Lir::Let { id, value, body } => {
            rounds(value, varying)?;
            if !value.names().is_disjoint(varying) {
                varying.insert(*id);
            }
            return rounds(body, varying);
        }
        Lir::Constant { .. }
        | Lir::Get { .. }
        | Lir::Local { .. }
        | Lir::Mfp { .. }
        | Lir::FlatMap { .. }
        | Lir::Join { .. }
        | Lir::Reduce { .. }
        | Lir::Distinct { .. }
        | Lir::TopK { .. }
        | Lir::Window { .. }
        | Lir::Union { .. }
        | Lir::Negate { .. }
        | Lir::Threshold { .. } => {}
    }
    lir.inputs().into_iter().try_for_each(|input| rounds(input, varying))
}
