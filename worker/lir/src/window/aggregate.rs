//! Aggregates over frames.

use std::{collections::VecDeque, ops::Range};

use offtake_row::{Datum, Row, RowPacker};

use super::{
    Call, Partition,
    frame::{Frames, Parts},
};
use crate::{
    aggregate::{Accumulator, Aggregate, AggregateKind, Input},
    arena::Arena,
    error::EvalError,
};

pub(super) fn start<'p>(
    aggregate: &'p Aggregate,
    frames: Frames<'p>,
    partition: &'p Partition<'p>,
    arena: &'p Arena,
) -> Result<Box<dyn Call + 'p>, EvalError> {
    // PostgreSQL has none of these over a window.
    if aggregate.distinct || !aggregate.order_by.is_empty() {
        return Err(EvalError::internal("an aggregate over a window has a DISTINCT or an order"));
    }
    let rows = partition.len();
    let inputs = Inputs { aggregate, partition, arena, values: vec![None; rows] };
    Ok(match aggregate.kind() {
        AggregateKind::Accumulable => Box::new(Sliding { inputs, frames, sum: Sum::default(), last: None }),
        AggregateKind::Ordered if !frames.excludes() => {
            Box::new(Best { inputs, frames, end: 0, candidates: VecDeque::new() })
        }
        AggregateKind::Ordered | AggregateKind::Collected => {
            let packer = RowPacker::new();
            Box::new(Anew { inputs, frames, kept: vec![None; rows], packer, last: None })
        }
    })
}

/// What the aggregate takes of each row, computed when it is first asked for.
struct Inputs<'p> {
    aggregate: &'p Aggregate,
    partition: &'p Partition<'p>,
    arena: &'p Arena,
    values: Vec<Option<Option<Input<'p>>>>,
}

impl<'p> Inputs<'p> {
    fn at(&mut self, row: usize) -> Result<Option<Input<'p>>, EvalError> {
        if let Some(input) = self.values[row] {
            return Ok(input);
        }
        let input = self.aggregate.input(&self.partition.rows[row].unpack(), self.arena)?;
        self.values[row] = Some(input);
        Ok(input)
    }

    /// Adds a row's contribution, of which there is none where its input is an error.
    fn add(&mut self, row: usize, diff: i64, sum: &mut Accumulator) -> Result<(), EvalError> {
        let input = self.at(row)?;
        if let Some(input) = input {
            sum.plus_equals(&self.aggregate.accumulate(&input, diff));
        }
        Ok(())
    }
}

/// A sum over a range of rows that moves forward.
#[derive(Default)]
struct Sum {
    of: Range<usize>,
    total: Accumulator,
    /// Rows among them whose inputs are errors.
    failed: VecDeque<(usize, EvalError)>,
}

impl Sum {
    fn move_to(&mut self, to: &Range<usize>, inputs: &mut Inputs<'_>) {
        if to.start >= self.of.end || to.start < self.of.start || to.end < self.of.end {
            *self = Sum { of: to.start..to.start, ..Sum::default() };
        }
        while self.of.end < to.end {
            if let Err(error) = inputs.add(self.of.end, 1, &mut self.total) {
                self.failed.push_back((self.of.end, error));
            }
            self.of.end += 1;
        }
        while self.of.start < to.start {
            if inputs.add(self.of.start, -1, &mut self.total).is_err() {
                self.failed.pop_front();
            }
            self.of.start += 1;
        }
    }

    /// The first error in a frame within the range. One in a row that the frame excludes is none.
    fn failure(&self, parts: &Parts) -> Option<&EvalError> {
        let within = |row: &usize| parts.iter().any(|part| part.contains(row));
        self.failed.iter().find(|(row, _)| within(row)).map(|(_, error)| error)
    }
}

/// An accumulable aggregate.
struct Sliding<'p> {
    inputs: Inputs<'p>,
    frames: Frames<'p>,
    sum: Sum,
    /// The last frame's parts and its result.
    last: Option<(Parts, Row)>,
}

impl Call for Sliding<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let parts = self.frames.parts(row)?;
        if let Some((of, result)) = &self.last
            && same(of, &parts)
        {
            out.extend_from_row(result);
            return Ok(());
        }
        let whole = parts[0].start..parts[2].end;
        self.sum.move_to(&whole, &mut self.inputs);
        if let Some(error) = self.sum.failure(&parts) {
            return Err(error.clone());
        }
        let mut total = std::mem::take(&mut self.sum.total);
        // What is excluded is taken away for this row.
        let mut excluded = Accumulator::default();
        for gap in [parts[0].end..parts[1].start, parts[1].end..parts[2].start] {
            for row in gap {
                // An error there is nobody's.
                let _ = self.inputs.add(row, 1, &mut excluded);
            }
        }
        let mut packer = RowPacker::new();
        if excluded.is_zero() {
            self.inputs.aggregate.finish(&total, &mut packer)?;
        } else {
            total.plus_equals(&excluded.negate());
            self.inputs.aggregate.finish(&total, &mut packer)?;
            total.plus_equals(&excluded);
        }
        self.sum.total = total;
        let result = packer.finish();
        out.extend_from_row(&result);
        self.last = Some((parts, result));
        Ok(())
    }
}

/// `min` or `max` over frames without exclusions: of the frame's values those that are better than all behind them.
struct Best<'p> {
    inputs: Inputs<'p>,
    frames: Frames<'p>,
    /// Up to where rows were looked at.
    end: usize,
    candidates: VecDeque<(usize, Datum<'p>)>,
}

impl Call for Best<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let frame = self.frames.whole(row)?;
        self.end = self.end.max(frame.start);
        while self.end < frame.end {
            if let Some([value, _]) = self.inputs.at(self.end)? {
                let aggregate = self.inputs.aggregate;
                while self.candidates.back().is_some_and(|(_, last)| aggregate.prefers(value, *last)) {
                    self.candidates.pop_back();
                }
                self.candidates.push_back((self.end, value));
            }
            self.end += 1;
        }
        while self.candidates.front().is_some_and(|(place, _)| *place < frame.start) {
            self.candidates.pop_front();
        }
        out.push(self.candidates.front().map_or(Datum::Null, |(_, value)| *value));
        Ok(())
    }
}

/// Any other: made anew for each frame that differs from the last.
struct Anew<'p> {
    inputs: Inputs<'p>,
    frames: Frames<'p>,
    /// Of each row, once asked for, what is kept of it.
    kept: Vec<Option<Option<Row>>>,
    packer: RowPacker,
    last: Option<(Parts, Row)>,
}

impl Call for Anew<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let parts = self.frames.parts(row)?;
        if let Some((of, result)) = &self.last
            && same(of, &parts)
        {
            out.extend_from_row(result);
            return Ok(());
        }
        let aggregate = self.inputs.aggregate;
        let rows = parts.iter().cloned().flatten();
        if aggregate.kind() == AggregateKind::Ordered {
            let mut best = Datum::Null;
            for row in rows {
                if let Some([value, _]) = self.inputs.at(row)? {
                    best = aggregate.better(best, value);
                }
            }
            self.packer.push(best);
        } else {
            for row in rows.clone() {
                if self.kept[row].is_none() {
                    let datums = self.inputs.partition.rows[row].unpack();
                    let kept = aggregate.collect(&datums, self.inputs.arena, &mut self.packer)?;
                    self.kept[row] = Some(kept);
                }
            }
            let kept = rows.filter_map(|row| self.kept[row].as_ref()?.as_ref());
            let kept: Vec<Vec<Datum<'_>>> = kept.map(Row::unpack).collect();
            aggregate.fold(kept.iter().map(Vec::as_slice), &mut self.packer)?;
        }
        let result = self.packer.finish();
        out.extend_from_row(&result);
        self.last = Some((parts, result));
        Ok(())
    }
}

/// Whether two frames have the same rows.
fn same(a: &Parts, b: &Parts) -> bool {
    let rows = |parts: &Parts| {
        let mut joined: Vec<Range<usize>> = Vec::with_capacity(3);
        for part in parts.iter().filter(|part| !part.is_empty()) {
            match joined.last_mut() {
                Some(last) if last.end == part.start => last.end = part.end,
                _ => joined.push(part.clone()),
            }
        }
        joined
    };
    rows(a) == rows(b)
}
