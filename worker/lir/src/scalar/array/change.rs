//! Arrays out of arrays. Source: `array_append`, `array_prepend`, `array_cat` and `array_replace_internal`.

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Dimension};

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

fn too_large(dimension: Dimension) -> EvalError {
    let message = format!("array lower bound is too large: {}", dimension.lower);
    EvalError::new(SqlState::PROGRAM_LIMIT, message)
}

/// NULL is an empty array to what adds to it.
fn list<'a>(func: ArrayFunc, array: Datum<'a>) -> Result<(ArrayRef<'a>, Dimension), EvalError> {
    let array = match array {
        Datum::Array(array) => array,
        Datum::Null => ArrayRef::empty(),
        _ => return Err(mismatch(Func::Array(func))),
    };
    if array.ndims() > 1 {
        let message = "argument must be empty or one-dimensional array";
        return Err(EvalError::new(SqlState::DATA_EXCEPTION, message));
    }
    let mut dimension = array.dimension(0).unwrap_or(Dimension::new(0));
    dimension.length += 1;
    if dimension.upper() >= i64::from(i32::MAX) {
        return Err(too_large(dimension));
    }
    Ok((array, dimension))
}

pub(super) fn append<'a>(array: Datum<'a>, element: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let (array, dimension) = list(ArrayFunc::Append, array)?;
    let mut builder = ArrayBuilder::new();
    array.iter().chain([element]).for_each(|element| builder.push(element));
    Ok(Datum::Array(arena.array(builder.finish_with(&[dimension]))))
}

pub(super) fn prepend<'a>(element: Datum<'a>, array: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let (array, dimension) = list(ArrayFunc::Prepend, array)?;
    // The first subscript stays; but for the new element to stand before it there must be one less.
    if dimension.lower == i32::MIN {
        return Err(EvalError::out_of_range("integer"));
    }
    let mut builder = ArrayBuilder::new();
    [element].into_iter().chain(array).for_each(|element| builder.push(element));
    Ok(Datum::Array(arena.array(builder.finish_with(&[dimension]))))
}

/// Arrays of the same number of dimensions, or one of the other's parts and the other.
pub(super) fn concat<'a>(left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let (a, b) = match (left, right) {
        (Datum::Null, other) | (other, Datum::Null) => return Ok(other),
        (Datum::Array(a), Datum::Array(b)) => (a, b),
        _ => return Err(mismatch(Func::Array(ArrayFunc::Concat))),
    };
    if a.is_empty() {
        return Ok(right);
    }
    if b.is_empty() {
        return Ok(left);
    }
    let incompatible = || EvalError::new(SqlState::ARRAY_SUBSCRIPT, "cannot concatenate incompatible arrays");
    let (of_a, of_b): (Vec<Dimension>, Vec<Dimension>) = (a.dimensions().collect(), b.dimensions().collect());
    let dimensions = if of_a.len() == of_b.len() {
        let mut dimensions = of_a.clone();
        dimensions[0].length = dimensions[0].length.saturating_add(of_b[0].length);
        (of_a[1..] == of_b[1..]).then_some(dimensions)
    } else if of_a.len() + 1 == of_b.len() {
        let mut dimensions = of_b.clone();
        dimensions[0].length = dimensions[0].length.saturating_add(1);
        (of_a == of_b[1..]).then_some(dimensions)
    } else if of_a.len() == of_b.len() + 1 {
        let mut dimensions = of_a.clone();
        dimensions[0].length = dimensions[0].length.saturating_add(1);
        (of_a[1..] == of_b).then_some(dimensions)
    } else {
        None
    };
    let dimensions = dimensions.ok_or_else(incompatible)?;
    if let Some(dimension) = dimensions.iter().find(|dimension| dimension.upper() >= i64::from(i32::MAX)) {
        return Err(too_large(*dimension));
    }
    let mut builder = ArrayBuilder::new();
    a.iter().chain(b).for_each(|element| builder.push(element));
    Ok(Datum::Array(arena.array(builder.finish_with(&dimensions))))
}

/// The array without the elements that are like `element`; NULL is like NULL.
pub(super) fn remove<'a>(
    blanks: Blanks,
    array: Datum<'a>,
    element: Datum<'a>,
    arena: &'a Arena,
) -> Value<'a> {
    let Datum::Array(of) = array else { return Ok(Datum::Null) };
    let Some(dimension) = of.dimension(0) else { return Ok(array) };
    if of.ndims() > 1 {
        return Err(EvalError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "removing elements from multidimensional arrays is not supported",
        ));
    }
    let mut builder = ArrayBuilder::new();
    for other in of.iter().filter(|other| compare_datums(blanks, *other, element).is_ne()) {
        builder.push(other);
    }
    let dimension = Dimension { length: builder.len() as u32, ..dimension };
    Ok(Datum::Array(arena.array(builder.finish_with(&[dimension]))))
}

/// The array with `to` in place of the elements that are like `from`; NULL is like NULL.
pub(super) fn replace<'a>(
    blanks: Blanks,
    array: Datum<'a>,
    from: Datum<'a>,
    to: Datum<'a>,
    arena: &'a Arena,
) -> Datum<'a> {
    let Datum::Array(of) = array else { return Datum::Null };
    let mut builder = ArrayBuilder::new();
    for element in of {
        builder.push(if compare_datums(blanks, element, from).is_eq() { to } else { element });
    }
    let dimensions: Vec<Dimension> = of.dimensions().collect();
    Datum::Array(arena.array(builder.finish_with(&dimensions)))
}
