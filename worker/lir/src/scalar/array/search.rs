//! Finding elements. Two NULLs are the same to those that look for a place, and nothing is like NULL to those that compare sets. Source:
//! `array_position_common`, `array_positions` and `array_contain_compare`.

use offtake_row::{ArrayBuilder, ArrayRef, Datum};

use super::ArrayFunc;
use crate::{
    arena::Arena,
    compare::{Blanks, compare_datums},
    error::{EvalError, SqlState},
    scalar::{
        Func,
        eval::{Value, mismatch},
    },
};

fn searched<'a>(func: ArrayFunc, array: Datum<'a>) -> Result<Option<ArrayRef<'a>>, EvalError> {
    match array {
        Datum::Null => Ok(None),
        Datum::Array(array) if array.ndims() > 1 => Err(EvalError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "searching for elements in multidimensional arrays is not supported",
        )),
        Datum::Array(array) => Ok(Some(array)),
        _ => Err(mismatch(Func::Array(func))),
    }
}

/// The subscript of the first such element, from `start` on.
pub(super) fn position<'a>(
    blanks: Blanks,
    array: Datum<'a>,
    element: Datum<'a>,
    start: Option<Datum<'a>>,
) -> Value<'a> {
    let Some(array) = searched(ArrayFunc::Position(blanks), array)? else { return Ok(Datum::Null) };
    let Some(dimension) = array.dimension(0) else { return Ok(Datum::Null) };
    // PostgreSQL looks for NULLs before it looks at the start.
    if element.is_null() && !array.iter().any(|element| element.is_null()) {
        return Ok(Datum::Null);
    }
    let start = match start {
        None => i64::MIN,
        Some(Datum::Int(start)) => start,
        Some(Datum::Null) => {
            return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, "initial position must not be null"));
        }
        Some(_) => return Err(mismatch(Func::Array(ArrayFunc::Position(blanks)))),
    };
    let found = array
        .iter()
        .zip(i64::from(dimension.lower)..)
        .find(|(other, place)| *place >= start && compare_datums(blanks, element, *other).is_eq());
    Ok(found.map_or(Datum::Null, |(_, place)| Datum::Int(place)))
}

/// The subscripts of all such elements.
pub(super) fn positions<'a>(
    blanks: Blanks,
    array: Datum<'a>,
    element: Datum<'a>,
    arena: &'a Arena,
) -> Value<'a> {
    let Some(array) = searched(ArrayFunc::Positions(blanks), array)? else { return Ok(Datum::Null) };
    let lower = array.dimension(0).map_or(1, |dimension| dimension.lower);
    let mut places = ArrayBuilder::new();
    for (other, place) in array.iter().zip(i64::from(lower)..) {
        if compare_datums(blanks, element, other).is_eq() {
            places.push(Datum::Int(place));
        }
    }
    Ok(Datum::Array(arena.array(places.finish())))
}

fn is_in(blanks: Blanks, element: Datum<'_>, array: ArrayRef<'_>) -> bool {
    !element.is_null() && array.iter().any(|other| compare_datums(blanks, element, other).is_eq())
}

/// Whether every element of `part` is in `whole`, in whatever dimensions.
pub(super) fn contains(blanks: Blanks, whole: ArrayRef<'_>, part: ArrayRef<'_>) -> bool {
    part.iter().all(|element| is_in(blanks, element, whole))
}

/// Whether an element is in both.
pub(super) fn overlap(blanks: Blanks, left: ArrayRef<'_>, right: ArrayRef<'_>) -> bool {
    left.iter().any(|element| is_in(blanks, element, right))
}
