//! An expression's values over a partition, each computed when it is first asked for: an error in a row that no frame reaches is none.

use offtake_row::Datum;

use super::Partition;
use crate::{arena::Arena, error::EvalError, scalar::Scalar};

pub(super) struct Column<'p> {
    scalar: &'p Scalar,
    partition: &'p Partition<'p>,
    arena: &'p Arena,
    values: Vec<Option<Datum<'p>>>,
    /// How many columns the expression reads.
    end: usize,
}

impl<'p> Column<'p> {
    pub(super) fn new(scalar: &'p Scalar, partition: &'p Partition<'p>, arena: &'p Arena) -> Column<'p> {
        Column { scalar, partition, arena, values: vec![None; partition.len()], end: scalar.columns_end() }
    }

    pub(super) fn at(&mut self, row: usize) -> Result<Datum<'p>, EvalError> {
        if let Some(value) = self.values[row] {
            return Ok(value);
        }
        let value = match self.scalar {
            Scalar::Column(column) => self.partition.rows[row].datum(*column),
            scalar => {
                let datums: Vec<Datum<'p>> = self.partition.rows[row].iter().take(self.end).collect();
                scalar.eval(&datums, self.arena)?
            }
        };
        self.values[row] = Some(value);
        Ok(value)
    }
}
