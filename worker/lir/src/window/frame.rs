//! Frames: which rows of its partition a row's functions see.
//!
//! Source: PostgreSQL documentation, 4.2.8, and `update_frameheadpos`, `update_frametailpos` of `nodeWindowAgg.c`.

use std::ops::Range;

use offtake_row::Datum;

use super::{Partition, range};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    node::{Frame, FrameBound, FrameExclusion, FrameUnit},
    scalar::Scalar,
};

/// A frame's end with its distance computed.
enum Bound<'p> {
    /// The partition's.
    Unbounded,
    Current,
    /// So many rows or groups; negative before the current one.
    Count(i64),
    /// A distance in values, backward or forward.
    Distance {
        distance: Datum<'p>,
        backward: bool,
    },
}

/// The frames of a partition's rows. They never move back as rows go on.
pub(super) struct Frames<'p> {
    partition: &'p Partition<'p>,
    unit: FrameUnit,
    exclude: FrameExclusion,
    start: Bound<'p>,
    end: Bound<'p>,
    /// Of the last row asked for.
    head: usize,
    tail: usize,
}

/// A row's frame in parts, in order: what is before, amid and behind the rows that are excluded.
pub(super) type Parts = [Range<usize>; 3];

impl<'p> Frames<'p> {
    /// 22004 and 22013 where an offset is NULL or negative.
    pub(super) fn new(
        frame: &'p Frame,
        partition: &'p Partition<'p>,
        arena: &'p Arena,
    ) -> Result<Frames<'p>, EvalError> {
        let bound = |bound: &'p FrameBound, which: &str| {
            let (scalar, backward) = match bound {
                FrameBound::UnboundedPreceding | FrameBound::UnboundedFollowing => {
                    return Ok(Bound::Unbounded);
                }
                FrameBound::CurrentRow => return Ok(Bound::Current),
                FrameBound::Preceding(scalar) => (scalar, true),
                FrameBound::Following(scalar) => (scalar, false),
            };
            offset(scalar, frame.unit, backward, which, arena)
        };
        Ok(Frames {
            partition,
            unit: frame.unit,
            exclude: frame.exclude,
            start: bound(&frame.start, "starting")?,
            end: bound(&frame.end, "ending")?,
            head: 0,
            tail: 0,
        })
    }

    /// Whether rows are excluded.
    pub(super) fn excludes(&self) -> bool {
        match self.exclude {
            FrameExclusion::Nothing => false,
            FrameExclusion::CurrentRow | FrameExclusion::Group | FrameExclusion::Ties => true,
        }
    }

    /// The row's frame before rows are excluded. Rows are asked for in order.
    pub(super) fn whole(&mut self, row: usize) -> Result<Range<usize>, EvalError> {
        let (partition, unit) = (self.partition, self.unit);
        let (first, last) = partition.peers(row);
        let rows = partition.len();
        self.head = match &self.start {
            Bound::Unbounded => 0,
            Bound::Current if unit == FrameUnit::Rows => row,
            Bound::Current => first,
            Bound::Count(count) if unit == FrameUnit::Rows => moved(row, *count).min(rows),
            Bound::Count(count) => {
                let group = moved(partition.groups[row], *count).min(partition.starts.len() - 1);
                partition.starts[group]
            }
            Bound::Distance { distance, backward } => {
                let mut head = self.head;
                while head < rows && !range::reaches(partition, head, row, *distance, *backward, true)? {
                    head += 1;
                }
                head
            }
        };
        self.tail = match &self.end {
            Bound::Unbounded => rows,
            Bound::Current if unit == FrameUnit::Rows => row + 1,
            Bound::Current => last,
            Bound::Count(count) if unit == FrameUnit::Rows => moved(row, count.saturating_add(1)).min(rows),
            Bound::Count(count) => {
                let group = moved(partition.groups[row], count.saturating_add(1));
                partition.starts[group.min(partition.starts.len() - 1)]
            }
            Bound::Distance { distance, backward } => {
                let mut tail = self.tail;
                while tail < rows && range::reaches(partition, tail, row, *distance, *backward, false)? {
                    tail += 1;
                }
                tail
            }
        };
        Ok(self.head..self.tail.max(self.head))
    }

    /// The rows that are excluded, and whether the row itself is one of them.
    pub(super) fn excluded(&self, row: usize) -> (Range<usize>, bool) {
        let (first, last) = self.partition.peers(row);
        match self.exclude {
            FrameExclusion::Nothing => (row..row, false),
            FrameExclusion::CurrentRow => (row..row + 1, true),
            FrameExclusion::Group => (first..last, true),
            FrameExclusion::Ties => (first..last, false),
        }
    }

    /// The row's frame without the rows that are excluded.
    pub(super) fn parts(&mut self, row: usize) -> Result<Parts, EvalError> {
        let whole = self.whole(row)?;
        let (excluded, itself) = self.excluded(row);
        let kept = !excluded.is_empty() && !itself && whole.contains(&row);
        let within = |place: usize| place.clamp(whole.start, whole.end);
        Ok([
            whole.start..within(excluded.start),
            within(row)..within(row) + usize::from(kept),
            within(excluded.end)..whole.end,
        ])
    }
}

/// `from` and `by` more, not below 0.
fn moved(from: usize, by: i64) -> usize {
    let by_magnitude = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    if by < 0 { from.saturating_sub(by_magnitude) } else { from.saturating_add(by_magnitude) }
}

fn offset<'p>(
    scalar: &'p Scalar,
    unit: FrameUnit,
    backward: bool,
    which: &str,
    arena: &'p Arena,
) -> Result<Bound<'p>, EvalError> {
    match (unit, scalar.eval(&[], arena)?) {
        (_, Datum::Null) => {
            Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, format!("frame {which} offset must not be null")))
        }
        (FrameUnit::Range, distance) => Ok(Bound::Distance { distance, backward }),
        (FrameUnit::Rows | FrameUnit::Groups, Datum::Int(count)) if count < 0 => Err(EvalError::new(
            SqlState::INVALID_FRAME_OFFSET,
            format!("frame {which} offset must not be negative"),
        )),
        (FrameUnit::Rows | FrameUnit::Groups, Datum::Int(count)) => {
            Ok(Bound::Count(if backward { -count } else { count }))
        }
        (FrameUnit::Rows | FrameUnit::Groups, _) => {
            Err(EvalError::internal("a frame's offset is no integer"))
        }
    }
}
