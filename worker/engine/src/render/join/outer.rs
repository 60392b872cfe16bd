//! Outer joins: pairs, and rows without a partner with NULLs beside them.

use offtake_lir::{JoinKind, JoinStage};
use offtake_row::{Row, RowIter};

use super::{Presence, Side, meet, on};
use crate::render::{Bundle, map::mfp, moment::Moment};

pub(super) fn join<'s, T: Moment>(
    stream: Side<'_, 's, T>,
    lookup: Side<'_, 's, T>,
    stage: &JoinStage,
) -> Bundle<'s, T> {
    let full = stage.kind == JoinKind::Full;
    let closure = stage.closure.clone();
    let (pairs, of_stream, of_lookup) = if stage.on.is_empty() {
        let pairs = meet(stream.keyed.clone(), lookup.keyed.clone(), closure);
        let of_lookup = full.then(|| Presence::by_key(lookup.keyed, (lookup.all)(), (stream.keys)()));
        (pairs, Presence::by_key(stream.keyed, (stream.all)(), (lookup.keys)()), of_lookup)
    } else {
        let arity = stage.stream_arity();
        let both = meet(stream.keyed, lookup.keyed, on(stage, 0..closure.input_arity));
        let rows = both.oks.clone();
        let of_stream = Presence::by_row((stream.all)(), rows.clone().map(move |row| split(&row, arity).0));
        let of_lookup =
            full.then(|| Presence::by_row((lookup.all)(), rows.map(move |row| split(&row, arity).1)));
        (mfp(both, closure), of_stream, of_lookup)
    };
    let lonely = of_stream.without(stage.closure_of_stream());
    let others = of_lookup.map(|presence| presence.without(stage.closure_of_lookup()));
    [Some(lonely), others]
        .into_iter()
        .flatten()
        .fold(pairs, |all, more| Bundle { oks: all.oks.concat(more.oks), errs: all.errs.concat(more.errs) })
}

/// A row's first columns, and the others.
fn split(row: &Row, arity: usize) -> (Row, Row) {
    let bytes = row.as_bytes();
    let mut datums = RowIter::new(bytes);
    for _ in 0..arity {
        datums.next_packed();
    }
    let rest = datums.remaining();
    (Row::from_bytes(&bytes[..bytes.len() - rest.len()]), Row::from_bytes(rest))
}
