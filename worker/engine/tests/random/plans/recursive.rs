//! Recursion: over graphs whose edges come and go, counters, and steps of all kinds.

use offtake_lir::{
    Func, JoinKind, JoinStage, Lir, Mfp, Scalar,
    scalar::{Comparison, Number},
};
use offtake_row::{Datum, Type};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::{Relation, alike, columns, named::name, shaped};

pub fn recursive(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let id = name(rng);
    let local = Lir::Local { id };
    let wanted = match rng.random_range(0..3) {
        0 => alike(rng),
        _ => vec![Type::Int8; rng.random_range(1..3)],
    };
    let base = shaped(rng, depth.min(2), relations, &wanted);
    let edges: Vec<&Relation> =
        relations.iter().filter(|(_, types)| columns(types, Type::Int8).len() > 1).collect();
    let ints = wanted.iter().all(|ty| *ty == Type::Int8);
    let (step, limit) = match (rng.random_range(0..4), edges.choose(rng)) {
        (0..=1, Some((edges, types))) if ints => {
            (walk(rng, local, wanted.len(), edges.clone(), types), rng.random_range(1..8))
        }
        (2, _) if ints => (count(rng, local, wanted.len()), rng.random_range(1..12)),
        _ => {
            // Often, among so few.
            let mut relations = relations.to_vec();
            relations.extend(std::iter::repeat_n((local, wanted.clone()), 6));
            (shaped(rng, depth.min(2), &relations, &wanted), rng.random_range(0..5))
        }
    };
    let distinct = rng.random_ratio(2, 3);
    let limit = if distinct { limit + 20 } else { limit };
    (Lir::Recursive { id, base: Box::new(base), step: Box::new(step), distinct, limit }, wanted)
}

/// From each row along the edges that begin where it ends.
fn walk(rng: &mut StdRng, local: Lir, arity: usize, edges: Lir, types: &[Type]) -> Lir {
    let ends = columns(types, Type::Int8);
    let (from, to) = (*ends.choose(rng).unwrap(), *ends.choose(rng).unwrap());
    let turned = rng.random_ratio(1, 4);
    let (place, start) = if turned { (to, types.len()) } else { (arity + to, 0) };
    let mut projection: Vec<usize> = (start..start + arity).collect();
    projection[arity - 1] = place;
    let closure = Mfp { projection, ..Mfp::identity(arity + types.len()) };
    let end = vec![Scalar::Column(arity - 1)];
    let from = vec![Scalar::Column(from)];
    if turned {
        let stage = JoinStage::inner(from, end, arity, closure);
        return Lir::Join { inputs: vec![edges, local], stages: vec![stage] };
    }
    let kind = if rng.random_ratio(1, 5) { JoinKind::Left } else { JoinKind::Inner };
    let stage = JoinStage { kind, ..JoinStage::inner(end, from, types.len(), closure) };
    let mut stages = vec![stage];
    let mut inputs = vec![local, edges.clone()];
    if rng.random_ratio(1, 3) {
        let kind = *[JoinKind::Semi, JoinKind::Anti].choose(rng).unwrap();
        let key = || vec![Scalar::Column(arity - 1)];
        let nulls_meet = if rng.random() { vec![0] } else { vec![] };
        let lookup = vec![Scalar::Column(*ends.choose(rng).unwrap())];
        let closure = Mfp::identity(arity);
        let stage = JoinStage::inner(key(), lookup, types.len(), closure);
        stages.push(JoinStage { kind, nulls_meet, ..stage });
        inputs.push(edges);
    }
    Lir::Join { inputs, stages }
}

/// One more than each row, up to some.
fn count(rng: &mut StdRng, local: Lir, arity: usize) -> Lir {
    let number = |value| Scalar::literal(Datum::Int(value), Type::Int8);
    let last = Scalar::Column(arity - 1);
    let next = Scalar::call(Func::Add(Number::Int8), [last.clone(), number(1)]);
    let compare = Func::Compare(Comparison::Less, offtake_lir::Blanks::Count);
    let bound = number(rng.random_range(2..9));
    let mut mfp = Mfp {
        expressions: vec![next],
        predicates: vec![Scalar::call(compare, [last, bound])],
        ..Mfp::identity(arity)
    };
    mfp.projection[arity - 1] = arity;
    Lir::Mfp { input: Box::new(local), mfp }
}
