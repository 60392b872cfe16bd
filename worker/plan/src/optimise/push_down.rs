//! Predicate push-down: a conjunct moves to where all it reads is there.

use offtake_lir::{JoinKind, Scalar};
use offtake_row::Datum;

use super::may_fail;
use crate::rel::{Predicate, Rel};

/// Largest expression, in nodes, that a predicate may become below a projection.
const MOST_NODES: usize = 2000;

/// The relation filtered by the predicates, these as far down as they can be.
pub(super) fn pushed(rel: Rel, predicates: Vec<Predicate>) -> Rel {
    let mut kept = Vec::with_capacity(predicates.len());
    for predicate in predicates {
        match predicate.scalar.as_literal() {
            Some(Datum::Bool(true)) => {}
            Some(_) => return Rel::nothing(rel.arity()),
            None => kept.push(predicate),
        }
    }
    let predicates = kept;
    match rel {
        Rel::Filter { input, predicates: mut own } => {
            own.extend(predicates);
            pushed(*input, own)
        }
        Rel::Project { input, outputs } => {
            let (below, above): (Vec<_>, Vec<_>) = predicates
                .into_iter()
                .partition(|predicate| size_below(&predicate.scalar, &outputs) <= MOST_NODES);
            let below = below.iter().map(|predicate| predicate.substituted(&outputs)).collect();
            pushed(*input, below).project(outputs).filter(above)
        }
        Rel::Join { kind, left, right, on } => join(kind, *left, *right, on, predicates),
        Rel::Aggregate { input, keys, aggregates, shown } => {
            let (below, above): (Vec<_>, Vec<_>) = predicates
                .into_iter()
                .partition(|predicate| !keys.is_empty() && predicate.scalar.columns_end() <= keys.len());
            let below = below.iter().map(|predicate| predicate.substituted(&keys)).collect();
            let input = Box::new(pushed(*input, below));
            Rel::Aggregate { input, keys, aggregates, shown }.filter(above)
        }
        Rel::Distinct { input } => pushed(*input, predicates).distinct(),
        Rel::Union { inputs, arity } => {
            Rel::union(inputs.into_iter().map(|input| pushed(input, predicates.clone())).collect(), arity)
        }
        Rel::Negate { input } => Rel::Negate { input: Box::new(pushed(*input, predicates)) },
        Rel::Threshold { input } => Rel::Threshold { input: Box::new(pushed(*input, predicates)) },
        Rel::FlatMap { input, function, args, ordinality } => {
            let end = input.arity();
            let (below, above): (Vec<_>, Vec<_>) = predicates
                .into_iter()
                .partition(|predicate| predicate.scalar.columns_end() <= end && !may_fail(&predicate.scalar));
            let input = Box::new(pushed(*input, below));
            Rel::FlatMap { input, function, args, ordinality }.filter(above)
        }
        Rel::Window { input, window } => {
            // Whole partitions may be left out.
            let partition = window.partition.clone();
            let (below, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(|predicate| {
                !may_fail(&predicate.scalar)
                    && predicate.columns().iter().all(|column| partition.contains(&Scalar::Column(*column)))
            });
            Rel::Window { input: Box::new(pushed(*input, below)), window }.filter(above)
        }
        Rel::Top { input, top } => {
            Rel::Top { input: Box::new(pushed(*input, Vec::new())), top }.filter(predicates)
        }
        Rel::Let { id, value, body } => Rel::Let {
            id,
            value: Box::new(pushed(*value, Vec::new())),
            body: Box::new(pushed(*body, predicates)),
        },
        Rel::Recursive { id, base, step, distinct } => Rel::Recursive {
            id,
            base: Box::new(pushed(*base, Vec::new())),
            step: Box::new(pushed(*step, Vec::new())),
            distinct,
        }
        .filter(predicates),
        leaf @ (Rel::Constant { .. } | Rel::Get { .. } | Rel::Local { .. } | Rel::Apply { .. }) => {
            leaf.filter(predicates)
        }
    }
}

fn join(kind: JoinKind, left: Rel, right: Rel, on: Vec<Predicate>, above: Vec<Predicate>) -> Rel {
    let shift = left.arity();
    let mut to_left = Vec::new();
    let mut to_right = Vec::new();
    let mut stay = Vec::new();
    let mut rest = Vec::new();
    let moved = |mut predicate: Predicate| {
        predicate.remap(&|column| column - shift);
        predicate
    };
    let side = |predicate: &Predicate| {
        let columns = predicate.columns();
        match (columns.first(), columns.last()) {
            _ if may_fail(&predicate.scalar) => None,
            (Some(_), Some(last)) if *last < shift => Some(true),
            (Some(first), Some(_)) if *first >= shift => Some(false),
            _ => None,
        }
    };
    for predicate in above {
        match (kind, side(&predicate)) {
            (JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti, Some(true)) => {
                to_left.push(predicate);
            }
            (JoinKind::Inner, Some(false)) => to_right.push(moved(predicate)),
            (JoinKind::Inner, None) => stay.push(predicate),
            // Semi- and anti-joins show the left side only.
            (JoinKind::Left | JoinKind::Full | JoinKind::Semi | JoinKind::Anti, _) => rest.push(predicate),
        }
    }
    let mut on_kept = Vec::with_capacity(on.len());
    for predicate in on {
        match predicate.scalar.as_literal() {
            Some(Datum::Bool(true)) => continue,
            Some(_) if matches!(kind, JoinKind::Inner | JoinKind::Semi) => {
                return Rel::nothing(match kind {
                    JoinKind::Inner => shift + right.arity(),
                    _ => shift,
                });
            }
            _ => {}
        }
        match (kind, side(&predicate)) {
            (JoinKind::Inner | JoinKind::Semi, Some(true)) => to_left.push(predicate),
            (JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti, Some(false)) => {
                to_right.push(moved(predicate));
            }
            (JoinKind::Left | JoinKind::Anti | JoinKind::Full, Some(true))
            | (JoinKind::Full, Some(false))
            | (_, None) => on_kept.push(predicate),
        }
    }
    on_kept.extend(stay);
    let (left, right) = (pushed(left, to_left), pushed(right, to_right));
    left.join(kind, right, on_kept).filter(rest)
}

/// How many nodes an expression has below a projection, up to a little more than the limit.
fn size_below(scalar: &Scalar, outputs: &[Scalar]) -> usize {
    let mut nodes = 0;
    let mut stack = vec![(scalar, true)];
    while let Some((scalar, above)) = stack.pop() {
        nodes += 1;
        if nodes > MOST_NODES {
            return nodes;
        }
        match scalar {
            Scalar::Column(column) if above => {
                if let Some(output) = outputs.get(*column) {
                    stack.push((output, false));
                }
            }
            other => other.for_each_operand(&mut |operand| stack.push((operand, above))),
        }
    }
    nodes
}
