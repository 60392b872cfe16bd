//! Keys: what rows are found and grouped by.

use offtake_row::{Datum, Row, RowPacker};

use crate::{arena::Arena, error::EvalError, mfp::recycle, scalar::Scalar};

/// Evaluates a key over rows; keeps its memory from row to row.
pub struct KeyOf {
    scalars: Vec<Scalar>,
    /// Whether a part may be NULL.
    nulls: Vec<bool>,
    /// Columns that are read.
    end: usize,
    arena: Arena,
    datums: Vec<Datum<'static>>,
    packer: RowPacker,
}

impl KeyOf {
    /// A key that meets others ([`crate::JoinStage`]): NULL only in the parts `nulls_meet`.
    pub fn joining(scalars: &[Scalar], nulls_meet: &[usize]) -> KeyOf {
        KeyOf::new(scalars, |part| nulls_meet.contains(&part))
    }

    /// A key of groups, to which NULL is a value like others.
    pub fn grouping(scalars: &[Scalar]) -> KeyOf {
        KeyOf::new(scalars, |_| true)
    }

    fn new(scalars: &[Scalar], null: impl Fn(usize) -> bool) -> KeyOf {
        KeyOf {
            scalars: scalars.to_vec(),
            nulls: (0..scalars.len()).map(null).collect(),
            end: scalars.iter().map(Scalar::columns_end).max().unwrap_or(0),
            arena: Arena::new(),
            datums: Vec::new(),
            packer: RowPacker::new(),
        }
    }

    /// The row's key; `None` if a part is NULL that may not be, so that it meets nothing. Whoever made the plan has made equal values
    /// equal bytes.
    pub fn of(&mut self, row: &Row) -> Result<Option<Row>, EvalError> {
        let KeyOf { scalars, nulls, end, arena, datums, packer } = self;
        arena.reset();
        packer.clear();
        let mut columns: Vec<Datum<'_>> = std::mem::take(datums);
        columns.extend(row.iter().take(*end));
        let packed = pack(scalars, nulls, &columns, arena, packer);
        *datums = recycle(columns);
        Ok(packed?.then(|| packer.finish()))
    }
}

/// Whether there is a key, which is then in the packer.
fn pack<'a>(
    scalars: &'a [Scalar],
    nulls: &[bool],
    columns: &[Datum<'a>],
    arena: &'a Arena,
    packer: &mut RowPacker,
) -> Result<bool, EvalError> {
    for (scalar, null) in scalars.iter().zip(nulls) {
        let datum = scalar.eval(columns, arena)?;
        if datum.is_null() && !null {
            return Ok(false);
        }
        packer.push(datum);
    }
    Ok(true)
}
