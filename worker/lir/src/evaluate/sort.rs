//! Sorting of rows that a node holds in memory.

use std::cmp::Ordering;

use offtake_row::{Datum, Row};

use super::Context;
use crate::{error::EvalError, order::Order};

/// Rows that are sorted between two looks at an interrupt.
const RUN: usize = 4096;

/// What [`sort`] takes beside the rows that it is given, in bytes.
pub(super) fn memory(rows: usize, orders: &[Order]) -> usize {
    rows * (orders.len() * size_of::<Datum<'_>>() + 2 * size_of::<usize>() + size_of::<(Row, i64)>())
}

/// Rows in an order, each once with how often it is there, if it is. Those that the order leaves equal come in the order of their bytes.
pub(super) fn sort(
    mut rows: Vec<(Row, i64)>,
    orders: &[Order],
    context: &Context<'_>,
) -> Result<Vec<(Row, i64)>, EvalError> {
    let places = {
        let keys = orders.len();
        context.keep(
            rows.len() * (keys * size_of::<Datum<'_>>() + 2 * size_of::<usize>() + size_of::<(Row, i64)>()),
        )?;
        let mut datums: Vec<Datum<'_>> = Vec::with_capacity(rows.len() * keys);
        let mut unpacked = Vec::new();
        for (row, _) in rows.iter().filter(|_| keys > 0) {
            context.work()?;
            row.unpack_into(&mut unpacked);
            datums.extend(orders.iter().map(|key| unpacked.get(key.column).copied().unwrap_or(Datum::Null)));
        }
        let compare = |a: usize, b: usize| {
            let pairs = datums[a * keys..].iter().zip(&datums[b * keys..]).zip(orders);
            pairs
                .map(|((a, b), key)| key.compare(*a, *b))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| rows[a].0.cmp(&rows[b].0))
        };
        order(rows.len(), compare, context)?
    };
    let mut sorted: Vec<(Row, i64)> = Vec::with_capacity(rows.len());
    for place in places {
        context.work()?;
        let (row, count) = std::mem::take(&mut rows[place]);
        match sorted.last_mut() {
            Some((last, total)) if *last == row => {
                *total = total.checked_add(count).ok_or_else(EvalError::copies)?;
            }
            _ => sorted.push((row, count)),
        }
    }
    sorted.retain(|(_, count)| *count != 0);
    Ok(sorted)
}

/// The places `0 .. count` in an order: runs are sorted and then merged, with looks at an interrupt in between.
fn order(
    count: usize,
    compare: impl Fn(usize, usize) -> Ordering,
    context: &Context<'_>,
) -> Result<Vec<usize>, EvalError> {
    let mut places: Vec<usize> = (0..count).collect();
    for run in places.chunks_mut(RUN) {
        context.interrupted()?;
        run.sort_by(|a, b| compare(*a, *b));
    }
    let mut merged = Vec::with_capacity(count);
    let mut run = RUN;
    while run < count {
        merged.clear();
        for pair in places.chunks(2 * run) {
            let (mut a, mut b) = pair.split_at(run.min(pair.len()));
            while let (Some(first), Some(second)) = (a.first(), b.first()) {
                context.work()?;
                if compare(*first, *second).is_le() {
                    merged.push(*first);
                    a = &a[1..];
                } else {
                    merged.push(*second);
                    b = &b[1..];
                }
            }
            merged.extend_from_slice(a);
            merged.extend_from_slice(b);
        }
        std::mem::swap(&mut places, &mut merged);
        run *= 2;
    }
    Ok(places)
}
