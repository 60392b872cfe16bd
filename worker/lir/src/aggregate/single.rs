//! The one value of a group that may have no other: what a subquery in an expression answers.
//!
//! A value's bytes are taken for a number, so that rows add up: while there is one row, the sum is that row's value.

use num_bigint::{BigInt, Sign};
use num_traits::Zero;
use offtake_row::{Datum, Row, RowPacker};
use serde::{Deserialize, Serialize};

use crate::error::{EvalError, SqlState};

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SingleValue {
    /// Rows, NULLs included.
    count: i64,
    /// Two's complement, little-endian, in the fewest bytes; empty for zero.
    sum: Vec<u8>,
}

/// Put behind a value's bytes, whose last may be zero.
const END: u8 = 1;

impl SingleValue {
    pub(super) fn of(value: Datum<'_>, diff: i64) -> SingleValue {
        let mut packer = RowPacker::new();
        packer.push(value);
        let mut bytes = packer.as_bytes().to_vec();
        bytes.push(END);
        SingleValue::new(diff, &(BigInt::from_bytes_le(Sign::Plus, &bytes) * diff))
    }

    fn new(count: i64, sum: &BigInt) -> SingleValue {
        SingleValue { count, sum: if sum.is_zero() { Vec::new() } else { sum.to_signed_bytes_le() } }
    }

    fn sum(&self) -> BigInt {
        BigInt::from_signed_bytes_le(&self.sum)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.count == 0 && self.sum.is_empty()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &SingleValue) -> SingleValue {
        SingleValue::new(self.count.wrapping_add(other.count), &(self.sum() + other.sum()))
    }

    #[must_use]
    pub(super) fn times(&self, factor: i64) -> SingleValue {
        SingleValue::new(self.count.wrapping_mul(factor), &(self.sum() * factor))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<SingleValue>() + self.sum.len()
    }

    /// The value as a row of one datum, NULL of no row; 21000 of more than one.
    pub(super) fn result(&self) -> Result<Row, EvalError> {
        match self.count {
            ..=0 => Ok(Row::pack([Datum::Null])),
            1 => match self.sum().to_bytes_le() {
                (Sign::Plus, bytes) if bytes.last() == Some(&END) => {
                    Ok(Row::from_bytes(&bytes[..bytes.len() - 1]))
                }
                _ => Err(EvalError::internal("rows that are not there were taken away from a subquery's")),
            },
            2.. => Err(EvalError::new(
                SqlState::CARDINALITY_VIOLATION,
                "more than one row returned by a subquery used as an expression",
            )),
        }
    }
}
