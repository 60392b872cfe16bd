//! What has a name and is read under it.

use offtake_lir::{Lir, LocalId};
use offtake_row::Type;
use rand::{Rng, rngs::StdRng};

use super::{Relation, plan};

/// A plan that may read what it names several times.
pub fn shared(rng: &mut StdRng, depth: usize, relations: &[Relation]) -> (Lir, Vec<Type>) {
    let (value, types) = plan(rng, depth - 1, relations);
    let mut output = Vec::new();
    let id = name(rng);
    // Often, among so few.
    let mut relations = relations.to_vec();
    relations.extend(std::iter::repeat_n((Lir::Local { id }, types), 4));
    let (body, types) = plan(rng, depth - 1, &relations);
    output.extend(types);
    (Lir::Let { id, value: Box::new(value), body: Box::new(body) }, output)
}

/// `body` over something that is computed once.
pub fn bind(rng: &mut StdRng, value: Lir, body: impl FnOnce(Lir) -> Lir) -> Lir {
    let id = name(rng);
    Lir::Let { id, value: Box::new(value), body: Box::new(body(Lir::Local { id })) }
}

/// Another name each time, as good as certainly.
pub fn name(rng: &mut StdRng) -> LocalId {
    LocalId(rng.random())
}
