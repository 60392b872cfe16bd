//! Recursion: a loop in the dataflow, whose times are those outside with the number of a round.
//!
//! What the step makes of rows one by one ([`linear`]) is added up over the rounds: what a round finds is then the difference of the
//! round, and a change outside is followed through only those rounds that it changes. For a step that looks at a round's rows
//! together, each round's rows are kept apart from those of the rounds before: each comes, and goes in the next one.

mod linear;
mod rounds;
mod step;

use differential_dataflow::{collection::concatenate, operators::iterate::Variable};
use offtake_lir::{EvalError, LocalId};
use offtake_row::Row;
use timely::{dataflow::Scope, order::Product};

use self::{rounds::Rounds, step::Step};
use super::{
    Bundle, Collection, Renderer, arrange, err_mark, join::while_some, map::map_at, moment::Moment, set,
};
use crate::command::Plan;

/// The parts of [`offtake_lir::Lir::Recursive`].
pub(super) struct Recursion<'p> {
    pub id: LocalId,
    pub base: &'p Plan,
    pub step: &'p Plan,
    pub distinct: bool,
    pub limit: u64,
}

/// Copies of a row after which nothing is found any more: not far behind, they could no longer be counted.
const MOST_COPIES: u64 = 1 << 40;

type Found<'i> = Collection<'i, Row, i64, Rounds>;

impl<'s> Renderer<'s> {
    pub(super) fn recursive(&self, recursion: &Recursion<'_>) -> Bundle<'s> {
        let Bundle { oks: base, errs } = self.render(recursion.base);
        let base = if recursion.distinct { set::distinct(base) } else { base };
        let outer = self.scope;
        let (found, failures, fixed) = outer.scoped::<Rounds, _, _>("Recursive", |scope| {
            let step = Step::new(self, scope);
            let base = base.clone().enter(scope);
            let Bundle { oks, errs } = if linear::is_linear(recursion) {
                added_up(scope, base, &step, recursion)
            } else {
                round_by_round(scope, base, &step, recursion)
            };
            (oks.leave(outer), errs.leave(outer), step.into_errors())
        });
        // Where the base finds nothing, the step is not run, whatever is in error there.
        let fixed = while_some(concatenate(outer, fixed), base);
        Bundle { oks: found, errs: errs.concat(failures).concat(fixed) }
    }
}

/// All that is found, where the rows of a round make the same with those of other rounds as without.
fn added_up<'i>(
    scope: Scope<'i, Rounds>,
    base: Found<'i>,
    step: &Step<'_, '_, 'i>,
    recursion: &Recursion<'_>,
) -> Bundle<'i, Rounds> {
    let (variable, fed) = Variable::new(scope, Product::new(0, 1));
    let found = base.concat(fed);
    let found = if recursion.distinct { set::distinct(found) } else { found };
    let (found, late) = cut(found, recursion.limit);
    let Bundle { oks: next, errs } = step.render_with(recursion.id, found.clone(), recursion.step);
    // DISTINCT consolidates. Otherwise what cancels out would go round after round.
    variable.set(if recursion.distinct { next } else { consolidated(next) });
    Bundle { oks: found, errs: errs.concat(late) }
}

/// All that is found, where each round's rows are looked at on their own.
fn round_by_round<'i>(
    scope: Scope<'i, Rounds>,
    base: Found<'i>,
    step: &Step<'_, '_, 'i>,
    recursion: &Recursion<'_>,
) -> Bundle<'i, Rounds> {
    let once = || Product::new(0, 1);
    // A round's rows: the base in the first one, then what the step makes of those of the round before.
    let (variable, of_round) = Variable::new_from(base, once());
    let (looked_at, _) = cut(of_round.clone(), recursion.limit);
    let Bundle { mut oks, mut errs } = step.render_with(recursion.id, looked_at.clone(), recursion.step);
    if linear::makes_of_nothing(recursion) {
        oks = while_some(oks, looked_at.clone());
        errs = while_some(errs, looked_at);
    }
    // All rows up to a round.
    let (found_before, fed) = Variable::new(scope, once());
    let (found, late) = cut(consolidated(of_round.concat(fed)), recursion.limit);
    found_before.set(found.clone());
    variable.set(if recursion.distinct { unseen(oks, found.clone()) } else { consolidated(oks) });
    // All errors up to a round: those of its rows go with them.
    let (errors_before, fed) = Variable::new(scope, once());
    let errors = set::distinct(errs.concat(fed));
    errors_before.set(cut(errors.clone(), recursion.limit).0);
    Bundle { oks: found, errs: errors.concat(late) }
}

/// What is found up to the last round, and an error for each row that is found later.
fn cut<'i>(found: Found<'i>, limit: u64) -> (Found<'i>, Found<'i>) {
    let (too_late, too_many) = (EvalError::rounds(limit).to_row(), EvalError::copies().to_row());
    let mut given_up: Option<u64> = None;
    map_at("Round", found, move |row: Row, time: &Rounds, diff: i64| {
        if given_up.is_some_and(|from| from <= time.outer) {
            return Ok(None);
        }
        if time.inner > limit {
            return if time.inner == limit + 1 { Err((too_late.clone(), diff)) } else { Ok(None) };
        }
        if diff.unsigned_abs() > MOST_COPIES {
            given_up = Some(time.outer);
            return Err((too_many.clone(), 1));
        }
        Ok(Some((row, diff)))
    })
}

/// Each row's differences at a time as one.
fn consolidated(rows: Found<'_>) -> Found<'_> {
    arrange(rows.map(|row| (row, Row::empty())), "Consolidate").as_collection(|row, _| row.clone())
}

/// The distinct rows that were not found before.
fn unseen<'i>(rows: Found<'i>, found: Found<'i>) -> Found<'i> {
    let rows = rows.map(|row| (row, Row::empty())).concat(found.map(|row| (row, err_mark())));
    Rounds::group(arrange(rows, "Unseen"), "Unseen", |row, members, made| {
        let (mut here, mut before) = (false, false);
        for (mark, _) in members {
            *if mark.as_bytes().is_empty() { &mut here } else { &mut before } = true;
        }
        if here && !before {
            made.push((row.clone(), 1));
        }
    })
}
