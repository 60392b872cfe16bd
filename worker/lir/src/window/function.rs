//! Window functions that are no aggregates. Source: PostgreSQL documentation, 9.22, and `windowfuncs.c`.

use offtake_row::{Datum, RowPacker};

use super::{
    Call, Column, Partition,
    frame::{Frames, Parts},
};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    node::{WindowCall, WindowFunction},
};

pub(super) fn start<'p>(
    call: &'p WindowCall,
    partition: &'p Partition<'p>,
    arena: &'p Arena,
) -> Result<Box<dyn Call + 'p>, EvalError> {
    let column = |position: usize| call.args.get(position).map(|arg| Column::new(arg, partition, arena));
    let needed = |position: usize| column(position).ok_or_else(missing);
    match &call.function {
        WindowFunction::RowNumber
        | WindowFunction::Rank
        | WindowFunction::DenseRank
        | WindowFunction::PercentRank
        | WindowFunction::CumeDist => Ok(Box::new(Rank { function: &call.function, partition })),
        WindowFunction::Ntile => {
            Ok(Box::new(Ntile { buckets: needed(0)?, rows: partition.len(), state: None }))
        }
        WindowFunction::Lag | WindowFunction::Lead => Ok(Box::new(Neighbour {
            value: needed(0)?,
            offset: column(1),
            default: column(2),
            back: call.function == WindowFunction::Lag,
            rows: partition.len(),
        })),
        WindowFunction::FirstValue
        | WindowFunction::LastValue
        | WindowFunction::NthValue
        | WindowFunction::Aggregate(_) => Err(EvalError::internal("a window function without its frame")),
    }
}

/// `first_value`, `last_value` and `nth_value`.
pub(super) fn framed<'p>(
    call: &'p WindowCall,
    frames: Frames<'p>,
    partition: &'p Partition<'p>,
    arena: &'p Arena,
) -> Result<Box<dyn Call + 'p>, EvalError> {
    let column = |position: usize| {
        let arg = call.args.get(position).ok_or_else(missing)?;
        Ok::<_, EvalError>(Column::new(arg, partition, arena))
    };
    let seek = match &call.function {
        WindowFunction::FirstValue => Seek::First,
        WindowFunction::LastValue => Seek::Last,
        _ => Seek::Nth(column(1)?),
    };
    Ok(Box::new(Framed { value: column(0)?, seek, frames }))
}

fn missing() -> EvalError {
    EvalError::internal("a window function lacks an argument")
}

/// What follows from a row's place alone.
struct Rank<'p> {
    function: &'p WindowFunction,
    partition: &'p Partition<'p>,
}

impl Call for Rank<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let (first, last) = self.partition.peers(row);
        let rows = self.partition.len();
        out.push(match self.function {
            WindowFunction::RowNumber => Datum::Int(row as i64 + 1),
            WindowFunction::Rank => Datum::Int(first as i64 + 1),
            WindowFunction::DenseRank => Datum::Int(self.partition.groups[row] as i64 + 1),
            WindowFunction::PercentRank if rows <= 1 => Datum::Float8(0.0),
            WindowFunction::PercentRank => Datum::Float8(first as f64 / (rows - 1) as f64),
            WindowFunction::CumeDist => Datum::Float8(last as f64 / rows as f64),
            WindowFunction::Ntile
            | WindowFunction::Lag
            | WindowFunction::Lead
            | WindowFunction::FirstValue
            | WindowFunction::LastValue
            | WindowFunction::NthValue
            | WindowFunction::Aggregate(_) => return Err(EvalError::internal("no rank")),
        });
        Ok(())
    }
}

/// `ntile`. The number of buckets is that of the first row in which it is not NULL; rows before have none.
struct Ntile<'p> {
    buckets: Column<'p>,
    rows: usize,
    /// The number of buckets and the row from which on they are filled.
    state: Option<(usize, usize)>,
}

impl Call for Ntile<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        if self.state.is_none() {
            self.state = match self.buckets.at(row)? {
                Datum::Int(buckets) if buckets > 0 => {
                    Some((usize::try_from(buckets).unwrap_or(usize::MAX), row))
                }
                Datum::Int(_) => {
                    return Err(EvalError::new(
                        SqlState::INVALID_NTILE,
                        "argument of ntile must be greater than zero",
                    ));
                }
                _ => None,
            };
        }
        let Some((buckets, from)) = self.state else {
            out.push(Datum::Null);
            return Ok(());
        };
        // The first buckets have one row more, where the rows do not divide.
        let (each, larger, place) = (self.rows / buckets, self.rows % buckets, row - from);
        let in_larger = larger * (each + 1);
        let bucket =
            if place < in_larger { place / (each + 1) } else { larger + (place - in_larger) / each.max(1) };
        out.push(Datum::Int(bucket as i64 + 1));
        Ok(())
    }
}

/// `lag` and `lead`.
struct Neighbour<'p> {
    value: Column<'p>,
    /// 1 without.
    offset: Option<Column<'p>>,
    /// NULL without.
    default: Option<Column<'p>>,
    back: bool,
    rows: usize,
}

impl Call for Neighbour<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let offset = match &mut self.offset {
            Some(offset) => offset.at(row)?,
            None => Datum::Int(1),
        };
        let Datum::Int(offset) = offset else {
            out.push(Datum::Null);
            return Ok(());
        };
        let place = row as i64 + if self.back { -offset } else { offset };
        let value = match usize::try_from(place) {
            Ok(place) if place < self.rows => self.value.at(place)?,
            _ => match &mut self.default {
                Some(default) => default.at(row)?,
                None => Datum::Null,
            },
        };
        out.push(value);
        Ok(())
    }
}

enum Seek<'p> {
    First,
    Last,
    Nth(Column<'p>),
}

/// `first_value`, `last_value` and `nth_value`.
struct Framed<'p> {
    value: Column<'p>,
    seek: Seek<'p>,
    frames: Frames<'p>,
}

impl Call for Framed<'_> {
    fn at(&mut self, row: usize, out: &mut RowPacker) -> Result<(), EvalError> {
        let nth = match &mut self.seek {
            Seek::First => Some(0),
            Seek::Last => None,
            Seek::Nth(nth) => match nth.at(row)? {
                Datum::Int(nth) if nth > 0 => Some(usize::try_from(nth - 1).unwrap_or(usize::MAX)),
                Datum::Int(_) => {
                    return Err(EvalError::new(
                        SqlState::INVALID_NTH_VALUE,
                        "argument of nth_value must be greater than zero",
                    ));
                }
                _ => {
                    out.push(Datum::Null);
                    return Ok(());
                }
            },
        };
        let parts = self.frames.parts(row)?;
        let place = match nth {
            Some(nth) => forward(&parts, nth),
            None => parts.iter().rev().find(|part| !part.is_empty()).map(|part| part.end - 1),
        };
        let value = match place {
            Some(place) => self.value.at(place)?,
            None => Datum::Null,
        };
        out.push(value);
        Ok(())
    }
}

/// The place of a frame's row, from 0.
fn forward(parts: &Parts, mut nth: usize) -> Option<usize> {
    for part in parts {
        if nth < part.len() {
            return Some(part.start + nth);
        }
        nth -= part.len();
    }
    None
}
