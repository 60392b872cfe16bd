//! Keys: columns whose values occur once.

use offtake_lir::{JoinKind, Scalar};
use offtake_row::Datum;

use super::{Predicate, Rel};

impl Rel {
    /// Columns whose values, NULLs taken for equal, occur once; none at all if there is at most one row. `None`: none are known.
    pub(crate) fn unique_key(&self) -> Option<Vec<usize>> {
        match self {
            Rel::Constant { rows, .. } => (rows.len() <= 1).then(Vec::new),
            Rel::Get { key, .. } => key.clone(),
            Rel::Let { body, .. } => body.unique_key(),
            Rel::Recursive { base, distinct, .. } => distinct.then(|| (0..base.arity()).collect()),
            Rel::Top { top, .. }
                if top.group.is_empty()
                    && !top.with_ties
                    && top
                        .limit
                        .as_ref()
                        .is_some_and(|limit| matches!(limit.as_literal(), Some(Datum::Int(..=1)))) =>
            {
                Some(Vec::new())
            }
            Rel::Filter { input, .. } | Rel::Top { input, .. } | Rel::Window { input, .. } => {
                input.unique_key()
            }
            Rel::Project { input, outputs } => shown(input.unique_key()?, outputs),
            Rel::Join { kind, left, right, on } => match kind {
                JoinKind::Semi | JoinKind::Anti => left.unique_key(),
                JoinKind::Inner | JoinKind::Left => {
                    let key = left.unique_key()?;
                    if meets_once(right, left.arity(), on) {
                        return Some(key);
                    }
                    let shift = left.arity();
                    let more = right.unique_key()?.into_iter().map(|column| column + shift);
                    Some(key.into_iter().chain(more).collect())
                }
                JoinKind::Full => None,
            },
            Rel::Apply { .. } | Rel::Local { .. } | Rel::Union { .. } | Rel::FlatMap { .. } => None,
            Rel::Aggregate { shown, .. } => Some(shown.clone()),
            Rel::Distinct { input } => Some((0..input.arity()).collect()),
            Rel::Negate { .. } | Rel::Threshold { .. } => None,
        }
    }
}

/// Whether each row of the left side meets one row of `right` at most: an equality binds each column of its key.
fn meets_once(right: &Rel, shift: usize, on: &[Predicate]) -> bool {
    let Some(key) = right.unique_key() else { return false };
    key.iter().all(|column| {
        on.iter().filter_map(|predicate| predicate.equality.as_ref()).any(|equality| {
            let binds = |one: &Scalar, other: &Scalar| {
                *one == Scalar::Column(column + shift)
                    && other.columns().into_iter().all(|column| column < shift)
            };
            binds(&equality.left, &equality.right) || binds(&equality.right, &equality.left)
        })
    })
}

/// A key below a projection as positions of its outputs, if all of it is shown.
pub(crate) fn shown(key: Vec<usize>, outputs: &[Scalar]) -> Option<Vec<usize>> {
    key.into_iter()
        .map(|column| outputs.iter().position(|output| *output == Scalar::Column(column)))
        .collect()
}
