//! `ARRAY[…]`. Source: `ExecEvalArrayExpr`.

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Dimension, array::MAX_DIMENSIONS};

use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    scalar::eval::Value,
};

/// An array of one dimension.
pub(super) fn make<'a>(elements: &[Datum<'a>], arena: &'a Arena) -> Datum<'a> {
    let mut builder = ArrayBuilder::new();
    elements.iter().for_each(|element| builder.push(*element));
    Datum::Array(arena.array(builder.finish()))
}

/// An array of arrays of the same dimensions. NULL counts as an empty one.
pub(super) fn nest<'a>(arrays: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    let arrays: Vec<ArrayRef<'a>> = arrays
        .iter()
        .map(|array| match array {
            Datum::Array(array) => *array,
            _ => ArrayRef::empty(),
        })
        .collect();
    let Some(first) = arrays.iter().find(|array| !array.is_empty()) else {
        return Ok(Datum::Array(ArrayRef::empty()));
    };
    let inner: Vec<Dimension> = first.dimensions().collect();
    if arrays.iter().any(|array| !array.dimensions().eq(inner.iter().copied())) {
        return Err(EvalError::new(
            SqlState::ARRAY_SUBSCRIPT,
            "multidimensional arrays must have array expressions with matching dimensions",
        ));
    }
    if inner.len() == MAX_DIMENSIONS {
        return Err(EvalError::new(
            SqlState::PROGRAM_LIMIT,
            format!("number of array dimensions ({}) exceeds the maximum allowed (6)", inner.len() + 1),
        ));
    }
    let mut builder = ArrayBuilder::new();
    for array in &arrays {
        array.iter().for_each(|element| builder.push(element));
    }
    let mut dimensions = vec![Dimension::new(arrays.len())];
    dimensions.extend(inner);
    Ok(Datum::Array(arena.array(builder.finish_with(&dimensions))))
}
