//! The first rows of each group.

use std::collections::{HashMap, hash_map::Entry};

use offtake_row::Row;

use super::{Context, Emit, sort};
use crate::{
    error::EvalError,
    key::KeyOf,
    node::{Lir, TopK},
    order::Order,
    top_k::Bounds,
};

/// Rows that a group may hold before those that will not come are thrown away.
const FEW: usize = 256;

/// A group's rows so far.
struct Group {
    rows: Vec<(Row, i64)>,
    /// When to throw rows away.
    full: usize,
    /// Bytes of rows, now and at most so far.
    bytes: usize,
    most: usize,
    /// A row before which there are enough, once there is one.
    bar: Option<Row>,
}

pub(super) fn run(
    input: &Lir,
    top: &TopK,
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let bounds = top.bounds()?;
    match bounds {
        Bounds { take: Some(0), .. } => return Ok(()),
        Bounds { skip: 0, take: None } => return super::run(input, context, emit),
        Bounds { .. } => {}
    }
    let wanted = bounds.take.and_then(|take| usize::try_from(bounds.skip.saturating_add(take)).ok());
    let mut key = KeyOf::grouping(&top.group);
    let mut groups: HashMap<Row, Group> = HashMap::new();
    // Bytes for sorting, of one group after the other.
    let mut sorting = 0;
    super::settled(input, context, &mut |row, diff| {
        let Some(key) = key.of(&row)? else { return Ok(()) };
        let group = match groups.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                context.keep(super::size(new.key()) + size_of::<Group>())?;
                let full = wanted.map_or(usize::MAX, |wanted| wanted.saturating_mul(2).max(FEW));
                new.insert(Group { rows: Vec::new(), full, bytes: 0, most: 0, bar: None })
            }
        };
        if group.bar.as_ref().is_some_and(|bar| comes_after(&row, bar, top)) {
            return Ok(());
        }
        group.bytes += super::size(&row);
        if group.bytes > group.most {
            context.keep(group.bytes - group.most)?;
            group.most = group.bytes;
        }
        group.rows.push((row, diff));
        if group.rows.len() >= group.full {
            reserve(&mut sorting, &group.rows, top, context)?;
            group.cut(Bounds { skip: 0, take: wanted.map(|wanted| wanted as u64) }, top, context)?;
            group.full = group.full.max(2 * group.rows.len());
            group.bar = group.rows.last().map(|(row, _)| row.clone());
        }
        Ok(())
    })?;
    for mut group in groups.into_values() {
        reserve(&mut sorting, &group.rows, top, context)?;
        group.cut(bounds, top, context)?;
        for (row, count) in group.rows {
            context.work()?;
            emit(row, count)?;
        }
    }
    Ok(())
}

/// Keeps what it takes to sort a group.
fn reserve(
    sorting: &mut usize,
    rows: &[(Row, i64)],
    top: &TopK,
    context: &Context<'_>,
) -> Result<(), EvalError> {
    let more = sort::memory(rows.len(), &top.order_by).saturating_sub(*sorting);
    *sorting += more;
    context.keep(more)
}

impl Group {
    /// Keeps the rows within bounds.
    fn cut(&mut self, bounds: Bounds, top: &TopK, context: &Context<'_>) -> Result<(), EvalError> {
        let rows = std::mem::take(&mut self.rows);
        let mut skip = bounds.skip;
        let mut take = bounds.take.unwrap_or(u64::MAX);
        for (row, count) in sort::sort(rows, &top.order_by, context)? {
            // What is missing does not come and takes no place.
            let Ok(count) = u64::try_from(count) else { continue };
            let skipped = count.min(skip);
            skip -= skipped;
            let taken = (count - skipped).min(take);
            take -= taken;
            let last = self.rows.last().map(|(last, _)| last);
            let taken = if taken < count - skipped && top.with_ties {
                // The last of those that come is this one, or one before it.
                let tie = taken > 0 || last.is_some_and(|last| equal(last, &row, &top.order_by));
                if tie { count - skipped } else { 0 }
            } else {
                taken
            };
            if taken > 0 {
                self.rows.push((row, taken as i64));
            } else if skip == 0 && take == 0 {
                break;
            }
        }
        self.bytes = self.rows.iter().map(|(row, _)| super::size(row)).sum();
        Ok(())
    }
}

/// Whether a row is no longer wanted where all up to the bar come.
fn comes_after(row: &Row, bar: &Row, top: &TopK) -> bool {
    let mut orders =
        top.order_by.iter().map(|order| order.compare(row.datum(order.column), bar.datum(order.column)));
    match orders.find(|order| order.is_ne()) {
        Some(order) => order.is_gt(),
        None => !top.with_ties && row > bar,
    }
}

/// Whether an order leaves two rows equal.
fn equal(a: &Row, b: &Row, orders: &[Order]) -> bool {
    orders.iter().all(|order| order.compare(a.datum(order.column), b.datum(order.column)).is_eq())
}
