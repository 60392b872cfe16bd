//! EXCEPT and INTERSECT, of bags and of sets.

use offtake_lir::Lir;
use offtake_row::Type;
use rand::{Rng, rngs::StdRng};

use super::{Relation, alike, named, shaped};

pub fn difference(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let wanted = alike(rng);
    let left = shaped(rng, depth, relations, &wanted);
    let right = shaped(rng, depth, relations, &wanted);
    let distinct = |input| Lir::Distinct { input: Box::new(input) };
    let without = |left, right| {
        let inputs = vec![left, Lir::Negate { input: Box::new(right) }];
        Lir::Threshold { input: Box::new(Lir::Union { inputs }) }
    };
    let lir = match rng.random_range(0..3) {
        0 => without(left, right),
        1 => without(distinct(left), distinct(right)),
        // INTERSECT ALL: what is left of the left when what is not in the right is taken away.
        _ => named::bind(rng, left, |left| {
            let rest = without(left.clone(), right);
            Lir::Union { inputs: vec![left, Lir::Negate { input: Box::new(rest) }] }
        }),
    };
    (lir, wanted)
}
