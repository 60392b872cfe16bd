//! Joins of all kinds.

use offtake_lir::{JoinKind, JoinStage, Lir, Scalar};
use offtake_row::Type;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::{Relation, columns, key, leaf, mfp, plan, scalar};

pub fn join(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (first, mut types) = join_input(rng, depth, relations);
    let mut inputs = vec![first];
    let mut stages = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let (input, other) = join_input(rng, depth, relations);
        let (stage, output) = stage(rng, &types, &other);
        stages.push(stage);
        inputs.push(input);
        types = output;
        if rng.random_ratio(1, 3) {
            break;
        }
    }
    (Lir::Join { inputs, stages }, types)
}

/// Bare collections often, so that indexes are shared.
fn join_input(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    if rng.random_ratio(2, 3) { leaf(rng, relations) } else { plan(rng, depth - 1, relations) }
}

fn stage(rng: &mut StdRng, types: &[Type], other: &[Type]) -> (JoinStage, Vec<Type>) {
    use JoinKind::*;
    let kind = *[Inner, Inner, Left, Left, Full, Semi, Anti].choose(rng).unwrap();
    let (mut stream_key, mut lookup_key) = (Vec::new(), Vec::new());
    // Without keys they grow.
    for _ in 0..if rng.random_ratio(1, 12) { 0 } else { rng.random_range(1..3) } {
        let ty = *other.choose(rng).unwrap();
        let right = columns(other, ty);
        let left = columns(types, ty);
        if rng.random_ratio(4, 5) && !left.is_empty() {
            stream_key.push(key(Scalar::Column(*left.choose(rng).unwrap()), ty));
        } else {
            stream_key.push(key(scalar(rng, types, ty, 1), ty));
        }
        lookup_key.push(key(Scalar::Column(*right.choose(rng).unwrap()), ty));
    }
    let nulls_meet = (0..stream_key.len()).filter(|_| rng.random_ratio(1, 4)).collect();
    let both: Vec<Type> = types.iter().chain(other).copied().collect();
    let conditions = if kind == Inner { 0 } else { rng.random_range(0..3) };
    let on = (0..conditions).map(|_| scalar(rng, &both, Type::Bool, 2)).collect();
    let (closure, output) = mfp(rng, if matches!(kind, Semi | Anti) { types } else { &both });
    let lookup_arity = other.len();
    (JoinStage { kind, stream_key, lookup_key, nulls_meet, on, lookup_arity, closure }, output)
}
