//! Decorrelation: every [`Rel::Apply`] becomes a join; afterwards nothing reads an outer query's values.
//!
//! Simple subqueries, whose correlation is in filters at their top, become the join that they stand for (`pull`). All others are computed
//! once for each distinct combination of the values that they read, and joined with the outer rows by it (`push`). Source: T. Neumann,
//! A. Kemper, "Unnesting Arbitrary Queries", BTW 2015.

mod pull;
mod push;

use std::collections::BTreeMap;

use offtake_lir::{Blanks, Func, JoinKind, LocalId, Scalar};

use crate::{
    error::PlanError,
    rel::{Equality, Predicate, Rel},
};

/// Removes all correlation.
pub(crate) fn decorrelate(rel: Rel, next_local: u32) -> Result<Rel, PlanError> {
    let rel = Decorrelator { next_local }.rel(rel)?;
    match rel.outer_parameters().first() {
        None => Ok(rel),
        Some(parameter) => Err(PlanError::internal(format!("outer parameter {parameter} is left"))),
    }
}

struct Decorrelator {
    next_local: u32,
}

impl Decorrelator {
    fn rel(&mut self, mut rel: Rel) -> Result<Rel, PlanError> {
        while let Rel::Apply { kind, left, right, bindings, on } = rel {
            let left = self.rel(*left)?;
            rel = self.apply(kind, left, *right, bindings, on)?;
            // The result has no Apply for this one, but may have those that stood in the right side.
            if !matches!(rel, Rel::Apply { .. }) {
                break;
            }
        }
        for input in rel.inputs_mut() {
            let below = std::mem::replace(input, Rel::nothing(0));
            *input = self.rel(below)?;
        }
        Ok(rel)
    }

    /// One level: the right side may still hold Apply nodes of its own.
    fn apply(
        &mut self,
        kind: JoinKind,
        left: Rel,
        right: Rel,
        mut bindings: Vec<(usize, Scalar)>,
        on: Vec<Predicate>,
    ) -> Result<Rel, PlanError> {
        let read = right.outer_parameters();
        bindings.retain(|(parameter, _)| read.contains(parameter));
        if bindings.is_empty() {
            return Ok(left.join(kind, right, on));
        }
        match pull::pulled(kind, left, right, &bindings, on) {
            Ok(joined) => Ok(joined),
            Err(unpulled) => {
                let (left, right, on) = *unpulled;
                self.by_domain(kind, left, right, &bindings, on)
            }
        }
    }

    /// Computes the right side once for each distinct combination of the bindings' values.
    fn by_domain(
        &mut self,
        kind: JoinKind,
        left: Rel,
        right: Rel,
        bindings: &[(usize, Scalar)],
        on: Vec<Predicate>,
    ) -> Result<Rel, PlanError> {
        let id = LocalId(self.next_local);
        self.next_local += 1;
        let (left_arity, width) = (left.arity(), bindings.len());
        let outer = Rel::Local { id, arity: left_arity };
        let domain =
            outer.clone().project(bindings.iter().map(|(_, value)| value.clone()).collect()).distinct();
        let domain_id = LocalId(self.next_local);
        self.next_local += 1;
        let parameters: BTreeMap<usize, usize> =
            bindings.iter().enumerate().map(|(place, (parameter, _))| (*parameter, place)).collect();
        let right_arity = right.arity();
        let pushed = push::Pusher::new(domain_id, parameters, width).push(right)?;
        // Joined by the domain's columns, which stand before the right side's own.
        let mut predicates: Vec<Predicate> = on
            .into_iter()
            .map(|mut predicate| {
                predicate.remap(&|column| if column < left_arity { column } else { column + width });
                predicate
            })
            .collect();
        for (place, (_, value)) in bindings.iter().enumerate() {
            predicates.push(same(value.clone(), Scalar::Column(left_arity + place)));
        }
        let joined = outer.join(kind, pushed, predicates);
        let body = match kind {
            JoinKind::Semi | JoinKind::Anti => joined,
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                let right_columns = left_arity + width..left_arity + width + right_arity;
                joined.project((0..left_arity).chain(right_columns).map(Scalar::Column).collect())
            }
        };
        let with_domain = Rel::Let { id: domain_id, value: Box::new(domain), body: Box::new(body) };
        Ok(Rel::Let { id, value: Box::new(left), body: Box::new(with_domain) })
    }
}

/// An equality of values that come from one row: by their bytes, NULL like any other.
fn same(left: Scalar, right: Scalar) -> Predicate {
    Predicate {
        scalar: Scalar::call(Func::IsNotDistinct(Blanks::Count), [left.clone(), right.clone()]),
        equality: Some(Equality { left, right, nulls_meet: true }),
    }
}
