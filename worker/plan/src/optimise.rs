//! Optimisation: small passes over a [`Rel`], each pure, in a fixed order. None may change an answer.
//!
//! Every choice depends on the query and on the relations' keys alone: the same query always gives the same plan.

mod failing;
mod inline;
mod outer_join;
mod push_down;

pub(crate) use failing::may_fail;

use crate::rel::Rel;

/// Runs all passes.
pub(crate) fn optimise(rel: Rel) -> Rel {
    let rel = inline::inlined(rel);
    let rel = outer_join::simplified(rel);
    push_down::pushed(rel, Vec::new())
}
