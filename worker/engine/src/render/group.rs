//! The one stateful operator behind grouping, DISTINCT, min and max: per key, one output that is a function of the key's values.
//!
//! Times are totally ordered here, so that the output before and after each change can be computed from the arranged input alone:
//! no arrangement of the output is kept, unlike with differential's general `reduce`. The function sees the values lazily and in
//! their order: where it needs only the first (min, max, DISTINCT), a large group costs no more than a small one.

use std::{cmp::Ordering, collections::BTreeMap, iter::Peekable};

use differential_dataflow::{
    AsCollection, Data, ExchangeData,
    difference::Semigroup,
    operators::arrange::Arranged,
    trace::{
        BatchCursor, Cursor, TraceReader,
        cursor::{CursorList, cursor_list},
    },
};
use offtake_row::Row;
use timely::{
    dataflow::{
        channels::pact::Pipeline,
        operators::{CapabilitySet, Operator},
    },
    progress::Antichain,
};

use super::{Collection, Trace};

type TraceCursor<R> = CursorList<BatchCursor<Trace<R>>>;
type Batches<R> = Vec<<Trace<R> as TraceReader>::Batch>;

/// The values of one key at one time, in their order, with their accumulated differences (none is zero).
pub(super) struct Members<'a, R: ExchangeData + Semigroup> {
    /// Positioned at the key's values; `None` where the trace does not have the key.
    trace: Option<(&'a mut TraceCursor<R>, &'a Batches<R>)>,
    /// What has changed since.
    changes: Peekable<std::collections::btree_map::Iter<'a, &'a Row, R>>,
}

impl<'a, R: ExchangeData + Semigroup> Iterator for Members<'a, R> {
    type Item = (&'a Row, R);

    fn next(&mut self) -> Option<(&'a Row, R)> {
        loop {
            let old = self.trace.as_ref().and_then(|(cursor, storage)| cursor.get_val(storage));
            let changed = self.changes.peek().map(|(value, _)| **value);
            let order = match (old, changed) {
                (Some(old), Some(changed)) => old.cmp(changed),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            let mut value = None;
            let mut sum: Option<R> = None;
            if let (true, Some((cursor, storage))) = (order.is_le(), &mut self.trace) {
                value = old;
                cursor.map_times(storage, |_, diff| match &mut sum {
                    Some(sum) => sum.plus_equals(diff),
                    None => sum = Some(diff.clone()),
                });
                cursor.step_val(storage);
            }
            if order.is_ge() {
                let (changed, diff) = self.changes.next()?;
                value = Some(*changed);
                match &mut sum {
                    Some(sum) => sum.plus_equals(diff),
                    None => sum = Some(diff.clone()),
                }
            }
            if let (Some(value), Some(sum)) = (value, sum)
                && !sum.is_zero()
            {
                return Some((value, sum));
            }
        }
    }
}

/// Puts out, per key, what `logic` makes of the key's values; called only for keys that may have some.
pub(super) fn group<'s, R, D, L>(input: Arranged<'s, Trace<R>>, name: &str, mut logic: L) -> Collection<'s, D>
where
    R: ExchangeData + Semigroup,
    D: Data + Ord,
    L: FnMut(&Row, Members<'_, R>) -> Option<D> + 'static,
{
    group_all(input, name, move |key, members, made| made.extend(logic(key, members).map(|data| (data, 1))))
}

/// [`group`] where `logic` makes any number of records, each with a count. Only what differs from before is put out.
pub(super) fn group_all<'s, R, D, L>(
    input: Arranged<'s, Trace<R>>,
    name: &str,
    mut logic: L,
) -> Collection<'s, D>
where
    R: ExchangeData + Semigroup,
    D: Data + Ord,
    L: FnMut(&Row, Members<'_, R>, &mut Vec<(D, i64)>) + 'static,
{
    let mut trace = input.trace;
    let stream = input.stream;
    stream
        .unary_frontier(Pipeline, name, move |_, _| {
            let mut lower = Antichain::from_elem(0);
            let mut upper = Antichain::from_elem(0);
            let (mut last, mut new) = (Vec::new(), Vec::new());
            move |(input, _frontier), output| {
                let mut batches = Vec::new();
                lower.clone_from(&upper);
                let mut caps = CapabilitySet::new();
                input.for_each(|cap, spans| {
                    for cap in cap.retain_stamp(0).iter() {
                        caps.insert(cap.clone());
                    }
                    for span in spans.drain(..) {
                        upper.clone_from(span.upper());
                        batches.extend(span.inner);
                    }
                });
                if !caps.is_empty() {
                    let mut session = output.session(&caps);
                    let before = trace
                        .batches_through(lower.borrow())
                        .expect("the trace is compacted physically only up to what this operator has seen");
                    let (mut before, before_storage) = cursor_list(before);
                    let (mut fresh, fresh_storage) = cursor_list(batches);
                    let mut updates: Vec<(u64, &Row, R)> = Vec::new();
                    while let Some(key) = fresh.get_key(&fresh_storage) {
                        updates.clear();
                        while let Some(value) = fresh.get_val(&fresh_storage) {
                            fresh.map_times(&fresh_storage, |time, diff| {
                                updates.push((*time, value, diff.clone()))
                            });
                            fresh.step_val(&fresh_storage);
                        }
                        updates.sort_by_key(|(time, _, _)| *time);

                        before.seek_key(&before_storage, key);
                        let known = before.get_key(&before_storage) == Some(key);
                        let mut changes: BTreeMap<&Row, R> = BTreeMap::new();
                        last.clear();
                        if known {
                            let trace = Some((&mut before, &before_storage));
                            logic(key, Members { trace, changes: changes.iter().peekable() }, &mut last);
                        }
                        let mut rest = updates.drain(..).peekable();
                        while let Some((time, value, diff)) = rest.next() {
                            match changes.get_mut(value) {
                                Some(sum) => sum.plus_equals(&diff),
                                None => {
                                    changes.insert(value, diff);
                                }
                            }
                            if rest.peek().is_some_and(|(next, _, _)| *next == time) {
                                continue;
                            }
                            let trace = if known {
                                before.rewind_vals(&before_storage);
                                Some((&mut before, &before_storage))
                            } else {
                                None
                            };
                            new.clear();
                            logic(key, Members { trace, changes: changes.iter().peekable() }, &mut new);
                            differences(&last, &new, |data, diff| session.give((data.clone(), time, diff)));
                            std::mem::swap(&mut last, &mut new);
                        }
                        drop(rest);
                        fresh.step_key(&fresh_storage);
                    }
                }
                // Follows at once: a trace that is held back gets slow (and large).
                trace.advance_upper(&mut upper);
                trace.set_logical_compaction(upper.borrow());
                trace.set_physical_compaction(upper.borrow());
            }
        })
        .as_collection()
}

/// Calls `give` with what leads from one list of records to another. What they begin and end with alike is not sorted: a list in an order
/// of its own changes mostly in one place.
fn differences<D: Ord>(old: &[(D, i64)], new: &[(D, i64)], mut give: impl FnMut(&D, i64)) {
    let same = |(a, b): &(&(D, i64), &(D, i64))| a == b;
    let start = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let gone = old.iter().map(|(data, count)| (data, -count));
    let mut changes: Vec<(&D, i64)> = gone.chain(new.iter().map(|(data, count)| (data, *count))).collect();
    changes.sort_unstable_by_key(|(data, _)| *data);
    for same in changes.chunk_by(|(a, _), (b, _)| a == b) {
        let diff: i64 = same.iter().map(|(_, count)| count).sum();
        if let (true, Some((data, _))) = (diff != 0, same.first()) {
            give(data, diff);
        }
    }
}
