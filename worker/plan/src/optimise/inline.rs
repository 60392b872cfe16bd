//! What is bound and is nothing but a collection is named where it is read.

use offtake_lir::LocalId;

use crate::rel::Rel;

/// Puts collections in place of the names that are bound to them: so that their indexes are found, and no copy is made.
pub(super) fn inlined(mut rel: Rel) -> Rel {
    while let Rel::Let { id, value, mut body } = rel {
        let value = inlined(*value);
        if let Rel::Get { .. } | Rel::Local { .. } = value {
            replace(&mut body, id, &value);
            rel = *body;
        } else {
            return Rel::Let { id, value: Box::new(value), body: Box::new(inlined(*body)) };
        }
    }
    for input in rel.inputs_mut() {
        let below = std::mem::replace(input, Rel::nothing(0));
        *input = inlined(below);
    }
    rel
}

fn replace(rel: &mut Rel, name: LocalId, value: &Rel) {
    if let Rel::Local { id, .. } = rel
        && *id == name
    {
        *rel = value.clone();
        return;
    }
    rel.inputs_mut().into_iter().for_each(|input| replace(input, name, value));
}
