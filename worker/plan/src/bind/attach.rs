//! From places to columns: nodes for what expressions ask for are put on a SELECT's rows, and their columns into the expressions.

use std::collections::BTreeMap;

use offtake_lir::Scalar;

use super::{from::put_beside, place::Place, scope::Capture, subquery::Subquery, typed::Typed};
use crate::{
    error::PlanError,
    rel::{Predicate, Rel},
};

/// Which column a place has got. Columns of the input stay where they are.
#[derive(Default)]
pub(super) struct Places(BTreeMap<Place, usize>);

impl Places {
    pub(super) fn insert(&mut self, place: Place, column: usize) {
        self.0.insert(place, column);
    }

    /// Puts columns in the places of an expression.
    pub(super) fn fill(&self, scalar: &mut Scalar) -> Result<(), PlanError> {
        scalar.remap(&|column| match Place::of(column) {
            Place::Input(column) => column,
            place => self.0.get(&place).copied().unwrap_or(usize::MAX),
        });
        if scalar.columns().contains(&usize::MAX) {
            return Err(PlanError::unsupported(
                "a subquery that reads a window function's or a set-returning function's value is",
                "compute the value in a subquery in FROM first",
            ));
        }
        Ok(())
    }

    /// As [`Places::fill`], where some places have no column yet: those stay.
    pub(super) fn fill_known(&self, scalar: &mut Scalar) {
        scalar.remap(&|column| self.0.get(&Place::of(column)).copied().unwrap_or(column));
    }

    pub(super) fn fill_typed(&self, typed: &mut Typed) -> Result<(), PlanError> {
        typed.scalar_mut().map_or(Ok(()), |scalar| self.fill(scalar))
    }

    /// Puts subqueries beside the rows, each with its number among the pending ones.
    pub(super) fn attach(
        &mut self,
        mut rel: Rel,
        subqueries: impl IntoIterator<Item = (usize, Subquery)>,
    ) -> Result<Rel, PlanError> {
        for (number, subquery) in subqueries {
            let column = rel.arity() + subquery.column;
            let Subquery { kind, rel: right, captures, on, .. } = subquery;
            rel = self.join(rel, kind, right, captures, on)?;
            self.insert(Place::Subquery(number), column);
        }
        Ok(rel)
    }

    /// Joins with a subquery.
    pub(super) fn join(
        &self,
        left: Rel,
        kind: offtake_lir::JoinKind,
        right: Rel,
        mut captures: Vec<Capture>,
        mut on: Vec<Predicate>,
    ) -> Result<Rel, PlanError> {
        let shift = left.arity();
        for capture in &mut captures {
            self.fill(&mut capture.value.scalar)?;
        }
        for predicate in &mut on {
            predicate.remap(&|column| match Place::of(column) {
                Place::Right(column) => column + shift,
                _ => column,
            });
            let mut filled = Ok(());
            predicate.each(&mut |scalar| {
                if filled.is_ok() {
                    filled = self.fill(scalar);
                }
            });
            filled?;
        }
        Ok(put_beside(left, kind, right, captures, on))
    }
}
