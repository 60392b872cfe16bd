//! Rows as sets and bags.

use offtake_row::Row;

use super::{Bundle, Collection, arrange, moment::Moment};

/// Each distinct row once. The plan has made equal values equal bytes.
pub(super) fn distinct<T: Moment>(rows: Collection<'_, Row, i64, T>) -> Collection<'_, Row, i64, T> {
    let rows = arrange(rows.map(|row| (row, Row::empty())), "Distinct");
    T::group(rows, "Distinct", |row, members, made| {
        if members.next().is_some() {
            made.push((row.clone(), 1));
        }
    })
}

/// Each row as often as it is there.
pub(super) fn threshold<T: Moment>(rows: Collection<'_, Row, i64, T>) -> Collection<'_, Row, i64, T> {
    let rows = arrange(rows.map(|row| (row, Row::empty())), "Threshold");
    T::group(rows, "Threshold", |row, members, made| {
        made.extend(members.map(|(_, count)| (row.clone(), count)));
    })
}

/// Bag union.
pub(super) fn union<'s, T: Moment>(
    scope: timely::dataflow::Scope<'s, T>,
    inputs: impl Iterator<Item = Bundle<'s, T>>,
) -> Bundle<'s, T> {
    let (oks, errs): (Vec<_>, Vec<_>) = inputs.map(|Bundle { oks, errs }| (oks, errs)).unzip();
    Bundle {
        oks: differential_dataflow::collection::concatenate(scope, oks),
        errs: differential_dataflow::collection::concatenate(scope, errs),
    }
}

/// Each row as often as it is missing.
pub(super) fn negate<T: Moment>(input: Bundle<'_, T>) -> Bundle<'_, T> {
    Bundle { oks: input.oks.negate(), errs: input.errs }
}
