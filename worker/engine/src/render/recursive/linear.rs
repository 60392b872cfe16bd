//! What is known of steps. Some make the same of a round's rows, each by itself, as of all of them together.

use std::collections::BTreeSet;

use offtake_lir::{JoinKind, JoinStage, Lir, LocalId};

use super::Recursion;
use crate::command::Plan;

/// How a plan depends on a round's rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dependence {
    Fixed,
    /// Of the rows of two rounds together it makes what it makes of each: as bags, or as sets where only they count.
    Linear,
    Other,
}

/// Whether the rounds of a recursion may be added up before the step sees them.
pub(super) fn is_linear(recursion: &Recursion<'_>) -> bool {
    let mut varying = BTreeSet::from([recursion.id]);
    depends(recursion.step, recursion.distinct, &mut varying) == Dependence::Linear
}

fn depends(plan: &Plan, sets: bool, varying: &mut BTreeSet<LocalId>) -> Dependence {
    match plan {
        Lir::Constant { .. } | Lir::Get { .. } => Dependence::Fixed,
        Lir::Local { id } if varying.contains(id) => Dependence::Linear,
        Lir::Local { .. } => Dependence::Fixed,
        Lir::Let { id, value, body } => match depends(value, sets, varying) {
            Dependence::Fixed => depends(body, sets, varying),
            Dependence::Linear => {
                varying.insert(*id);
                depends(body, sets, varying)
            }
            Dependence::Other => Dependence::Other,
        },
        Lir::Mfp { input, .. } | Lir::FlatMap { input, .. } => depends(input, sets, varying),
        // Of sets nothing can be taken away.
        Lir::Negate { input } => or_other(depends(input, sets, varying), !sets),
        // Of sets it changes nothing.
        Lir::Distinct { input } => or_other(depends(input, sets, varying), sets),
        Lir::Union { inputs } => {
            let of_inputs: Vec<Dependence> =
                inputs.iter().map(|input| depends(input, sets, varying)).collect();
            match of_inputs.as_slice() {
                [] => Dependence::Fixed,
                // What is the same in each round would have to come in each round.
                [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
                _ => Dependence::Other,
            }
        }
        Lir::Join { inputs, stages } => {
            let of_inputs: Vec<Dependence> =
                inputs.iter().map(|input| depends(input, sets, varying)).collect();
            joined(&of_inputs, stages)
        }
        Lir::Recursive { .. }
        | Lir::Reduce { .. }
        | Lir::TopK { .. }
        | Lir::Window { .. }
        | Lir::Threshold { .. } => {
            let fixed = plan.names().is_disjoint(varying);
            if fixed { Dependence::Fixed } else { Dependence::Other }
        }
    }
}

fn or_other(dependence: Dependence, kept: bool) -> Dependence {
    match dependence {
        Dependence::Linear if !kept => Dependence::Other,
        dependence => dependence,
    }
}

/// One input may depend on a round's rows: as the stream, or as what an inner stage looks up.
fn joined(inputs: &[Dependence], stages: &[JoinStage]) -> Dependence {
    let Some(place) = inputs.iter().position(|input| *input != Dependence::Fixed) else {
        return Dependence::Fixed;
    };
    let one = inputs[place] == Dependence::Linear
        && inputs[place + 1..].iter().all(|input| *input == Dependence::Fixed);
    let looked_up = match place.checked_sub(1).and_then(|place| stages.get(place)) {
        Some(stage) => stage.kind == JoinKind::Inner,
        None => true,
    };
    let streamed = stages.iter().skip(place).all(|stage| stage.kind != JoinKind::Full);
    if one && looked_up && streamed { Dependence::Linear } else { Dependence::Other }
}

/// Whether the step may make rows of a round that found none, which ends the recursion.
pub(super) fn makes_of_nothing(recursion: &Recursion<'_>) -> bool {
    of_nothing(recursion.step, &mut BTreeSet::from([recursion.id]))
}

/// Whether a plan may make rows where nothing stands for the names in `empty`.
fn of_nothing(plan: &Plan, empty: &mut BTreeSet<LocalId>) -> bool {
    match plan {
        Lir::Constant { .. } | Lir::Get { .. } | Lir::Recursive { .. } => true,
        Lir::Local { id } => !empty.contains(id),
        Lir::Let { id, value, body } => {
            if !of_nothing(value, empty) {
                empty.insert(*id);
            }
            of_nothing(body, empty)
        }
        Lir::Reduce { input, key, .. } => key.is_empty() || of_nothing(input, empty),
        Lir::Mfp { input, .. }
        | Lir::FlatMap { input, .. }
        | Lir::Distinct { input }
        | Lir::TopK { input, .. }
        | Lir::Window { input, .. }
        | Lir::Negate { input }
        | Lir::Threshold { input } => of_nothing(input, empty),
        Lir::Union { inputs } => inputs.iter().any(|input| of_nothing(input, empty)),
        Lir::Join { inputs, stages } => {
            let mut of_inputs = inputs.iter().map(|input| of_nothing(input, empty));
            let stream = of_inputs.next().unwrap_or(false);
            of_inputs.zip(stages).fold(stream, |stream, (lookup, stage)| match stage.kind {
                JoinKind::Inner | JoinKind::Semi => stream && lookup,
                JoinKind::Left | JoinKind::Anti => stream,
                JoinKind::Full => stream || lookup,
            })
        }
    }
}
