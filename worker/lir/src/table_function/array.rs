//! Arrays as rows.

use offtake_row::{ArrayRef, Datum, RowIter};

use super::Give;
use crate::error::EvalError;

/// Each array's elements, side by side. NULL is an array without elements.
pub(super) fn unnest(arrays: &[Datum<'_>], give: &mut Give<'_>) -> Result<(), EvalError> {
    let mut elements = Vec::with_capacity(arrays.len());
    for array in arrays {
        elements.push(match array {
            Datum::Array(array) => array.iter(),
            Datum::Null => RowIter::new(&[]),
            _ => return Err(EvalError::internal("unnest of what is no array")),
        });
    }
    let mut row = Vec::with_capacity(arrays.len());
    loop {
        row.clear();
        let mut any = false;
        for elements in &mut elements {
            let element = elements.next();
            any |= element.is_some();
            row.push(element.unwrap_or(Datum::Null));
        }
        if !any {
            return Ok(());
        }
        give(&row)?;
    }
}

/// A dimension's subscripts, forward or backward; none of a dimension that the array does not have.
pub(super) fn subscripts(
    array: ArrayRef<'_>,
    dimension: i64,
    reverse: bool,
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let index = usize::try_from(dimension - 1).ok();
    let Some(dimension) = index.and_then(|index| array.dimension(index)) else { return Ok(()) };
    let mut subscripts = i64::from(dimension.lower)..=dimension.upper();
    if reverse {
        subscripts.rev().try_for_each(|subscript| give(&[Datum::Int(subscript)]))
    } else {
        subscripts.try_for_each(|subscript| give(&[Datum::Int(subscript)]))
    }
}
