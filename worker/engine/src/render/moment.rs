//! Times that nodes are rendered in: those of views, and the rounds of a recursion at each of them.

use differential_dataflow::{
    lattice::Lattice, operators::arrange::Arranged, trace::wrappers::frontier::TraceFrontier,
};
use offtake_lir::Mfp;
use offtake_row::Row;
use timely::progress::Timestamp;

use super::{
    Collection, Rows, Trace,
    group::group_all,
    join::{Keyed, Pair, pair},
};

/// What depends on the time's kind; all else is written once.
pub(super) trait Moment: Timestamp + Lattice {
    /// Arrangements that are kept elsewhere.
    type Foreign<'s>: Clone;

    /// What `closure` makes of each pair of rows with equal keys; without one, the first of them. Not both are foreign in a recursion.
    fn pairs<'s>(
        left: Keyed<'s, Self>,
        right: Keyed<'s, Self>,
        closure: Option<Mfp>,
    ) -> Collection<'s, Pair, i64, Self>;

    /// Puts out, per key, what `logic` makes of the key's values that are there, in their order, with how often each is: records, each
    /// once and with a count. Called only for keys that may have some.
    fn group<'s, L>(
        rows: Arranged<'s, Trace<i64, Self>>,
        name: &str,
        logic: L,
    ) -> Collection<'s, Row, i64, Self>
    where
        L: FnMut(&Row, &mut dyn Iterator<Item = (&Row, i64)>, &mut Vec<(Row, i64)>) + 'static;
}

impl Moment for u64 {
    /// A shared index.
    type Foreign<'s> = Arranged<'s, TraceFrontier<Rows>>;

    fn pairs<'s>(left: Keyed<'s>, right: Keyed<'s>, closure: Option<Mfp>) -> Collection<'s, Pair> {
        match (left, right) {
            (Keyed::Own(left), Keyed::Own(right)) => left.join_core(right, pair(closure, false)),
            (Keyed::Own(left), Keyed::Foreign(right)) => left.join_core(right, pair(closure, false)),
            (Keyed::Foreign(left), Keyed::Own(right)) => left.join_core(right, pair(closure, false)),
            (Keyed::Foreign(left), Keyed::Foreign(right)) => left.join_core(right, pair(closure, false)),
        }
    }

    fn group<'s, L>(rows: Arranged<'s, Rows>, name: &str, mut logic: L) -> Collection<'s, Row>
    where
        L: FnMut(&Row, &mut dyn Iterator<Item = (&Row, i64)>, &mut Vec<(Row, i64)>) + 'static,
    {
        group_all(rows, name, move |key, members, made| {
            // What is missing is not there.
            logic(key, &mut members.filter(|(_, count)| *count > 0), made);
        })
    }
}
