//! The first rows of each group. They are found at the front of an arrangement of the group's rows in their order, so that a change in
//! a large group costs as much as one in a small group, but for the way into it: what lies behind the last row that comes is not
//! looked at.

use offtake_lir::{Bounds, KeyOf, Lir, TopK};
use offtake_row::Row;

use super::{Bundle, Collection, arrange, join::Sides, map::fallible, moment::Moment, order};
use crate::command::Plan;

pub(super) fn top_k<'s, T: Moment>(renderer: &impl Sides<'s, T>, input: &Plan, top: &TopK) -> Bundle<'s, T> {
    let bounds = match top.bounds() {
        Ok(bounds) => bounds,
        Err(error) => return renderer.error(&error),
    };
    match bounds {
        Bounds { take: Some(0), .. } => renderer.render(&Lir::Constant { rows: Vec::new() }),
        Bounds { skip: 0, take: None } => renderer.render(input),
        Bounds { skip, take: None } => {
            let Bundle { oks, errs } = renderer.render(input);
            let skipped = TopK { with_ties: false, ..top.clone() };
            let skipped = first(oks.clone(), &skipped, Bounds { skip: 0, take: Some(skip) });
            Bundle { oks: oks.concat(skipped.oks.negate()), errs: errs.concat(skipped.errs) }
        }
        Bounds { take: Some(_), .. } => {
            let Bundle { oks, errs } = renderer.render(input);
            let first = first(oks, top, bounds);
            Bundle { oks: first.oks, errs: errs.concat(first.errs) }
        }
    }
}

fn first<'s, T: Moment>(rows: Collection<'s, Row, i64, T>, top: &TopK, bounds: Bounds) -> Bundle<'s, T> {
    let (mut key, orders, ties) = (KeyOf::grouping(&top.group), top.order_by.clone(), top.with_ties);
    let (keyed, errs) = fallible("Top-k rows", rows, move |row: Row, diff| match key.of(&row) {
        Ok(key) => Ok(key.map(|key| ((key, order::encode_row(&orders, &row)), diff))),
        Err(error) => Err(error.to_row()),
    });
    let first = T::group(arrange(keyed, "Top-k"), "Top-k", move |_, members, made| {
        take(members, bounds, ties, made);
    });
    Bundle { oks: first.map(|encoded| Row::from_bytes(order::value(&encoded))), errs }
}

/// Takes rows, as [`order::encode_row`] made them, within bounds.
fn take(
    members: &mut dyn Iterator<Item = (&Row, i64)>,
    bounds: Bounds,
    ties: bool,
    made: &mut Vec<(Row, i64)>,
) {
    let mut skip = bounds.skip;
    let mut left = bounds.take.unwrap_or(u64::MAX);
    for (row, count) in members {
        let count = count.unsigned_abs();
        let skipped = count.min(skip);
        skip -= skipped;
        let mut taken = count - skipped;
        if taken > left {
            // The last of those that come is this one, or one before it.
            let tie = left > 0 || made.last().is_some_and(|(last, _)| order::keys(last) == order::keys(row));
            if !(ties && tie) {
                taken = left;
            }
        }
        left = left.saturating_sub(taken);
        if taken > 0 {
            made.push((row.clone(), i64::try_from(taken).unwrap_or(i64::MAX)));
        }
        if left == 0 && (taken == 0 || !ties) {
            return;
        }
    }
}
