//! Window functions over one partition: what both executors do with a partition's rows once they have them.
//!
//! Rows that the order leaves equal come in the order of their bytes, where PostgreSQL takes them as they happen to come: the same
//! partition has the same answer every time.
//!
//! Cost, with n rows in the partition: sorting, and for each call n steps, in which aggregates that are accumulated add what enters
//! the frame and take away what leaves it, and `min` and `max` keep the candidates of a frame that slides. Made anew for each frame
//! that differs from that of the row before are the collected ones (`string_agg`), and `min` and `max` where rows are excluded.
//! It may not do I/O and knows nothing of partitions' keys.

mod aggregate;
mod column;
mod frame;
mod function;
mod range;

use std::cmp::Ordering;

use offtake_row::{Datum, Row, RowPacker};

use self::{column::Column, frame::Frames};
use crate::{
    arena::Arena,
    error::EvalError,
    node::{FrameUnit, Window, WindowFunction},
    order::Order,
};

/// More rows than this no partition may have: each copy of a row is a row here.
const MOST_ROWS: i64 = 1 << 30;

/// A partition's rows in order.
struct Partition<'p> {
    rows: Vec<&'p Row>,
    order_by: &'p [Order],
    /// For each row, the number of its group of peers: rows that the order leaves equal.
    groups: Vec<usize>,
    /// Where each group begins; behind the last one, the number of rows.
    starts: Vec<usize>,
}

/// What makes the values of one call, row after row.
trait Call {
    /// Appends the value for a row; rows come in order, each once.
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError>;
}

/// Hands out a partition's rows in order, each with the results of the window's calls behind its columns. The rows come in any order,
/// with how often each is there.
pub fn evaluate(
    window: &Window,
    rows: &[(Row, i64)],
    emit: &mut dyn FnMut(Row) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    if rows.iter().map(|(_, diff)| *diff).fold(0, i64::saturating_add) > MOST_ROWS {
        return Err(EvalError::copies());
    }
    let (arena, partition) = (Arena::new(), Partition::new(&window.order_by, rows));
    let mut calls = Vec::with_capacity(window.calls.len());
    // Of the functions that do not look at their frames. PostgreSQL does, and so finds distances that are negative.
    let mut unseen = Vec::new();
    for call in &window.calls {
        let frames = Frames::new(&call.frame, &partition, &arena)?;
        calls.push(match &call.function {
            WindowFunction::Aggregate(aggregate) => aggregate::start(aggregate, frames, &partition, &arena)?,
            WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
                function::framed(call, frames, &partition, &arena)?
            }
            WindowFunction::RowNumber
            | WindowFunction::Rank
            | WindowFunction::DenseRank
            | WindowFunction::PercentRank
            | WindowFunction::CumeDist
            | WindowFunction::Ntile
            | WindowFunction::Lag
            | WindowFunction::Lead => {
                if call.frame.unit == FrameUnit::Range {
                    unseen.push(frames);
                }
                function::start(call, &partition, &arena)?
            }
        });
    }
    let mut packer = RowPacker::new();
    for (place, row) in partition.rows.iter().enumerate() {
        packer.extend_from_row(row);
        for frames in &mut unseen {
            frames.whole(place)?;
        }
        for call in &mut calls {
            call.at(place, &mut packer)?;
        }
        emit(packer.finish())?;
    }
    Ok(())
}

/// Evaluates the offsets of the frames, so that one that is NULL or negative is an error also where there are no rows, as in PostgreSQL.
pub fn check(window: &Window) -> Result<(), EvalError> {
    evaluate(window, &[], &mut |_| Ok(()))
}

impl<'p> Partition<'p> {
    fn new(order_by: &'p [Order], rows: &'p [(Row, i64)]) -> Partition<'p> {
        let copies =
            rows.iter().flat_map(|(row, diff)| std::iter::repeat_n(row, usize::try_from(*diff).unwrap_or(0)));
        let rows: Vec<&Row> = copies.collect();
        let width = order_by.len();
        let mut keys: Vec<Datum<'_>> = Vec::with_capacity(rows.len() * width);
        for row in &rows {
            keys.extend(order_by.iter().map(|order| row.datum(order.column)));
        }
        let compare = |a: usize, b: usize| {
            let pairs = keys[a * width..].iter().zip(&keys[b * width..]).zip(order_by);
            pairs
                .map(|((a, b), order)| order.compare(*a, *b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        let mut places: Vec<usize> = (0..rows.len()).collect();
        places.sort_by(|a, b| compare(*a, *b).then_with(|| rows[*a].cmp(rows[*b])));
        let (mut groups, mut starts) = (Vec::with_capacity(rows.len()), Vec::new());
        for (place, row) in places.iter().enumerate() {
            if place == 0 || compare(places[place - 1], *row).is_ne() {
                starts.push(place);
            }
            groups.push(starts.len() - 1);
        }
        starts.push(rows.len());
        Partition { rows: places.into_iter().map(|place| rows[place]).collect(), order_by, groups, starts }
    }

    /// How many rows there are.
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row's peers, itself among them: from where up to where.
    fn peers(&self, row: usize) -> (usize, usize) {
        let group = self.groups[row];
        (self.starts[group], self.starts[group + 1])
    }
}
